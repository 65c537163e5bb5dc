"""Groups of experiments."""
