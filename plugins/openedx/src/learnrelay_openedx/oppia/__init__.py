"""Oppia explorations."""
