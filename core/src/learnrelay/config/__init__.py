"""The operator's file: what may stand in it, how its mistakes are told, and what Python sees of it (`models`)."""

from .models import Auth, Batch, Config, Delivery, Destination, Metrics, Provider, Retry

__all__ = ["Auth", "Batch", "Config", "Delivery", "Destination", "Metrics", "Provider", "Retry"]
