"""Office Mix."""
