"""Finds personal markers in texts: plain, changed, hashed, encoded, split or in part."""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import re
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from urllib.parse import unquote

from .samples import Marker

FRAGMENT = 8
"""Characters of a marker that together are no coincidence (hexadecimal digits alone: half as many more)."""

_TOKEN = re.compile(r"[A-Za-z0-9+/_=-]{8,}")
_HEX = re.compile(r"[0-9a-fA-F]{16,}")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_ALL_HEX = re.compile(r"[0-9a-f]*\Z")


def find_markers(markers: Sequence[Marker], texts: Iterable[str]) -> Iterator[tuple[Marker, str]]:
    """Yields (marker, form) for each marker that is in one of the texts, once each."""
    index = _index(markers)
    reported: set[int] = set()
    for text in texts:
        forms: dict[int, tuple[int, str]] = {}
        for number, rank, form in _find_hits(index, text):
            forms[number] = min(forms.get(number, (rank, form)), (rank, form))
        for number in sorted(forms.keys() - reported):
            reported.add(number)
            yield markers[number], forms[number][1]


_Index = dict[str, dict[str, list[tuple[int, int, str, str]]]]


def _index(markers: Sequence[Marker]) -> _Index:
    """Indexes needles by view and first characters, so that a text is read only once: (marker, rank, form, needle)."""
    index: _Index = {}
    for number, marker in enumerate(markers):
        for rank, (form, view, needle) in enumerate(_needles(marker.text)):
            index.setdefault(view, {}).setdefault(needle[:FRAGMENT], []).append((number, rank, form, needle))
    return index


def _find_hits(index: _Index, text: str) -> Iterator[tuple[int, int, str]]:
    for view, seen in _views(text).items():
        wanted = index.get(view, {})
        for start in range(len(seen) - FRAGMENT + 1):
            for number, rank, form, needle in wanted.get(seen[start : start + FRAGMENT], ()):
                if seen.startswith(needle, start):
                    yield number, rank, form


def _views(text: str) -> dict[str, str]:
    """Returns a text as it is and decoded in several ways."""
    lower = text.lower()
    return {
        "as it is": text,
        "lower": lower,
        "decoded": "\n".join(filter(None, (_decode_base64(token) for token in _TOKEN.findall(text)))).lower(),
        "unquoted": unquote(lower.replace("+", " ")).lower() if "%" in lower or "+" in lower else "",
        "together": _NOT_WORD.sub("", lower),
        "hex": "\n".join(_decode_hex(token) for token in _HEX.findall(text)).lower(),
    }


def _decode_base64(token: str) -> str:
    """Decodes base64 text at each of the four offsets where it may begin."""
    texts = []
    clean = token.replace("-", "+").replace("_", "/").rstrip("=")
    for start in range(4):
        part = clean[start:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        with suppress(binascii.Error, ValueError):
            raw = base64.b64decode(part + "=" * (-len(part) % 4))
            texts.append(raw.decode("ascii", "ignore"))
            if start == 0 and raw[:1] == b"x":
                with suppress(zlib.error):
                    texts.append(zlib.decompress(raw).decode("ascii", "ignore"))
    return "\n".join(texts)


def _decode_hex(token: str) -> str:
    return bytes.fromhex(token[: len(token) // 2 * 2]).decode("ascii", "ignore")


@lru_cache(8192)
def _needles(marker: str) -> tuple[tuple[str, str, str], ...]:
    """Lists (form, view to search, needle) for a marker, the plainest first."""
    lower = marker.lower()
    word = _NOT_WORD.sub("", lower)
    needles = [
        ("as it is", "as it is", marker),
        ("in other letters", "lower", lower),
        ("reversed", "lower", lower[::-1]),
        ("reversed", "together", word[::-1]),
        ("URL-encoded", "unquoted", lower),
        ("in base64", "decoded", lower),
        ("in hexadecimal", "hex", lower),
        ("split by other characters", "together", word),
    ]
    turned = codecs.encode(lower, "rot13")
    if turned != lower:
        needles.append(("with ROT13", "lower", turned))
    for value in dict.fromkeys((marker, lower, marker.upper(), f"mailto:{marker}")):
        raw = value.encode()
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "sha3_256"):
            digest = hashlib.new(name, raw, usedforsecurity=False)
            needles.append((f"as {name} digest", "together", digest.hexdigest()[:16]))
            needles.append((f"as {name} digest in base64", "as it is", base64.b64encode(digest.digest()).decode()[:16]))
        needles.append(("as blake2b digest", "together", hashlib.blake2b(raw, digest_size=16).hexdigest()))
        needles.append(("as CRC-32", "lower", f"{zlib.crc32(raw):08x}"))
        for space in (uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL, uuid.NAMESPACE_OID):
            needles.append(("as UUID of version 5", "together", uuid.uuid5(space, value).hex))
            needles.append(("as UUID of version 3", "together", uuid.uuid3(space, value).hex))
    for start in range(len(word) - FRAGMENT + 1):
        part = word[start : start + FRAGMENT]
        if not _ALL_HEX.match(part):
            needles.append(("in part", "together", part))
        elif start + FRAGMENT * 3 // 2 <= len(word):
            needles.append(("in part", "together", word[start : start + FRAGMENT * 3 // 2]))
    return tuple(needles)
