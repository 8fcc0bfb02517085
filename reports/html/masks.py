"""Scenes to browse: a test frame, its mask, and what each architecture makes of it, as small pictures in the page."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import pair
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, title
from hourglass_bench.reports.analysis.verified import SCENE
from hourglass_bench.reports.figures.base import NoDataError
from hourglass_bench.reports.figures.predictions import IGNORED, Candidates, candidates, errors, read_frames, scores
from hourglass_bench.reports.html.subjects import Subjects, number
from hourglass_bench.reports.store.load import ARTIFACTS, REPEAT, RUN

MOST_SCENES = 24
"""Of more, as many that lie evenly between the largest and the smallest difference."""
MOST_SIDE = 192
"""Pixels of a picture's longer side."""
QUALITY = 85
"""Of JPEG, for photographs; masks have few colours and are PNG."""

Live = dict[str, Any]


def figures(summary: Summary, subjects: Subjects) -> dict[str, Live]:
    """The counterpart of the figure of predictions; nothing where no frames are the same, or a file is damaged."""
    try:
        found = candidates(summary)
        places = np.unique(np.linspace(0, found.frames - 1, min(MOST_SCENES, found.frames)).round())
        shots = found.shots[found.shots["place"].isin(places)]
        pictures = [shown for folder, own in shots.groupby(ARTIFACTS) for shown in _of_run(str(folder), own, subjects)]
    except NoDataError:
        return {}
    scenes = [_scene([one for one in pictures if one["place"] == place]) for place in places]
    return {"predictions": {"kind": "masks", "scenes": scenes, "caption": _caption(found, len(scenes))}}


def _caption(found: Candidates, scenes: int) -> str:
    some = f"{scenes} of {found.frames}" if scenes < found.frames else str(scenes)
    order = f", by falling Δ IoU of {pair(found.claim)}" if found.claim else ""
    return (
        f"The middle frames of {some} test scenes{order}. Each architecture at its best, by the run of the lowest "
        "repeat. Errors: white = found, orange = missed, blue = invented, grey = ignored."
    )


def _of_run(folder: str, shots: pd.DataFrame, subjects: Subjects) -> Iterator[Live]:
    """Each of these frames of a run, with what it predicts of it."""
    stems, panel = read_frames(folder)
    for of, (_, shot) in zip(subjects.of_configurations(shots[CONFIGURATION]), shots.iterrows(), strict=True):
        frame = stems.index(shot["stem"])
        ignored = panel.ignored[frame]
        yield {
            "place": shot["place"],
            "name": f"scene {shot[SCENE]}, frame {shot['stem']}",
            "about": f"fold {shot[schema.FOLD]}, repeat {shot[REPEAT]}",
            "difference": number(shot["difference"]),
            "image": _encoded(panel.images[frame], "jpeg", quality=QUALITY),
            "truth": _mask(panel.truth[frame], ignored),
            "prediction": {
                "of": of,
                "title": title(shot),
                "run": shot[RUN],
                **{name: number(value) for name, value in scores(panel, frame).items()},
                "mask": _mask(panel.probability[frame] > 0.5, ignored),
                "errors": _encoded((255 * errors(panel, frame)).round().astype(np.uint8), "png", optimize=True),
            },
        }


def _scene(pictures: list[Live]) -> Live:
    """A frame with all predictions of it, in the order of the architectures."""
    about = {name: value for name, value in pictures[0].items() if name not in ("place", "prediction")}
    return {**about, "predictions": sorted((one["prediction"] for one in pictures), key=lambda one: one["of"][0])}


def _mask(mask: np.ndarray, ignored: np.ndarray) -> str:
    return _encoded(np.where(ignored, round(255 * IGNORED), 255 * mask).astype(np.uint8), "png", optimize=True)


def _encoded(pixels: np.ndarray, kind: str, **options: Any) -> str:
    """A picture of at most MOST_SIDE pixels as a URL that holds it."""
    picture, file = Image.fromarray(pixels), io.BytesIO()
    shrunk = min(1.0, MOST_SIDE / max(picture.size))
    if shrunk < 1:
        how = Image.Resampling.BOX if kind == "jpeg" else Image.Resampling.NEAREST
        picture = picture.resize([max(1, round(side * shrunk)) for side in picture.size], how)
    picture.save(file, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
