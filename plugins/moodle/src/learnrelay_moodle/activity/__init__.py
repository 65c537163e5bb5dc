"""Activities of all modules."""
