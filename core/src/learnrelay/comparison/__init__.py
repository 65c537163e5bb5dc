"""Compares the statements that two environments or configurations make of the same lines, before an upgrade."""
