"""Competencies and learning plans."""
