"""What a site of Open edX loses when everything is killed: ``python -m benchmarks.site_faults`` prints it as JSON.

The Django project of the tests, with the real event-tracking, under gunicorn: its web workers, the worker of learnrelay
and the connections to the database are killed in turns, while clients send requests. Then the consumer is compared with
what was answered. Needs the group ``site``, and LEARNRELAY_TEST_MYSQL_URL or LEARNRELAY_TEST_POSTGRES_URL; results go
to benchmarks/site_faults.json with ``--write``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from .faults import POSTGRES, postgres
from .mysql import MYSQL, fresh_database
from .sample import ROOT

sys.path[:0] = [str(ROOT / "core" / "tests"), str(ROOT / "plugins" / "openedx" / "tests")]

from delivery.consumer import Consumer  # noqa: E402  # of the tests
from lms_processes.conftest import CampusSite  # noqa: E402  # of the tests
from lms_processes.site_faults import FaultySite  # noqa: E402  # of the tests


def main() -> None:
    """Runs the site on each database that is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site_faults", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100, help="of each kind")
    parser.add_argument("--write", action="store_true", help="into benchmarks/site_faults.json too")
    args = parser.parse_args()
    results: dict[str, object] = {}
    for name, variable, database in (("mysql", MYSQL, fresh_database), ("postgres", POSTGRES, postgres)):
        if not os.environ.get(variable):
            results[name] = f"left out: {variable} is not set"
            continue
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            consumer = Consumer()
            stack.callback(consumer.stop)
            site = FaultySite(CampusSite(directory), stack.enter_context(database()), consumer)
            stack.callback(site.close)
            results[name] = asdict(site.run(args.requests, args.kills))
        print(json.dumps({name: results[name]}), file=sys.stderr, flush=True)
    print(json.dumps(results, indent=1))
    if args.write:
        (ROOT / "benchmarks" / "site_faults.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
