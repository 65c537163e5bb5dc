"""Runs events through filters, routing, mappings and enrichers, in memory and without side effects."""
