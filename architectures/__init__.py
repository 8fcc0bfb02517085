"""Encoder-decoder networks as plain torch modules, and what can be predicted of them from their configuration alone."""
