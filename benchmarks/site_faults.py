"""What a site of Open edX loses when everything is killed: ``python -m benchmarks.site_faults`` prints it as JSON.

The Django project of the tests, with the real event-tracking and the real event bus, under gunicorn: its web workers,
the worker of learnrelay, the database server and its connections, the consumer, and where there is a bus its Redis and
the platform's own consumer of it, are killed in turns, while clients send requests. All servers are started here. Then
the consumer is compared with what the site has taken. Needs the group ``site``, redis-server, and mariadbd or
PostgreSQL; results go to benchmarks/site_faults.json with ``--write``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from .sample import ROOT

sys.path[:0] = [str(ROOT / "core" / "tests"), str(ROOT / "plugins" / "openedx" / "tests")]

from lms_processes.conftest import CampusSite  # noqa: E402  # of the tests
from lms_processes.site_faults import DATABASES, SITES  # noqa: E402  # of the tests

RESULTS = ROOT / "benchmarks" / "site_faults.json"


def main() -> None:
    """Runs each kind of site."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site_faults", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=40, help="of each kind")
    parser.add_argument("--database", choices=DATABASES, default="mysql")
    parser.add_argument("--only", choices=SITES, action="append", help="kind of site; all unless given")
    parser.add_argument("--write", action="store_true", help="into benchmarks/site_faults.json too")
    args = parser.parse_args()
    for name in args.only or SITES:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            site = SITES[name](CampusSite(directory), args.database)
            stack.callback(site.close)
            count = {f"{name}, {args.database}": asdict(site.run(args.requests, args.kills))}
        print(json.dumps(count), flush=True)
        if args.write:
            results = json.loads(RESULTS.read_text(encoding="utf-8")) | count
            RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
