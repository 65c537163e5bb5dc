"""xAPI for learnrelay: statements, vocabulary, LRS protocol and event families."""

__version__ = "0.1.0"
