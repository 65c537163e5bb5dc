"""Builds the documentation site (`make site`) into build/site: gathers the pages, and runs zensical on them.

The pages are read on the site of the repository too, so their links are paths of the repository. Here, a link to a page
becomes one of the site, and a link to any other file one of the repository. The navigation is in
docs/site/zensical.toml; a page that is not in it is an error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
PAGES = BUILD / "site-pages"
SETTINGS = ROOT / "docs/site/zensical.toml"
DECISIONS = '["adr/*"]'
"""Stands in the navigation for all of them."""
REPOSITORY = "https://github.com/learnrelay/learnrelay"
HOME = "docs/overview.md"
INDEX_OF_THE_REPOSITORY = "docs/README.md"
"""Leads through docs/ where there is no navigation; on the site, its links lead home."""
OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "SECURITY.md": "security.md",
    "examples/acme_poll/README.md": "examples/acme_poll.md",
    "examples/canvas/README.md": "examples/canvas.md",
    "contract_tests/README.md": "packages/contract_tests.md",
    "core/README.md": "packages/core.md",
}
"""Pages outside docs/ → their places on the site, with those of the plugins."""
ASSETS = (".svg", ".jsonld")
NO_PAGES = {"tests", "site", "__pycache__"}
SITE = BUILD / "site"
SHIM_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
"""What the theme loads to search a site that is read as files; docs/site has our own."""
_CELL = re.compile(r"(<td[^>]*>)(.*?)(</td>)", re.DOTALL)
_PLACES_TO_BREAK = re.compile(r"(?<=\w[._/:\-])(?=\w)(?![^<]*>)")
"""After a dot, a slash or the like within a name; not within a tag."""
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def place_pages() -> dict[str, str]:
    """Maps each page, by its path in the repository, to its path on the site."""
    docs = ROOT / "docs"
    pages = {
        path.relative_to(ROOT).as_posix(): path.relative_to(docs).as_posix()
        for path in docs.rglob("*.md")
        if path.relative_to(docs).parts[0] not in NO_PAGES
    }
    pages |= {
        path.relative_to(ROOT).as_posix(): f"packages/{path.parent.name}.md"
        for path in ROOT.glob("plugins/*/README.md")
    }
    return {**pages, **OUTSIDE, HOME: "index.md", INDEX_OF_THE_REPOSITORY: "index.md", "README.md": "index.md"}


def rewrite(text: str, page: str, pages: dict[str, str]) -> str:
    """Returns a page with the links of the site. ``page``: its path in the repository."""

    def replace(match: re.Match[str]) -> str:
        target, _, anchor = match[2].partition("#")
        target = target.removeprefix(f"{REPOSITORY}/blob/main/") if match[2].startswith(REPOSITORY) else target
        is_absolute = target != match[2].partition("#")[0]
        if not target or ":" in target:
            return match[0]
        base = "" if is_absolute else PurePosixPath(page).parent.as_posix()
        path = os.path.normpath(f"{base}/{target}").lstrip("/")
        if not (ROOT / path).exists():  # no link, but code that looks like one
            return match[0]
        ending = f"#{anchor}" if anchor and not pages.get(path, "").startswith("index") else ""
        if path in pages:
            new = os.path.relpath(pages[path], PurePosixPath(pages[page]).parent)
        elif path.startswith("docs/") and path.endswith(ASSETS):
            new = os.path.relpath(path.removeprefix("docs/"), PurePosixPath(pages[page]).parent)
        else:
            new = f"{REPOSITORY}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}"
        return f"{match[1]}{new}{ending}{match[3]}"

    return _LINK.sub(replace, text)


def gather() -> dict[str, str]:
    """Writes all pages and pictures to `PAGES`. Returns the pages: path in the repository → path on the site."""
    pages = place_pages()
    shutil.rmtree(PAGES, ignore_errors=True)
    for page, place in pages.items():
        if place == "index.md" and page != HOME:
            continue
        (target := PAGES / place).parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewrite((ROOT / page).read_text("utf-8"), page, pages), "utf-8")
    for pattern in ("*/*.svg", "profiles/*.jsonld", "site/*.css", "site/*.js"):
        for path in (ROOT / "docs").glob(pattern):
            (target := PAGES / path.relative_to(ROOT / "docs")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return pages


def list_decisions() -> str:
    """Lists the decisions for the navigation, each with its title."""
    paths = sorted(PAGES.glob("adr/*.md"))
    titles = [path.read_text("utf-8").partition("\n")[0].removeprefix("# ") for path in paths]
    entries = (f'{{ {json.dumps(title)} = "adr/{path.name}" }}' for title, path in zip(titles, paths, strict=True))
    return f"[{', '.join(entries)}]"


def allow_breaks(cell: re.Match[str]) -> str:
    """Lets the names in a cell of a table break between their parts."""
    return f"{cell[1]}{_PLACES_TO_BREAK.sub('<wbr>', cell[2])}{cell[3]}"


def list_navigation(entries: Any) -> Iterator[str]:
    """Yields the pages of the navigation, without the addresses of other sites."""
    for entry in entries:
        for value in entry.values():
            if not isinstance(value, str):
                yield from list_navigation(value)
            elif not value.startswith("https:"):
                yield value


class SitePage(HTMLParser):
    """Collects the ids of a page, what it links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Reads a tag."""
        values = {name: value or "" for name, value in attrs}
        self.ids.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in {"script", "img", "iframe"} and "src" in values:
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") in {"stylesheet", "preconnect", "icon"}:
            self.loaded.append(values["href"])


def find_faults(site: Path) -> Iterator[str]:
    """Yields each link of a built site that leads nowhere, and what pages load from elsewhere."""
    pages = {path: SitePage(path.read_text("utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}
    for path, page in sorted(pages.items()):
        here = path.relative_to(site)
        yield from (f"{here} loads {url}" for url in page.loaded if re.match(r"(https?:)?//", url))
        for link in page.links:
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            to = Path(os.path.normpath(path.parent / target)) if target else path
            to = to / "index.html" if to.is_dir() else to
            if not to.exists() or (anchor and to in pages and anchor not in pages[to].ids):
                yield f"{here}: the link {link} leads nowhere"


def main() -> int:
    """Builds the site; returns 1 where a page is in no navigation, or a link leads nowhere."""
    placed = set(gather().values())
    (settings := BUILD / "zensical.toml").write_text(SETTINGS.read_text("utf-8").replace(DECISIONS, list_decisions()))
    listed = list(list_navigation(tomllib.loads(settings.read_text("utf-8"))["project"]["nav"]))
    for page in sorted(placed.symmetric_difference(listed)):
        fault = "in no navigation" if page in placed else "no such page"
        print(f"{page}: {fault} ({SETTINGS.relative_to(ROOT)})", file=sys.stderr)
    if placed.symmetric_difference(listed):
        return 1
    command: list[str | Path] = [
        Path(sys.executable).parent / "zensical",
        "build",
        "--clean",
        "--strict",
        "--config-file",
        settings,
    ]
    if code := subprocess.run(command, cwd=ROOT, check=False).returncode:  # noqa: S603
        return code
    for path in SITE.rglob("*.html"):
        ours = os.path.relpath(SITE / "site/worker-on-file.js", path.parent)
        text = _CELL.sub(allow_breaks, path.read_text("utf-8"))
        path.write_text(text.replace(SHIM_ELSEWHERE, ours), "utf-8")
    faults = list(find_faults(SITE))
    print(*faults, sep="\n", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
