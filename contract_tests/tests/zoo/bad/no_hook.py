"""Has an entry point that is no plugin.

Caught by: plugin.loads
"""

"""nothing"""
family = object()
