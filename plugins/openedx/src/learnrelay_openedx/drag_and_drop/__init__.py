"""Drag and drop."""
