"""Fails at import.

Caught by: plugin.loads
"""

raise RuntimeError("no")
