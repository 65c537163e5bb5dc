"""Defines marshmallow fields for the operator's file: strict types, and messages with the form to write.

Plugins use them in the schemas of their own sections; `Section` is the base of such a schema.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, missing

from .secrets import Secret, estimate_bits, read_secret

BASE: ContextVar[Path] = ContextVar("base", default=Path())
"""Directory of the file that is being read: paths in it are relative to it."""

UNKNOWN = "unknown key"

NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})
"""Settings of a plugin without a section."""

UNKNOWN_LANGUAGE = "und"
"""Language tag of texts whose language nobody knows (RFC 5646, 4.1)."""

SHORTEST_KEY = 16
"""Characters of a secret from which pseudonyms are derived."""

_LANGUAGE_TAG = re.compile(r"(?:[A-Za-z]{2,8}|x)(?:-[A-Za-z0-9]{1,8})*")
_FEWEST_BITS = 40.0  # what is random has more: 16 hexadecimal digits about 64
_CURE = 'make one: python -c "import secrets; print(secrets.token_urlsafe(32))"'


def described(meaning: str, example: str, *, unit: str = "", default: str = "") -> dict[str, str]:
    """Makes the ``metadata`` of a key, for the reference of the file, ``learnrelay keys`` and editors.

    ``meaning``: a phrase. ``example``: a value as it is written in TOML. ``default``: in words, where the value itself
    does not say it.
    """
    return {"description": meaning, "example": example, "unit": unit, "default": default}


class Section(Schema):
    """Rejects unknown keys: the base of all schemas of the operator's file."""

    class Meta:
        """Sets marshmallow's options."""

        unknown = RAISE

    error_messages = {"unknown": UNKNOWN, "type": "expected a table"}  # noqa: RUF012  # marshmallow declares it so


class _Strict(fields.Field[Any]):
    form: str = "text"
    """What the reference of the file calls such values."""
    json_schema: Mapping[str, Any] = MappingProxyType({"type": "string"})
    """What editors check of them: JSON Schema, draft 7."""
    default_error_messages = {  # noqa: RUF012  # marshmallow declares it so
        "required": "is missing",
        "null": "must not be empty",
        "validator_failed": "is not valid",
    }


class Text(_Strict):
    """Accepts text that is not blank."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            raise ValidationError(f"expected text in quotes, found {in_words(value)}")
        return value


class Language(Text):
    """Accepts the tag of a language (RFC 5646, 2.1)."""

    form = "tag of a language"
    json_schema = MappingProxyType({"type": "string", "pattern": f"^(?:{_LANGUAGE_TAG.pattern})$"})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if _LANGUAGE_TAG.fullmatch(text) is None:
            raise ValidationError(f'expected the tag of a language such as "en" or "pt-BR", found {quoted([text])}')
        return text


class OneOf(Text):
    """Accepts one of a few words."""

    def __init__(self, choices: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = choices
        self.form = quoted(choices).replace(", ", " or ") if len(choices) < 3 else f"one of {quoted(choices)}"
        self.json_schema = {"enum": list(choices)}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text not in self.choices:
            raise ValidationError(f"expected one of {quoted(self.choices)}{did_you_mean(text, self.choices)}")
        return text


class WholeNumber(_Strict):
    """Accepts a whole number within bounds."""

    def __init__(self, least: int = 0, most: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.form = f"whole number, {least:,} or more" if most is None else f"whole number, {least:,} to {most:,}"
        self.json_schema = {"type": "integer", "minimum": least} | ({} if most is None else {"maximum": most})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError(f"expected a whole number, found {in_words(value)}")
        if value < self.least or (self.most is not None and value > self.most):
            bounds = f"at least {self.least:,}" + ("" if self.most is None else f" and at most {self.most:,}")
            raise ValidationError(f"expected {bounds}")
        return value


class Flag(_Strict):
    """Accepts true or false."""

    form = "true or false"
    json_schema = MappingProxyType({"type": "boolean"})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError(f"expected true or false, found {in_words(value)}")
        return value


class Duration(_Strict):
    """Reads a time span with its unit (``"250ms"``, ``"2s"``, ``"15m"``, ``"1h"``, ``"7d"``) as seconds."""

    form = "time span"
    json_schema = MappingProxyType({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$"})

    _form = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
    _units: ClassVar[dict[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        parts = self._form.fullmatch(value) if isinstance(value, str) else None
        if parts is None:
            kind = "another text" if isinstance(value, str) and value else in_words(value)
            raise ValidationError(f'expected a time span such as "2s", "15m" or "1h", found {kind}')
        return float(parts[1]) * self._units[parts[2]]


class Url(Text):
    """Accepts an absolute http(s) address without credentials."""

    form = "http(s) address"

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
    """Reads an address to listen at, ``"127.0.0.1:9464"`` or ``"[::1]:9464"``, as (host, port)."""

    form = "host and port"

    _form = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})")

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> tuple[str, int]:
        parts = self._form.fullmatch(value) if isinstance(value, str) else None
        if parts is None or int(parts[3]) > 65_535:
            raise ValidationError('expected an address and a port such as "127.0.0.1:9464"')
        return parts[1] or parts[2], int(parts[3])


class FilePath(Text):
    """Reads the path of a file, relative to the operator's file, as absolute path."""

    form = "path of a file"

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        path = BASE.get() / super()._deserialize(value, attr, data, **kwargs)
        if not path.is_file():
            raise ValidationError(f"there is no file {path}")
        return str(path)


class AuthoritiesFile(FilePath):
    """Reads the path of a file with the certificates (PEM) of authorities that are trusted."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        path = super()._deserialize(value, attr, data, **kwargs)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except OSError:  # SSLError is one
            raise ValidationError("holds no certificate (PEM) of an authority") from None
        return path


class SecretText(Text):
    """Reads a secret by reference: ``"env:NAME"`` or ``"file:PATH"`` (clear text works, with a warning)."""

    form = "secret, by reference"

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Secret:
        if not isinstance(value, str) or not value.strip():
            raise ValidationError('expected "env:NAME" or "file:PATH"')
        try:
            secret = read_secret(value, BASE.get())
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return secret


class KeyText(SecretText):
    """Reads by reference a secret from which pseudonyms are derived: whoever guesses it knows who every learner is."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Secret:
        secret = super()._deserialize(value, attr, data, **kwargs)
        if len(secret.reveal()) < SHORTEST_KEY:
            raise ValidationError(f"the secret in {secret.source} is shorter than {SHORTEST_KEY} characters; {_CURE}")
        if estimate_bits(secret.reveal()) < _FEWEST_BITS:
            raise ValidationError(f"the secret in {secret.source} can be guessed; {_CURE}")
        return secret


class TextList(_Strict):
    """Accepts a list of texts."""

    form = "list of texts"
    json_schema = MappingProxyType({"type": "array", "items": {"type": "string"}})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise ValidationError(f"expected a list of texts, found {_list_in_words(value)}")
        return tuple(value)


class FilePaths(TextList):
    """Reads paths of files, relative to the operator's file, as absolute `Path` objects."""

    form = "list of paths"

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> tuple[Path, ...]:
        paths = tuple((BASE.get() / name).absolute() for name in super()._deserialize(value, attr, data, **kwargs))
        if missing_files := [str(path) for path in paths if not path.is_file()]:
            raise ValidationError(f"there is no file {', '.join(missing_files)}")
        return paths


class Table(_Strict):
    """Reads a table with a schema of its own (``[delivery]``, ``auth = { … }``)."""

    form = "table"

    def __init__(self, section: type[Schema], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.section = section

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **kwargs: Any) -> Any:
        """Reads an absent table as an empty one, so that its defaults and its required keys count."""
        if value is missing and not self.required and self.load_default is missing:
            value = {}
        return super().deserialize(value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValidationError(f"expected a table, found {in_words(value)}")
        return self.section().load(value)


def secret_keys(section: type[Schema], prefix: str = "") -> Iterator[str]:
    """Yields the dotted keys of a section that hold secrets, also those of tables in it."""
    for key, field in section().fields.items():
        if isinstance(field, SecretText):
            yield prefix + key
        elif isinstance(field, Table):
            yield from secret_keys(field.section, f"{prefix}{key}.")


class Tables(_Strict):
    """Reads an array of tables with a schema of its own (``[[tests]]``). Problems name a table, or give its number."""

    form = "tables"

    def __init__(self, section: type[Schema], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.section = section

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise ValidationError(f"expected tables [[{attr}]], found {in_words(value)}")
        loaded, errors = [], {}
        for number, item in enumerate(value, 1):
            try:
                loaded.append(self.section().load(item))
            except ValidationError as error:
                errors[str(item.get("name", number))] = error.messages
        if errors:
            raise ValidationError(errors)
        return loaded


class TokenTables(_Strict):
    """Reads tables by the names of those who have a token (``[console.tokens.ada]``); no two may have the same.

    ``section`` loads a table as an object with ``secret``. ``entry`` stands for a name in the reference of the file.
    """

    form = "tables by name"
    json_schema = MappingProxyType({"type": "object"})

    def __init__(self, section: type[Schema], entry: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.section, self.entry = section, entry

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Mapping) or (self.required and not value):
            raise ValidationError(f"expected tables {attr}.{self.entry}, found {in_words(value)}")
        tokens: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, table in value.items():
            try:
                if not isinstance(table, Mapping):
                    raise ValidationError(f"expected a table, found {in_words(table)}")
                tokens[name] = self.section().load(table)
            except ValidationError as error:
                errors[name] = error.messages
        revealed = [token.secret.reveal() for token in tokens.values()]
        if len(set(revealed)) < len(revealed):
            errors["_schema"] = ["two of them have the same token"]
        if errors:
            raise ValidationError(errors)
        return tokens


def in_words(value: Any) -> str:
    """Describes the type of a TOML value; never the value, which might be a secret."""
    words = {
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return "empty text" if value == "" else words.get(type(value), type(value).__name__)


def _list_in_words(value: Any) -> str:
    """Describes a value that is no list of texts, by its type and that of its first wrong item."""
    if type(value) is not list:
        return in_words(value)
    wrong = next(item for item in value if not isinstance(item, str) or not item)
    return f"one with {in_words(wrong)} in it"


def is_loopback(host: str) -> bool:
    """Tells whether only this machine reaches an address to listen at."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def quoted(words: Sequence[str]) -> str:
    """Joins words in quotes with commas."""
    return ", ".join(f'"{word}"' for word in words)


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """Suggests the nearest choice, in whatever case the word is; empty when none is near."""
    in_lower_case = {choice.lower(): choice for choice in reversed(choices)}
    near = get_close_matches(word.lower(), in_lower_case, 1, cutoff=0.5)
    return f'; did you mean "{in_lower_case[near[0]]}"?' if near else ""


def did_you_mean_or_all(word: str, choices: Sequence[str]) -> str:
    """Suggests the nearest choice; where none is near, names all."""
    return did_you_mean(word, choices) or (f"; known are {', '.join(sorted({*choices}))}" if choices else "")
