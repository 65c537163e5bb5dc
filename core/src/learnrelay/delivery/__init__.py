"""Delivery: the outbox, and the drains that bring what is in it to the consumers."""

from .engine import EmbeddedEngine, Engine
from .outbox import Outbox, Parcel, Status

__all__ = ["EmbeddedEngine", "Engine", "Outbox", "Parcel", "Status"]
