"""The table of tables, in their order within a section. A new one is a function and an entry here."""

from hourglass_bench.reports.tables import (
    convergence,
    generative,
    measured,
    pretraining,
    runs,
    search,
    tuning,
    verdicts,
)
from hourglass_bench.reports.tables.base import Entry

TABLES: dict[str, Entry] = {
    "verdicts": Entry("answer", verdicts.verdicts),
    "comparison": Entry("protocol", measured.comparison),
    "metrics": Entry("differences", verdicts.metrics),
    "splits": Entry("protocol", measured.splits),
    "front": Entry("search", search.front),
    "bottlenecks": Entry("practical", measured.bottlenecks),
    "presets": Entry("practical", measured.presets),
    "masks": Entry("generative", generative.masks),
    "images": Entry("generative", generative.images),
    "bounds": Entry("generative", generative.bounds),
    "pretraining": Entry("generative", pretraining.pretraining),
    "efforts": Entry("convergence", convergence.efforts),
    "tuning": Entry("tuning", tuning.tuned),
    "configurations": Entry("configurations", measured.configurations),
    "costs": Entry("costs", measured.costs),
    "planned": Entry("outcomes", runs.planned),
    "outcomes": Entry("outcomes", runs.outcomes),
    "evidence": Entry("outcomes", runs.gone),
    "reasons": Entry("outcomes", runs.reasons),
    "unfinished": Entry("outcomes", runs.unfinished),
    "provenance": Entry("provenance", runs.provenance),
}
