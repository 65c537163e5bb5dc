"""Reads Open edX's event bus without an LMS: the input ``openedx_bus``."""
