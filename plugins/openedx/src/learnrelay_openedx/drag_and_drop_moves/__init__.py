"""Items of drag and drop that are picked up."""
