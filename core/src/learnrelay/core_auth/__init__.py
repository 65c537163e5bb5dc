"""Provides the auth schemes that come with the core."""
