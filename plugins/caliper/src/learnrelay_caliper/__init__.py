"""Adds 1EdTech Caliper to learnrelay: events, entities, envelope, endpoint protocol and an event schema."""

__version__ = "0.1.0"
