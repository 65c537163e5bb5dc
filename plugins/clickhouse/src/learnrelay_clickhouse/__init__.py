"""Sends statements into ClickHouse: the sink ``clickhouse`` of learnrelay, and ``learnrelay clickhouse init``."""

__version__ = "0.1.0"
