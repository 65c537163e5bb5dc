"""Provides the identity and course providers that come with the core."""
