"""The table of tables, in their order within a section. A new one is a function and an entry here."""

from reports.tables import convergence, measured, runs, search, verdicts
from reports.tables.base import Entry

TABLES: dict[str, Entry] = {
    "verdicts": Entry("answer", verdicts.verdicts),
    "comparison": Entry("answer", measured.comparison),
    "metrics": Entry("differences", verdicts.metrics),
    "splits": Entry("differences", measured.splits),
    "front": Entry("search", search.front),
    "bottlenecks": Entry("depth", measured.bottlenecks),
    "presets": Entry("presets", measured.presets),
    "efforts": Entry("convergence", convergence.efforts),
    "configurations": Entry("configurations", measured.configurations),
    "costs": Entry("configurations", measured.costs),
    "times": Entry("configurations", measured.times),
    "budget": Entry("outcomes", runs.budget),
    "outcomes": Entry("outcomes", runs.outcomes),
    "reasons": Entry("outcomes", runs.reasons),
    "unfinished": Entry("outcomes", runs.unfinished),
    "provenance": Entry("provenance", runs.provenance),
}
