"""Runs inputs: events through the pipeline, and what comes of them to the outbox or the destinations."""
