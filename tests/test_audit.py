"""What `make lint` says of known vulnerabilities."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
UNASKED = {"name": "unasked", "skip_reason": "Dependency not found on PyPI"}
HOLED = {
    "name": "holed",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-7"], "fix_versions": ["2.1"]}],
}


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("packages", "known", "status", "said"),
    [
        ([SOUND], {}, 0, "nothing known against 1 packages"),
        ([SOUND, HOLED], {}, 1, "holed 2.0: PYSEC-1, mended in 2.1"),
        ([SOUND, HOLED], {"CVE-7": "only in its server"}, 0, "nothing known"),
        ([SOUND], {"CVE-7": "only in its server"}, 0, "CVE-7 is ignored and not found"),
        ([UNASKED], {}, 0, "1 of 1 packages could not be asked for here"),
        ([UNASKED, HOLED], {}, 1, "1 of 2 packages could not be asked for here"),
    ],
)
def test_a_known_vulnerability_fails_and_advisories_that_cannot_be_asked_for_do_not(
    audit, packages, known, status, said
):
    found, lines = audit.verdict({"dependencies": packages}, known)
    assert found == status
    assert said in "\n".join(lines)


def test_an_advisory_is_ignored_with_a_reason_only(audit):
    assert audit.ignored("# why\n\nCVE-7  only in its server\n") == {"CVE-7": "only in its server"}
    with pytest.raises(ValueError, match="CVE-7 has no reason"):
        audit.ignored("CVE-7\n")
    audit.ignored(audit.IGNORED.read_text())


@pytest.mark.parametrize(
    ("stdout", "stderr", "status", "said"),
    [
        (json.dumps({"dependencies": [HOLED]}), "", 1, "PYSEC-1"),
        ("", "ConnectionError: no route", 0, "could not be asked for: ConnectionError: no route"),
    ],
)
def test_lint_ends_as_pip_audit_found(audit, monkeypatch, capsys, stdout, stderr, status, said):
    told = SimpleNamespace(stdout=stdout, stderr=stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: told)
    assert audit.main() == status
    assert said in capsys.readouterr().err


def test_lint_asks_it():
    lint = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    assert ".ci/audit.py" in lint
