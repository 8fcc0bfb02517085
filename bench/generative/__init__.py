"""What auto-encoders and VAEs are judged by, and what they draw."""
