"""Adds Open edX to learnrelay: its source, what its events mean, and its event families in xAPI and Caliper."""

__version__ = "0.1.1"
