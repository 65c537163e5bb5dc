"""Marshmallow fields for the operator's file: strict types, and messages that say what to write instead.

Plugins use them in the schemas of their own sections; `Section` is the base of such a schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, missing

from ..secrets import Secret, read_secret

BASE: ContextVar[Path] = ContextVar("base", default=Path())
"""Directory of the file that is being read: paths in it are relative to it."""

UNKNOWN = "unknown key"


class Section(Schema):
    """Base of all schemas of the operator's file: unknown keys are errors."""

    class Meta:
        """marshmallow's options."""

        unknown = RAISE

    error_messages = {"unknown": UNKNOWN, "type": "expected a table"}  # noqa: RUF012  # marshmallow declares it so


class _Strict(fields.Field[Any]):
    default_error_messages = {  # noqa: RUF012  # marshmallow declares it so
        "required": "is missing",
        "null": "must not be empty",
        "validator_failed": "is not valid",
    }


class Text(_Strict):
    """Text that is not blank."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            raise ValidationError(f"expected text in quotes, found {in_words(value)}")
        return value


class OneOf(Text):
    """One of a few words."""

    def __init__(self, choices: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = choices

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text not in self.choices:
            raise ValidationError(f"expected one of {quoted(self.choices)}{did_you_mean(text, self.choices)}")
        return text


class WholeNumber(_Strict):
    """A whole number within bounds."""

    def __init__(self, least: int = 0, most: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError(f"expected a whole number, found {in_words(value)}")
        if value < self.least or (self.most is not None and value > self.most):
            bounds = f"at least {self.least:,}" + ("" if self.most is None else f" and at most {self.most:,}")
            raise ValidationError(f"expected {bounds}")
        return value


class Flag(_Strict):
    """true or false."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError(f"expected true or false, found {in_words(value)}")
        return value


class Duration(_Strict):
    """A time span as text with its unit (``"250ms"``, ``"2s"``, ``"15m"``, ``"1h"``, ``"7d"``) → seconds."""

    _form = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
    _units: ClassVar[dict[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        found = self._form.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(f'expected a time span such as "2s", "15m" or "1h", found {in_words(value)}')
        return float(found[1]) * self._units[found[2]]


class Url(Text):
    """An absolute http(s) address without credentials."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            parts = urlsplit(text)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
            sound = sound and (parts.port is None or parts.port > 0)
        except ValueError:
            sound = False
        if not sound:
            raise ValidationError('expected an address such as "https://lms.example.org"')
        if parts.username or parts.password:
            raise ValidationError("an address must not hold credentials; put them under auth")
        return text


class Address(Text):
    """Where to listen, ``"127.0.0.1:9464"`` or ``"[::1]:9464"`` → (host, port)."""

    _form = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})")

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> tuple[str, int]:
        found = self._form.fullmatch(value) if isinstance(value, str) else None
        if found is None or int(found[3]) > 65_535:
            raise ValidationError('expected an address and a port such as "127.0.0.1:9464"')
        return found[1] or found[2], int(found[3])


class FilePath(Text):
    """A file, relative to the operator's file → absolute path as text."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        path = BASE.get() / super()._deserialize(value, attr, data, **kwargs)
        if not path.is_file():
            raise ValidationError(f"there is no file {path}")
        return str(path)


class SecretText(Text):
    """A secret by reference: ``"env:NAME"`` or ``"file:PATH"`` (clear text works, and `learnrelay check` warns)."""

    def __init__(self, shortest: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shortest = shortest

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Secret:
        if not isinstance(value, str) or not value.strip():
            raise ValidationError('expected "env:NAME" or "file:PATH"')
        try:
            secret = read_secret(value, BASE.get())
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if len(secret.reveal()) < self.shortest:
            raise ValidationError(f"the secret in {secret.source} is shorter than {self.shortest} characters")
        return secret


class TextList(_Strict):
    """A list of texts."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise ValidationError(f"expected a list of texts, found {in_words(value)}")
        return tuple(value)


class Table(_Strict):
    """A table with a schema of its own (``[delivery]``, ``auth = { … }``)."""

    def __init__(self, section: type[Schema], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.section = section

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **kwargs: Any) -> Any:
        """An absent table is an empty one, so that its defaults and its required keys count."""
        if value is missing and not self.required and self.load_default is missing:
            value = {}
        return super().deserialize(value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValidationError(f"expected a table, found {in_words(value)}")
        return self.section().load(value)


def in_words(value: Any) -> str:
    """The type of a TOML value in words; never the value, which might be a secret."""
    words = {
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return "empty text" if value == "" else words.get(type(value), type(value).__name__)


def quoted(words: Sequence[str]) -> str:
    """Words in quotes, with commas."""
    return ", ".join(f'"{word}"' for word in words)


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """A hint at the nearest choice, or nothing."""
    near = get_close_matches(word, choices, 1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else ""
