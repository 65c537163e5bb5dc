"""Reads Canvas Live Events in their Caliper format: a platform of a third party."""
