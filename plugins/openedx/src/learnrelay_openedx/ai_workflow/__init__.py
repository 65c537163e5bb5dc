"""AI workflows."""
