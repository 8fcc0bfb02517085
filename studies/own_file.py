"""A study in a user's own file: `STUDY`, a `Factorial` or a `Search`, and called by the file's stem.

    from hourglass_bench.studies import Factorial, TrainingConfig, each, grid

    STUDY = Factorial(
        question="Does the residual U-Net beat the plain one?",
        size=64,
        training=TrainingConfig(epochs=10, batch_size=8, lr=1e-2),
        plan=each(lambda: [*grid("unet", depth=(2, 3)), *grid("resunet.py:ResUNet", width=(16, 24))]),
        repeats=5,
    )

References are relative to the working directory, as everywhere: a stored run is built again by the same words.
"""

import re
import traceback
from dataclasses import replace
from pathlib import Path

from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.files import what_is
from hourglass_bench.studies.catalog import CATALOG, get_study
from hourglass_bench.studies.study import Study


def name_of(given: str) -> str:
    """Of a study that is given by its name, or by a user's own file.

    Raises:
        ValueError: the file's stem cannot be a name, or a study of the catalogue has it.
    """
    name = cli.study_name(given)
    if name != given:
        _require_free("study file", name, given)
    return name


def _require_free(what: str, name: str, given: str) -> None:
    if name in CATALOG or not re.fullmatch(r"[A-Za-z0-9][\w-]*", name):
        raise ValueError(
            f"{what} must be called by a name of letters, digits, _ and - that is none of "
            f"{', '.join(CATALOG)}, got {given}."
        )


def find_study(given: str | Study) -> Study:
    """The catalogue's of that name, the user's of that file, or the one that is given, which must have a name.

    Raises:
        ValueError: there is none, or it cannot plan anything.
    """
    if isinstance(given, Study):
        _require_free("study", given.name, repr(given.name))
        return given
    name = name_of(given)
    if name == given:
        return get_study(name)
    path = Path(given)
    if there := what_is(path):
        raise ValueError(f"study file must be one that exists, got {given} ({there}).")
    from hourglass_bench.architectures.reference import load_file

    try:
        found = getattr(load_file(path), "STUDY", None)
    except (Exception, SystemExit) as error:
        raise cli.FileInputError(f"study file {given} must be importable, got {_told(error, path)}.") from error
    if not isinstance(found, Study):
        kind = "none" if found is None else type(found).__name__
        raise ValueError(f"study file {given} must define STUDY, a Factorial or a Search, got {kind}.")
    if found.name not in ("", name):
        raise ValueError(f"name of a study must be left out or the stem of its file, {name}, got {found.name!r}.")
    study = replace(found, name=name)
    try:
        study.space()
    except Exception as error:
        raise cli.FileInputError(f"study file {given} must plan its units, got {_told(error, path)}.") from error
    return study


def _told(error: BaseException, path: Path) -> str:
    """The error's last line, and where in the file it came from."""
    last = traceback.format_exception_only(error)[-1].strip().rstrip(".")
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path.resolve()
    ]
    return f"{last} (line {lines[-1]})" if lines else last
