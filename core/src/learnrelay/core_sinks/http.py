"""Implements the sink ``http``: one POST for each batch, as the destination's standard encodes and judges it.

The client is imported by what sends: reading the operator's file needs the schema alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..config.fields import is_loopback
from ..config.secrets import Secret, find_secrets
from ..errors import AuthError
from ..http_section import HttpSection
from ..sinks import Batch, ProbeResult, Repeats, Sink, SinkAnswer
from ..standards import Answer, Judgement, Standard, Verdict, judge_status

_TEXT_LIMIT = 4096  # bytes of an answer that are kept as the consumer's text
_PATIENCE_WANTED = (408, 425, 429)
_TAKES_NO_GET = (405, 501)  # statuses of a consumer that takes POSTs alone
_REDIRECT = "a redirect, which is not followed: give the address that it leads to"
_PROBE_FAULTS = {
    401: "the credentials are refused",
    403: "the credentials are refused",
    404: "there is nothing here",
    429: "HTTP 429: it asks for patience",
    **{status: f"HTTP {status}, {_REDIRECT}" for status in (301, 302, 303, 307, 308)},
}
"""Status of the answer to a probe → what is wrong."""


class HttpSink(Sink):
    """Posts batches to a consumer that speaks the standard's protocol, and knows statements by their ids."""

    name = "http"
    settings_schema = HttpSection
    repeats = Repeats.BY_STATEMENT

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> str:
        """Returns the address."""
        return str(settings["url"])

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Warns where TLS does not protect what is sent."""
        if settings["verify"] is False:
            yield "verify_tls", "certificates are not checked"
        address = urlsplit(settings["url"])
        if address.scheme == "http" and not is_loopback(address.hostname or "") and any(find_secrets(settings)):
            yield "url", "credentials travel without TLS"

    @classmethod
    def problems(cls, settings: Mapping[str, Any], standard: Standard) -> Iterator[tuple[str, str]]:
        """Refuses headers that the standard's protocol sets."""
        of_standard = {name.lower() for name in standard.probe()}
        for name in settings["headers"]:
            if name.lower() in of_standard:
                yield f"headers.{name}", f"is set by the protocol of {standard.name}"

    def open(self) -> None:
        """Makes the client. It connects with the first request."""
        from .http_client import Client

        settings = self.settings
        headers = {
            name: value.reveal() if isinstance(value, Secret) else value for name, value in settings["headers"].items()
        }
        self._client = Client(
            settings["url"],
            self.destination.timeout,
            settings["auth"].make_scheme(),
            headers,
            settings["verify"],
            settings["client_cert"],
        )

    def send(self, batch: Batch) -> SinkAnswer:
        """Sends one request. Never raises for what a consumer or a standard's protocol does."""
        from .http_client import ANSWER_LIMIT, NoAnswerError, parse_retry_after

        standard = self.standard
        try:
            request = standard.encode([statement.content for statement in batch.statements], batch.now)
        except Exception as error:
            return SinkAnswer(Verdict.REFUSED, f"{standard.name} cannot encode it ({type(error).__name__})")
        try:
            answer = self._client.post(request)
        except NoAnswerError as error:
            return SinkAnswer(Verdict.RETRY, error.reason, reached=error.sent, answered=False)
        except AuthError as error:
            verdict = Verdict.HALTED if error.is_refusal else Verdict.RETRY
            return SinkAnswer(verdict, error.reason, "", error.retry_after, reached=False, answered=False)
        reason = f"HTTP {answer.status}"
        try:
            judgement = standard.judge(answer)
        except Exception as error:
            judgement = Judgement(judge_status(answer.status))
            reason += f", which {standard.name} does not understand ({type(error).__name__})"
        verdict = judgement.verdict
        if verdict is Verdict.STORED and len(answer.body) >= ANSWER_LIMIT:
            verdict = Verdict.HALTED  # the answer was not read to its end
        if verdict is Verdict.HALTED and 200 <= answer.status < 300:
            reason += f", but not as a consumer of {standard.name} answers"
        stored = None
        if verdict is Verdict.STORED and judgement.stored is not None:
            named = set(judgement.stored)
            if len(named) < len(batch.statements):
                stored = {statement.id for statement in batch.statements if statement.id.lower() in named}
        return SinkAnswer(
            verdict,
            reason,
            self._client.mask_credentials(
                judgement.reason or answer.body[:_TEXT_LIMIT].decode(errors="replace").strip()
            ),
            parse_retry_after(answer.headers.get("Retry-After"), batch.now.timestamp()),
            reached=answer.status not in _PATIENCE_WANTED,
            status=answer.status,
            stored=stored,
        )

    def probe(self) -> ProbeResult:
        """Sends a GET. Refused credentials and an unknown address are no answer."""
        from .http_client import NoAnswerError

        try:
            answer = self._client.get(self.standard.probe())
        except (NoAnswerError, AuthError) as error:
            return ProbeResult(False, error.reason)
        status = f"HTTP {answer.status}"
        if answer.status not in _TAKES_NO_GET and is_page(answer):  # servers explain these with a page
            return ProbeResult(False, f"{status}, a page for people: no answer of a consumer of {self.standard.name}")
        if 200 <= answer.status < 300 or answer.status in _TAKES_NO_GET:
            return ProbeResult(True, status)
        fault = _PROBE_FAULTS.get(answer.status, f"{status}: something answers, but not as a consumer does")
        return ProbeResult(False, fault)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def is_page(answer: Answer) -> bool:
    """Tells whether an answer is HTML, such as the page of a proxy to log in, by its type or its content."""
    content_type = str(answer.headers.get("Content-Type", ""))
    return "html" in content_type.lower() or answer.body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"
