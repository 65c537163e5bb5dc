"""H5P activities."""
