"""Image explorer."""
