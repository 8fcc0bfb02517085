"""The table of tables, in their order within a section. A new one is a function and an entry here."""

from reports.tables import measured, runs, search
from reports.tables.base import Entry

TABLES: dict[str, Entry] = {
    "comparison": Entry("answer", measured.comparison),
    "front": Entry("search", search.front),
    "bottlenecks": Entry("depth", measured.bottlenecks),
    "presets": Entry("presets", measured.presets),
    "configurations": Entry("configurations", measured.configurations),
    "budget": Entry("outcomes", runs.budget),
    "outcomes": Entry("outcomes", runs.outcomes),
    "reasons": Entry("outcomes", runs.reasons),
    "unfinished": Entry("outcomes", runs.unfinished),
    "provenance": Entry("provenance", runs.provenance),
}
