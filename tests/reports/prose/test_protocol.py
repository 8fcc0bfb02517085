"""What the protocol's page says of how files were read, and of networks from elsewhere."""

import json

import pandas as pd
import pytest

from hourglass_bench.bench import schema
from hourglass_bench.reports.prose.facts import Facts, paragraphs
from hourglass_bench.reports.prose.protocol import count_vanished, describe_readings


def written(*readings: str, vanished: int = 0) -> str:
    values = {
        "splits": {"scene_folds": "5"},
        "readings": describe_readings(pd.DataFrame({schema.DATA_READING: readings})),
        "vanished": vanished,
        "all_repeats": "0",
        "generative": False,
        "openings": {"all": 0, "again": 0},
        "fixed": {"training.lr": 0.1},
        "notes": {},
        "corrected": None,
        "label_agreement": float("nan"),
    }
    return paragraphs("protocol", Facts(), values)[0]


def reading(limits: list[object] | None, fit: str) -> str:
    return json.dumps({"masks": {"text": "values 0 and 7; 7 is foreground"}, "limits": limits, "fit": fit})


@pytest.mark.parametrize(
    ("limits", "fit", "said"),
    [
        (None, "squash", "Images were resized as a whole. The repeat"),
        (None, "crop", "Images were cropped in the middle to the aspect ratio of their size. The"),
        (
            [12.5, 4000.0, "uint16"],
            "letterbox",
            "Images were scaled so that 12.5 is black and 4,000 is white, and were brought to their size with a "
            "border, which counts nowhere. The",
        ),
    ],
)
def test_it_says_what_masks_mean_and_what_was_done_to_images(limits: list[object] | None, fit: str, said: str) -> None:
    assert f"Masks were read so: values 0 and 7; 7 is foreground. {said}" in written(reading(limits, fit))


def test_each_reading_is_said_once_and_runs_of_before_say_nothing() -> None:
    assert written(reading(None, "crop"), "", reading(None, "crop")).count("Masks were read so") == 1
    assert "Masks were read so" not in written("", "")


def test_frames_that_lost_their_foreground_are_counted_once_for_each_fold() -> None:
    runs = pd.DataFrame({schema.TEST_VANISHED: ["", "2", "2", "1"], schema.FOLD: [0, 1, 1, 2]})
    assert count_vanished(runs) == 3
    assert count_vanished(runs[:1]) == 0
    said = (
        "Of 3 test frames nothing of the foreground is left at the size of the training: a network that finds nothing"
    )
    assert said in written(vanished=3)
    assert "nothing of the foreground" not in written()
