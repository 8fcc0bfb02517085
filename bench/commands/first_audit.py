"""The audit in short, said once before anything is trained on a folder."""

from pathlib import Path

from hourglass_bench.bench.commands.cli import say
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.progress import working


def say_once(data: DataConfig, dataset: Dataset, cache: Path, what: str) -> None:
    """Say on stderr what the audit finds, unless it was said before of the same frames, split the same way.

    Args:
        cache: Where the data are cached; what was said is kept there.
        what: What is trained, such as a study: each is told.
    """
    said = cache / f"audit-{digest(what, dataset.digest, dataset.reading.to_json(), data.split, data.folds)}.txt"
    if said.exists():
        return
    from hourglass_bench.bench.data.audit.audit import audit
    from hourglass_bench.bench.data.audit.text import render_short

    with working(f"auditing {data.path}"):
        text = render_short(audit(dataset, data))
    say(text)
    with replacing(said) as partial:
        partial.write_text(text, encoding="utf-8")
