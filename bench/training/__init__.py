"""One network learns."""

ARITHMETIC = 1
"""Rises when the same config would train to other numbers on the same machine and data: a study that was started by
another arithmetic is not resumed. The golden loss curves of the tests guard it."""
