"""Implements ``learnrelay new-plugin``, which writes a plugin package that passes the contract tests.

The templates lie in ``starter/``; a standard brings those of plugins that are particular to it (`Standard.starter`).
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from string import Template
from typing import NamedTuple

import click

from ..config.fields import did_you_mean
from ..hookspecs import CONTRACT
from ..plugins.discovery import PluginInfo, installed, load, select_source
from ..plugins.registry import collect
from . import complete_standards, list_standards, source_option
from .event_declaration import GuessedEvent

_NAME = re.compile(r"([a-z][a-z0-9_-]*\.)?[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_LONGEST = 40
_LOCK = """ Then run `learnrelay contract-test $judged --lock`: it records
the statements, and later versions are compared with them."""

_NO_LICENCE = '# license = "…"   the SPDX name of your licence; put its text into a file LICENSE beside this one'
_ADVICE = """Before the first release choose a licence: put its text
into a file `LICENSE` and its SPDX name into `pyproject.toml`."""

HARNESS = "learnrelay-contract-tests"
"""Distribution of the contract tests, with a version of its own."""


ENABLED = '[plugins]\nenabled = ["$enabled"]     # and those that are enabled already'


class _Stage(NamedTuple):
    """Describes the package of a stage.

    configuration: what enables it in the configuration file. has_standard: whether it is particular to a standard.
    class_suffix: last word of its class's name. has_lock: whether it decides what statements say, which a lock records.
    """

    group: str
    about: str
    configuration: str = ENABLED
    has_standard: bool = False
    class_suffix: str = ""
    has_lock: bool = False


STAGES = {
    "transformer": _Stage(
        "families", "Answers to questions as $standard.", f"{ENABLED}\n\n[$plugin]\n$setting = false",
        has_standard=True, has_lock=True,
    ),
    "filter": _Stage(
        "filters", "Leaves out events of audit enrolments.",
        f'{ENABLED}\n\n[$name]\nunreported = ["audit", "honor"]',
    ),
    "enricher": _Stage(
        "enrichers", "Adds the organisation to statements of $standard.",
        f'{ENABLED}\n\n[$name]\nextension = "https://acme.example/organisation"', has_standard=True, has_lock=True,
    ),
    "router": _Stage(
        "routers", "Routes only events of the browser and the server.",
        f'{ENABLED}\n\n[$name]\norigins = ["server"]',
    ),
    "scope": _Stage(
        "routers", "Destinations of a department get its events alone.",
        f'''{ENABLED}

[destinations.chemistry]
$standard_line
url = "https://consumer.example.org/statements"
scope = {{ $name = "chemistry" }}

[$name]
prefix = "department"''',
        class_suffix="Scope",
    ),
    "standard": _Stage(
        "standards", "The standard $name: records in JSON arrays.",
        f"{ENABLED}\n\n[$name]\nwith_course = true\n\n[$name.answers]\nwith_choice = false",
        class_suffix="Standard", has_lock=True,
    ),
    "resolver": _Stage(
        "resolvers", "Titles of courses, made of their ids.",
        f'{ENABLED}\n\n[courses]\nprovider = "$name"\nwith_run = true', class_suffix="Courses",
    ),
    "source": _Stage(
        "sources", "Reads the events of a learning platform.",
        '[platform]\nroot_url = "https://learn.example.org"\nsource = "$name"\n\n[$name]\nseparator = "/"',
        class_suffix="Source",
    ),
    "input": _Stage(
        "inputs", "Reads events from a table.", '[inputs.table]\ninput = "$name"\nfile = "events.db"',
        class_suffix="Input",
    ),
    "sink": _Stage(
        "sinks", "Writes statements into a table.",
        '[destinations.table]\n$standard_line\nscope = "all"\nsink = "$name"\n'
        'file = "/var/lib/learnrelay/statements.db"',
        class_suffix="Sink",
    ),
    "auth": _Stage(
        "auth", "Credentials of requests: a key in a header, with the time.",
        '[destinations.main]\n$standard_line\nscope = "all"\n'
        'url = "https://consumer.example.org/statements"\nauth = { scheme = "$name", key = "env:CONSUMER_KEY" }',
        class_suffix="Auth",
    ),
}  # fmt: skip


@click.command()
@click.argument("name")
@click.option(
    "--stage", type=click.Choice(list(STAGES)), default="transformer", show_default=True, help="Pipeline stage."
)
@click.option(
    "--for",
    "wanted",
    metavar="STANDARD",
    shell_complete=complete_standards,
    help="Output standard of a transformer or an enricher; it must be installed.",
)
@click.option(
    "--event",
    "event_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Events to guess the fields of a transformer from; repeatable.",
)
@source_option()
@click.option(
    "--license",
    "licence",
    type=click.Choice(["Apache-2.0", "MIT", "none"], case_sensitive=False),
    default="Apache-2.0",
    show_default=True,
    help="Licence of the package; none: yours, to be added.",
)
@click.option(
    "--directory", type=click.Path(path_type=Path), metavar="DIR", help="New folder; by default named like the package."
)
def command(
    name: str, stage: str, wanted: str | None, event_files: tuple[str, ...], source: str | None, licence: str,
    directory: Path | None,
) -> None:  # fmt: skip
    r"""Write a new plugin package with settings, tests, CI and licence, which passes the contract tests.

    NAME becomes the distribution (acme-poll) and the module (acme_poll). A transformer is a family of a standard: its
    plugin is named STANDARD.acme_poll, and NAME may have this form instead of --for. Nothing is overwritten.

    With --event, the fields are declared as the payloads of real events of one name have them: lines of a log, or JSON.
    Give several, to see what may be missing. What looks personal is left out, with a comment; samples have the same
    fields with invented values. Names of fields are written as they are.

    \b
    Examples:
      learnrelay new-plugin acme-poll --for STANDARD
      learnrelay new-plugin acme-poll --for STANDARD --event events.jsonl
      learnrelay new-plugin acme-consent --stage filter
      learnrelay new-plugin acme-queue --stage input --license MIT
    """
    guessed = GuessedEvent.read(event_files, source) if event_files else None
    made = _Starter(name, stage, wanted, guessed, licence)
    folder = directory or Path(made.distribution)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise click.UsageError(f"{folder} exists already, so nothing was written: move it, or use --directory DIR")
    written = made.files()
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        click.echo(f"wrote {folder / path}")
    events = Path("tests") / "events.jsonl"
    if events.as_posix() in written:
        source_option_text = f" --source {source}" if source and event_files else ""
        try_it = f"learnrelay transform --standard {made.standard}{source_option_text} {quote(str(folder / events))}"
    else:
        try_it = f"python -m pytest {quote(str(folder))}"
    click.echo(f"\nNext:\n  pip install --editable {quote(str(folder))} {HARNESS}")
    click.echo(f"  learnrelay contract-test {made.judged}\n  {try_it}")


class _Starter:
    """Checks the names of a new package and makes its files. Raises click.UsageError."""

    def __init__(self, name: str, stage: str, wanted: str | None, guessed: GuessedEvent | None, licence: str) -> None:
        prefix, dot, rest = name.rpartition(".")
        self.stage = stage
        self.licence = "" if licence == "none" else licence
        self.guessed = guessed
        if guessed is not None and stage != "transformer":
            raise click.UsageError(f"--event is for transformers: {self._shown_stage} is of no event")
        if len(rest) > _LONGEST or not _NAME.fullmatch(name):
            raise click.UsageError(
                f"{name!r} is no name for a plugin: small letters, digits and single hyphens or underscores, a letter "
                f"first, at most {_LONGEST} characters, such as acme-poll; before it perhaps a standard and a dot"
            )
        self.standard = self._standard(prefix if dot else None, wanted, rest)
        self.name = rest.replace("-", "_")
        self.module = f"{prefix}_{self.name}".replace("-", "_") if dot else self.name
        self.distribution = self.module.replace("_", "-")
        self.plugin = f"{self.standard}.{self.name}" if stage == "transformer" else self.name
        self.judged = f"{self.plugin} {self.name}.answers" if stage == "standard" else self.plugin
        if stage == "standard":
            self.standard = self.name
        self._check_free()

    @property
    def _shown_stage(self) -> str:
        """Returns the stage with its article, for messages."""
        words = "auth scheme" if self.stage == "auth" else self.stage
        return f"{'an' if words[0] in 'aei' else 'a'} {words}"

    def _standard(self, prefix: str | None, wanted: str | None, rest: str) -> str:
        known = sorted({info.name for info in installed() if info.kind == "standards"})
        there = f"installed: {', '.join(known) or 'none; pip install the package of one first'}"
        if not STAGES[self.stage].has_standard:
            if prefix is not None or wanted is not None:
                raise click.UsageError(f"{self._shown_stage} is of no standard: write NAME as {rest}, without --for")
            return ""
        if prefix is not None and (self.stage != "transformer" or wanted not in (None, prefix)):
            raise click.UsageError(f"write NAME as {rest} with --for {wanted or prefix}")
        standard = wanted or prefix
        if standard is None:
            raise click.UsageError(f"{self._shown_stage} needs a standard: add --for STANDARD ({there})")
        if standard not in known:
            raise click.UsageError(f"no installed plugin brings the standard {standard!r} ({there})"
                                   f"{did_you_mean(standard, known)}")  # fmt: skip
        return standard

    def _check_free(self) -> None:
        """Raises UsageError when the name of the module or the plugin is taken, here or by Python."""
        if keyword.iskeyword(self.module) or self.module in sys.stdlib_module_names | {"tests", "src"}:
            raise click.UsageError(f"the module would be named {self.module}, as one of Python's: choose another NAME")
        for info in installed():
            if info.name == self.plugin:
                raise click.UsageError(f"{info.origin} brings a plugin {self.plugin} already: choose another NAME")
        if find_spec(self.module) is not None:
            raise click.UsageError(f"a module {self.module} is installed already: choose another NAME")

    def files(self) -> dict[str, str]:
        """Maps each path in the package's folder to its content."""
        values = self._values()
        template = "event_mapping" if self.guessed is not None else self.stage
        code, test = f"{template}.py", f"test_{template}.py"
        contents = {
            "pyproject.toml": "pyproject.toml",
            "README.md": "README.md",
            ".gitignore": "gitignore",
            ".github/workflows/ci.yml": "ci.yml",
            ".pre-commit-config.yaml": "pre-commit-config.yaml",
            f"src/{self.module}/__init__.py": code,
            f"tests/test_{self.module}.py": test,
        }
        if self.licence:
            contents["LICENSE"] = self.licence
        if self.stage in ("transformer", "standard") and self.guessed is None:
            contents["tests/events.jsonl"] = "events.jsonl"
        folders = [folder for folder in (self._starter_of_the_standard(), files(__package__) / "starter") if folder]
        written = {path: _filled(folders, template, values) for path, template in contents.items()}
        if self.stage == "standard":  # a family, without which it maps no event
            path = f"src/{self.module}/answers.py"
            written[path] = _filled(folders, "transformer.py", {**values, "plugin": f"{self.name}.answers"})
        if self.guessed is not None:
            written |= self.guessed.files(self.module)
        written[f"src/{self.module}/py.typed"] = ""
        return written

    def _values(self) -> dict[str, str]:
        stage = STAGES[self.stage]
        values = {
            "name": self.name, "plugin": self.plugin, "standard": self.standard, "module": self.module,
            "distribution": self.distribution, "judged": self.judged, "event": f"{self.name}.answered",
            "class_name": "".join(part.capitalize() for part in self.name.split("_"))
            + stage.class_suffix,
            "standard_line": f'standard = "{next(iter(list_standards()), "STANDARD")}"     # any that is installed',
            "setting": "with_choice", "year": str(date.today().year),
            "licence": f'license = "{self.licence}"\nlicense-files = ["LICENSE"]' if self.licence else _NO_LICENCE,
            "licence_advice": _ADVICE if not self.licence else f"The licence is {self.licence}.",
        }  # fmt: skip
        values["about"] = Template(stage.about).substitute(values)
        if self.guessed is not None:
            values |= self.guessed.values()
            values["about"] = f"{values['event']} as {self.standard}."
        values["enabled"] = f"{self.name}.*" if self.stage == "standard" else self.plugin
        values["configuration"] = Template(stage.configuration).substitute(values)
        values["lock"] = Template(_LOCK if stage.has_lock else "").substitute(values)
        points = {stage.group: {self.plugin: self.module + (":family" if self.stage == "transformer" else "")}}
        if self.stage == "standard":
            points["families"] = {f"{self.name}.answers": f"{self.module}.answers:family"}
        values["entry_points"] = "\n\n".join(
            f'[project.entry-points."learnrelay.{group}.v{CONTRACT}"]\n'
            + "\n".join(f'"{key}" = "{value}"' for key, value in named.items())
            for group, named in points.items()
        )
        requirements = [f"learnrelay{_range(version('learnrelay'))}"]
        if self.stage == "transformer":
            spoken = self._plugin_of_the_standard()
            requirements.append(f"{spoken.distribution}{_range(spoken.version)}")
        if self.stage == "standard":
            requirements += [_required_by_the_core(package) for package in ("marshmallow", "orjson")]
        values["requirements"] = "\n".join(f'    "{requirement}",' for requirement in requirements)
        development = [f"{HARNESS}{_range_of_the_harness()}", *self._needed_by_tests()]
        development += ["mypy>=1.15", "pytest>=8.2", "ruff>=0.9"]
        values["development"] = "\n".join(f'    "{requirement}",' for requirement in development)
        return values

    def _needed_by_tests(self) -> list[str]:
        """Lists what brings the contract tests statements that an enricher adds to: its standard, and a family."""
        if self.stage != "enricher":
            return []
        known = installed()
        families = [info for info in known if info.kind == "families" and info.standard == self.standard]
        with suppress(ValueError):
            platform = select_source(known, None).distribution
            families.sort(key=lambda info: info.distribution != platform)
        needed = [self._plugin_of_the_standard(), *families[:1]]
        return [f"{info.distribution}{_range(info.version)}" for info in needed]

    def _plugin_of_the_standard(self) -> PluginInfo:
        return next(info for info in installed() if (info.kind, info.name) == ("standards", self.standard))

    def _starter_of_the_standard(self) -> Traversable | None:
        """Returns the folder of templates that the standard brings, if any. Raises PluginError."""
        if not STAGES[self.stage].has_standard:
            return None
        info = self._plugin_of_the_standard()
        package, _, folder = collect([(info, load(info))]).standards[self.standard].starter.partition("/")
        return files(package).joinpath(*folder.split("/")) if package else None


def _filled(folders: list[Traversable], template: str, values: Mapping[str, str]) -> str:
    """Fills a template of the first folder that has it: values take the place of ``$name``."""
    folder = next(folder for folder in folders if (folder / f"{template}.txt").is_file())
    return Template((folder / f"{template}.txt").read_text(encoding="utf-8")).substitute(values)


def _required_by_the_core(package: str) -> str:
    """Returns the requirement on a package that the core declares: ``orjson>=3.10,<4``."""
    declared = next(text for text in requires("learnrelay") or [] if re.fullmatch(rf"{package}\b[^;]*", text))
    return package + ",".join(sorted(declared.removeprefix(package).split(","), reverse=True))


def _range_of_the_harness() -> str:
    """Returns the versions compatible with the installed harness; any without one, since each requires its core."""
    try:
        return _range(version(HARNESS))
    except PackageNotFoundError:
        return ""


def _range(number: str) -> str:
    """Returns the range of compatible versions (Semantic Versioning; below 1.0 the second number breaks)."""
    major, minor = (int(part) for part in [*re.findall(r"\d+", number), "0"][:2])
    return f">={major}.{minor},<{major + 1}" if major else f">=0.{minor},<0.{minor + 1}"
