"""The table of studies. A new one is one file here and one entry."""

from hourglass_bench.studies.catalog import (
    aa,
    depth_width,
    generative,
    leak,
    matched,
    memory_budget,
    practical,
    published,
    quick,
    search,
    skips,
    texture,
    zoo,
)
from hourglass_bench.studies.study import Study

CATALOG: dict[str, Study] = {
    module.STUDY.name: module.STUDY
    for module in (
        quick,
        practical,
        depth_width,
        skips,
        matched,
        search,
        memory_budget,
        leak,
        generative,
        texture,
        published,
        zoo,
        aa,
    )
}


def get_study(name: str) -> Study:
    """Entry of the table; ValueError lists the choices."""
    if name not in CATALOG:
        raise ValueError(f"study must be one of {', '.join(CATALOG)}, got {name!r}.")
    return CATALOG[name]
