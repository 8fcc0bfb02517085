"""What we run on, and what it costs."""
