"""The demo is a test: it exits with 1 unless everything that it claims is so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_demo_proves_what_it_claims() -> None:
    demo = Path(__file__).parent.parent / "demo.py"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEARNRELAY_")}
    done = subprocess.run(
        [sys.executable, demo], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "All proved" in done.stdout
    assert done.stdout.count("proved  ") == 10
    assert "Traceback" not in done.stderr
