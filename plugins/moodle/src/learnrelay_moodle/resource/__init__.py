"""Books and folders."""
