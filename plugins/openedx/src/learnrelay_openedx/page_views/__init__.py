"""Pages of courses that are opened."""
