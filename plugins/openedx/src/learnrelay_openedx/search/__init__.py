"""Search in a course."""
