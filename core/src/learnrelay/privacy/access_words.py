"""Says in words what a destination may have, as its configuration says it."""

from __future__ import annotations

from ..config.models import Rules


def describe_scope(scope: object) -> str:
    """Describes for whom a destination stands: ``org: Harbour, Lake``."""
    if isinstance(scope, dict):
        return "; ".join(f"{key}: {describe_scope(value)}" for key, value in scope.items())
    return ", ".join(map(str, scope)) if isinstance(scope, list) else str(scope)


def describe_match(match: Rules) -> str:
    """Describes the rules on values: ``data.mode: audit or honor``."""
    return "; ".join(f"{path}: {' or '.join(map(str, values))}" for path, values in match.items())
