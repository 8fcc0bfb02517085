"""Pictures by step, laid out among a run's artifacts as MLflow does, whose pages then show them with a slider.

MLflow's `log_image` stores each picture twice by a call of its own; in a folder they go with all other files.
"""

import time
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from PIL import Image, ImageOps

FOLDER = "images"
TAG = "mlflow.loggedImages"
"""Set on a run that has such pictures, else MLflow does not look for them."""
PREVIEW = 512
"""Pixels of the longer side of what is shown beside charts; a click shows the whole picture."""


def write_steps(folder: Path, key: str, pictures: Iterable[Image.Image]) -> None:
    """Write pictures of steps 0, 1, ... under `folder`; charts stand in the section before the key's last `/`."""
    (folder / FOLDER).mkdir(exist_ok=True)
    moment = int(time.time() * 1000)
    for step, picture in enumerate(pictures):
        name = f"{key.replace('/', '~')}+step+{step}+timestamp+{moment}+{uuid4()}"
        picture.save(folder / FOLDER / f"{name}.png", compress_level=1)
        preview = ImageOps.contain(picture, (PREVIEW, PREVIEW)) if max(picture.size) > PREVIEW else picture
        preview.save(folder / FOLDER / f"{name}+compressed.webp", method=0)
