"""``learnrelay new-plugin``: a plugin package to begin with, complete and passing.

The templates lie in ``starter/``; a standard brings those that say something in it (`Standard.starter`).
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
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
from ..plugins.discovery import PluginInfo, installed, load
from ..plugins.registry import collect
from . import complete_standards

_NAME = re.compile(r"([a-z][a-z0-9_-]*\.)?[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_LONGEST = 40


class _Stage(NamedTuple):
    """What a stage's package says of itself.

    settings: its section of the operator's file. says: it says something in a standard, which must be named.
    """

    group: str
    about: str
    settings: str = ""
    says: bool = False


STAGES = {
    "transformer": _Stage("families", "Answers to questions, said in $standard.", says=True),
    "filter": _Stage("filters", "Leaves out events of audit enrolments."),
    "enricher": _Stage("enrichers", "Adds the organisation to statements of $standard.", says=True),
    "router": _Stage("routers", "Lets only what browsers and the server tell leave."),
    "standard": _Stage("standards", "The standard $name: records in JSON arrays.", "[$name]\nwith_course = true"),
    "resolver": _Stage(
        "resolvers", "Titles of courses, made of their keys.", '[courses]\nprovider = "$name"\nwith_run = true'
    ),
}


@click.command()
@click.argument("name")
@click.option(
    "--stage", type=click.Choice(list(STAGES)), default="transformer", show_default=True, help="What it does."
)
@click.option(
    "--for",
    "wanted",
    metavar="STANDARD",
    shell_complete=complete_standards,
    help="Standard that a transformer or an enricher speaks; it must be installed.",
)
@click.option("--directory", type=click.Path(path_type=Path), metavar="DIR", help="New folder; else as the package.")
def command(name: str, stage: str, wanted: str | None, directory: Path | None) -> None:
    r"""Write a plugin package: what it does, its tests, and what pip needs. It passes the contract tests as it is.

    NAME becomes the distribution (acme-poll) and the module (acme_poll). A transformer is a family of a standard: its
    plugin is named STANDARD.acme_poll, and NAME may be written so instead of --for. Nothing is overwritten.

    \b
    Examples:
      learnrelay new-plugin acme-poll --for STANDARD
      learnrelay new-plugin acme-consent --stage filter
    """
    made = _Starter(name, stage, wanted)
    folder = directory or Path(made.distribution)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise click.UsageError(f"{folder} is there already; nothing was written: move it, or say --directory DIR")
    written = made.files()
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        click.echo(f"wrote {folder / path}")
    events = Path("tests") / "events.jsonl"
    if events.as_posix() in written:
        try_it = f"learnrelay transform --standard {made.standard} {quote(str(folder / events))}"
    else:
        try_it = f"python -m pytest {quote(str(folder))}"
    click.echo(f"\nNext:\n  pip install --editable {quote(str(folder))} learnrelay-contract-tests")
    click.echo(f"  learnrelay contract-test {made.judged}\n  {try_it}")


class _Starter:
    """One package to be: its names, all checked, and its files. Raises click.UsageError."""

    def __init__(self, name: str, stage: str, wanted: str | None) -> None:
        prefix, dot, rest = name.rpartition(".")
        self.stage = stage
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

    def _standard(self, prefix: str | None, wanted: str | None, rest: str) -> str:
        known = sorted({info.name for info in installed() if info.kind == "standards"})
        there = f"installed: {', '.join(known) or 'none; pip install the package of one first'}"
        if not STAGES[self.stage].says:
            if prefix is not None or wanted is not None:
                raise click.UsageError(f"a {self.stage} is of no standard: say NAME as {rest}, without --for")
            return ""
        if prefix is not None and (self.stage != "transformer" or wanted not in (None, prefix)):
            raise click.UsageError(f"say NAME as {rest} with --for {wanted or prefix}")
        standard = wanted or prefix
        if standard is None:
            raise click.UsageError(f"a {self.stage} speaks a standard: say --for STANDARD ({there})")
        if standard not in known:
            raise click.UsageError(f"no installed plugin brings the standard {standard!r} ({there})"
                                   f"{did_you_mean(standard, known)}")  # fmt: skip
        return standard

    def _check_free(self) -> None:
        """Neither the module nor the plugin may have a name that is taken, here or by Python."""
        if keyword.iskeyword(self.module) or self.module in sys.stdlib_module_names | {"tests", "src"}:
            raise click.UsageError(f"the module would be named {self.module}, as one of Python's: choose another NAME")
        for info in installed():
            if info.name == self.plugin:
                raise click.UsageError(f"{info.origin} brings a plugin {self.plugin} already: choose another NAME")
        if find_spec(self.module) is not None:
            raise click.UsageError(f"a module {self.module} is installed already: choose another NAME")

    def files(self) -> dict[str, str]:
        """Path in the package's folder → content."""
        values = self._values()
        code, test = f"{self.stage}.py", f"test_{self.stage}.py"
        contents = {
            "pyproject.toml": "pyproject.toml",
            "README.md": "README.md",
            f"src/{self.module}/__init__.py": code,
            f"tests/test_{self.module}.py": test,
        }
        if self.stage in ("transformer", "standard"):
            contents["tests/events.jsonl"] = "events.jsonl"
        folders = [folder for folder in (self._starter_of_the_standard(), files(__package__) / "starter") if folder]
        written = {path: _filled(folders, template, values) for path, template in contents.items()}
        if self.stage == "standard":  # one family, without which it has nothing to say
            path = f"src/{self.module}/answers.py"
            written[path] = _filled(folders, "transformer.py", {**values, "plugin": f"{self.name}.answers"})
        written[f"src/{self.module}/py.typed"] = ""
        return written

    def _values(self) -> dict[str, str]:
        stage = STAGES[self.stage]
        values = {
            "name": self.name, "plugin": self.plugin, "standard": self.standard, "module": self.module,
            "distribution": self.distribution, "judged": self.judged, "event": f"{self.name}.answered",
            "class_name": "".join(part.capitalize() for part in self.name.split("_"))
            + {"standard": "Standard", "resolver": "Courses"}.get(self.stage, ""),
        }  # fmt: skip
        values["about"] = Template(stage.about).substitute(values)
        values["settings"] = Template(f"\n\n{stage.settings}" if stage.settings else "").substitute(values)
        values["enabled"] = f"{self.name}.*" if self.stage == "standard" else self.plugin
        points = {stage.group: {self.plugin: self.module + (":family" if self.stage == "transformer" else "")}}
        if self.stage == "standard":
            points["families"] = {f"{self.name}.answers": f"{self.module}.answers:family"}
        values["entry_points"] = "\n\n".join(
            f'[project.entry-points."learnrelay.{group}.v{CONTRACT}"]\n'
            + "\n".join(f'"{key}" = "{value}"' for key, value in named.items())
            for group, named in points.items()
        )
        needs = {"learnrelay": version("learnrelay")}
        if self.stage == "transformer":
            speaks = self._plugin_of_the_standard()
            needs[speaks.distribution] = speaks.version
        if self.stage == "standard":
            needs |= {package: version(package) for package in ("marshmallow", "orjson")}
        values["requirements"] = "\n".join(f'    "{package}{_range(number)}",' for package, number in needs.items())
        values["harness"] = _range(version("learnrelay"))
        return values

    def _plugin_of_the_standard(self) -> PluginInfo:
        return next(info for info in installed() if (info.kind, info.name) == ("standards", self.standard))

    def _starter_of_the_standard(self) -> Traversable | None:
        """The folder of templates that the standard brings, if it does. Raises PluginError."""
        if not STAGES[self.stage].says:
            return None
        info = self._plugin_of_the_standard()
        package, _, folder = collect([(info, load(info))]).standards[self.standard].starter.partition("/")
        return files(package).joinpath(*folder.split("/")) if package else None


def _filled(folders: list[Traversable], template: str, values: Mapping[str, str]) -> str:
    """A template of the first folder that has it, with the values in place of ``$name``."""
    found = next(folder for folder in folders if (folder / f"{template}.txt").is_file())
    return Template((found / f"{template}.txt").read_text(encoding="utf-8")).substitute(values)


def _range(number: str) -> str:
    """The versions that are compatible with one (Semantic Versioning; below 1.0 the second number breaks)."""
    major, minor = (int(part) for part in [*re.findall(r"\d+", number), "0"][:2])
    return f">={major}.{minor},<{major + 1}" if major else f">=0.{minor},<0.{minor + 1}"
