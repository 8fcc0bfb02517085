"""The table of tables, in their order within a section. A new one is a function and an entry here."""

from reports.tables import measured, runs
from reports.tables.base import Entry

TABLES: dict[str, Entry] = {
    "comparison": Entry("answer", measured.comparison),
    "bottlenecks": Entry("depth", measured.bottlenecks),
    "presets": Entry("presets", measured.presets),
    "configurations": Entry("configurations", measured.configurations),
    "outcomes": Entry("outcomes", runs.outcomes),
    "reasons": Entry("outcomes", runs.reasons),
    "unfinished": Entry("outcomes", runs.unfinished),
    "provenance": Entry("provenance", runs.provenance),
}
