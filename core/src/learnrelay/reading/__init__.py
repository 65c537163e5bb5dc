"""Reads lines and JSON documents from streams, compressed or not."""
