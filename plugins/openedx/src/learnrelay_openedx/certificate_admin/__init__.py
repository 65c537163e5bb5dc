"""Certificates as staff handle them."""
