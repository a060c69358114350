"""Dockerfile and compose.yaml, read; built and run where a Docker daemon answers.

`python -m benchmarks.container_steps` runs the same steps without Docker.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest
import requests
import yaml

from benchmarks.container_steps import (
    build_context,
    command,
    copied,
    ignored,
    instructions,
    service,
)
from ham import hosting
from ham.cli.parser import make_parser
from tests.visitors import free_port

ROOT = Path(__file__).parents[1]
PINNED = re.compile(r"python:3\.1[123]\.\d+-slim-\w+")
#: What compose.yaml sets: ours, and one of Dask's.
KNOWN = {limit.variable for limit in hosting.LIMITS} | {
    "HAM_READONLY",
    "HAM_ROLES",
    "HAM_DEFAULT_ROLE",
    "DASK_SCHEDULER_ADDRESS",
}


def compose() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_the_image_is_built_of_what_is_there_and_of_nothing_else():
    sent = build_context(ROOT)
    for source in copied(ROOT):
        assert any(name == source or name.startswith(f"{source}/") for name in sent), source
    needed = {"ham/__init__.py", "ham/reference/folds.json", "pages/training.py", "LICENSE"}
    assert needed <= set(sent)
    assert [name for name in sent if "__pycache__" in name or "secret" in name] == []
    assert {name for name in sent if name.startswith(".streamlit")} == {".streamlit/config.toml"}


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("ham/ui/frame.py", False),
        ("ham/ui/__pycache__/frame.pyc", True),
        ("tests/conftest.py", True),
        (".streamlit/config.toml", False),
        (".streamlit/secrets.toml", True),
        ("requirements-dev.txt", True),
    ],
)
def test_what_dockerignore_keeps_out(path, out):
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored(path, [rule for rule in rules if rule and not rule.startswith("#")]) is out


def test_the_image_runs_our_command_as_nobody_special_from_a_pinned_base():
    found = instructions((ROOT / "Dockerfile").read_text())
    bases = [rest.split()[0] for word, rest in found if word == "FROM"]
    assert len(set(bases)) == 1
    assert PINNED.fullmatch(bases[0])
    words = dict(found)
    assert int(words["USER"]) > 0
    program, *arguments = command(ROOT)
    chosen = make_parser().parse_args(arguments)
    assert (program, chosen.address, str(chosen.port)) == ("ham", "0.0.0.0", words["EXPOSE"])
    assert f":{chosen.port}/_stcore/health" in command(ROOT, "HEALTHCHECK")[-1]
    assert f"HAM_HOME={words['VOLUME']}" in words["ENV"]


def test_the_services_share_a_volume_and_nothing_can_be_changed_from_outside():
    services, volume = compose()["services"], compose()["volumes"]
    assert services.keys() == {"app", "scheduler", "worker"}
    home = dict(instructions((ROOT / "Dockerfile").read_text()))["VOLUME"]
    for found in services.values():
        assert found["volumes"] == [f"{name}:{home}" for name in volume]
        assert found["read_only"]
        assert found["cap_drop"] == ["ALL"]
    app = services["app"]
    assert app["environment"].keys() == KNOWN
    assert app["environment"]["HAM_READONLY"] == "${HAM_READONLY-1}"
    port = dict(instructions((ROOT / "Dockerfile").read_text()))["EXPOSE"]
    assert app["ports"] == [f"127.0.0.1:{port}:{port}"]  # a proxy in front opens it
    for limit in hosting.LIMITS:
        assert app["environment"][limit.variable] == f"${{{limit.variable}-{limit.default:g}}}"


def test_scheduler_and_workers_find_each_other():
    scheduler, worker = service(ROOT, "scheduler"), service(ROOT, "worker")
    port = scheduler[scheduler.index("--port") + 1]
    address = f"tcp://scheduler:{port}"
    assert address in worker
    assert compose()["services"]["app"]["environment"]["DASK_SCHEDULER_ADDRESS"] == address
    assert worker[worker.index("--nthreads") + 1] == "1"  # a training a worker
    assert "HAM_READONLY" not in str(compose()["services"]["worker"])  # it writes what it trains


# ------------------------------------------------------------------------ where Docker is


@functools.cache
def docker_answers() -> bool:
    """Whether there is a program of that name, and a daemon behind it."""
    if not shutil.which("docker"):
        return False
    asked = subprocess.run(["docker", "version"], capture_output=True, timeout=20, check=False)
    return asked.returncode == 0


def test_the_image_is_built_and_answers():
    if not docker_answers():
        pytest.skip("no Docker daemon answers here: the image was not built")
    name, port = f"ham-lab-test-{uuid.uuid4().hex[:8]}", free_port()
    subprocess.run(["docker", "build", "--tag", name, "."], cwd=ROOT, check=True)
    start = ["docker", "run", "--rm", "--detach", "--name", name, "--read-only", "--tmpfs", "/tmp"]
    subprocess.run([*start, "--publish", f"127.0.0.1:{port}:8501", name], check=True)
    try:
        for _ in range(120):
            try:
                found = requests.get(f"http://127.0.0.1:{port}/_stcore/health", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.5)
        assert found.text == "ok"
        told = subprocess.run(
            ["docker", "exec", name, "ham", "runs"], capture_output=True, text=True, check=True
        )
        assert "resnet-improved" in told.stdout
        who = subprocess.run(
            ["docker", "exec", name, "id", "-u"], capture_output=True, text=True, check=True
        )
        assert who.stdout.strip() == "10001"
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=False)
        subprocess.run(["docker", "rmi", "--force", name], check=False)
