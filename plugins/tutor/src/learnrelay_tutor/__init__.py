"""Runs learnrelay on a site that is deployed with Tutor."""

__version__ = "0.1.0"
