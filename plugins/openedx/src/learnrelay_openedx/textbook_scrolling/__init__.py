"""Textbooks that are scrolled through."""
