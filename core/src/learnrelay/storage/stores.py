"""Finds the file system of a URL: this machine's own, or that of any store that fsspec reaches."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import StorageError

_CONNECT_TIMEOUT = 10.0


def is_url(path: str) -> bool:
    """Tells whether a path is a URL, which fsspec opens."""
    return "://" in path


def filesystem(url: str, timeout: float | None = None) -> tuple[Any, str]:
    """Returns the fsspec file system of a URL, and the path in it. Raises StorageError.

    ``timeout``: seconds for an answer, where the store's library takes one in a form that we know: S3's does.
    """
    options = {}
    if timeout is not None and url.startswith("s3://"):
        options = {"config_kwargs": {"connect_timeout": min(timeout, _CONNECT_TIMEOUT), "read_timeout": timeout}}
    try:
        return import_module("fsspec.core").url_to_fs(url, **options)  # type: ignore[no-any-return]
    except ImportError:
        scheme = url.partition("://")[0]
        raise StorageError(f"{url}: pip install 'learnrelay[s3]', or fsspec with what it needs for {scheme}") from None
    except ValueError as error:
        raise StorageError(f"{url}: {error}") from None
    except OSError as error:
        raise StorageError(f"{url}: {error.strerror or type(error).__name__}") from None


def is_local(file_system: Any) -> bool:
    """Tells whether a file system is this machine's own."""
    return "file" in ((file_system.protocol,) if isinstance(file_system.protocol, str) else file_system.protocol)
