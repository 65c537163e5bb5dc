"""Reads the table of the log in Moodle's own database: the input ``moodle``."""
