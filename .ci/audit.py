"""What `make lint` says of known vulnerabilities in the installed packages, by pip-audit.

Ends with 1 where one is found that .ci/audit-ignored.txt does not name with its reason. Where the
advisories cannot be asked for, as offline, it says so in one line and ends with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

IGNORED = Path(__file__).with_name("audit-ignored.txt")
_SECONDS = 120


def ignored(text: str) -> dict[str, str]:
    """Advisory -> why it does not concern us. Raises ValueError on one without a reason."""
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.strip().partition(" ")
            if not reason.strip():
                raise ValueError(f"{IGNORED.name}: {name} has no reason")
            found[name] = reason.strip()
    return found


def verdict(report: dict[str, Any], known: dict[str, str]) -> tuple[int, list[str]]:
    """The exit status and what to say of pip-audit's JSON."""
    packages = report["dependencies"]
    asked = [package for package in packages if "skip_reason" not in package]
    lines, left = [], set(known)
    for package in asked:
        for one in package["vulns"]:
            names = {one["id"], *one.get("aliases", [])}
            left -= names
            if names & known.keys():
                continue
            fixed = ", ".join(one["fix_versions"]) or "no version yet"
            lines.append(f"{package['name']} {package['version']}: {one['id']}, mended in {fixed}")
    status = int(bool(lines))
    lines += [f"{name} is ignored and not found: remove its line" for name in left if asked]
    if len(asked) < len(packages):
        of = f"{len(packages) - len(asked)} of {len(packages)} packages"
        lines.append(f"pip-audit: the advisories on {of} could not be asked for here.")
    if not status and asked:
        lines.append(f"pip-audit: nothing known against {len(asked)} packages.")
    return status, lines


def main() -> int:
    known = ignored(IGNORED.read_text(encoding="utf-8"))
    command = ["-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
    try:
        told = subprocess.run(
            [sys.executable, *command, "--timeout", "10"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        status, lines = verdict(json.loads(told.stdout), known)
    except subprocess.TimeoutExpired:
        status, lines = 0, [f"pip-audit: no answer after {_SECONDS} s, nothing was looked up."]
    except json.JSONDecodeError:
        why = (told.stderr.strip().splitlines() or ["it said nothing"])[-1]
        status, lines = 0, [f"pip-audit: the advisories could not be asked for: {why[:200]}"]
    print("\n".join(lines), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
