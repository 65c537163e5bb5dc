"""Content of libraries."""
