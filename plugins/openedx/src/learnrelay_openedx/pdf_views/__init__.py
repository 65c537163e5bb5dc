"""PDF documents in view."""
