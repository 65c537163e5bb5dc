"""Shows operators what is delivered, and lets them act: the pages of ``learnrelay console``."""
