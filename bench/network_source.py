"""What a network from elsewhere is built from, on its runs and beside their checkpoints: hashes, packages, copies."""

import json
from pathlib import Path
from typing import NamedTuple

from hourglass_bench.architectures.sources import packages, sources
from hourglass_bench.bench import schema
from hourglass_bench.bench.digest import digest


class Source(NamedTuple):
    """Enough to find the network again, and to tell that it is another one by now."""

    files: dict[str, str]
    """Name -> digest of the text."""
    packages: tuple[str, ...]
    """With their versions, such as `monai 1.5.1`."""

    def to_json(self) -> str:
        """As `schema.NETWORK_SOURCE` says."""
        return json.dumps({"files": self.files, "package": ", ".join(self.packages)})


def source_of(name: str) -> Source | None:
    """Of an architecture; None for this project's own."""
    texts = sources(name)
    known = packages(name)
    return Source({file: digest(text) for file, text in texts.items()}, known) if texts or known else None


def source_tags(name: str) -> dict[str, str]:
    """For a run of the architecture."""
    source = source_of(name)
    return {schema.NETWORK_SOURCE: source.to_json()} if source else {}


def write_source(name: str, folder: Path) -> None:
    """Copies of an architecture's files, and what they are, below the folder of a run's artifacts."""
    if (source := source_of(name)) is None:
        return
    for file, text in sources(name).items():
        copy = folder / schema.SOURCE_DIR / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
    (folder / schema.SOURCE_FILE).write_text(source.to_json(), encoding="utf-8")


def needed(checkpoint: Path) -> str:
    """What the network of a checkpoint's folder is built from, in words; empty if nothing is known.

    Copies are for people to look at: none is ever run from there.
    """
    source = _read(checkpoint)
    copies = checkpoint / Path(schema.SOURCE_DIR).name
    files = (
        f"{' and '.join(source.files)} (copies lie in {copies}, to be read and put in place)" if source.files else ""
    )
    packages = f"the package {' and '.join(source.packages)}" if source.packages else ""
    return " of ".join(filter(None, (files, packages)))


def changed(checkpoint: Path, name: str) -> list[str]:
    """Files and packages that are other ones today than when the network of a checkpoint's folder was trained."""
    before, now = _read(checkpoint), source_of(name) or Source({}, ())
    files = [file for file, hashed in before.files.items() if now.files.get(file) != hashed]
    return files + [package for package in before.packages if package not in now.packages]


def _read(checkpoint: Path) -> Source:
    file = checkpoint / Path(schema.SOURCE_FILE).name
    if not file.is_file():
        return Source({}, ())
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return Source(dict(stored["files"]), tuple(filter(None, stored["package"].split(", "))))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{file} must say what a network is built from, got {type(error).__name__}: {error}."
        ) from error
