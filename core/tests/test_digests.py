"""No digest tells what it is made of: each place that makes one is listed here, with the reason why it may."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKERS = {
    "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s", "new",
    "shake_128", "shake_256", "file_digest", "digest_hmac", "uuid3", "uuid5", "content_uuid", "crc32", "adler32",
    "hash", "scrypt", "pbkdf2_hmac",
}  # fmt: skip
"""Functions of the standard library that digest, and ours that do with one of these."""
MODULES = {"hashlib", "hmac", "zlib", "uuid"}

KEYED = "keyed with the secret, or with a key of the run"
PSEUDONYMS = "of what the statement shows: pseudonyms, no ids of users (ADR 6)"
CHECKSUM = "beside what it is made of, which is pseudonymised or sealed"
SAMPLE = "of invented samples"
REASONS = {
    "core/src/learnrelay/config/secrets.py digest": KEYED,
    "core/src/learnrelay/config/secrets.py __hash__": "of the class Secret, the same for all",
    "core/src/learnrelay/events.py id": KEYED,
    "core/src/learnrelay/inputs.py digest": KEYED,
    "core/src/learnrelay/outbox/intake.py of": PSEUDONYMS,
    "core/src/learnrelay/outbox/dead_letters.py key": "of what the page shows beside it; stored nowhere",
    "core/src/learnrelay/outbox/spool.py _record_at": CHECKSUM,
    "core/src/learnrelay/outbox/spool.py append": CHECKSUM,
    "core/src/learnrelay/plugins/single_files.py _import": "of a plugin's code",
    "core/src/learnrelay/plugins/single_files.py load_file": "of a plugin's code",
    "core/src/learnrelay/privacy/flow_cache.py _digest": "of code and settings; of a secret its place",
    "core/src/learnrelay/privacy/flow_cache.py _list_parts": "of a plugin's code",
    "core/src/learnrelay/privacy/masking.py digest_value": KEYED,
    "core/src/learnrelay/privacy/samples.py marked_values": SAMPLE,
    "core/src/learnrelay/privacy/shipped_flows.py _digest_of_file": "of a plugin's code",
    "core/src/learnrelay/privacy/shipped_flows.py _digest_of_package": "of a plugin's code",
    "core/src/learnrelay/privacy/shipped_flows.py _seal": "of paths and forms, without a value",
    "core/src/learnrelay/privacy/shipped_flows.py digest_of": "of code and settings; of a secret its place",
    "core/src/learnrelay/privacy/tracing.py _mark": SAMPLE,
    "core/src/learnrelay/privacy/tracing.py learner": SAMPLE,
    "core/src/learnrelay/privacy/tracing.py title": SAMPLE,
    "core/src/learnrelay/replay/spec.py key": "of settings; of a secret its place",
    "core/src/learnrelay/replay/spec.py fingerprint": "of keyed digests among others",
    "core/src/learnrelay/replay/spec.py _digests_of_files": "a part of the fingerprint, which is never shown or stored",
    "core/src/learnrelay/replay/log_files.py _digest": KEYED,
    "core/src/learnrelay/replay/sending.py _send": "of ids of statements, which their consumer has",
    "core/src/learnrelay/uuids.py content_uuid": PSEUDONYMS,
    "plugins/caliper/src/learnrelay_caliper/event.py ": PSEUDONYMS,
    "plugins/caliper/src/learnrelay_caliper/event.py write_event": PSEUDONYMS,
    "plugins/openedx/src/learnrelay_openedx/erb/statement_comparison.py _write": "chooses a temporary file, by what "
    "stands in it",
    "plugins/openedx/src/learnrelay_openedx/tables/users.py find_retired": "as the platform has written it into its "
    "table, where it is looked up; never shown or stored",
    "plugins/serve/src/learnrelay_serve/console/sessions.py _digest": "of a random cookie, kept in memory alone",
    "plugins/xapi/src/learnrelay_xapi/statement.py ": PSEUDONYMS,
    "plugins/xapi/src/learnrelay_xapi/statement.py erb_id": PSEUDONYMS,
    "plugins/xapi/src/learnrelay_xapi/statement.py hashed": "the form mbox_sha1sum of xAPI, which the operator chooses "
    "and of which start-up, check and data map warn",
    "plugins/xapi/src/learnrelay_xapi/voiding.py ": "of the id of the statement that is voided, which stands beside it",
}
"""File and function → why its digests tell nothing."""


def digests(source: str) -> Iterator[str]:
    """Yields the name of the function around each call that makes a digest; empty outside of functions."""
    functions: list[str] = []

    def visit(node: ast.AST) -> Iterator[str]:
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if inside:
            functions.append(node.name)  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and makes_digest(node.func):
            yield functions[-1] if functions else ""
        for child in ast.iter_child_nodes(node):
            yield from visit(child)
        if inside:
            functions.pop()

    return visit(ast.parse(source))


def makes_digest(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in MAKERS
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        module = function.value.id
        return module in MODULES and function.attr != "compare_digest" and (function.attr in MAKERS or module == "hmac")
    return False


def places() -> dict[str, int]:
    files = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    assert len(files) > 100
    counted: dict[str, int] = {}
    for file in files:
        for function in digests(file.read_text(encoding="utf-8")):
            place = f"{file.relative_to(ROOT).as_posix()} {function}"
            counted[place] = counted.get(place, 0) + 1
    return counted


def test_each_digest_has_a_reason() -> None:
    listed = places()
    assert listed.keys() - REASONS.keys() == set(), "say here why its digest tells nothing of a person"
    assert REASONS.keys() - listed.keys() == set(), "no such digest any more"


@pytest.mark.parametrize(
    "source",
    [
        "from hashlib import sha256\ndef f(x):\n    return sha256(x)",
        "import hashlib\ndef f(x):\n    return hashlib.new('md5', x)",
        "import uuid\ndef f(x):\n    return uuid.uuid5(N, x)",
        "import hmac\ndef f(x):\n    return hmac.digest(b'k', x, 'md5')",
        "def f(x):\n    return hash(x)",
    ],
)
def test_the_search_finds(source: str) -> None:
    assert list(digests(source)) == ["f"]
