"""Results of searches in a course."""
