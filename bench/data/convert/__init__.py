"""From what annotation tools write to a folder of images and masks: `hourglass-bench data import`."""
