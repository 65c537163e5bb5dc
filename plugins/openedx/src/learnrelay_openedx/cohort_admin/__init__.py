"""Cohorts as staff handle them."""
