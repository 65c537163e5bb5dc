"""Lists what comes with the core, by name, beside what plugins bring."""

from __future__ import annotations

from ..auth import AuthScheme, NoAuth
from ..core_auth.constant import BasicAuth, BearerAuth, HeaderAuth
from ..core_auth.oauth2 import OAuth2Auth
from ..core_inputs import CORE_INPUTS
from ..core_sinks.files import FilesSink
from ..core_sinks.http import HttpSink
from ..core_sinks.log import LogSink
from ..inputs import Input
from ..lookups.courses import NoCourses, TableCourses
from ..lookups.identity import KeyedIdentity, TableIdentity
from ..plugins.registry import Registry
from ..providers import CourseProvider, IdentityProvider
from ..sinks import Sink

IDENTITY_PROVIDERS: dict[str, type[IdentityProvider]] = {"keyed": KeyedIdentity, "table": TableIdentity}
COURSE_PROVIDERS: dict[str, type[CourseProvider]] = {"none": NoCourses, "table": TableCourses}
CORE_SINKS: dict[str, type[Sink]] = {"http": HttpSink, "log": LogSink, "files": FilesSink}
CORE_AUTH_SCHEMES: dict[str, type[AuthScheme]] = {
    scheme.name: scheme for scheme in (NoAuth, BasicAuth, BearerAuth, HeaderAuth, OAuth2Auth)
}


def list_sinks(registry: Registry) -> dict[str, type[Sink]]:
    """Lists the sinks of the core and those of the loaded plugins, by name."""
    return {**registry.sinks, **CORE_SINKS}


def list_inputs(registry: Registry) -> dict[str, type[Input]]:
    """Lists the inputs of the core and those of the loaded plugins, by name."""
    return {**registry.inputs, **CORE_INPUTS}
