"""The self-check: whether a machine computes what it should, and how fast. It needs torch and numpy alone."""
