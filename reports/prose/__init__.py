"""From numbers to sentences."""
