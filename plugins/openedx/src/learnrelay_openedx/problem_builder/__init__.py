"""Problem builder."""
