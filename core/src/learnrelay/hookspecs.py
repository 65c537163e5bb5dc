"""The whole contract between the core and its plugins: eight hooks.

A plugin is a module or an object that an entry point names. It marks its functions with `hookimpl`. The first
five hooks contribute things, once, at start-up; the last three are called for events. A function of a stage
declares what it reads (``@hookimpl(reads=SomeFields)``) and gets those values as ``fields``: the event itself
is never handed out. Arguments that a function does not need it may leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import pluggy

if TYPE_CHECKING:
    from .config import Destination
    from .families import Skip, Transformer
    from .fields import Fields
    from .routing import Scope
    from .site import CourseProvider, IdentityProvider
    from .standards import Standard

PROJECT = "learnrelay"
CONTRACT = 1
"""Version of this contract. It is the suffix of the entry-point groups (``learnrelay.families.v1``)."""

hookspec = pluggy.HookspecMarker(PROJECT)
_mark = pluggy.HookimplMarker(PROJECT)
_Function = TypeVar("_Function", bound=Callable[..., Any])


@overload
def hookimpl(function: _Function) -> _Function: ...
@overload
def hookimpl(*, reads: type[Fields] | None = None) -> Callable[[_Function], _Function]: ...
def hookimpl(function: Any = None, *, reads: type[Fields] | None = None) -> Any:
    """Mark a function as the implementation of the hook whose name it bears; ``reads`` declares its fields."""

    def mark(function: Any) -> Any:
        function.learnrelay_reads = reads
        return _mark(function)

    return mark if function is None else mark(function)


# --- contributions: called once, at start-up ------------------------------------------------------------


@hookspec
def register_standards(register: Callable[[type[Standard]], None]) -> None:
    """Contribute a standard: its name, common fields, settings, composer and protocol.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_standards(register):
    ...     register(PlainStandard)         # a subclass of learnrelay.Standard
    """


@hookspec
def register_transformers(register: Callable[[Transformer], None]) -> None:
    """TRANSFORM: contribute mappings. A `learnrelay.Family` does so for all that its decorator collected.

    >>> from learnrelay import Family, Fields, required
    >>> family = Family("plain.poll")
    >>> class PollFields(Fields):
    ...     id = required("data.poll_id")
    >>> @family.maps("poll.answered", reads=PollFields, verb="answered")
    ... def answered(poll, site):
    ...     return {"object": site.iri("poll", poll.id)}
    """


@hookspec
def register_identity_providers(register: Callable[[type[IdentityProvider]], None]) -> None:
    """Contribute a value for ``[identity] provider``: who a learner is in the outputs.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_identity_providers(register):
    ...     register(DirectoryIdentity)     # a subclass of learnrelay.IdentityProvider
    """


@hookspec
def register_course_providers(register: Callable[[type[CourseProvider]], None]) -> None:
    """Contribute a value for ``[courses] provider``: what a course is called.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_course_providers(register):
    ...     register(CatalogueTitles)       # a subclass of learnrelay.CourseProvider
    """


@hookspec
def register_scopes(register: Callable[[type[Scope]], None]) -> None:
    """ROUTE: contribute a key of ``scope = { … }``: whom a destination stands for, and the proof it asks of an event.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_scopes(register):
    ...     register(DepartmentScope)       # a subclass of learnrelay.Scope
    """


# --- stages: called for events, with the values that the function declares ------------------------------


@hookspec
def filter_event(fields: Fields) -> Skip | None:
    """FILTER: None keeps the event, a `learnrelay.Skip` drops it for all standards, with its reason.

    Called in the order of the operator's file until one skips. A filter that raises skips the event too.

    >>> from learnrelay import Fields, Skip, hookimpl, optional
    >>> class Mode(Fields):
    ...     mode = optional("data.mode")
    >>> @hookimpl(reads=Mode)
    ... def filter_event(fields):
    ...     return Skip("audit enrolments are not reported") if fields.mode == "audit" else None
    >>> filter_event(Mode(mode="audit")).reason
    'audit enrolments are not reported'
    """


@hookspec
def enrich_statement(fields: Fields, standard: str) -> Mapping[str, Any] | None:
    """ENRICH: parts to add to each statement of an event, as nested keys. What is there already stays as it is.

    >>> from learnrelay import Fields, hookimpl, optional
    >>> class Org(Fields):
    ...     org = optional("context.org_id")
    >>> @hookimpl(reads=Org)
    ... def enrich_statement(fields, standard):
    ...     return {"context": {"platform": fields.org}} if fields.org else None
    >>> enrich_statement(Org(org="Harbour"), "plain")
    {'context': {'platform': 'Harbour'}}
    """


@hookspec
def route_event(fields: Fields, destination: Destination) -> Skip | None:
    """ROUTE: a `learnrelay.Skip` keeps an event's statements from a destination. One denial is enough.

    All are asked; none can widen what another denied. One that raises denies.

    >>> from learnrelay import Fields, Skip, hookimpl, optional
    >>> class Source(Fields):
    ...     source = optional("context.event_source")
    >>> @hookimpl(reads=Source)
    ... def route_event(fields, destination):
    ...     return Skip("mobile events stay at home") if fields.source == "mobile" else None
    >>> route_event(Source(source="mobile"), None).reason
    'mobile events stay at home'
    """
