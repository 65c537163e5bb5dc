"""Open assessment."""
