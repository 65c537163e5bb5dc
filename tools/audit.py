"""Asks the advisory database about every package of the environment (`make lint` does), with pip-audit.

Without a network nothing can be asked; which is printed and is no error: a machine without one can still lint.

Exit codes: 0 no package has a known vulnerability, or none could be asked about; 1 one has.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

NOT_REACHED = "audit: the advisory service could not be reached; NOTHING was audited"


def main(arguments: list[str]) -> int:
    """Runs pip-audit; ``arguments`` are passed on to it."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner=off", "--format=json", "--desc=off",
         "--timeout=10", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(NOT_REACHED, *done.stderr.strip().splitlines()[-1:], sep="\n  ", file=sys.stderr)
        return 0
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        print(NOT_REACHED, file=sys.stderr)
        return 0
    vulnerable = [(package, vulnerability) for package in asked for vulnerability in package["vulns"]]
    for package, vulnerability in vulnerable:
        cure = (
            f"take {' or '.join(vulnerability['fix_versions'])}"
            if vulnerability["fix_versions"]
            else "there is no cure yet"
        )
        print(f"audit: {package['name']} {package['version']}: {vulnerability['id']}; {cure}", file=sys.stderr)
    unknown = [package["name"] for package in packages if "vulns" not in package]
    rest = f"; not known there: {', '.join(unknown)}" if unknown else ""
    print(f"audit: {len(asked)} packages, {len(vulnerable)} known vulnerabilities{rest}")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
