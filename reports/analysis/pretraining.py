"""What an encoder that learnt to reconstruct first is worth: pre-trained less from scratch, everything else equal."""

from functools import lru_cache

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.choices import tested
from hourglass_bench.reports.analysis.claims import HEADLINE_METRICS, Claim, Judged, by_pair, judge
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, varying
from hourglass_bench.reports.store.load import EPOCHS, LABELLED_SCENES, PRETRAIN_EPOCHS
from hourglass_bench.reports.text import counted

STAGE: schema.Stage = "pretraining"
MATCHING = "pre-trained for "


def claims(summary: Summary) -> list[Claim]:
    """Every pre-trained configuration of the stage less the one from scratch that is equal otherwise.

    Args:
        summary: The summary of the stage, which stands in `Summary.others`.
    """
    equal = [name for name in varying(summary.runs) if name != PRETRAIN_EPOCHS]
    numbers = summary.runs.drop_duplicates(CONFIGURATION).set_index(CONFIGURATION)
    groups = numbers.groupby(equal, dropna=False, sort=False).ngroup() if equal else pd.Series(0, index=numbers.index)
    table = tested(summary)
    return [
        Claim(_matching(pretrained), pretrained, rows.loc[scratch], 1.0)
        for _, rows in table.groupby(table[CONFIGURATION].map(groups))
        for scratch in rows.index[rows[PRETRAIN_EPOCHS] == 0]
        for _, pretrained in rows[rows[PRETRAIN_EPOCHS] > 0].iterrows()
    ]


def _matching(pretrained: pd.Series) -> str:
    labels = pretrained[LABELLED_SCENES]
    labelled = f", {counted(labels, 'labelled scene')}" if labels else ""
    return f"{MATCHING}{pretrained[PRETRAIN_EPOCHS]} of {pretrained[EPOCHS]} epochs{labelled}"


@lru_cache(maxsize=1)
def judge_pretraining(summary: Summary) -> list[list[Judged]]:
    """Each of the study's claims in IoU and Boundary IoU; all of them together are one family for Holm."""
    if STAGE not in summary.others:
        return []
    stage = summary.others[STAGE]
    return list(by_pair(judge(stage, claims(stage), HEADLINE_METRICS)).values())
