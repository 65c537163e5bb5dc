"""Overridden grades."""
