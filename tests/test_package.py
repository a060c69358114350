"""`pip install .`: what the package holds, and that it runs from anywhere without the checkout."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

import ham

ROOT = Path(__file__).parents[1]
SECONDS = 60  # for the dashboard to answer, on a busy machine


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked where no checkout is near."""
    made = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            ".",
            "--no-deps",
            "--no-build-isolation",
            "--quiet",
            "--disable-pip-version-check",
            "--wheel-dir",
            made,
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = made.glob("*.whl")
    assert wheel.name.startswith(f"ham_lab-{ham.__version__}-")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(made / "site")
    return made / "site"


def run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, "-m", "ham", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_package_holds_what_it_needs_and_nothing_else(installed):
    names = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    pages = {f"ham/dashboard/pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    models = {
        f"ham/reference/{path.name}/model.keras"
        for path in (ROOT / "ham" / "reference").iterdir()
        if path.is_dir()
    }
    assert {
        "ham/py.typed",
        "ham/reference/folds.json",
        "ham/demo/model.npz",
        "ham/prediction/likeness/weights.npz",
        "ham/prediction/likeness/NOTICE",
        "ham/prediction/likeness/LICENSE-APACHE-2.0",
        "ham/ui/style.css",
        "ham/document/templates/parts.html",
        "ham/document/templates/report.css",
        "ham/document/templates/report.html",
        "ham/document/templates/report.js",
        "ham/dashboard/app.py",
        "ham/dashboard/.streamlit/config.toml",
    } | pages | models <= names
    assert {name.split("/")[0] for name in names} == {"ham", f"ham_lab-{ham.__version__}.dist-info"}


def test_the_package_names_its_command_and_its_pinned_requirements(installed):
    about = next(installed.glob("*.dist-info"))
    assert "ham = ham.__main__:run" in (about / "entry_points.txt").read_text()
    metadata = (about / "METADATA").read_text().lower()
    for extra, file in (
        ("", "requirements.txt"),
        ("export", "requirements-export.txt"),
        ("mlflow", "requirements-mlflow.txt"),
    ):
        words = f"; extra == '{extra}'" if extra else ""
        pinned = re.findall(rf"^requires-dist: ([^;\s]+){words}$", metadata, re.MULTILINE)
        wanted = re.findall(r"^([\w.-]+==\S+)", (ROOT / file).read_text().lower(), re.MULTILINE)
        assert sorted(pinned) == sorted(wanted)
        assert wanted


def test_it_runs_from_any_folder_without_the_checkout(installed, tmp_path):
    assert run(installed, "--version", cwd=tmp_path).stdout.strip() == ham.__version__
    listed = run(installed, "runs", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "resnet-improved" in listed.stdout


def test_the_dashboard_starts_from_any_folder(installed, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    with subprocess.Popen(
        [sys.executable, "-m", "ham", "app", "--port", str(port), "--no-browser"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as server:
        try:
            assert answer(f"http://localhost:{port}/_stcore/health") == "ok"
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def answer(address: str) -> str:
    until = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as said:
                return said.read().decode()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
