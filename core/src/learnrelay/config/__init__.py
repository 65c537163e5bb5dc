"""Reads the operator's file: its schema, its problems, and the values that Python sees (`models`)."""

from .models import BatchLimits, Config, Delivery, Destination, InputConfig, Metrics, Provider, Retry

__all__ = ["BatchLimits", "Config", "Delivery", "Destination", "InputConfig", "Metrics", "Provider", "Retry"]
