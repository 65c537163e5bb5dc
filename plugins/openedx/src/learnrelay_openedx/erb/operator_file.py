"""Writes the operator's file for routers of ERB: TOML with comments, without any secret.

Nothing in it may receive more than ERB sent there. What cannot be said with certainty is left out with a comment, and a
destination that would get more without it becomes a comment as a whole.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from learnrelay.auth import MESSAGE_HEADERS, find_header_fault
from learnrelay.config.fields import Url
from learnrelay.pipeline.match_rules import ValueMatcher

from .allowed_events import MAPPED, OFF_BY_DEFAULT, list_default_events
from .expressions import InvalidExpressionError, UntranslatableError, translate
from .router_rows import RouterRow

STANDARDS = {"xapi": "xAPI", "caliper": "Caliper"}
ACTORS = {"mbox", "mbox_sha1sum"}
"""Values of XAPI_AGENT_IFI_TYPE beside ``external_id``, as which ERB takes all others."""
IDENTITY_SECRET = "LEARNRELAY_IDENTITY_SECRET"  # noqa: S105  # the name of a variable
LMS_TABLES = "LEARNRELAY_LMS_TABLES"

_WIDTH = 116
_LONGEST_HOST = 60
_LARGEST_BATCH = 10_000
_MOST_ATTEMPTS = 1_000
_KNOWN_CONFIGURATIONS = {"match_params", "override_args", "headers", "host_configurations", "router_type"}
_PROVED = {"context.org_id": "org", "context.enterprise_uuid": "enterprise", "context.course_id": "course"}


@dataclass(slots=True)
class DestinationDraft:
    """Gathers what is written for a router.

    lines: of its table. notes: what to know. faults: why it must stay a comment. secrets: variable → what it holds.
    taken_variables: of other destinations.
    """

    name: str
    row: RouterRow
    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    match: dict[str, list[str]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    taken_variables: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """Holds the file.

    secrets: variable → what it holds. inactive: name of a destination → why it is a comment. is_complete: whether all
    routers that are enabled are active. needs_regex, needs_tables: whether what they name has to be installed.
    """

    text: str
    secrets: Mapping[str, str]
    inactive: Mapping[str, Sequence[str]]
    is_complete: bool
    needs_regex: bool
    needs_tables: bool


def write_file(rows: Sequence[RouterRow], settings: Mapping[str, Any], root_url: str, left_out: int) -> WrittenFile:
    """Writes the file for the current rows. ``left_out``: rows of history."""
    drafts: list[DestinationDraft] = []
    for row in rows:
        drafts.append(draft_destination(row, settings, drafts))
    active = [draft for draft in drafts if not draft.faults]
    standards = [key for key in STANDARDS if any(_standard_of(draft.row) == key for draft in active)] or ["xapi"]
    lines = [
        *comment(
            f"Written by `learnrelay import-erb` from {len(rows)} routers of event-routing-backends (ERB). "
            f"{len(active)} destinations are active; {left_out} rows of history were passed over. Read each comment, "
            "set the variables that the command listed, then: learnrelay check --connect --config FILE"
        ),
        "",
        "[platform]",
        'source = "openedx"',
        f"root_url = {quote(root_url)}",
        "",
        "[plugins]",
        f"enabled = {quote_list([f'{standard}.*' for standard in standards])}",
        "",
        *_write_identity(standards, settings),
        *_write_standards(standards, settings),
        *_write_delivery(settings),
        *_list_settings_left_out(settings),
    ]
    for draft in drafts:
        lines += ["", *_write_destination(draft)]
    secrets = {IDENTITY_SECRET: "makes the names of learners; 32 characters or more, and never changed"}
    needs_tables = _has_addresses(standards, settings)
    if needs_tables:
        secrets[LMS_TABLES] = (
            "address of the LMS's database, mysql+pymysql://USER:PASSWORD@HOST/NAME; django in the LMS"
        )
    for draft in active:
        secrets |= draft.secrets
    inactive = {draft.name: draft.faults for draft in drafts if draft.faults}
    values = [value for draft in active for rule in draft.match.values() for value in rule]
    is_complete = not any(draft.faults and draft.row.enabled for draft in drafts)
    needs_regex = any(value.startswith("regex:") for value in values)
    return WrittenFile("\n".join(lines) + "\n", secrets, inactive, is_complete, needs_regex, needs_tables)


def _has_addresses(standards: Collection[str], settings: Mapping[str, Any]) -> bool:
    """Tells whether ERB names learners by their e-mail addresses: in xAPI alone."""
    return "xapi" in standards and settings.get("XAPI_AGENT_IFI_TYPE") in ACTORS


def _write_identity(standards: Collection[str], settings: Mapping[str, Any]) -> Iterator[str]:
    if not _has_addresses(standards, settings):
        yield from comment(
            'ERB names learners by the external ids of the LMS, and provider = "openedx" reads these. With "keyed", '
            "learners and statements have other names and ids than in ERB's statements (docs/moving-from-erb.md)."
        )
        yield "[identity]"
        yield 'provider = "keyed"'
        yield f'secret = "env:{IDENTITY_SECRET}"'
        return
    yield from comment("The addresses of learners come from the LMS's tables, as in ERB (docs/openedx-tables.md).")
    yield "[identity]"
    yield 'provider = "openedx"'
    yield f'database = "env:{LMS_TABLES}"'
    yield f'secret = "env:{IDENTITY_SECRET}"'
    yield "emails = true"
    if "caliper" in standards:
        yield from comment(
            "Caliper has external ids in ERB, which makes those that are missing: missing_ids does that, where the "
            'user of the database may write. With "skip", a learner without one has no statements.'
        )
        yield '# missing_ids = "create"'
    else:
        yield from comment("Nobody sees the names beside the addresses, so no external id is needed.")
        yield 'missing_ids = "keyed"'


def _write_standards(standards: Collection[str], settings: Mapping[str, Any]) -> Iterator[str]:
    if "xapi" not in standards:
        return
    yield ""
    yield "[xapi]"
    yield from comment(
        "Ids and form as ERB has them, for as long as statements of both are in one store. Later, without old ones, "
        'statement_ids = "stable" tells apart what happens in one moment (docs/statement-ids.md).'
    )
    yield 'statement_ids = "erb"'
    yield 'compatible_with = "erb"'
    actor = settings.get("XAPI_AGENT_IFI_TYPE", "external_id")
    if actor == "mbox_sha1sum":
        yield from comment(
            "XAPI_AGENT_IFI_TYPE: ERB hashes the address without mailto:, ours with it as xAPI asks. So a store that "
            "has ERB's statements gets a second actor for each learner, and other ids."
        )
    if actor in ACTORS:
        yield f'actor = "{actor}"'
    elif actor != "external_id":
        yield from comment("XAPI_AGENT_IFI_TYPE: ERB takes a value that it does not know as external_id.")


def _write_delivery(settings: Mapping[str, Any]) -> Iterator[str]:
    critical = settings.get("EVENT_TRACKING_BACKENDS_BUSINESS_CRITICAL_EVENTS")
    if critical is None:
        return
    known = {name for names in MAPPED.values() for name in names}
    yield ""
    yield "[delivery]"
    yield from _write_array("critical", [name for name in sorted(critical) if name in known])


def _list_settings_left_out(settings: Mapping[str, Any]) -> Iterator[str]:
    hooks = settings.get("OPEN_EDX_FILTERS_CONFIG", {})
    if any(str(name).startswith("event_routing_backends.") for name in hooks):
        yield ""
        yield from comment(
            "OPEN_EDX_FILTERS_CONFIG changes ERB's statements with code of its own. It is not carried over: write an "
            "enricher or a family (docs/plugins.md)."
        )


def draft_destination(
    row: RouterRow, settings: Mapping[str, Any], earlier: Sequence[DestinationDraft] = ()
) -> DestinationDraft:
    """Gathers what is written for a router. ``earlier``: those before it, whose names are taken."""
    variables = {variable for other in earlier for variable in other.secrets}
    draft = DestinationDraft(_make_name(row, {other.name for other in earlier}), row, taken_variables=variables)
    standard = _standard_of(row)
    if standard is None:
        draft.faults.append("its backend is neither xAPI nor Caliper")
        standard = "xapi"
    if not row.enabled:
        draft.faults.append("it is disabled in ERB")
    if not settings.get(f"{standard.upper()}_EVENTS_ENABLED", standard == "xapi"):
        draft.faults.append(f"{standard.upper()}_EVENTS_ENABLED is not true, so that ERB sends nothing there")
    draft.lines = [
        f'standard = "{standard}"',
        f"url = {quote(_read_url(draft, standard))}",
        'scope = "all"',
        *_write_auth(draft),
    ]
    try:
        configurations = row.read_configurations()
    except ValueError as error:
        draft.faults.append(str(error))
        return draft
    draft.lines += _write_headers(draft, standard, configurations.get("headers"))
    draft.lines += _write_retry_and_batch(draft, settings)
    _read_match(draft, standard, configurations.get("match_params", {}), settings)
    overridden = configurations.get("override_args")
    if isinstance(overridden, dict) and overridden:
        draft.notes.append(
            f"override_args is not carried over: ERB replaces {', '.join(map(quote, overridden))} in what it sends. "
            "Write an enricher if the consumer needs it; an LRS sets `authority` itself."
        )
    if others := sorted(set(configurations) - _KNOWN_CONFIGURATIONS):
        draft.notes.append(f"ERB ignores {', '.join(map(quote, others))} of its configurations, and so does this file.")
    return draft


def _standard_of(row: RouterRow) -> str | None:
    name = row.backend_name.lower()
    return name if name in STANDARDS else None


def _make_name(row: RouterRow, taken: Collection[str]) -> str:
    """Makes a name of host and id: ``lrs-example-org-7``; unique, and no word that TOML or a folder refuses."""
    try:
        host = urlsplit(row.route_url).hostname or ""
    except ValueError:
        host = ""
    base = re.sub(r"[^a-z0-9]+", "-", host.lower())[:_LONGEST_HOST].strip("-") or "router"
    name, number = f"{base}-{row.id}", 2
    while name in taken:
        name, number = f"{base}-{row.id}-{number}", number + 1
    return name


def _read_url(draft: DestinationDraft, standard: str) -> str:
    """Returns the address that ERB sends to; an example in the place of one that is not to be shown or used."""
    url = draft.row.route_url
    if standard == "xapi":
        url = f"{url}{'' if url.endswith('/') else '/'}statements"
    try:
        address: str = Url().deserialize(url)
    except ValidationError as error:
        draft.faults.append(f"route_url: {error.messages[0]}")
        return "https://example.org/"
    if not address.isprintable() or (standard == "xapi" and re.search("[?#]", address)):
        draft.faults.append("route_url: has a query, a fragment or characters that an address cannot have")
        return "https://example.org/"
    return address


def _write_auth(draft: DestinationDraft) -> Iterator[str]:
    row = draft.row
    if row.auth_scheme is None:
        return
    if row.auth_scheme == "Basic" and row.username and row.password and ":" not in row.username:
        variable = _name_variable(draft, "PASSWORD", f"password of {draft.name}")
        yield f'auth = {{ scheme = "basic", username = {quote(row.username)}, password = "env:{variable}" }}'
    elif row.auth_scheme == "Bearer" and row.auth_key:
        variable = _name_variable(draft, "TOKEN", f"auth_key of {draft.name}")
        yield f'auth = {{ scheme = "bearer", token = "env:{variable}" }}'
    else:
        draft.faults.append(
            "its authentication is incomplete: Basic needs username (without a colon) and password, Bearer an auth_key"
        )


def _write_headers(draft: DestinationDraft, standard: str, headers: Any) -> Iterator[str]:
    if not isinstance(headers, dict) or not headers:
        return
    if standard == "xapi":
        draft.notes.append(f"ERB's xAPI routers ignore headers: {', '.join(map(quote, headers))}.")
        return
    written = []
    for name, value in headers.items():
        fault = "credentials belong under auth" if name.lower() == "authorization" else None
        fault = fault or find_header_fault(name, "x", MESSAGE_HEADERS)
        if fault or not isinstance(value, str) or not value:
            draft.notes.append(f"The header {quote(name)} is not carried over: {fault or 'its value is no text'}.")
            continue
        variable = _name_variable(draft, f"HEADER_{name}", f"header {name} of {draft.name}")
        written.append(f'{quote(name)} = "env:{variable}"')
    if written:
        yield f"headers = {{ {', '.join(written)} }}"


def _name_variable(draft: DestinationDraft, what: str, holds: str) -> str:
    base = "LEARNRELAY_" + re.sub(r"[^A-Z0-9]+", "_", f"{draft.name}_{what}".upper())
    variable, number = base, 2
    while variable in draft.secrets or variable in draft.taken_variables:
        variable, number = f"{base}_{number}", number + 1
    draft.secrets[variable] = holds
    return variable


def _write_retry_and_batch(draft: DestinationDraft, settings: Mapping[str, Any]) -> Iterator[str]:
    retries, wait = (settings.get(f"EVENT_ROUTING_BACKEND_{name}") for name in ("MAX_RETRIES", "COUNTDOWN"))
    keys = [] if retries is None else [f"attempts = {min(retries + 1, _MOST_ATTEMPTS)}"]
    keys += [] if wait is None else [f'backoff = "{max(wait, 1)}s"', f'ceiling = "{max(wait, 1)}s"']
    if keys:
        draft.notes.append(
            "retry: in an outage nothing is lost after these attempts; statements wait for the consumer."
        )
        yield f"retry = {{ {', '.join(keys)} }}"
    if not settings.get("EVENT_ROUTING_BACKEND_BATCHING_ENABLED"):
        return
    size, interval = (settings.get(f"EVENT_ROUTING_BACKEND_BATCH_{name}") for name in ("SIZE", "INTERVAL"))
    keys = [] if size is None else [f"size = {min(max(size, 1), _LARGEST_BATCH)}"]
    keys += [] if interval is None else [f'interval = "{interval}s"']
    if keys:
        yield f"batch = {{ {', '.join(keys)} }}"


# --- who receives what ----------------------------------------------------------------------------------


def _read_match(draft: DestinationDraft, standard: str, params: Any, settings: Mapping[str, Any]) -> None:
    """Reads the rules of a router, and the list of allowed events."""
    if not isinstance(params, dict):
        draft.faults.append("match_params is no object: ERB fails on it at each event")
        return
    for path, wanted in params.items():
        expressions = wanted if isinstance(wanted, list) else [wanted]
        values = _translate_all(draft, path, expressions)
        if not all(path.split(".")) or not path.isprintable():
            draft.faults.append(f"match_params: {quote(path)} is no path of an event")
        elif not values:
            draft.faults.append(f"match_params: nothing is left that {quote(path)} may be")
        else:
            draft.match[path] = values
    if draft.match.keys() & _PROVED.keys():
        scopes = ", ".join(f"{key} = …" for path, key in _PROVED.items() if path in draft.match)
        draft.notes.append(
            f"match trusts what the event says. With learnrelay-enterprise-filter, scope = {{ {scopes} }} asks for "
            "proofs (docs/access-control.md)."
        )
    draft.match = {"name": _list_names(draft, standard, settings)} | {
        path: values for path, values in draft.match.items() if path != "name"
    }
    if not draft.match["name"]:
        draft.faults.append("no event that ERB sends has one of the names")


def _translate_all(draft: DestinationDraft, path: str, expressions: Iterable[Any]) -> list[str]:
    """Translates the expressions of a path, and notes what changes."""
    values: list[str] = []
    for expression in expressions:
        shown = quote(str(expression))
        try:
            value = translate(str(expression))
        except InvalidExpressionError as error:
            draft.faults.append(f"match_params: {quote(path)}: {shown}: {error}; ERB fails on it at each event")
            continue
        except UntranslatableError as error:
            draft.notes.append(f"match_params: {quote(path)}: {shown} is left out, so that less is sent: {error}.")
            continue
        if not isinstance(expression, str):
            draft.notes.append(f"match_params: {quote(path)}: {shown} is no text, and matches nothing in ERB.")
        elif value not in values:
            values.append(value)
            if path != "name" and value.startswith("glob:*") and value != "glob:*":
                draft.notes.append(
                    f"match_params: {quote(path)}: ERB looks for {shown} anywhere in the value, so that others that "
                    f"hold it pass too; write {quote(value.removeprefix('glob:').strip('*'))} if it was meant exactly."
                )
    return values


def _list_names(draft: DestinationDraft, standard: str, settings: Mapping[str, Any]) -> list[str]:
    """Lists the names of events that ERB sends to a router: those allowed, mapped, and wanted by its rules."""
    setting = f"EVENT_TRACKING_BACKENDS_ALLOWED_{standard.upper()}_EVENTS"
    allowed = settings.get(setting)
    if allowed is None:
        names = list_default_events(standard)
    else:
        names = [name for name in MAPPED[standard] if name in allowed]
        if more := sorted(OFF_BY_DEFAULT[standard].intersection(names)):
            draft.notes.append(
                f"{setting} allows {', '.join(map(quote, more))}. If the list stands in YAML alone, ERB did not send "
                "these: its backends have the list of the settings in Python."
            )
        if others := sorted(set(allowed) - set(MAPPED[standard])):
            draft.notes.append(
                f"{setting} names events that ERB itself does not map. Add those to `name` that a family here maps: "
                + ", ".join(map(quote, others))
            )
    if "name" not in draft.match:
        return names
    is_wanted = ValueMatcher(draft.match["name"])
    return [name for name in names if is_wanted(name)]


# --- text -----------------------------------------------------------------------------------------------


def _write_destination(draft: DestinationDraft) -> Iterator[str]:
    row = draft.row
    yield from comment(f"Router {row.id} of ERB.", *draft.notes)
    table = [f"[destinations.{draft.name}]", *draft.lines]
    if draft.match:
        table += ["", f"[destinations.{draft.name}.match]"]
        for path, values in draft.match.items():
            table += _write_array(path if path == "name" else quote(path), values)
    if not draft.faults:
        yield from table
        return
    yield from comment("Not active:", *(f"- {fault}" for fault in draft.faults))
    yield from (f"# {line}".rstrip() for line in table)


def _write_array(key: str, values: Sequence[str]) -> Iterator[str]:
    short = f"{key} = {quote_list(values)}"
    if len(short) <= _WIDTH:
        yield short
        return
    yield f"{key} = ["
    line = "   "
    for value in values:
        written = f" {quote(value)},"
        if len(line) + len(written) > _WIDTH and line.strip():
            yield line
            line = "   "
        line += written
    yield line
    yield "]"


def comment(*paragraphs: str) -> Iterator[str]:
    """Yields lines of comments, with nothing that TOML refuses there or a terminal would obey."""
    for paragraph in paragraphs:
        yield from textwrap.wrap(
            "".join(char if char.isprintable() else "\ufffd" for char in paragraph),
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def quote(text: str) -> str:
    """Writes a text as a basic string of TOML, on one line and without characters that a terminal would obey."""
    written = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in written)


def quote_list(values: Iterable[str]) -> str:
    """Writes an array of texts."""
    return f"[{', '.join(map(quote, values))}]"
