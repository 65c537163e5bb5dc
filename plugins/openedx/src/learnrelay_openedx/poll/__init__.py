"""Polls and surveys."""
