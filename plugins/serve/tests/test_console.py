"""The console by HTTP alone: who may do what, what browsers are told, what a page shows, and what it changes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path

import pytest
from console_site import CONFIG, HOSTILE, SECRETS, ConsoleSite, free_port, live_a_day, refuse, running_site, store

from learnrelay import ConfigurationError, Relay
from learnrelay.assembly.assemble import assemble
from learnrelay.outbox import DeadLetterFilter
from learnrelay.outbox.queue import DeadLettered
from learnrelay_serve.console.sessions import IDLE_LIMIT


@pytest.fixture(autouse=True, scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ConsoleSite]:
    """Returns a console over 3 dead letters and 2 conflicts of main, 2 dead letters of partner, and 4 that wait."""
    with running_site(tmp_path) as made:
        refuse(made.outbox, "main", 3, "HTTP 400: the field NUMBER is wrong")
        refuse(made.outbox, "main", 2, "HTTP 409: known", "pause_video", conflict=True)
        refuse(made.outbox, "partner", 2, HOSTILE)
        store(made.outbox, "main", 4)
        yield made


PAGE = Path(__file__).parents[3] / "docs" / "console.md"
PAGES = ["/", "/letters", "/explain", "/plugins", "/mappings", "/data-map", "/data-map/event?event=play_video"]


# --- who may do what ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/letters/drop", "/letters/group/x"])
def test_nothing_is_shown_without_a_token(path: str, site: ConsoleSite) -> None:
    answered = site.visitor().get(path)
    assert (answered.status, answered.headers["Location"]) == (303, "/login")
    assert "main" not in answered.text


@pytest.mark.parametrize("path", ["/letters/retry", "/letters/drop", "/destinations/resume", "/explain", "/logout"])
def test_nothing_is_done_without_a_token(path: str, site: ConsoleSite) -> None:
    answered = site.visitor().post(path, destination="main")
    assert (answered.status, answered.headers["Location"]) == (303, "/login")
    assert site.outbox.dead_letters.count() == 7


@pytest.mark.parametrize("token", ["", "x", SECRETS["ACT_TOKEN"] + "x", SECRETS["SECRET"], "é"])
def test_a_wrong_token_is_refused(token: str, site: ConsoleSite) -> None:
    visitor = site.visitor()
    answered = visitor.post("/login", token=token)
    assert answered.status == 401 and "not known" in answered.text and not visitor.cookie
    assert answered.text.count(token) == 0 or len(token) < 2


def test_logins_are_limited(site: ConsoleSite) -> None:
    visitor = site.visitor()
    assert 429 in [visitor.post("/login", token="x").status for _ in range(12)]


def test_the_cookie_is_for_this_site_alone(site: ConsoleSite) -> None:
    answered = site.visitor().post("/login", token=SECRETS["LOOK_TOKEN"])
    attributes = {part.strip().lower() for part in answered.headers["Set-Cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert "secure" not in attributes, "a browser would not send it over plain HTTP"


def test_behind_a_proxy_with_tls_the_cookie_is_secure(tmp_path: Path) -> None:
    with running_site(tmp_path, 'address = "https://relay.example.org"') as site:
        visitor = site.visitor()
        body = f"token={SECRETS['LOOK_TOKEN']}".encode()
        form = {"Content_Type": "application/x-www-form-urlencoded", "Host": "relay.example.org"}
        answered = visitor.request("POST", "/login", body, **form, Origin="https://relay.example.org")
        assert answered.status == 303 and "secure" in answered.headers["Set-Cookie"].lower()
        assert visitor.request("POST", "/login", body, **form, Origin="http://relay.example.org").status == 403


def test_who_may_look_sees_no_actions_and_may_do_none(site: ConsoleSite) -> None:
    visitor = site.visitor("LOOK_TOKEN")
    pages = [visitor.get(path) for path in PAGES]
    assert [page.status for page in pages] == [200] * len(PAGES)
    assert not [page for page in pages if re.search('action="/(letters|destinations)/', page.text)]
    csrf = pages[0].csrf
    for path in ("/letters/retry", "/letters/drop", "/destinations/resume"):
        answered = visitor.post(path, csrf=csrf, destination="main")
        assert answered.status == 403 and "role act" in answered.text
    assert visitor.get("/letters/drop?destination=main").status == 403
    assert site.outbox.dead_letters.count() == 7


def test_sessions_end(site: ConsoleSite) -> None:
    visitor = site.visitor("LOOK_TOKEN")
    site.elapsed.now += IDLE_LIMIT - 1
    assert visitor.get("/").status == 200
    site.elapsed.now += IDLE_LIMIT - 1
    assert visitor.get("/").status == 200, "a request keeps it alive"
    site.elapsed.now += IDLE_LIMIT + 1
    assert visitor.get("/").status == 303
    busy = site.visitor("LOOK_TOKEN")
    for _ in range(9):
        site.elapsed.now += IDLE_LIMIT - 400
        last = busy.get("/").status
    assert last == 303, "after eight hours in any case"


def test_who_logs_out_is_out(site: ConsoleSite) -> None:
    visitor = site.visitor("ACT_TOKEN")
    cookie = visitor.cookie
    assert visitor.post("/logout", csrf="wrong").status == 403
    answered = visitor.post("/logout", csrf=visitor.get("/").csrf)
    assert answered.headers["Location"] == "/login"
    visitor.cookie = cookie
    assert visitor.get("/").status == 303


# --- other sites -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1.evil.example.org", "127.0.0.1:1", "localhost", ""])
def test_another_host_is_refused(host: str, site: ConsoleSite) -> None:
    """A name of an attacker's that leads to this address: DNS rebinding."""
    visitor = site.visitor("ACT_TOKEN")
    answered = visitor.get("/", Host=host)
    assert answered.status == 421 and "main" not in answered.text
    assert visitor.get("/", Host=f"localhost:{site.port}").status == 200


@pytest.mark.parametrize("path", ["/letters/retry", "/letters/drop", "/destinations/resume", "/explain"])
def test_a_form_needs_the_token_of_its_session(path: str, site: ConsoleSite) -> None:
    visitor, other = site.visitor("ACT_TOKEN"), site.visitor("ACT_TOKEN")
    for csrf in ("", "x", other.get("/").csrf):
        answered = visitor.post(path, csrf=csrf, destination="main", event="{}")
        assert answered.status == 403 and "not of this session" in answered.text
    assert site.outbox.dead_letters.count() == 7


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example.org"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"},
     {"Sec_Fetch_Site": "same-site"}],
)  # fmt: skip
def test_a_form_of_another_site_is_refused(headers: dict[str, str], site: ConsoleSite) -> None:
    visitor = site.visitor("ACT_TOKEN")
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    body = f"csrf={visitor.get('/').csrf}&destination=main".encode()
    assert visitor.request("POST", "/letters/retry", body, **kind, **headers).status == 403
    login = f"token={SECRETS['ACT_TOKEN']}".encode()
    assert visitor.request("POST", "/login", login, **kind, **headers).status == 403
    assert site.outbox.dead_letters.count() == 7


@pytest.mark.parametrize("path", [*PAGES, "/login", "/nothing", "/static/console.css", "/letters/group/x"])
def test_browsers_are_told_what_a_page_may_do(path: str, site: ConsoleSite) -> None:
    answered = site.visitor("ACT_TOKEN").get(path)
    policy = answered.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
    assert "unsafe" not in policy and "script-src" not in policy
    assert answered.headers["X-Frame-Options"] == "DENY"
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["Cache-Control"] in ("no-store", "no-cache")
    assert not re.search(r"<script|<style|<[^>]*\s(style|on[a-z]+)=|<[^>]*(javascript|https?):", answered.text)


def test_what_is_no_form_is_refused(site: ConsoleSite) -> None:
    visitor = site.visitor("ACT_TOKEN")
    assert visitor.request("POST", "/explain", b"{}", Content_Type="application/json").status == 415
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    assert visitor.request("POST", "/explain", b"a=" + b"x" * 2**23, **kind).status == 413
    assert visitor.request("POST", "/explain", b"&".join(b"a=1" for _ in range(99)), **kind).status == 400
    assert site.visitor().request("POST", "/login", b"token=" + b"x" * 5000, **kind).status == 413
    assert visitor.request("PUT", "/explain", b"", **kind).status == 405
    assert visitor.get("/static/../console_server.py").status == 404


# --- what is shown --------------------------------------------------------------------------------------


def test_a_consumers_words_are_text(site: ConsoleSite) -> None:
    text = site.visitor("ACT_TOKEN").get("/letters?destination=partner").text
    assert "<script>alert" not in text and "<img src" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "{{ 7 * 7 }}" in text and "é" in text
    assert not set(text) & {"\x1b", "\u202e"}
    assert "\\x1b[2J\\u202egnp.exe&#34;&#39;" in text


def test_a_refused_statement_is_shown_without_its_values(site: ConsoleSite) -> None:
    event = {
        "name": "play_video", "timestamp": "2026-03-02T09:00:00+00:00", "data": {"id": "hush-video", "code": "mobile"},
        "context": {"user_id": 4711, "username": "ada-hush", "course_id": "course-v1:Harbour+SAIL+2026"},
    }  # fmt: skip
    with Relay.from_file(site.config, engine="none") as relay:
        (statement,) = [made for outcome in relay.emit(event) for made in outcome.statements]
    assert b"hush" in statement.content
    queue = site.outbox.queue("main")
    claim = queue.claim(100)
    queue.settle(claim, [DeadLettered(row, f"HTTP 400: {HOSTILE}", False) for row in claim.rows])
    visitor = site.visitor("LOOK_TOKEN")
    address = f"/letters/statement?destination=main&statement_id={statement.id}"
    (group,) = [g for g in site.outbox.dead_letters.list_groups() if (g.destination, g.cause) == ("main", "HTTP 400")]
    assert escape(address) in visitor.get(f"/letters/group/{group.key}").text
    page = visitor.get(address)
    text = unescape(page.text)
    assert '"id": "https://w3id.org/xapi/video/verbs/played"' in text, "a constant of the mapping"
    assert '"timestamp": "…"' in text
    assert "hush" not in text and "4711" not in text and "Harbour" not in text
    assert "<script>" not in page.text and "\x1b" not in page.text
    assert f"/letters/group/{group.key}" in page.text
    assert "<button" not in page.text.partition("<main")[2], "who may look has no actions"
    for gone in ("", f"?statement_id={statement.id}x", f"?destination=partner&statement_id={statement.id}"):
        assert visitor.get(f"/letters/statement{gone}").status == 404


def test_a_statement_of_an_event_that_nothing_maps_any_more_is_all_hidden(site: ConsoleSite) -> None:
    refuse(site.outbox, "partner", 1, "HTTP 400", "campus.gone")
    (letter,) = site.outbox.dead_letters.list(DeadLetterFilter(event_name="campus.gone"))
    text = unescape(site.visitor("LOOK_TOKEN").get(f"/letters/statement?statement_id={letter.statement_id}").text)
    assert '"id": "…"' in text


def test_destinations_at_a_glance(site: ConsoleSite) -> None:
    from learnrelay.outbox.queue import Acknowledged

    queue = site.outbox.queue("main")
    site.rates.add(0.0, site.outbox.count_delivered())
    claim = queue.claim(2)
    queue.settle(claim, [Acknowledged(claim.rows)])
    site.rates.add(4.0, site.outbox.count_delivered())
    queue.trip("halted: credentials", "HTTP 401: <b>wrong</b>", lambda _: 3600.0, probe=False)
    text = " ".join(re.sub("<[^>]+>", " ", site.visitor("LOOK_TOKEN").get("/").text).split())
    of_main = unescape(text[text.index(" main ") : text.index(" partner ")])
    for words in ("halted", "HTTP 401: <b>wrong</b>", "https://lrs.example.org/xapi", "waiting 2 ", "rate 0.5/s",
                  "dead letters 3", "conflicts 2", "delivered 2", "next try in"):  # fmt: skip
        assert words in of_main, (words, of_main)


def test_the_last_day_is_drawn(site: ConsoleSite) -> None:
    visitor = site.visitor("LOOK_TOKEN")
    assert "<svg" not in visitor.get("/").text
    live_a_day(site.outbox, "main")
    text = visitor.get("/").text
    assert text.count("<svg") == 4 and text.count("<polyline") == 8, "an hour without samples is a gap"
    assert 'aria-label="waiting of main in the last day: at most 8,000"' in text
    assert 'aria-label="rate of main in the last day: at most 10/s"' in text
    assert 'aria-label="p50 of main in the last day: at most 5.31 s"' in text
    assert 'aria-label="p99 of main in the last day: at most 5.31 s"' in text
    points = [
        tuple(map(float, point.split(","))) for line in re.findall(r'points="([^"]+)"', text) for point in line.split()
    ]
    assert {min(x for x, _ in points), max(x for x, _ in points)} == {-1.0, 287.0}
    assert {min(y for _, y in points), max(y for _, y in points)} <= {0.0, 40.0} or max(y for _, y in points) <= 40.0


def test_values_of_a_pasted_event_are_hidden(site: ConsoleSite) -> None:
    event = (
        '{"event_type": "play_video", "event_source": "browser", "username": "ada-hush", "time":'
        ' "2026-03-02T09:00:00+00:00", "event": "{\\"id\\": \\"hush-video\\", \\"code\\": \\"mobile\\"}", "context":'
        ' {"user_id": 4711, "course_id": "course-v1:Harbour+SAIL+2026", "org_id": "Harbour"}}'
    )
    visitor = site.visitor("LOOK_TOKEN")
    text = visitor.post("/explain", csrf=visitor.get("/explain").csrf, event=event).text
    assert "transformed" in text and "partner" in text and "play_video" in text
    assert "hush" not in text and "4711" not in text
    for broken, words in (("", "unreadable"), ("no event", "unreadable"), (f"{event}\n{event}", "one event")):
        assert words in visitor.post("/explain", csrf=visitor.get("/explain").csrf, event=broken).text
    assert site.outbox.status()["main"].waiting == 4, "nothing is stored"


def test_plugins_mappings_and_the_data_map(site: ConsoleSite) -> None:
    visitor = site.visitor("LOOK_TOKEN")
    assert "xapi.video" in visitor.get("/plugins").text
    text = visitor.get("/mappings?text=PLAY_video").text
    assert "play_video" in text and "stop_video" not in text
    assert "partner.example.org" in visitor.get("/data-map").text
    path = "/data-map/event?event=play_video&destination=partner"
    while "loads itself again" in (text := visitor.get(path).text):
        pass
    assert "context.course_id" in text and "pseudonym" in text and "partner (match context.org_id" in text
    direct = visitor.get(f"{path}&grade=direct").text
    assert "data.currentTime" not in direct
    assert visitor.get("/data-map/event?event=x").status == 404


@pytest.mark.parametrize("path", ["/letters", "/letters/group/{group}"])
def test_ten_thousand_dead_letters_are_shown_page_by_page(path: str, site: ConsoleSite) -> None:
    for at in range(10):
        refuse(site.outbox, "main", 1000, "HTTP 422: NUMBER", f"event-{at}")
    for at in range(60):
        refuse(site.outbox, "main", 1, f"HTTP 4{at:02}: x", "rare")
    visitor = site.visitor("ACT_TOKEN")
    (group,) = [group for group in site.outbox.dead_letters.list_groups() if group.event_name == "event-3"]
    address = path.format(group=group.key)
    first, last = visitor.get(f"{address}?page=1"), visitor.get(f"{address}?page=999999")
    assert len(first.text) < 150_000 and "Next" in first.text and "Previous" not in first.text
    assert "Next" not in last.text and "Previous" in last.text
    assert "Page 1 of 20" in first.text or "Page 1 of 2" in first.text
    for odd in ("x", "-1", "0", "9" * 50, "²"):
        assert "Page 1 of" in visitor.get(f"{address}?page={odd}".replace("²", "%C2%B2")).text


# --- what is changed ------------------------------------------------------------------------------------


def groups(site: ConsoleSite) -> dict[str, int]:
    return {f"{g.destination} {g.cause} {g.event_name}": g.number for g in site.outbox.dead_letters.list_groups()}


def test_a_group_is_retried(site: ConsoleSite) -> None:
    visitor = site.visitor("ACT_TOKEN")
    (group,) = [g for g in site.outbox.dead_letters.list_groups() if g.event_name == "pause_video"]
    form = visitor.get(f"/letters/group/{group.key}").fields("/letters/retry")
    refuse(site.outbox, "partner", 1, "HTTP 500")  # another one comes
    assert visitor.post("/letters/retry", form).headers["Location"] == "/letters"
    assert "2 conflicts are put back" in visitor.get("/letters").text
    assert "put back" not in visitor.get("/letters").text, "told once"
    assert groups(site) == {
        "main HTTP 400 play_video": 3,
        "partner HTTP 400 play_video": 2,
        "partner HTTP 500 play_video": 1,
    }
    assert site.outbox.status()["main"].waiting == 6
    assert visitor.get(f"/letters/group/{group.key}").status == 404
    assert visitor.post("/letters/retry", form).status == 404


def test_what_came_after_the_page_is_left_alone(site: ConsoleSite) -> None:
    visitor = site.visitor("ACT_TOKEN")
    form = visitor.get("/letters?destination=main&kind=dead").fields("/letters/retry")
    time.sleep(0.01)
    refuse(site.outbox, "main", 5, "HTTP 400: the field is wrong")
    visitor.post("/letters/retry", form)
    assert groups(site)["main HTTP 400 play_video"] == 5
    visitor.post("/letters/retry", {**form, "until": "soon"})
    assert groups(site)["main HTTP 400 play_video"] == 5


def test_a_drop_is_asked_for_and_then_done(site: ConsoleSite) -> None:
    visitor = site.visitor("ACT_TOKEN")
    page = visitor.get("/letters?destination=main&kind=dead").text
    (address,) = set(re.findall(r'href="(/letters/drop\?group=[0-9a-f]+)"', page))
    asked = visitor.get(address)
    assert "Delete 3 statements for good?" in asked.text and site.outbox.dead_letters.count() == 7
    visitor.post("/letters/drop", asked.fields("/letters/drop"))
    assert "3 dead letters are deleted" in visitor.get("/letters").text
    assert groups(site) == {"main HTTP 409 pause_video": 2, "partner HTTP 400 play_video": 2}
    assert site.outbox.status()["main"].dropped == 3


def test_a_single_statement_is_retried_or_dropped(site: ConsoleSite) -> None:
    visitor = site.visitor("ACT_TOKEN")
    letters = site.outbox.dead_letters
    first, second, _ = letters.list(DeadLetterFilter(destination="main", conflict=False))
    (group,) = letters.list_groups(DeadLetterFilter(destination="main", conflict=False))
    page = visitor.get(f"/letters/group/{group.key}")
    assert first.statement_id in page.text and "the field 0 is wrong" in page.text
    visitor.post("/letters/retry", csrf=page.csrf, destination="main", statement_id=first.statement_id)
    asked = visitor.get(f"/letters/drop?destination=main&statement_id={second.statement_id}")
    visitor.post("/letters/drop", asked.fields("/letters/drop"))
    assert groups(site)["main HTTP 400 play_video"] == 1
    status = site.outbox.status()["main"]
    assert (status.waiting, status.dropped) == (5, 1)


def test_a_destination_is_resumed(site: ConsoleSite) -> None:
    site.outbox.queue("main").trip("failing", "HTTP 503", lambda _: 3600.0, probe=False)
    visitor = site.visitor("ACT_TOKEN")
    visitor.post("/destinations/resume", visitor.get("/").fields("/destinations/resume"))
    text = visitor.get("/").text
    assert "main is tried again now" in text
    assert (site.outbox.status()["main"].retry_at or 0) <= site.outbox.clock()
    assert visitor.post("/destinations/resume", csrf=visitor.get("/").csrf, destination="mian").status == 404


def test_a_database_that_fails_is_said(site: ConsoleSite, monkeypatch: pytest.MonkeyPatch) -> None:
    from learnrelay import OutboxError

    def fail(*_: object) -> None:
        raise OutboxError("outbox x: the disk is full")

    monkeypatch.setattr(site.outbox, "status", fail)
    answered = site.visitor("LOOK_TOKEN").get("/")
    assert answered.status == 503 and "the disk is full" in answered.text
    monkeypatch.setattr(site.outbox, "status", lambda *_: 1 / 0)
    answered = site.visitor("LOOK_TOKEN").get("/")
    assert answered.status == 500 and "ZeroDivisionError" in answered.text


# --- the command ----------------------------------------------------------------------------------------


def test_the_command_runs_until_it_is_stopped(site: ConsoleSite) -> None:
    port = free_port()
    text = site.config.read_text("utf-8")
    site.config.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", text), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "learnrelay"), "console", "--config", str(site.config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    line = process.stderr.readline()
    assert f"console at http://127.0.0.1:{port} for ada (act), ben (look)" in line
    from console_site import Visitor

    visitor = Visitor(port)
    deadline = time.monotonic() + 60
    while True:
        try:
            assert visitor.post("/login", token=SECRETS["ACT_TOKEN"]).status == 303
            break
        except OSError:
            assert time.monotonic() < deadline
    assert "Destinations" in visitor.get("/").text
    visitor.post("/letters/retry", visitor.get("/letters").fields("/letters/retry"))
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGTERM)
    assert "ada logged in" in stderr and re.search(r"ada put 7 (dead letters|refused statements) back: \w+", stderr)
    assert not any(secret in stderr for secret in SECRETS.values())


@pytest.mark.parametrize(
    ("given", "mended", "words"),
    [
        ('token = "env:ACT_TOKEN"', 'token = "env:LOOK_TOKEN"', "two of them have the same token"),
        ('token = "env:ACT_TOKEN"', 'token = "short"', "console.tokens.ada.token"),
        ('token = "env:ACT_TOKEN"', 'token = "Hq5nTz9Bc2Vx7MwK4jRd"', "console.tokens.ada: a secret stands here"),
        ('role = "act"', 'role = "root"', "console.tokens.ada.role: expected one of"),
        ('listen = "127.0.0.1:', 'listen = "0.0.0.0:', "console.listen: tokens and pages travel without TLS"),
        ("[console.tokens.ada]", 'address = "https://x.example.org/console"\n[console.tokens.ada]', "without a path"),
    ],
)  # fmt: skip
def test_check(given: str, mended: str, words: str, tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG.format(port=8090, console="").replace(given, mended), encoding="utf-8")
    try:
        problems = "\n".join(assemble(config).config.warnings)
    except ConfigurationError as error:
        problems = str(error)
    assert words in problems


def test_the_configuration_of_its_page_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA_TOKEN", SECRETS["ACT_TOKEN"])
    monkeypatch.setenv("BEN_TOKEN", SECRETS["LOOK_TOKEN"])
    tokens, address = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG.partition("[console]")[0].replace("{{", "{").replace("}}", "}") + address + tokens)
    console = assemble(config).config.console
    assert {name: token.role for name, token in console.tokens.items()} == {"ada": "act", "ben": "look"}
    assert console.address == "https://relay.example.org" and console.listen == ("127.0.0.1", 8090)


def test_without_a_token_it_says_how_to_make_one(tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG.format(port=8090, console="").partition("[console.tokens")[0], encoding="utf-8")
    command = [str(Path(sys.executable).parent / "learnrelay"), "console", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "[console.tokens.ada]" in done.stderr
