"""The tracking store and what is written to it."""
