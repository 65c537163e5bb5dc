"""Search in a course, as the server answers it."""
