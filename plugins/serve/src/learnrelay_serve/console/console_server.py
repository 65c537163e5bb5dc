"""Answers the requests of the console: who may see and do what, forms, errors."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from learnrelay.config.models import ConsoleConfig
from learnrelay.errors import LearnrelayError
from learnrelay.pipeline.error_places import list_frames

from ..application import RateLimiter
from .dead_letter_pages import confirm_drop, drop_letters, retry_letters, show_group, show_groups, show_statement
from .destination_pages import resume_destination, show_destinations
from .forms import LONGEST_LOGIN, FormError, read_form
from .pages import Handler, Page, PageError, ShownRelay, Visit
from .pipeline_pages import (
    explain_pasted_event,
    show_data_map,
    show_event_flows,
    show_event_form,
    show_mappings,
    show_plugins,
)
from .rendering import FOLDER, make_environment
from .request_guard import KnownHosts, RequestGuard
from .sessions import COOKIE, Session, Sessions

log = logging.getLogger("learnrelay.console")

_LOGINS_PER_SECOND = 5
_STATIC = {"console.css": "text/css", "icon.svg": "image/svg+xml"}

_PAGES: Mapping[str, Handler] = {
    "/": show_destinations,
    "/letters": show_groups,
    "/letters/group/{group}": show_group,
    "/letters/statement": show_statement,
    "/explain": show_event_form,
    "/plugins": show_plugins,
    "/mappings": show_mappings,
    "/data-map": show_data_map,
    "/data-map/event": show_event_flows,
}
_QUESTIONS: Mapping[str, Handler] = {"/explain": explain_pasted_event}
"""Forms that change nothing: whoever may look may send them."""
_ACTIONS: Mapping[str, Handler] = {
    "/destinations/resume": resume_destination,
    "/letters/retry": retry_letters,
    "/letters/drop": drop_letters,
}


class ConsoleServer:
    """Answers the requests of one console. ``application`` is what a server runs."""

    def __init__(self, relay: ShownRelay, config: ConsoleConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._relay = relay
        self._sessions = Sessions(config.tokens, config.session, clock)
        self._hosts = KnownHosts(config.listen, [config.address] if config.address else [])
        self._environment = make_environment()
        self._limiter = RateLimiter(_LOGINS_PER_SECOND)
        routes = [
            Route("/login", self._show_login, methods=["GET"]),
            Route("/login", self._log_in, methods=["POST"]),
            Route("/logout", self._log_out, methods=["POST"]),
            Route("/static/{name}", self._send_file, methods=["GET"]),
            *(Route(path, self._answer(handler), methods=["GET"]) for path, handler in _PAGES.items()),
            *(Route(path, self._answer(handler), methods=["POST"]) for path, handler in _QUESTIONS.items()),
            Route("/letters/drop", self._answer(confirm_drop, acts=True), methods=["GET"]),
            *(Route(path, self._answer(handler, acts=True), methods=["POST"]) for path, handler in _ACTIONS.items()),
        ]
        application = Starlette(routes=routes, exception_handlers={HTTPException: self._describe_http_error})
        self.application: ASGIApp = RequestGuard(application, self._hosts)

    # --- sessions ---------------------------------------------------------------------------------------

    async def _show_login(self, _request: Request) -> Response:
        return self._render("login.html", {"problem": ""})

    async def _log_in(self, request: Request) -> Response:
        host = request.headers.get("Host", "")
        try:
            self._check_origin(request)
            form = await read_form(request, LONGEST_LOGIN)
        except FormError as error:
            return self._render("login.html", {"problem": error.reason}, error.status)
        if seconds := self._limiter.take(1):
            response = self._render("login.html", {"problem": "Too many attempts: try again in a second."}, 429)
            response.headers["Retry-After"] = str(max(1, round(seconds)))
            return response
        entered = self._sessions.log_in(form.get("token", ""))
        if entered is None:
            log.warning("a login with a wrong token was refused")
            return self._render("login.html", {"problem": "This token is not known here."}, 401)
        cookie, session = entered
        log.info("%s logged in", session.name)
        response = RedirectResponse("/", 303)
        is_secure = self._hosts.scheme_of(host) == "https"
        response.set_cookie(COOKIE, cookie, path="/", secure=is_secure, httponly=True, samesite="strict")
        return response

    async def _log_out(self, request: Request) -> Response:
        session = self._find_session(request)
        if session is not None:
            try:
                self._check_form(request, session, await read_form(request))
            except FormError as error:
                return self._refuse(error.status, error.reason, session)
            self._sessions.end(request.cookies[COOKIE])
            log.info("%s logged out", session.name)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    def _find_session(self, request: Request) -> Session | None:
        return self._sessions.find(request.cookies.get(COOKIE, ""))

    def _check_form(self, request: Request, session: Session, form: Mapping[str, str]) -> None:
        """Checks that a page of ours in this session has sent a form. Raises FormError."""
        self._check_origin(request)
        if not hmac.compare_digest(form.get("csrf", "").encode(), session.csrf.encode()):
            raise FormError(403, "The form is not of this session: load the page again.")

    def _check_origin(self, request: Request) -> None:
        headers = request.headers
        if not self._hosts.is_own_origin(headers["Host"], headers.get("Origin"), headers.get("Sec-Fetch-Site")):
            raise FormError(403, "The form was sent by another site.")

    # --- pages ------------------------------------------------------------------------------------------

    def _answer(self, handler: Handler, *, acts: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """Makes the endpoint of a handler. ``acts``: only for whom has the role act."""

        async def endpoint(request: Request) -> Response:
            session = self._find_session(request)
            if session is None:
                return RedirectResponse("/login", 303)
            try:
                form = {}
                if request.method == "POST":
                    form = await read_form(request)
                    self._check_form(request, session, form)
                if acts and not session.may_act:
                    raise PageError(403, "Your role is look: this needs the role act.")
                visit = Visit(session, request.path_params, dict(request.query_params), form)
                return await run_in_threadpool(self._run, handler, visit)
            except (FormError, PageError) as error:
                return self._refuse(error.status, error.reason, session)
            except LearnrelayError as error:
                return self._refuse(503, str(error), session)
            except Exception as error:  # its text may hold values of an event
                log.error("%s failed: %s\n%s", request.url.path, type(error).__name__, "\n".join(list_frames(error)))
                return self._refuse(500, f"The console failed ({type(error).__name__}); its log says where.", session)

        return endpoint

    def _run(self, handler: Handler, visit: Visit) -> Response:
        answer = handler(self._relay, visit)
        if isinstance(answer, Page):
            return self._render(answer.template, answer.values, session=visit.session)
        return RedirectResponse(answer.address, 303)

    def _render(
        self, template: str, values: Mapping[str, Any], status: int = 200, session: Session | None = None
    ) -> Response:
        messages = session.take_messages() if session else []
        text = self._environment.get_template(template).render(**values, session=session, messages=messages)
        return HTMLResponse(text, status)

    def _refuse(self, status: int, reason: str, session: Session | None) -> Response:
        return self._render("error.html", {"status": status, "reason": reason}, status, session)

    async def _describe_http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        reason = {404: "There is no such page.", 405: "This page does not take that."}
        return self._refuse(error.status_code, reason.get(error.status_code, error.detail), self._find_session(request))

    async def _send_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _STATIC:
            raise HTTPException(404)
        headers = {"Cache-Control": "no-cache"}
        return FileResponse(FOLDER / "static" / name, media_type=_STATIC[name], headers=headers)
