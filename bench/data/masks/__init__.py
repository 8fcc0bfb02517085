"""What a mask means: decided once for a whole set, before anything is resized, and said aloud."""
