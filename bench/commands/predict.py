"""`bench predict`: masks of new images from a trained checkpoint."""

import errno
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.cli import EXIT_INPUT, Answer, say
from hourglass_bench.bench.commands.images import OVERLAYS, PROBABILITIES, find_files
from hourglass_bench.bench.data.files.pictures import list_pages
from hourglass_bench.bench.data.panel import overlay
from hourglass_bench.bench.files import make_folder, replacing
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory
from hourglass_bench.bench.png import to_png
from hourglass_bench.bench.progress import progress
from hourglass_bench.bench.segmenter import Seen, Segmenter
from hourglass_bench.bench.tracking.store import find_artifact, tracking_url

NAMED = 12
"""Files that failed which are named to people."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What the system says where no other file can be written either."""


def resolve_checkpoint(name: str, runs: Path, tracking: str = "") -> Path:
    """Path of a checkpoint given as a path, or as the id of a run in the store at `tracking` or in RUNS."""
    path, url = Path(name), tracking_url(runs, tracking)
    return path if path.exists() else find_artifact(url, name, schema.CHECKPOINT_FILE, None if tracking else runs)


class Wanted(NamedTuple):
    """What is written of each image, and how it is seen."""

    out: Path
    probabilities: bool = False
    """Also 16-bit pictures of the probability."""
    tile: bool = False
    """By tiles of its own pixels, not resized."""
    max_megapixels: int | None = None
    """Largest file that is read, in millions of pixels; None: as in the training."""


def predict_images(
    checkpoint: str, images: Path, wanted: Wanted, device: str, runs: Path, tracking: str = ""
) -> Answer:
    """Masks of an image or of a folder's; the answer of `bench predict`, with code 2 if a file failed.

    Written are `OUT/STEM.png` (0 or 255, at the image's own size), `OUT/overlays/STEM.png` and, if they are wanted,
    `OUT/probabilities/STEM.png` (0 to 65535) of each, or none of the three. Folders are as those of the images. A file
    of several pages has `STEM#007.png` of each or of none.

    Raises:
        ValueError: wrong input; then nothing is written.
        KeyboardInterrupt: says what is done and what is not.
    """
    files = find_files(images, wanted.out)
    resolved = resolve_checkpoint(checkpoint, runs, tracking)
    segmenter = Segmenter(resolved, choose_device(device), tile=wanted.tile, max_megapixels=wanted.max_megapixels)
    make_folder(wanted.out)
    done = _Done(list(files.values()), wanted.out)
    for name, path in progress(files.items(), f"predicting {images}", len(files)):
        try:
            done.masks += _write_file(path, name, segmenter, wanted)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted: {done.so_far()}") from None
        except Exception as error:
            if not isinstance(error, ValueError | OSError) and not is_out_of_memory(error):
                raise
            done.failed[str(path)] = str(error).partition("\n")[0] or type(error).__name__
            done.is_full = isinstance(error, OSError) and error.errno in FULL
        done.tried += 1
        if done.is_full:
            break
    return done.answer()


@dataclass(slots=True)
class _Done:
    """What has become of the files."""

    files: list[Path]
    out: Path
    tried: int = 0
    """Files that were predicted or failed, one after the other."""
    masks: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Why, by the paths."""
    is_full: bool = False
    """Whether nothing more can be written."""

    @property
    def left(self) -> list[Path]:
        """What was not tried."""
        return self.files[self.tried :]

    def so_far(self) -> str:
        """Of a prediction that stopped."""
        return (
            f"masks that are whole in {self.out}: {self.masks:,}; files that were not predicted: {len(self.left):,} of "
            f"{len(self.files):,}, from {self.left[0]} on; the same command predicts all of them again"
        )

    def answer(self) -> Answer:
        """All of them were tried, or none could be written any more."""
        values: dict[str, Any] = {"masks": self.masks, "out": str(self.out)}
        if not self.failed:
            return Answer(values)
        lines = [reason if path in reason else f"{path}: {reason}" for path, reason in self.failed.items()]
        more = [f"and {len(lines) - NAMED} more, which --json lists."] if len(lines) > NAMED else []
        count, of = len(self.failed), len(self.files)
        if self.left:
            more.append(f"nothing more can be written: {self.so_far()}.")
            values["not_tried"] = len(self.left)
        say("\n".join((f"bench: predict failed for {count} of {of} files:", *lines[:NAMED], *more)))
        text = f"masks: {self.masks}\nout: {self.out}\nfailed: {count} of {of} files"
        text += f"\nnot tried: {len(self.left)} of {of} files" * bool(self.left)
        return Answer(values | {"failed": self.failed}, text, EXIT_INPUT)


def _write_file(path: Path, name: str, segmenter: Segmenter, wanted: Wanted) -> int:
    """All that is wanted of the pages of a file, or nothing; the number of pages."""
    pages = list_pages(path)
    with ExitStack() as stack:  # renames the files when all of them are written
        for page in pages:
            file = Path(name).with_name(f"{page.stem}.png")
            for folder, pixels in _draw(segmenter.look(page), wanted.probabilities):
                place = wanted.out / folder / file
                make_folder(place.parent)
                partial = stack.enter_context(replacing(place))
                partial.write_bytes(to_png(pixels))
    return len(pages)


def _draw(seen: Seen, probabilities: bool) -> Iterator[tuple[str, NDArray[Any]]]:
    """Folder and picture of all that is wanted, one after the other, since each may be large."""
    yield "", seen.mask
    yield OVERLAYS, overlay(seen.image, seen.mask)
    if probabilities:
        yield PROBABILITIES, (seen.probability * 65535 + 0.5).astype(np.uint16)
