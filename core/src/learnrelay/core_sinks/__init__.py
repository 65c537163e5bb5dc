"""Provides the sinks that come with the core."""
