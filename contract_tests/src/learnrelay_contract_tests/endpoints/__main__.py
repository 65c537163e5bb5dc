"""Runs one reference endpoint in the foreground: ``python -m learnrelay_contract_tests.endpoints --standard xapi``."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import orjson

from learnrelay_contract_tests.endpoints import CaliperEndpoint, ReferenceEndpoint, ReferenceLrs, RequestRecord

ENDPOINTS: dict[str, type[ReferenceEndpoint]] = {"xapi": ReferenceLrs, "caliper": CaliperEndpoint}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m learnrelay_contract_tests.endpoints",
        description="Runs a strict endpoint to test a delivery against. It prints a line for each request.",
    )
    parser.add_argument("--standard", choices=ENDPOINTS, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--username", help="demand Basic credentials, with --password")
    parser.add_argument("--password")
    parser.add_argument("--token", help="demand this Bearer token")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="append what is stored as JSON lines")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM. Returns 0 after an orderly stop, 2 if the endpoint cannot start."""
    arguments = _arguments(argv)
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        try:
            keep = stack.enter_context(arguments.keep.open("ab")) if arguments.keep else None

            def show(record: RequestRecord, new: list[dict[str, Any]]) -> None:
                if keep is not None:
                    keep.writelines(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE) for item in new)
                    keep.flush()
                print(_line(record), flush=True)

            endpoint = ENDPOINTS[arguments.standard](
                host=arguments.host,
                port=arguments.port,
                username=arguments.username,
                password=arguments.password,
                token=arguments.token,
                on_request=show,
            )
            stack.enter_context(endpoint)
        except (OSError, ValueError) as error:
            print(f"cannot start: {error}", file=sys.stderr)
            return 2
        print(f"listening on {endpoint.url}", flush=True)
        ended.wait()
    print(f"stopped: {len(endpoint.statements)} stored, {endpoint.duplicates} duplicates", flush=True)
    return 0


def _line(record: RequestRecord) -> str:
    answer = record.status or "dropped"
    line = f"{time.strftime('%H:%M:%S')} {record.method} {record.path} {answer}"
    return f"{line} items={record.items} stored={record.stored} {record.reason}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
