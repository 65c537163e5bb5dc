"""1EdTech Caliper for learnrelay: events, entities, envelope, endpoint protocol and event families."""

__version__ = "0.1.0"
