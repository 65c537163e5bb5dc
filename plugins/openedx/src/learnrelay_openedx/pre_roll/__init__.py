"""Pre-roll videos."""
