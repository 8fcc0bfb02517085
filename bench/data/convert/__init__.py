"""From what annotation tools write to a folder of images and masks: `python -m bench data import`."""
