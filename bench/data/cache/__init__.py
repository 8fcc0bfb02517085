"""Frames that were read, kept on the disk."""
