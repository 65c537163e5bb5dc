"""Peer instruction."""
