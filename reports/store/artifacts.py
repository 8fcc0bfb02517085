"""Where the files of runs lie on this machine, and the copies of those that lie on a tracking server."""

from collections.abc import Callable
from pathlib import Path

from hourglass_bench.bench import schema
from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.tracking.locations import local_path

CACHE = "cache/artifacts"
"""Under RUNS. A run's files do not change once it is complete, so that copies serve every later report."""
READ_FILES = (
    schema.FRAME_TABLE,
    schema.CALIBRATION_TABLE,
    schema.PANEL_DATA,
    schema.GENERATED_DATA,
    schema.SPLIT_FILE,
)
"""The files of a run that reports read."""


def local_folder(uri: str, runs: Path) -> Path:
    """Folder of an artifact URI; if it is gone, the place it has in `runs`, since people move stores about."""
    path = _path(uri)
    # RUNS/artifacts/STUDY/RUN/artifacts
    return path if uri and path.exists() else runs.joinpath(*path.parts[-4:])


def own_folder(uri: object, run: str, runs: Path) -> Path | None:
    """Folder of a run's artifacts that a server names, if it is on this machine.

    A server can name any folder: one that is not the run's own by its path is not read.
    """
    if not isinstance(uri, str):
        return None
    path = _path(uri)
    if not path.is_absolute() or ".." in path.parts or run not in path.parts:
        return None
    folder = local_folder(uri, runs)
    return folder if folder.is_dir() else None


def _path(uri: str) -> Path:
    return local_path(uri) or Path(uri)


def keep_copies(folder: Path, listed: Callable[[], list[str]], download: Callable[[str], bytes]) -> None:
    """Copy into `folder` those READ_FILES that are not there yet and that the run has.

    Raises:
        ValueError: they cannot be written.
    """
    missing = [name for name in READ_FILES if not (folder / name).is_file()]
    present = listed() if missing else []
    for name in set(missing) & set(present):
        content = download(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / name) as partial:
                partial.write_bytes(content)
        except OSError as error:
            raise ValueError(f"artifacts of runs must be kept in {folder}, but: {error.strerror or error}.") from error
