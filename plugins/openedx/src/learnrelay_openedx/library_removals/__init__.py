"""Content of libraries that is taken away."""
