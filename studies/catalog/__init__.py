"""The table of studies. A new one is one file here and one entry."""

from studies.catalog import aa, depth_width, generative, leak, matched, memory_budget, practical, quick, search, skips
from studies.study import Study

CATALOG: dict[str, Study] = {
    study.name: study
    for study in (
        quick.STUDY,
        practical.STUDY,
        depth_width.STUDY,
        skips.STUDY,
        matched.STUDY,
        search.STUDY,
        memory_budget.STUDY,
        leak.STUDY,
        generative.STUDY,
        aa.STUDY,
    )
}


def get_study(name: str) -> Study:
    """Entry of the table; ValueError lists the choices."""
    if name not in CATALOG:
        raise ValueError(f"study must be one of {', '.join(CATALOG)}, got {name!r}.")
    return CATALOG[name]
