"""Where the files of runs lie on this machine, and the copies of those that lie on a tracking server."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlparse

from bench import schema
from bench.files import replacing

CACHE = "cache/artifacts"
"""Under RUNS. A run's files do not change once it is complete, so that copies serve every later report."""
READ_FILES = (schema.FRAME_TABLE, schema.CALIBRATION_TABLE, schema.PANEL_DATA)
"""The files of a run that reports read."""


def local_folder(uri: str, runs: Path) -> Path:
    """Folder of an artifact URI; if it is gone, the place it has in `runs`, since people move stores about."""
    path = Path(unquote(urlparse(uri).path)) if uri.startswith("file:") else Path(uri)
    # RUNS/artifacts/STUDY/RUN/artifacts
    return path if path.exists() else runs.joinpath(*path.parts[-4:])


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
