"""Finds plugins through entry points, loads the enabled ones, and registers what they contribute."""
