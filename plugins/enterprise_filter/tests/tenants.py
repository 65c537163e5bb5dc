"""Two enterprises, a partner and its course, and pipelines with a destination for each scope."""

from __future__ import annotations

from typing import Any

import learnrelay_enterprise_filter as plugin
from learnrelay.assembly.access_rules import AccessRuleCompiler
from learnrelay.config.models import Destination
from learnrelay.pipeline.plan import transform_table
from learnrelay.pipeline.routing import DestinationRules, check_of_router
from learnrelay.pipeline.run import Pipeline
from openedx_events import SOURCE
from plain import plan_of, registry_of

ACME = "5f0c3a52-8f57-4d39-9a3e-0d9b0f6f2c11"
UMBRA = "5f0c3a52-8f57-4d39-9a3e-0d9b0f6f2c12"
RUN = "course-v1:Harbour+SAIL+2026"
BLOCK = "block-v1:Harbour+SAIL+2026+type@problem+block@p1"
LAGOON = "Lagoon"
ELSEWHERE = BLOCK.replace("Harbour", LAGOON)


def pipeline_for(scopes: dict[str, Any], *others: Any) -> Pipeline:
    """Returns a pipeline with one destination for each scope; ``others`` are plugins enabled before the filter."""
    registry = registry_of(
        *((f"other{n}", "filters", other) for n, other in enumerate(others)), ("enterprise_filter", "routers", plugin)
    )
    table, _ = transform_table(registry, {}, "")
    access = AccessRuleCompiler(registry, SOURCE, table, [])
    routers = registry.manager.hook.route_event.get_hookimpls()
    gates = []
    for name, scope in scopes.items():
        rulings = access.compile_rules("plain", scope, {})
        assert not rulings.problems, rulings.problems
        destination = Destination(name, "plain", scope)
        asked = tuple((impl.plugin_name, check_of_router(impl.function, destination)) for impl in routers)
        gates.append(DestinationRules(destination, tuple(rulings.checks), tuple(rulings.scopes), asked))
    return Pipeline(plan_of(registry, gates))
