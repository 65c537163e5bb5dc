"""Stands for the package of the platform with this name."""
