"""Feedback and surveys."""
