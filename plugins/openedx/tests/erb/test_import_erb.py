"""`learnrelay import-erb`: the file is valid, holds no secret, and no destination receives more than before."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from learnrelay.assembly.assemble import Assembly
from learnrelay.cli.check import command as check_command
from learnrelay.pipeline.run import Pipeline
from learnrelay_openedx.erb.allowed_events import MAPPED, list_default_events
from learnrelay_openedx.erb.import_command import import_erb
from openedx_events import event_from_mapping
from services import reference_folder

HERE = Path(__file__).parent
MORE_SETTINGS = {
    "CALIPER_EVENTS_ENABLED": True,
    "EVENT_ROUTING_BACKEND_MAX_RETRIES": 3,
    "EVENT_ROUTING_BACKEND_COUNTDOWN": 30,
    "EVENT_ROUTING_BACKEND_BATCHING_ENABLED": True,
    "EVENT_ROUTING_BACKEND_BATCH_SIZE": 50,
    "EVENT_ROUTING_BACKEND_BATCH_INTERVAL": 5,
    "EVENT_TRACKING_BACKENDS_BUSINESS_CRITICAL_EVENTS": ["edx.course.enrollment.activated", "unheard.of"],
}
Import = Callable[..., Result]
AssembleWritten = Callable[[Result], Assembly]


def make_router(identifier: int = 1, configurations: Any = None, **fields: Any) -> dict[str, Any]:
    """Returns a router of a dump: xAPI, without credentials, unless ``fields`` say otherwise."""
    usual = {"enabled": True, "backend_name": "xAPI", "route_url": f"https://lrs{identifier}.example/xapi/"}
    text = configurations if isinstance(configurations, str | None) else json.dumps(configurations)
    model = "event_routing_backends.routerconfiguration"
    return {"model": model, "pk": identifier, "fields": {**usual, "configurations": text, **fields}}


def matching(params: Any) -> list[dict[str, Any]]:
    """Returns a dump of one router with these ``match_params``."""
    return [make_router(configurations={"match_params": params})]


def destinations_of(written: str) -> dict[str, Any]:
    """Returns the destinations that are active in a file."""
    destinations: dict[str, Any] = tomllib.loads(written).get("destinations", {})
    return destinations


def test_a_dump_becomes_a_file_that_is_valid(import_routers: Import, assemble_written: AssembleWritten) -> None:
    result = import_routers((HERE / "routers.json").read_text(), MORE_SETTINGS)
    assert result.exit_code == 0
    assembly = assemble_written(result)
    assert list(assembly.config.destinations) == ["lrs-lagoon-example-4", "events-dune-example-5", "10-0-0-7-6"]
    harbour = assembly.config.destinations["lrs-lagoon-example-4"]
    assert harbour.settings["url"] == "https://lrs.lagoon.example/xapi/statements"
    assert (harbour.retry.attempts, harbour.retry.backoff, harbour.batch.size) == (4, 30, 50)
    assert assembly.config.delivery.critical == ("edx.course.enrollment.activated",)
    assert not [warning for warning in assembly.config.warnings if "match" in warning]


def test_the_file_passes_check(import_routers: Import, assemble_written: AssembleWritten, tmp_path: Path) -> None:
    assemble_written(import_routers((HERE / "routers.json").read_text(), MORE_SETTINGS))
    result = CliRunner().invoke(check_command, ["--config", str(tmp_path / "relay.toml")], catch_exceptions=False)
    assert (result.exit_code, "relay.toml: valid" in result.output) == (0, True)


def test_no_secret_is_written_or_shown(import_routers: Import) -> None:
    result = import_routers((HERE / "routers.json").read_text(), MORE_SETTINGS)
    shown = result.stdout + result.stderr
    assert "invented" not in shown
    assert "mailto:" not in shown  # of override_args
    assert 'password = "env:LEARNRELAY_LRS_LAGOON_EXAMPLE_4_PASSWORD"' in result.stdout
    assert '"X-Quay" = "env:LEARNRELAY_EVENTS_DUNE_EXAMPLE_5_HEADER_X_QUAY"' in result.stdout
    assert "LEARNRELAY_EVENTS_DUNE_EXAMPLE_5_TOKEN: " in result.stderr


def test_what_is_not_carried_over_is_said(import_routers: Import) -> None:
    result = import_routers((HERE / "routers.json").read_text(), MORE_SETTINGS)
    text = " ".join(line.removeprefix("# ") for line in result.stdout.splitlines())
    assert 'ERB looks for "Lagoon" anywhere in the value' in text
    assert 'override_args is not carried over: ERB replaces "authority"' in text
    assert "old-lagoon-example-8 is a comment: it is disabled in ERB" in result.stderr


def test_the_reference_dump(import_routers: Import, assemble_written: AssembleWritten) -> None:
    result = import_routers((reference_folder() / "site" / "erb-routers.json").read_text("utf-8"), MORE_SETTINGS)
    assert result.exit_code == 0
    assembly = assemble_written(result)
    assert list(assembly.config.destinations) == ["lrs-harbour-example-7", "caliper-northwind-example-9"]
    assert "invented" not in result.stdout + result.stderr
    sent = routes(assembly)
    assert sent(check("Harbour")) == {"lrs-harbour-example-7"}
    assert sent(check("OldHarbourX")) == {"lrs-harbour-example-7"}
    assert sent(check("Other")) == set()
    assert sent(enrolment("Harbour")) == {"lrs-harbour-example-7"}
    assert sent(video("Harbour")) == set()


# --- who receives what ----------------------------------------------------------------------------------


def enrolment(org: Any, **context: Any) -> dict[str, Any]:
    course = "course-v1:Lagoon+SAIL101+2026"
    return {
        "name": "edx.course.enrollment.activated",
        "timestamp": "2026-03-02T09:00:00+00:00",
        "context": {"user_id": 7, "course_id": course, "org_id": org, **context},
        "data": {"user_id": 7, "course_id": course, "mode": "audit"},
    }


def video(org: str, **context: Any) -> dict[str, Any]:
    return {
        **enrolment(org, **context),
        "name": "play_video",
        "data": {"id": "tacking", "duration": 195, "currentTime": 0},
    }


def check(org: str) -> dict[str, Any]:
    problem = "block-v1:Lagoon+SAIL101+2026+type@problem+block@knots"
    data = {"problem_id": problem, "grade": 1, "max_grade": 1, "success": "correct", "answers": {}, "submission": {}}
    return {**enrolment(org, event_source="server"), "name": "problem_check", "data": data}


def routes(assembly: Assembly) -> Callable[[Mapping[str, Any]], set[str]]:
    """Returns the function from an event to the destinations that get statements of it."""
    pipeline = Pipeline(assembly.plan)

    def decide(event: Mapping[str, Any]) -> set[str]:
        outcomes = pipeline.process(event_from_mapping(event))
        return {name for outcome in outcomes if outcome.statements for name in outcome.destinations}

    return decide


def erb_sends(params: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Decides as ERB does: each path holds a text in which one of its expressions occurs anywhere."""
    for path, wanted in params.items():
        value: Any = event
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        expressions = wanted if isinstance(wanted, list) else [wanted]
        if not (isinstance(value, str) and any(re.search(expression, value) for expression in expressions)):
            return False
    return True


ORGS = [
    "Harbour",
    "OldHarbourX",
    "harbour",
    "SMITH",
    "MIT\nx",
    "edX",
    "Reefs",
    7,
    None,
    True,
    ["Harbour"],
    {"Harbour": 1},
]


@pytest.mark.parametrize(
    "wanted", ["Harbour", ["Harbour", "MIT.*"], "^Harbour$", "edX|Harbour", "", ["Reef", "edX", 7, None]], ids=str
)
def test_routes_are_those_of_erb(import_routers: Import, assemble_written: AssembleWritten, wanted: Any) -> None:
    sent = routes(assemble_written(import_routers(matching({"context.org_id": wanted}))))
    texts = [item for item in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(item, str)]
    for org in ORGS:
        assert bool(sent(enrolment(org))) == erb_sends({"context.org_id": texts}, enrolment(org)), org


def test_rules_of_names_and_of_several_paths(import_routers: Import, assemble_written: AssembleWritten) -> None:
    params = {"name": ["^edx\\.course\\.enrollment\\.", "problem_check"], "context.org_id": "Harbour"}
    sent = routes(assemble_written(import_routers(matching(params))))
    events = [make(org) for make in (enrolment, video, check) for org in ("Harbour", "Reef")]
    assert [bool(sent(event)) for event in events] == [erb_sends(params, event) for event in events]


def test_numbers_match_nothing_as_in_erb(import_routers: Import, assemble_written: AssembleWritten) -> None:
    sent = routes(assemble_written(import_routers(matching({"context.user_id": "[0-9]+"}))))
    assert sent(enrolment("Harbour")) == set()
    assert sent(enrolment("Harbour") | {"context": {**enrolment("Harbour")["context"], "user_id": "7"}})


@pytest.mark.parametrize(
    "params",
    [
        {"context.org_id": "(?=Harbour)"}, {"context.org_id": r"\bHarbour\b"}, {"context.org_id": r"(a)\1"},
        {"context.org_id": "a{1001}"}, {"context.org_id": "x" * 501}, {"context.org_id": "((a{100}){100}){100}"},
        {"context.org_id": "("}, {"context.org_id": ["Harbour", "*"]}, {"context.org_id": []}, {"context.org_id": 7},
        {"context.org_id": "^$"}, {"": "Harbour"}, {"context..org_id": "Harbour"}, {"name": "unheard.of"},
        ["context.org_id"], "Harbour", None, {"context.org_id": "(" * 3000 + ")" * 3000}, {"context\n.x": "a"},
        {"context.org_id": "\ud800("}, {"context.org_id": "(?\x1b)"},
    ],
    ids=lambda params: ascii(params)[:40],
)  # fmt: skip
def test_a_router_that_cannot_be_said_is_a_comment(import_routers: Import, params: Any) -> None:
    result = import_routers(matching(params))
    assert result.exit_code == 1
    assert destinations_of(result.stdout) == {}
    assert "lrs1-example-1 is a comment: " in result.stderr


def test_of_a_list_what_cannot_be_said_is_left_out(import_routers: Import, assemble_written: AssembleWritten) -> None:
    result = import_routers(matching({"context.org_id": ["Harbour", "(?!Reef)"]}))
    assert result.exit_code == 0
    sent = routes(assemble_written(result))
    assert sent(enrolment("Harbour"))
    assert not sent(enrolment("edX"))  # ERB would send it
    assert "(?!Reef)" in result.stdout


@pytest.mark.parametrize("configurations", [None, "", "{}", "null", "[]", {"match_params": {}}])
def test_without_rules_a_router_gets_all(
    import_routers: Import, assemble_written: AssembleWritten, configurations: Any
) -> None:
    sent = routes(assemble_written(import_routers([make_router(configurations=configurations)])))
    assert sent(enrolment("Harbour"))
    assert sent(video("Reef"))


def test_lists_of_allowed_events(import_routers: Import) -> None:
    def names(settings: Mapping[str, Any]) -> list[str]:
        (destination,) = destinations_of(import_routers([make_router()], settings).stdout).values()
        listed: list[str] = destination["match"]["name"]
        return listed

    setting = "EVENT_TRACKING_BACKENDS_ALLOWED_XAPI_EVENTS"
    assert names({}) == list_default_events("xapi")
    assert len(names({})) == 63
    assert names({setting: ["play_video", "edx.problem.completed"]}) == ["edx.problem.completed", "play_video"]
    assert "stands in YAML alone" in import_routers([make_router()], {setting: ["edx.problem.completed"]}).stdout
    assert names({setting: ["play_video", "edx.bookmark.added"]}) == ["play_video"]  # ERB does not map it


def test_erb_maps_what_the_documents_say() -> None:
    mappers = json.loads((HERE.parents[3] / "docs" / "other_mappers.json").read_text("utf-8"))["mappers"]
    listed = {mapper["standard"]: mapper["events"] for mapper in reversed(mappers) if mapper["name"] == "ERB"}
    assert {standard: sorted(names) for standard, names in MAPPED.items()} == listed


@pytest.mark.parametrize(
    ("backend", "settings"),
    [
        ("xAPI", {"XAPI_EVENTS_ENABLED": False}),
        ("Caliper", {}),
        ("Caliper", {"CALIPER_EVENTS_ENABLED": False}),
        ("SCORM", {}),
    ],
)
def test_what_erb_does_not_send_is_a_comment(import_routers: Import, backend: str, settings: dict[str, Any]) -> None:
    result = import_routers([make_router(backend_name=backend)], settings)
    assert destinations_of(result.stdout) == {}


# --- hostile dumps --------------------------------------------------------------------------------------


def test_the_newest_row_of_an_address_counts(import_routers: Import) -> None:
    url = "https://lrs.lagoon.example/xapi/"
    routers = [
        make_router(9, route_url=url, enabled=False),
        make_router(3, route_url=url),
        make_router(12, route_url=url.upper().replace("HTTPS", "https"), backend_name="Caliper", enabled=False),
    ]
    result = import_routers(routers)
    assert destinations_of(result.stdout) == {}
    assert "2 rows of history" in result.stdout.replace("\n# ", " ")


@pytest.mark.parametrize(
    ("dump", "message"),
    [
        ("no JSON", "is not valid JSON (line 1)"), ("[" * 100_000, "is not valid JSON"), ("{}", "is no dump of Django"),
        ("[1]", "is no dump of Django"), ("[]", "no rows"), ('[{"model": "auth.user"}]', "but rows of auth.user"),
        ([{**make_router(), "pk": "1"}], "has no number as pk"), ([make_router(password=7)], "password is no text"),
        ([make_router(route_url=None)], "has no route_url"), ([make_router(enabled="yes")], "neither true nor false"),
    ],
    ids=lambda value: ascii(value)[:30],
)  # fmt: skip
def test_what_is_no_dump_is_refused(import_routers: Import, dump: Any, message: str) -> None:
    result = import_routers(dump)
    assert (result.exit_code, result.stdout) == (1, "")  # the group's main makes it 2
    assert message in result.stderr


HOSTILE = '"]\n[destinations.other]\nurl = "https://other.example" # \x1b[31m \x7f \u202e \ud800 é 🚢'


def test_hostile_texts_are_no_keys_of_the_file(import_routers: Import, assemble_written: AssembleWritten) -> None:
    configurations = {
        "match_params": {"context.org_id": [re.escape(HOSTILE), "Harbour"], 'context."x': "a"},
        "headers": {HOSTILE: "x", "X-A": "1", "X_A": "2"},
        "override_args": {HOSTILE: 1},
        HOSTILE: 1,
    }
    router = make_router(
        backend_name="Caliper", route_url="https://lrs1.example/a", auth_scheme="Basic", username=HOSTILE.replace(":",
        ""),
        password="invented", configurations=configurations,
    )  # fmt: skip
    result = import_routers([router], {"CALIPER_EVENTS_ENABLED": True})
    assert result.exit_code == 0, result.stderr
    (destination,) = destinations_of(result.stdout).values()
    assert list(tomllib.loads(result.stdout)) == ["platform", "plugins", "identity", "destinations"]
    assert destination["headers"].keys() == {"X-A", "X_A"}
    assert len(set(destination["headers"].values())) == 2
    assert assemble_written(result).config.destinations.keys() == {"lrs1-example-1"}
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "url",
    ["https://ann:invented@lrs.example/xapi/", "https://[", "ftp://lrs.example/", "https://lrs.example/a b/", "x\ny",
     "https://lrs.example/?a=1", "https://lrs.example/\u202e", "https://lrs.example/\ud800"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_a_comment(import_routers: Import, url: str) -> None:
    result = import_routers([make_router(route_url=url)])
    assert (result.exit_code, destinations_of(result.stdout)) == (1, {})
    assert "invented" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "fields",
    [{"auth_scheme": "Basic"}, {"auth_scheme": "Basic", "username": "a:b", "password": "c"}, {"auth_scheme": "Bearer"},
     {"auth_scheme": "Digest", "username": "a", "password": "c"}, {"configurations": "[1]"}, {"configurations": "{"}],
)  # fmt: skip
def test_incomplete_routers_are_comments(import_routers: Import, fields: dict[str, Any]) -> None:
    result = import_routers([make_router(**fields)])
    assert (result.exit_code, destinations_of(result.stdout)) == (1, {})


@pytest.mark.parametrize("actor", ["mbox", "mbox_sha1sum"])
def test_learners_who_are_named_by_their_addresses(
    import_routers: Import, assemble_written: AssembleWritten, actor: str
) -> None:
    result = import_routers([make_router()], {"XAPI_AGENT_IFI_TYPE": actor})
    assert result.exit_code == 0
    assert "pip install 'learnrelay-openedx[tables]'" in result.stderr
    assembly = assemble_written(result)
    assert assembly.standards["xapi"].settings["actor"] == actor
    settings = assembly.config.identity.settings
    assert (assembly.config.identity.name, settings["emails"], settings["missing_ids"]) == ("openedx", True, "keyed")
    assert ("a second actor for each learner" in result.stdout) is (actor == "mbox_sha1sum")


def test_learners_whom_caliper_names_too_keep_their_external_ids(
    import_routers: Import, assemble_written: AssembleWritten
) -> None:
    routers = [make_router(), make_router(2, backend_name="Caliper")]
    result = import_routers(routers, {"XAPI_AGENT_IFI_TYPE": "mbox", "CALIPER_EVENTS_ENABLED": True})
    assert assemble_written(result).config.identity.settings["missing_ids"] == "skip"
    assert '# missing_ids = "create"' in result.stdout
    alone = import_routers(routers[1:], {"XAPI_AGENT_IFI_TYPE": "mbox", "CALIPER_EVENTS_ENABLED": True})
    assert assemble_written(alone).config.identity.name == "keyed"


def test_an_actor_that_erb_does_not_know_is_the_external_id(import_routers: Import) -> None:
    result = import_routers([make_router()], {"XAPI_AGENT_IFI_TYPE": "openid"})
    assert "a value that it does not know as external_id" in result.stdout
    assert tomllib.loads(result.stdout)["identity"]["provider"] == "keyed"


def test_variables_do_not_collide(import_routers: Import) -> None:
    fields = {"backend_name": "Caliper", "auth_scheme": "Bearer", "auth_key": "invented"}
    routers = [
        make_router(1, {"headers": {"X-2-TOKEN": "a"}}, route_url="https://a.example/x", **fields),
        make_router(2, route_url="https://a.example.1.header.x/y", **fields),
    ]
    result = import_routers(routers, {"CALIPER_EVENTS_ENABLED": True})
    assert len(re.findall("(?m)^  LEARNRELAY_", result.stderr)) == 4
    assert len(set(re.findall("env:([A-Z0-9_]+)", result.stdout))) == 4


def test_a_dump_on_standard_input() -> None:
    dump = json.dumps([make_router()])
    result = CliRunner().invoke(import_erb, ["-", "--root-url", "https://campus.example/"], input=dump)
    assert (result.exit_code, len(destinations_of(result.stdout))) == (0, 1)
    assert CliRunner().invoke(import_erb, ["-"], input=dump).exit_code
    assert CliRunner().invoke(import_erb, [], input=dump).exit_code


def test_names_do_not_collide(import_routers: Import, assemble_written: AssembleWritten) -> None:
    routers = [
        make_router(1, route_url="https://a.b.example/x"), make_router(1, route_url="https://a-b.example/x"),
        make_router(2, route_url="https://xn--.example/"), make_router(3, route_url=f"https://{'long.' * 40}example/"),
    ]  # fmt: skip
    result = import_routers(routers)
    assert result.exit_code == 0
    names = list(assemble_written(result).config.destinations)
    assert names[:2] == ["a-b-example-1", "a-b-example-1-2"]
    assert len(names) == 4


# --- settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "lms.json",
            '{"LMS_ROOT_URL": "https://a.example/", "CALIPER_EVENTS_ENABLED": true, "SECRET_KEY": "invented"}',
        ),
        ("lms.yml", "LMS_ROOT_URL: https://a.example/\nCALIPER_EVENTS_ENABLED: true\nSECRET_KEY: invented\n"),
        ("lms.env", "# of the LMS\nexport LMS_ROOT_URL=https://a.example/\nCALIPER_EVENTS_ENABLED=True\nX='a=b'\n"),
    ],
)
def test_settings_in_three_forms(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    (tmp_path / "routers.json").write_text(json.dumps([make_router(backend_name="Caliper")]), "utf-8")
    arguments = [str(tmp_path / "routers.json"), "--settings", str(tmp_path / name)]
    result = CliRunner().invoke(import_erb, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    assert tomllib.loads(result.stdout)["platform"]["root_url"] == "https://a.example"
    assert destinations_of(result.stdout)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("lms.yml", "a: [", "is not valid YAML"), ("lms.json", "[" * 100_000, "is not valid JSON"),
        ("lms.json", "[1]", "expected settings by their names"), ("lms.env", "LMS", "lms.env:1: expected KEY=VALUE"),
        ("lms.env", "XAPI_EVENTS_ENABLED=" + "(" * 9_000, "expected true or false"),
        ("lms.env", "\xff", "is not UTF-8 text"),
    ],
    ids=lambda value: ascii(value)[:20],
)  # fmt: skip
def test_settings_that_cannot_be_read(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    (tmp_path / "routers.json").write_text(json.dumps([make_router()]), "utf-8")
    result = CliRunner().invoke(import_erb, [str(tmp_path / "routers.json"), "--settings", str(tmp_path / name)])
    assert (result.exit_code, message in result.stderr) == (1, True), result.stderr


def test_yaml_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "lms.yml").write_text("LMS_ROOT_URL: https://a.example", "utf-8")
    result = CliRunner().invoke(import_erb, [str(HERE / "routers.json"), "--settings", str(tmp_path / "lms.yml")])
    assert "pip install 'learnrelay-openedx[erb]'" in result.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"CALIPER_EVENTS_ENABLED": "invented"}, "CALIPER_EVENTS_ENABLED: expected true or false"),
        ({"EVENT_ROUTING_BACKEND_MAX_RETRIES": -1}, "EVENT_ROUTING_BACKEND_MAX_RETRIES: expected a whole number"),
        ({"EVENT_TRACKING_BACKENDS_ALLOWED_XAPI_EVENTS": [1]}, "expected a list of texts"),
        ({"LMS_ROOT_URL": "campus"}, "LMS_ROOT_URL: expected an address"),
        ({"LMS_ROOT_URL": ""}, "the address of the LMS is missing"),
    ],
)
def test_settings_of_another_type_are_refused(import_routers: Import, settings: dict[str, Any], message: str) -> None:
    result = import_routers([make_router()], settings)
    assert result.exit_code
    assert message in result.stderr
    assert "invented" not in result.stderr
