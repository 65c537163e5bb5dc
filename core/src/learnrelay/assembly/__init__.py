"""Assembles a plan from the configuration: enabled plugins, providers, access rules."""

from __future__ import annotations

from .assemble import Assembly, assemble, assemble_from

__all__ = ["Assembly", "assemble", "assemble_from"]
