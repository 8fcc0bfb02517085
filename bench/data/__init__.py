"""Data sets of the benchmark: frames with their person masks."""
