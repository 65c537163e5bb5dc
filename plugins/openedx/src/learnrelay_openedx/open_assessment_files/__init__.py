"""Files of open assessment."""
