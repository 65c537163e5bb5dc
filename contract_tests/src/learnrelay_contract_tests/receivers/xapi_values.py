"""Rules of the values and actors of xAPI, and the table-driven check that applies rules to an object.

A rule takes the check in progress, the value and its path, and notes what is wrong. Bricks of
``xapi_rules``; others call ``xapi_rules.check_statement``. Sections are those of xAPI 1.0.3, part 2.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from learnrelay_contract_tests.receivers.formats import (
    is_duration,
    is_iri,
    is_iso8601,
    is_language_tag,
    is_rfc3339,
    is_uuid,
)


class Check(NamedTuple):
    """A check in progress: the problems so far, and whether the rules of 2.0 hold (else 1.0.3)."""

    problems: list[str]
    two: bool

    def wrong(self, path: str, reason: str) -> None:
        """Note a problem. The reason never quotes a value: it may be personal."""
        self.problems.append(f"{path or 'statement'}: {reason}")


Rule = Callable[[Check, Any, str], None]
Rules = Mapping[str, Rule]


def properties(check: Check, value: Any, path: str, rules: Rules, required: Collection[str] = ()) -> bool:
    """Check an object by its table; False where it is no object at all."""
    if not isinstance(value, dict):
        check.wrong(path, "must be an object")
        return False
    prefix = f"{path}." if path else ""
    for key, item in value.items():
        rule = rules.get(key)
        if rule is None:
            check.wrong(prefix + key, "unknown property")
        elif item is None:
            check.wrong(prefix + key, "must not be null")
        else:
            rule(check, item, prefix + key)
    for key in required:
        if key not in value:
            check.wrong(prefix + key, "is required")
    return True


# --- values -----------------------------------------------------------------------------------------


def text(form: Callable[[str], object], reason: str) -> Rule:
    """Text for which ``form`` answers something true."""

    def rule(check: Check, value: Any, path: str) -> None:
        if not isinstance(value, str):
            check.wrong(path, "must be text")
        elif not form(value):
            check.wrong(path, reason)

    return rule


def word(*allowed: str) -> Rule:
    """One of these words, in this case."""
    return text(frozenset(allowed).__contains__, f"must be {' or '.join(allowed)}")


def boolean(check: Check, value: Any, path: str) -> None:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        check.wrong(path, "must be true or false")


def is_number(value: Any) -> bool:
    """Whether JSON would write it as a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(check: Check, value: Any, path: str) -> None:
    """A number, whole or not."""
    if not is_number(value):
        check.wrong(path, "must be a number")


def size(check: Check, value: Any, path: str) -> None:
    """A length in octets."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        check.wrong(path, "must be a whole number of octets")


def array(rule: Rule, at_least: int = 0) -> Rule:
    """An array whose items each follow ``rule``."""

    def check_array(check: Check, value: Any, path: str) -> None:
        if not isinstance(value, list):
            check.wrong(path, "must be an array")
            return
        if len(value) < at_least:
            check.wrong(path, "must not be empty")
        for index, item in enumerate(value):
            rule(check, item, f"{path}[{index}]")

    return check_array


def language_map(check: Check, value: Any, path: str) -> None:
    """Language tag to text (section 4.2)."""
    if not isinstance(value, dict):
        check.wrong(path, "must be a language map")
        return
    for tag, words in value.items():
        if not is_language_tag(tag):
            check.wrong(f"{path}.{tag}", "key is no language tag (RFC 5646)")
        if not isinstance(words, str):
            check.wrong(f"{path}.{tag}", "must be text")


def extensions(check: Check, value: Any, path: str) -> None:
    """IRI to anything, null included (section 4.1)."""
    if not isinstance(value, dict):
        check.wrong(path, "must be an object")
        return
    for key in value:
        if not is_iri(key):
            check.wrong(f"{path}.{key}", "key is no absolute IRI")


def timestamp(check: Check, value: Any, path: str) -> None:
    """A time with offset: without one it is ambiguous (section 4.5)."""
    if not isinstance(value, str):
        check.wrong(path, "must be text")
    elif not (is_rfc3339(value) if check.two else is_iso8601(value)):
        check.wrong(path, f"must be a time with offset ({'RFC 3339' if check.two else 'ISO 8601'})")


def version(check: Check, value: Any, path: str) -> None:
    """``1.0.…``; under 2.0 also ``2.0.…`` (section 2.4.10)."""
    form = r"[12]\.0\.\d+[-+.\w]*" if check.two else r"1\.0\.\d+[-+.\w]*"
    if not isinstance(value, str) or not re.fullmatch(form, value):
        check.wrong(path, "must be text that starts with 1.0." + (" or 2.0." if check.two else ""))


any_text = text(lambda _: True, "")
some_text = text(bool, "must not be empty")
iri = text(is_iri, "must be an absolute IRI")
uuid = text(is_uuid, "must be a UUID in canonical form")
duration = text(is_duration, "must be an ISO 8601 duration")
language = text(is_language_tag, "must be a language tag (RFC 5646)")


# --- actors (section 2.4.2) -------------------------------------------------------------------------


def _account(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, {"homePage": iri, "name": some_text}, ("homePage", "name"))


def _is_mailto(text: str) -> bool:
    return is_iri(text) and re.fullmatch(r"mailto:[^@/?#]+@[^@/?#]+", text) is not None


IDENTIFIERS: Rules = {
    "mbox": text(_is_mailto, "must be a mailto: IRI with one address"),
    "mbox_sha1sum": text(re.compile(r"[0-9a-fA-F]{40}").fullmatch, "must be 40 hexadecimal digits"),
    "openid": iri,
    "account": _account,
}


def agent(check: Check, value: Any, path: str) -> None:
    """Exactly one identifier."""
    if properties(check, value, path, AGENT) and sum(key in value for key in IDENTIFIERS) != 1:
        check.wrong(path, f"must have exactly one of {', '.join(IDENTIFIERS)}")


def group(check: Check, value: Any, path: str) -> None:
    """One identifier, or none and members."""
    if properties(check, value, path, GROUP, ("objectType",)):
        identifiers = sum(key in value for key in IDENTIFIERS)
        if identifiers > 1:
            check.wrong(path, f"must have at most one of {', '.join(IDENTIFIERS)}")
        elif not identifiers and not value.get("member"):
            check.wrong(path, "must have members, because it is anonymous")


def actor(check: Check, value: Any, path: str) -> None:
    """Agent or Group."""
    is_group = isinstance(value, dict) and value.get("objectType") == "Group"
    (group if is_group else agent)(check, value, path)


def authority(check: Check, value: Any, path: str) -> None:
    """An Agent, or an anonymous Group of two (section 2.4.9)."""
    actor(check, value, path)
    if isinstance(value, dict) and value.get("objectType") == "Group":
        members = value.get("member")
        if any(key in value for key in IDENTIFIERS) or not isinstance(members, list) or len(members) != 2:
            check.wrong(path, "must be an Agent or an anonymous Group of two")


AGENT: Rules = {"objectType": word("Agent"), "name": any_text, **IDENTIFIERS}
GROUP: Rules = {"objectType": word("Group"), "name": any_text, "member": array(agent), **IDENTIFIERS}
