"""The steps of the Dockerfile without Docker: what it copies, installs and starts, in a folder.

    python -m benchmarks.container_steps [FOLDER]

Copies what the build copies (.dockerignore applied), runs its installing steps into a clean virtual
environment (2 GB, some minutes), starts its CMD there, asks its HEALTHCHECK, and trains one epoch
with the compose file's scheduler and worker commands. What Docker alone can do is left out: the
base image, the user, the isolation.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.visitors import free_port

ROOT = Path(__file__).parents[1]
_SECONDS = 120


def instructions(text: str) -> list[tuple[str, str]]:
    """(instruction, its words), in order."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def ignored(path: str, rules: list[str]) -> bool:
    """Whether .dockerignore keeps this path, relative with forward slashes, out of the build; the
    last rule that matches it or a folder above it counts.
    """
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    out = False
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        names = [*above, *parts] if "**/" in rule else above
        if any(fnmatch.fnmatchcase(name, pattern) for name in names):
            out = not rule.startswith("!")
    return out


def build_context(root: Path) -> list[str]:
    """The files that a build sends to Docker, sorted."""
    rules = [
        line.strip()
        for line in (root / ".dockerignore").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    tops = {rule.removeprefix("!").split("/")[0] for rule in rules if rule.startswith("!")}
    found = []
    for top in sorted(tops):
        place = root / top
        files = place.rglob("*") if place.is_dir() else [place]
        found += [str(f.relative_to(root)).replace(os.sep, "/") for f in files if f.is_file()]
    return sorted(name for name in found if not ignored(name, rules))


def copied(root: Path) -> list[str]:
    """What the first stage copies, as its sources stand in the Dockerfile."""
    found = instructions((root / "Dockerfile").read_text())
    words = [rest.split() for word, rest in found if word == "COPY" and "--from" not in rest]
    return [source for *sources, _ in words for source in sources]


def command(root: Path, name: str = "CMD") -> list[str]:
    """CMD, or the HEALTHCHECK's, as a list."""
    found = dict(instructions((root / "Dockerfile").read_text()))
    return json.loads(re.sub(r"^.*?(?=\[)", "", found[name]))


def service(root: Path, name: str) -> list[str]:
    """The command of a service in compose.yaml."""
    return yaml.safe_load((root / "compose.yaml").read_text())["services"][name]["command"]


def install(folder: Path) -> Path:
    """Runs the first stage's steps; returns the environment's folder of programs."""
    source, environment = folder / "src", folder / "venv"
    sent = build_context(ROOT)
    for name in sent:
        if any(name == part or name.startswith(f"{part}/") for part in copied(ROOT)):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    _, first, *_ = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    for word, rest in instructions(first):
        if word == "RUN":
            words = [part.replace("/opt/ham", str(environment)) for part in shlex.split(rest)]
            words = [sys.executable if part == "python" else part for part in words]
            started = time.monotonic()
            subprocess.run(words, cwd=source, check=True, stdout=subprocess.DEVNULL)
            print(f"{time.monotonic() - started:6.1f} s  RUN {rest}", flush=True)
    return environment / "bin"


@contextlib.contextmanager
def started(programs: Path, words: list[str], home: Path, **more: str) -> Iterator[None]:
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HAM_HOME": str(home),
        "HOME": str(home / "tmp"),
        **more,
    }
    with subprocess.Popen(words, cwd=home, env=environment, start_new_session=True) as process:
        try:
            yield
        finally:
            process.terminate()


def wait_for(words: list[str], programs: Path) -> float:
    """Until this ends well; the seconds that took."""
    began = time.monotonic()
    environment = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    while subprocess.run(words, env=environment, stderr=subprocess.DEVNULL, check=False).returncode:
        if time.monotonic() - began > _SECONDS:
            sys.exit(f"no answer after {_SECONDS} s: {shlex.join(words)}")
        time.sleep(0.5)
    return time.monotonic() - began


def main() -> None:
    with contextlib.ExitStack() as stack:
        given = sys.argv[1:]
        folder = Path(given[0] if given else stack.enter_context(tempfile.TemporaryDirectory()))
        programs = install(folder)
        home = folder / "home"
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        web, dask = str(free_port()), str(free_port())
        address = f"tcp://127.0.0.1:{dask}"
        named = {
            "8501": web,
            "8786": dask,
            "tcp://scheduler:8786": address,
            "/tmp": str(home / "tmp"),
        }

        def here(words: list[str]) -> list[str]:
            found = [named.get(word, word.replace(":8501", f":{web}")) for word in words]
            return [str(programs / found[0]), *found[1:]]

        stack.enter_context(started(programs, here(service(ROOT, "scheduler")), home))
        stack.enter_context(started(programs, here(service(ROOT, "worker")), home))
        stack.enter_context(
            started(programs, here(command(ROOT)), home, DASK_SCHEDULER_ADDRESS=address)
        )
        seconds = wait_for(here(command(ROOT, "HEALTHCHECK")), programs)
        print(f"{seconds:6.1f} s  HEALTHCHECK answers", flush=True)
        train = [
            "ham",
            "train",
            "--model",
            "cnn",
            "--recipe",
            "quick",
            "--set",
            "epochs=1",
            "--wait",
        ]
        began = time.monotonic()
        subprocess.run(
            here(train),
            env={
                "PATH": os.environ["PATH"],
                "HAM_HOME": str(home),
                "DASK_SCHEDULER_ADDRESS": address,
            },
            check=True,
        )
        print(
            f"{time.monotonic() - began:6.1f} s  a training of one epoch on the worker", flush=True
        )


if __name__ == "__main__":
    main()
