"""LTI tools."""
