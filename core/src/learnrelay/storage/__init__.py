"""Writes files of statements into folders and object stores."""
