"""Refuses requests for other hosts, and puts the headers on each answer that tell a browser what it may do with it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of each answer. There is no script, so none may run."""


class KnownHosts:
    """Knows by which origins (scheme, host and port) browsers reach the console.

    These are the address that it listens at, and ``addresses``, those of a proxy.
    """

    def __init__(self, listen: tuple[str, int], addresses: Iterable[str]) -> None:
        host, port = listen
        names = {f"[{host}]" if ":" in host else host, "localhost", "127.0.0.1", "[::1]"} - {"0.0.0.0", "[::]"}  # noqa: S104
        own = {f"{name}:{port}" for name in names} | (names if port == 80 else set())
        self._schemes = dict.fromkeys(own, "http")
        for address in addresses:
            parts = urlsplit(address)
            self._schemes[parts.netloc.lower()] = parts.scheme

    def scheme_of(self, host: str) -> str | None:
        """Returns how browsers reach this ``Host``, http or https; None for a host that is not ours."""
        return self._schemes.get(host.lower())

    def is_own_origin(self, host: str, origin: str | None, site: str | None) -> bool:
        """Tells whether a page of ours has sent a form, as far as the browser says: ``Origin``, ``Sec-Fetch-Site``."""
        if site is not None and site not in ("same-origin", "none"):
            return False
        return origin is None or origin.lower() == f"{self.scheme_of(host)}://{host.lower()}"


class RequestGuard:
    """Wraps an application: answers 421 for a host that is not ours (DNS rebinding), and adds `HEADERS`."""

    def __init__(self, application: ASGIApp, hosts: KnownHosts) -> None:
        self._application = application
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if self._hosts.scheme_of(Headers(scope=scope).get("host", "")) is None:
            refusal = PlainTextResponse("This host is not known here: [console] address names it.\n", 421)
            await refusal(scope, receive, send_with_headers)
        else:
            await self._application(scope, receive, send_with_headers)
