"""Delivers the outbox's statements to the consumers: drains, and the engines that run them."""

from .engine import EmbeddedEngine, Engine, StoringEngine

__all__ = ["EmbeddedEngine", "Engine", "StoringEngine"]
