"""Takes events by HTTP: the input ``http`` of learnrelay, and the command ``learnrelay serve``."""

__version__ = "0.1.0"
