"""Notes that are seen."""
