"""Values of a judged claim. Only the words of `statistics.verdict` say that something is better."""

from reports.analysis.claims import Judged, word


def claim_values(one: Judged) -> dict[str, object]:
    """What the macro `claim` prints. p is adjusted for the claims made together; a refused verdict has none."""
    found = one.comparison
    return {
        "difference": found.difference,
        **found.interval._asdict(),
        "n": found.n,
        "over_scenes": found.over == "scenes",
        "repeats": found.repeats,
        "verdict": word(one),
        "p": None if one.verdict == "refused" else one.p,
    }
