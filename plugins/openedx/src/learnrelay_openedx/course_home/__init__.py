"""The home of a course."""
