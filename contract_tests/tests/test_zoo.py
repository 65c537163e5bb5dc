"""The zoo: bad plugins, each with one trick, are caught by the check that is meant for it; good ones are let through.

Every member is a module in ``zoo/bad`` or ``zoo/good`` whose docstring says the trick, the check and, where it is no
family, the entry point. It is judged as a really installed distribution.
"""

from __future__ import annotations

import re
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from house import ZOO, install, judged, told

from learnrelay_contract_tests.checks import load_all
from learnrelay_contract_tests.runner import FAILED, Verdict

BAD = sorted((ZOO / "bad").glob("*.py"))
GOOD = sorted((ZOO / "good").glob("*.py"))
MEANT = {path: re.search(r"Caught by: (\S+)", path.read_text(encoding="utf-8")) for path in BAD}

Verdicts = dict[Path, "Future[Verdict]"]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """All members, two at a time."""
    root = tmp_path_factory.mktemp("zoo")
    found: Verdicts = {}
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        for source in (*BAD, *GOOD):
            directory = root / f"{source.parent.name}-{source.stem}"
            found[source] = pool.submit(judged, str(directory), install(source, directory))
    return found


@pytest.mark.parametrize("source", BAD, ids=lambda path: path.stem)
def test_each_trick_is_caught_by_the_check_that_is_meant_for_it(source: Path, verdicts: Verdicts) -> None:
    meant = MEANT[source]
    assert meant, "the docstring names the check"
    verdict = verdicts[source].result()
    assert not verdict.passed
    assert meant[1] in [result.check for result in verdict.results if result.status == FAILED], told(verdict)


@pytest.mark.parametrize("source", GOOD, ids=lambda path: path.stem)
def test_no_false_alarm(source: Path, verdicts: Verdicts) -> None:
    verdict = verdicts[source].result()
    assert verdict.passed, told(verdict)


def test_every_check_has_caught_somebody(verdicts: Verdicts) -> None:
    """A check that no trick of the zoo sets off proves nothing."""
    caught = {result.check for future in verdicts.values() for result in future.result().results if result.findings}
    elsewhere = {"versions.lock", "source.package", "source.gaps"}  # tested on their own
    assert {*load_all(), "plugin.loads"} - caught <= elsewhere
