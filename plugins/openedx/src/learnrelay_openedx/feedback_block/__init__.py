"""Feedback blocks."""
