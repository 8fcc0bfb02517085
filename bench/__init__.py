"""Benchmark harness that compares encoder-decoder segmentation networks."""
