"""Plugins: found through entry points without importing them, enabled by name, compiled into a plan."""
