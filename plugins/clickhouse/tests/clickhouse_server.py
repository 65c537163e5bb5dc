"""Serves the embedded ClickHouse of chdb by the server's HTTP interface, as far as clickhouse-connect uses it.

    python clickhouse_server.py FOLDER PORT PASSWORD

The engine is ClickHouse's own: parsing, tables, views, mutations, deduplication, errors. Made here are the way into it
(a body is a query, or an insert with its data in Native; settings and parameters are in the address; gzip and LZ4),
the check of the password, and that one query runs at a time. A file `order` in the folder lets it do something at the
next insert: die before or after it, or be silent.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import lz4.frame
from chdb import session

FOLDER, PORT, PASSWORD = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
TRANSPORT = {
    "query",
    "session_id",
    "database",
    "query_id",
    "wait_end_of_query",
    "enable_http_compression",
    "client_protocol_version",
}
LOCK = threading.Lock()
CURRENT: dict[str, str] = {}  # settings of the query before
ENGINE = session.Session(str(FOLDER / "data"))


def run(sql: str | bytes, form: str = "TabSeparated", parameters: dict[str, str] | None = None) -> bytes:
    result = ENGINE.query(sql, form, params=parameters or {})
    return bytes(result.bytes() or b"") if result is not None else b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        values = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        is_chunked = self.headers.get("Transfer-Encoding") == "chunked"
        body = self.read_chunks() if is_chunked else self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "lz4":
            body = lz4.frame.decompress(body)
        query = (values.get("query", "").encode() + b"\n" + body).strip(b"\n") if "query" in values else body
        if self.headers.get("Authorization") != "Basic " + b64encode(f"relay:{PASSWORD}".encode()).decode():
            self.answer(403, f"Code: 516. DB::Exception: relay: Authentication failed for {PASSWORD}".encode(), 516)
            return
        parameters = {key[6:]: value for key, value in values.items() if key.startswith("param_")}
        settings = {key: value for key, value in values.items() if key not in TRANSPORT and key[:6] != "param_"}
        is_insert = query[:12].upper() == b"INSERT INTO " and b"FORMAT Native" in query[:400]
        order = (FOLDER / "order").read_text() if is_insert and (FOLDER / "order").exists() else ""
        if order:
            (FOLDER / "order").unlink()
        if order == "die before":
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "be silent":
            time.sleep(2)
        with LOCK:
            code, answer = self.run_query(query, settings, parameters, is_insert=is_insert)
        if order == "die after":
            os.kill(os.getpid(), signal.SIGKILL)
        self.answer(500 if code else 200, answer, code)

    def run_query(
        self, query: bytes, settings: dict[str, str], parameters: dict[str, str], *, is_insert: bool
    ) -> tuple[int, bytes]:
        form = None if is_insert else re.search(rb"FORMAT (\w+)\s*$", query)
        try:
            for key in CURRENT.keys() - settings.keys():
                run(f"SET {key} = DEFAULT")
                del CURRENT[key]
            for key, value in settings.items() - CURRENT.items():
                run(f"SET {key} = '{value}'")
                CURRENT[key] = value
            if is_insert:
                # Through a file: in a query, the parser ends data at some bytes, which Native may hold.
                head, _, data = query.partition(b"\n")
                (FOLDER / "insert.native").write_bytes(data)
                source = f" FROM INFILE '{FOLDER / 'insert.native'}' FORMAT Native".encode()
                query = head.replace(b" FORMAT Native", source, 1)
            return 0, run(query, "TabSeparated" if form is None else form[1].decode(), parameters)
        except Exception as error:
            code = re.search(r"Code: (\d+)", str(error))
            return int(code[1]) if code else 1002, str(error).encode()

    def read_chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, status: int, body: bytes, code: int = 0) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("X-ClickHouse-Format", "Native")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
