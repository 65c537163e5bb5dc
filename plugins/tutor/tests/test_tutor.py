"""What Tutor renders with the plugin, and without Aspects, is what each of its readers takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from learnrelay.assembly.assemble import assemble
from learnrelay.config.secrets import find_secrets

pytest.importorskip("tutor", reason="Tutor comes with the group `site`")
yaml = pytest.importorskip("yaml")

pytestmark = pytest.mark.slow  # each call of tutor takes some seconds

TUTOR = Path(sys.executable).parent / "tutor"
CONFIG = "apps/openedx/config"
HOSTILE = 'a"b\\c\n{x} %2F é'

INIT_SCRIPTS = """
import json, sys
import tutor.commands.cli
from tutor import config, env, hooks
hooks.Actions.CORE_READY.do()
hooks.Actions.PROJECT_ROOT_READY.do(sys.argv[1])
values = config.load(sys.argv[1])
tasks = hooks.Filters.CLI_DO_INIT_TASKS.iterate()
ours = [(s, t) for s, t in tasks if "learnrelay" in t.lower() or s == "clickhouse"]
print(json.dumps([(s, env.render_str(values, t)) for s, t in ours]))
"""


class Site:
    """A project of Tutor in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.env = self.root / "env"
        self.values: dict[str, Any] = {}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TUTOR_")},
            "HOME": str(folder),
            "TUTOR_ROOT": str(self.root),
            "TUTOR_PLUGINS_ROOT": str(folder / "plugins"),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TUTOR, *arguments], env=self._environment, capture_output=True, text=True, check=False, timeout=120
        )

    def save(self, **settings: Any) -> None:
        """Renders with the site's own values and these settings, of any type."""
        (self.root / "config.yml").write_text(yaml.safe_dump({**self.values, **settings}))
        done = self.run("config", "save")
        assert done.returncode == 0, done.stderr

    def refusal(self, *settings: str) -> str:
        done = self.run("config", "save", *(word for setting in settings for word in ("--set", setting)))
        assert done.returncode != 0
        return done.stderr

    def toml(self) -> dict[str, Any]:
        return tomllib.loads((self.env / CONFIG / "learnrelay.toml").read_text("utf-8"))

    def documents(self, file: str) -> list[Any]:
        return [document for document in yaml.safe_load_all((self.env / file).read_text("utf-8")) if document]

    def scripts(self) -> list[tuple[str, str]]:
        """Returns our init tasks, and that of Aspects into which we write, as they are run: (service, script)."""
        done = subprocess.run(
            [sys.executable, "-c", INIT_SCRIPTS, self.root],
            env=self._environment, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        tasks = yaml.safe_load(done.stdout)
        for _, script in tasks:
            subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=10)
        return [(service, script) for service, script in tasks]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"))
    plugins = ["aspects", "learnrelay"] if find_spec("tutoraspects") else ["learnrelay"]
    done = made.run("plugins", "enable", *plugins)
    assert done.returncode == 0, done.stderr
    made.values = yaml.safe_load((made.root / "config.yml").read_text("utf-8"))
    return made


@pytest.fixture
def render(site: Site) -> Callable[..., Site]:
    """Renders the site with settings that hold for one test."""

    def render_with(**settings: Any) -> Site:
        site.save(**settings)
        return site

    return render_with


def test_the_page_has_every_setting() -> None:
    from learnrelay_tutor.plugin import DEFAULTS, UNIQUE

    page = (Path(__file__).parents[3] / "docs/tutor.md").read_text("utf-8")
    missing = [name for name in [*DEFAULTS, *UNIQUE] if name != "VERSION" and f"`LEARNRELAY_{name}`" not in page]
    assert missing == [], "docs/tutor.md, Settings: add a row"


def test_the_tables_of_the_lms_are_named(render: Callable[..., Site]) -> None:
    identity = {
        "provider": "openedx",
        "database": "file:learnrelay.lms",
        "secret": "file:learnrelay.identity",
        "missing_ids": "create",
    }
    site = render(LEARNRELAY_IDENTITY=identity, OPENEDX_MYSQL_PASSWORD="p/w@:%2F", OPENEDX_MYSQL_DATABASE="openedx")
    assembly = assemble(site.env / CONFIG / "learnrelay.toml")
    address = make_url(assembly.config.identity.settings["database"].reveal())
    assert (address.username, address.password, address.host, address.port, address.database) == (
        "openedx", "p/w@:%2F", "mysql", 3306, "openedx",
    )  # fmt: skip
    assert [warning for warning in assembly.config.warnings if "clear text" in warning] == []


def test_what_is_rendered_by_default_is_valid_everywhere(render: Callable[..., Site]) -> None:
    site = render()
    for settings in site.env.glob("apps/openedx/settings/*/*.py"):
        compile(settings.read_text("utf-8"), settings, "exec")
        assert "XAPI_EVENTS_ENABLED" not in settings.read_text("utf-8"), "other ways are left as they are"
    for settings in ("lms.env.yml", "cms.env.yml"):
        (values,) = site.documents(f"{CONFIG}/{settings}")
        assert values["LEARNRELAY_ENABLED"] is True
        assert values["LEARNRELAY_CONFIG"] == "/openedx/config/learnrelay.toml"

    assembly = assemble(site.env / CONFIG / "learnrelay.toml")
    assert [w for w in assembly.config.warnings if "clear text" in w] == []
    assert assembly.config.delivery.engine == "none"
    assert site.toml()["identity"] == {"provider": "keyed", "secret": "file:learnrelay.identity"}
    secrets = {secret.source for _, secret in find_secrets(assembly.config.delivery)}
    assert secrets == {"file:learnrelay.database", "file:learnrelay.deferred"}

    services = site.documents("local/docker-compose.yml")[0]["services"]
    jobs = site.documents("local/docker-compose.jobs.yml")[0]["services"]
    mounted = "../apps/openedx/config:/openedx/config"
    for service in (services["lms"], services["cms"], jobs["lms-job"], services["learnrelay"], jobs["learnrelay-job"]):
        assert any(volume.startswith(mounted) for volume in service["volumes"]), "who reads the operator's file has it"
    assert services["learnrelay"]["image"] == services["lms"]["image"]
    assert services["learnrelay"]["command"][:2] == ["learnrelay", "worker"]

    dockerfile = (site.env / "build/openedx/Dockerfile").read_text("utf-8")
    assert "install 'learnrelay[deferred,metrics,mysql,oauth2,regex]>=0.1,<0.2' 'learnrelay-openedx[" in dockerfile
    (kubernetes,) = site.documents("kustomization.yml")
    configuration = next(entry for entry in kubernetes["configMapGenerator"] if entry["name"] == "openedx-config")
    assert f"{CONFIG}/learnrelay.toml" in configuration["files"], "pods have it too"


def test_what_is_rendered_for_kubernetes_can_be_applied(render: Callable[..., Site]) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    site = render(LEARNRELAY_REPLICAS=2)
    done = subprocess.run(["kubectl", "kustomize", site.env], capture_output=True, text=True, check=True, timeout=60)
    resources = {(r["kind"], r["metadata"]["name"]): r for r in yaml.safe_load_all(done.stdout)}
    deployment = resources["Deployment", "learnrelay"]["spec"]
    assert deployment["replicas"] == 2
    pods = [deployment["template"]["spec"], resources["Job", "learnrelay-job"]["spec"]["template"]["spec"]]
    for pod in pods:
        (volume,) = pod["volumes"]
        held = resources["ConfigMap", volume["configMap"]["name"]]["data"]
        assert tomllib.loads(held["learnrelay.toml"])["delivery"]["database"].removeprefix("file:") in held
    selector = resources["Service", "learnrelay"]["spec"]["selector"]
    assert selector.items() <= deployment["template"]["metadata"]["labels"].items()


def test_schemas_of_compose_and_kubernetes_hold(render: Callable[..., Site]) -> None:
    site = render()
    commands = Path(sys.executable).parent
    for check in ("check-jsonschema", "kubernetes-validate"):
        if not (commands / check).exists():
            pytest.skip(f"{check} comes with the group `site`")
    compose = [*site.env.glob("local/*.yml"), *site.env.glob("dev/*.yml")]
    subprocess.run(
        [commands / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", *compose], check=True, timeout=60
    )
    for file in ("deployments", "jobs", "services"):
        ours = [r for r in site.documents(f"k8s/{file}.yml") if "learnrelay" in r["metadata"]["name"]]
        assert ours
        (checked := site.root / f"{file}.yml").write_text(yaml.safe_dump_all(ours))
        subprocess.run([commands / "kubernetes-validate", "--strict", checked], check=True, timeout=60)


def test_settings_reach_the_operators_file_as_they_are_written(
    render: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALIPER_TOKEN", "t" * 20)
    site = render(
        LMS_HOST="learn.example.org",
        ENABLE_HTTPS=True,
        LANGUAGE_CODE="zh-cn",
        MYSQL_HOST="db.example.org",
        MYSQL_PORT=3307,
        LEARNRELAY_PLUGINS=["xapi.*", "caliper.video", "enterprise_filter"],
        LEARNRELAY_DELIVERY={"full": "spool", "alerts": {"unattended": "10m"}},
        LEARNRELAY_MYSQL_PASSWORD="a/b@c:d'é",
        LEARNRELAY_DESTINATIONS={
            "campus.lrs": {
                "standard": "xapi",
                "scope": {"org": "Harbour"},
                "match": {"context.org_id": ["Harbour", HOSTILE]},
                "url": "https://lrs.example.org/xAPI/statements",
                "auth": {"scheme": "basic", "username": "relay", "password": HOSTILE},
                "batch": {"size": 50},
            },
            "partner": {
                "standard": "caliper",
                "scope": "all",
                "url": "https://caliper.example.org",
                "auth": {"scheme": "bearer", "token": "env:CALIPER_TOKEN"},
            },
        },
    )  # fmt: skip
    config = assemble(site.env / CONFIG / "learnrelay.toml").config
    assert config.delivery.database is not None
    assert config.delivery.database.reveal() == (
        "mysql+pymysql://learnrelay:a%2Fb%40c%3Ad%27%C3%A9@db.example.org:3307/learnrelay"
    )
    assert (config.delivery.full, config.delivery.alerts.unattended, config.delivery.wait) == ("spool", 600, 0.25)
    assert set(config.destinations) == {"campus.lrs", "partner"}
    assert config.destinations["campus.lrs"].settings["auth"].settings["password"].reveal() == HOSTILE
    table = site.toml()
    assert table["platform"] == {
        "source": "openedx", "root_url": "https://learn.example.org", "language": "zh-cn"
    }  # fmt: skip
    assert table["destinations"]["campus.lrs"]["match"]["context.org_id"][1] == HOSTILE


def test_mistakes_are_named_when_the_site_is_rendered(render: Callable[..., Site]) -> None:
    site = render()
    assert 'LEARNRELAY_ASPECTS is to be "clickhouse", "log" or "none"' in site.refusal("LEARNRELAY_ASPECTS=clikhouse")
    if find_spec("tutoraspects") is None:
        assert "tutor plugins enable aspects" in site.refusal("LEARNRELAY_ASPECTS=log")
    else:
        consumer = "ASPECTS_ENABLE_EVENT_BUS_CONSUMER=true"
        assert "the only name that Vector reads" in site.refusal("LEARNRELAY_ASPECTS=log", consumer)
        assert "set RUN_VECTOR" in site.refusal("LEARNRELAY_ASPECTS=log", "RUN_VECTOR=false")
    site.save()
    assert "LEARNRELAY_IDENTITY: expected a table" in site.refusal("LEARNRELAY_IDENTITY=keyed")
    site.save()
    assert "are to be tables" in site.refusal("LEARNRELAY_DESTINATIONS=[main]")
    message = site.refusal('LEARNRELAY_DESTINATIONS={"main": {"auth": {"username": "amelie", "password": null}}}')
    assert "LEARNRELAY_DESTINATIONS.main.auth: TOML has no value for null" in message
    assert "amelie" not in message


def test_init_tasks_make_the_outbox_on_a_real_server(render: Callable[..., Site]) -> None:
    from sqlalchemy import create_engine, make_url, text

    if not (address := os.environ.get("LEARNRELAY_TEST_MYSQL_URL")) or shutil.which("mysql") is None:
        pytest.skip("LEARNRELAY_TEST_MYSQL_URL is not set, or there is no client of MySQL")
    url = make_url(address)
    password = "x'; DROP DATABASE test; -- \\"
    site = render(
        MYSQL_HOST=url.host, MYSQL_PORT=url.port or 3306,
        MYSQL_ROOT_USERNAME=url.username, MYSQL_ROOT_PASSWORD=url.password or "",
        LEARNRELAY_MYSQL_DATABASE="tutor_test-relay", LEARNRELAY_MYSQL_USERNAME="tutor_test",
        LEARNRELAY_MYSQL_PASSWORD=password,
    )  # fmt: skip
    scripts = [(service, script) for service, script in site.scripts() if service != "clickhouse"]
    assert [service for service, _ in scripts] == ["mysql", "learnrelay", "learnrelay"]
    assert "clickhouse init" not in scripts[2][1]
    config = str(site.env / CONFIG / "learnrelay.toml")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    try:
        for _ in range(2):  # init is run again after each upgrade
            for _, script in scripts:
                done = subprocess.run(
                    ["sh", "-e", "-c", script], env={**os.environ, "PATH": path, "LEARNRELAY_CONFIG": config},
                    capture_output=True, text=True, check=False, timeout=120,
                )  # fmt: skip
                assert done.returncode == 0, done.stderr
        done = subprocess.run(
            [Path(sys.executable).parent / "learnrelay", "status", "--config", config],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    finally:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP DATABASE IF EXISTS `tutor_test-relay`"))
            connection.execute(text("DROP USER IF EXISTS 'tutor_test'@'%'"))
        engine.dispose()


@pytest.mark.skipif(find_spec("tutoraspects") is None, reason="Aspects needs an older click than Tutor's newest")
def test_with_aspects_an_operator_may_keep_pseudonyms(render: Callable[..., Site]) -> None:
    keyed = {"provider": "keyed", "secret": "file:learnrelay.identity"}
    assert render(LEARNRELAY_ASPECTS="clickhouse", LEARNRELAY_IDENTITY=keyed).toml()["identity"] == keyed


@pytest.mark.skipif(find_spec("tutoraspects") is None, reason="Aspects needs an older click than Tutor's newest")
@pytest.mark.parametrize("way", ["clickhouse", "log"])
def test_with_aspects_the_statements_go_where_its_dashboards_look(render: Callable[..., Site], way: str) -> None:
    site = render(LEARNRELAY_ASPECTS=way)
    for settings in site.env.glob("apps/openedx/settings/*/production.py"):
        lines = settings.read_text("utf-8").splitlines()
        ours, theirs = (
            lines.index("XAPI_EVENTS_ENABLED = False"),
            lines.index("EVENT_SINK_CLICKHOUSE_TAG_ENABLED = True"),
        )
        assert ours > theirs, "after the settings of Aspects"
    destination = site.toml()["destinations"]["aspects"]
    assert destination["sink"] == way
    assert site.toml()["identity"] == {
        "provider": "openedx", "database": "file:learnrelay.lms", "secret": "file:learnrelay.identity",
        "missing_ids": "create",
    }, "learners have the names by which Aspects looks for them"  # fmt: skip
    assemble(site.env / CONFIG / "learnrelay.toml")
    services = site.documents("local/docker-compose.yml")[0]["services"]
    if way == "log":
        for file in ("local.toml", "k8s-agent.toml"):
            vector = tomllib.loads((site.env / "plugins/aspects/apps/vector" / file).read_text("utf-8"))
            condition = vector["transforms"]["openedx_containers"]["condition"]
            assert '"aspects-consumer"' in condition
        assert services["aspects-consumer"]["command"][0] == "learnrelay"
    else:
        assert services["learnrelay"]["command"][0] == "learnrelay"
        assert destination["table"] == "openedx.xapi_events_all"
        assert "learnrelay clickhouse init" in site.scripts()[-1][1]
        (sql,) = (script for service, script in site.scripts() if service == "clickhouse")
        assert "GRANT  CREATE DATABASE" in sql and "ON openedx.* TO learnrelay;" in sql
