"""Specifies the hooks between the core and its plugins: the whole contract.

A plugin is a module or an object that an entry point names. It marks its functions with `hookimpl`. The ``register_``
hooks contribute classes and mappings, once, at start-up; the last three hooks are called for events. A function of a
stage declares the fields that it reads (``@hookimpl(reads=SomeFields)``) and gets their values as ``fields``, never the
event itself. A function may leave out arguments that it does not need.

Where the plugin has an attribute ``settings_schema``, a subclass of `learnrelay.config.fields.Section`, the section of
the operator's file under the plugin's name is validated with it. Functions of a stage get its values as ``settings``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import pluggy

if TYPE_CHECKING:
    from .auth import AuthScheme
    from .config import Destination
    from .fields import Fields
    from .inputs import Input
    from .mapping import Skip, Transformer
    from .providers import CourseProvider, IdentityProvider
    from .scopes import Scope
    from .sinks import Sink
    from .sources import Source
    from .standards import Standard

PROJECT = "learnrelay"
CONTRACT = 1
"""Version of this contract. It is the suffix of the entry-point groups (``learnrelay.families.v1``)."""

PLUGIN_COMMANDS = "learnrelay.commands"
"""Entry-point group of commands that other packages bring; each names a click command."""

hookspec = pluggy.HookspecMarker(PROJECT)
_mark = pluggy.HookimplMarker(PROJECT)
_Function = TypeVar("_Function", bound=Callable[..., Any])


@overload
def hookimpl(function: _Function) -> _Function: ...
@overload
def hookimpl(*, reads: type[Fields] | None = None) -> Callable[[_Function], _Function]: ...
def hookimpl(function: Any = None, *, reads: type[Fields] | None = None) -> Any:
    """Marks a function as the implementation of the hook of the same name; ``reads`` declares its fields."""

    def mark(function: Any) -> Any:
        function.learnrelay_reads = reads
        return _mark(function)

    return mark if function is None else mark(function)


# --- contributions: called once, at start-up ------------------------------------------------------------


@hookspec
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Contributes a source, which reads the events of a learning platform and declares their facts.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_sources(register):
    ...     register(CampusSource)          # a subclass of learnrelay.Source
    """


@hookspec
def register_inputs(register: Callable[[type[Input]], None]) -> None:
    """Contributes a value for ``[inputs.NAME] input``, which says where events come from.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_inputs(register):
    ...     register(TableInput)            # a subclass of learnrelay.Input
    """


@hookspec
def register_standards(register: Callable[[type[Standard]], None]) -> None:
    """Contributes a standard: its name, settings, composer and protocol.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_standards(register):
    ...     register(PlainStandard)         # a subclass of learnrelay.Standard
    """


@hookspec
def register_transformers(register: Callable[[Transformer], None]) -> None:
    """Contributes mappings (stage transform). A `learnrelay.Family` does so for all that its decorator collected.

    >>> from learnrelay import Family, Fields, required
    >>> family = Family("plain.poll")
    >>> class PollFields(Fields):
    ...     id = required("data.poll_id")
    >>> @family.maps("poll.answered", reads=PollFields, verb="answered")
    ... def answered(poll, platform):
    ...     return {"object": platform.iri("poll", poll.id)}
    """


@hookspec
def register_identity_providers(register: Callable[[type[IdentityProvider]], None]) -> None:
    """Contributes a value for ``[identity] provider``, which gives learners their pseudonyms.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_identity_providers(register):
    ...     register(DirectoryIdentity)     # a subclass of learnrelay.IdentityProvider
    """


@hookspec
def register_course_providers(register: Callable[[type[CourseProvider]], None]) -> None:
    """Contributes a value for ``[courses] provider``, which gives courses their titles.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_course_providers(register):
    ...     register(CatalogueTitles)       # a subclass of learnrelay.CourseProvider
    """


@hookspec
def register_scopes(register: Callable[[type[Scope]], None]) -> None:
    """Contributes a key of ``scope = { … }`` (stage route): whom a destination stands for, and how events prove it.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_scopes(register):
    ...     register(DepartmentScope)       # a subclass of learnrelay.Scope
    """


@hookspec
def register_sinks(register: Callable[[type[Sink]], None]) -> None:
    """Contributes a value for ``sink = …`` in ``[destinations.NAME]``: what sends batches to a kind of consumer.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_sinks(register):
    ...     register(SpreadsheetSink)       # a subclass of learnrelay.sinks.Sink
    """


@hookspec
def register_auth_schemes(register: Callable[[type[AuthScheme]], None]) -> None:
    """Contributes a value for ``auth = { scheme = … }`` of a destination: what gives requests their credentials.

    >>> from learnrelay import hookimpl
    >>> @hookimpl
    ... def register_auth_schemes(register):
    ...     register(SignedRequests)        # a subclass of learnrelay.auth.AuthScheme
    """


# --- stages: called for events, with the values that the function declares ------------------------------


@hookspec
def filter_event(fields: Fields, settings: Mapping[str, Any]) -> Skip | None:
    """Keeps an event with None, or drops it for all standards with a `learnrelay.Skip` and its reason (stage filter).

    Filters with fewer declared paths run first, equals in the operator's order, until one skips. A filter that raises
    skips too.

    >>> from learnrelay import Fields, Skip, hookimpl, optional
    >>> from learnrelay.config.fields import Section, TextList
    >>> class ModeSettings(Section):
    ...     unreported = TextList(load_default=("audit",))
    >>> settings_schema = ModeSettings
    >>> class Mode(Fields):
    ...     mode = optional("data.mode")
    >>> @hookimpl(reads=Mode)
    ... def filter_event(fields, settings):
    ...     return Skip("enrolments of its mode are not reported") if fields.mode in settings["unreported"] else None
    >>> filter_event(Mode(mode="audit"), ModeSettings().load({})).reason
    'enrolments of its mode are not reported'
    """


@hookspec
def enrich_statement(fields: Fields, standard: str, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns parts to add to each statement of an event, as nested keys (stage enrich). Existing parts stay.

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
def route_event(fields: Fields, destination: Destination, settings: Mapping[str, Any]) -> Skip | None:
    """Denies an event's statements to a destination with a `learnrelay.Skip` (stage route). One denial is enough.

    No router can allow what another denied. A router that raises denies.

    >>> from learnrelay import Fields, Skip, hookimpl, optional
    >>> class Origin(Fields):
    ...     origin = optional("context.event_source")
    >>> @hookimpl(reads=Origin)
    ... def route_event(fields, destination):
    ...     return Skip("mobile events are not routed") if fields.origin == "mobile" else None
    >>> route_event(Origin(origin="mobile"), None).reason
    'mobile events are not routed'
    """
