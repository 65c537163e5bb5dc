"""Writes reports of the checks and their results, for people and for programs."""
