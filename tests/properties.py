"""How tests of properties run: the same examples every time, so many, and none stored."""

from hypothesis import HealthCheck, settings

bounded = settings(derandomize=True, max_examples=100, deadline=None, database=None)
"""Decorator of a test of a property, above `given`."""
with_files = settings(bounded, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The same where each example writes files, into a folder of its own."""
