"""Names of networks that commands take where none is given. Imports no torch."""

ARCHITECTURE = "unet"
"""What is trained."""
COMPARED = ("hourglass", "unet")
"""Presets whose trainings are timed beside those of others."""
