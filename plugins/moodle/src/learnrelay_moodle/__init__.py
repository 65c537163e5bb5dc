"""Adds Moodle to learnrelay: its source, what the rows of its log mean, and its event families in xAPI and Caliper."""

__version__ = "0.1.0"
