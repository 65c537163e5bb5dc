"""Names something that is no plugin.

Caught by: plugin.loads
"""

"""nothing"""
family = object()
