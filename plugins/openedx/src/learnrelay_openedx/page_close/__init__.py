"""Pages that are left."""
