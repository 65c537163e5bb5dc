"""Adds xAPI to learnrelay: statements, vocabulary, LRS protocol and a statement schema."""

__version__ = "0.1.0"
