"""`.ci/setup`, which both commands of the README begin with: which Python it takes, and that what
it builds has pip. No package is fetched: pip is a stand-in here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="make and sh are not on Windows")
SETUP = Path(__file__).parents[1] / ".ci" / "setup"
REAL = os.path.realpath(sys.executable)
#: A pip that puts nothing but its own name into the environment it is asked to install into.
LENDS = """case "$*" in
*"-m pip --python"*--version) exit 0 ;;
*"-m pip --python .venv"*install*)
    folder=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pip
    mkdir "$folder" && echo 'print("pip was here")' >"$folder/__main__.py"
    exit ;;
esac"""
LENDS_NOT = 'case "$*" in *"-m pip --python"*) exit 1 ;; esac'
BRINGS_NO_PIP = 'case "$*" in *"import ensurepip"*) exit 1 ;; esac'


def takes(microseconds: int) -> str:
    """Another Python than that of these tests, with its answer to how long it works; that of
    these tests takes 5,000 to 50,000 microseconds.
    """
    return (
        f'case "$*" in *process_time*) echo {microseconds}; exit ;; '
        f"*base_prefix*) echo another {microseconds}; exit ;; esac"
    )


@pytest.fixture
def machine(tmp_path):
    """A clone in a machine that has a shell's tools and no Python yet."""
    tools = tmp_path / "bin with a space"
    tools.mkdir()
    for name in ("cat", "dirname", "mkdir", "rm", "sh", "tr"):
        (tools / name).symlink_to(shutil.which(name))
    (tmp_path / ".ci").mkdir()
    shutil.copy(SETUP, tmp_path / ".ci" / "setup")
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    return tmp_path


def has(machine: Path, name: str, *manners: str) -> Path:
    """A Python of this name on the PATH, the one of these tests with other manners."""
    path = machine / "bin with a space" / name
    path.write_text("\n".join(["#!/bin/sh", *manners, f'exec "{REAL}" "$@"', ""]))
    path.chmod(0o755)
    return path


def set_up(machine: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ".ci/setup", "requirements.txt"],
        cwd=machine,
        env={"PATH": f"/nowhere:{machine / 'bin with a space'}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def taken(done: subprocess.CompletedProcess[str]) -> str:
    """The Python of which .venv was built."""
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stderr.splitlines() if line.startswith("Building .venv"))
    return line.removesuffix(" ...").rsplit("/", 1)[1]


def test_the_newest_is_taken_and_gets_its_pip_from_another_where_it_brings_none(machine):
    has(machine, "python3.13", BRINGS_NO_PIP, LENDS_NOT, takes(10_000))
    has(machine, "python3.11", BRINGS_NO_PIP, LENDS, takes(9_000))
    done = set_up(machine)
    assert taken(done) == "python3.13"
    asked = [machine / ".venv" / "bin" / "python", "-m", "pip"]
    assert subprocess.check_output(asked, text=True) == "pip was here\n"
    assert (machine / ".venv" / "installed-requirements").read_text() == "# nothing\n"
    again = set_up(machine)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_one_that_was_built_without_optimisation_gives_way_to_an_older_one(machine):
    has(machine, "python3.13", BRINGS_NO_PIP, LENDS, takes(1_000_000))
    has(machine, "python3.12", BRINGS_NO_PIP, LENDS)
    assert taken(set_up(machine)) == "python3.12"


def test_the_one_that_is_named_is_taken_whatever_else_there_is(machine):
    named = has(machine, "named", BRINGS_NO_PIP, LENDS, takes(1_000_000))
    has(machine, "python3.13", BRINGS_NO_PIP, LENDS)
    assert taken(set_up(machine, PYTHON=str(named))) == "named"


def test_where_no_pip_can_be_had_the_package_that_brings_it_is_named(machine):
    has(machine, "python3.12", BRINGS_NO_PIP, LENDS_NOT)
    done = set_up(machine)
    assert done.returncode == 1
    assert "python3.12 has no venv module: on Debian or Ubuntu, sudo apt install" in done.stderr
    assert not (machine / ".venv").exists()


def test_without_any_python_it_says_what_to_install(machine):
    done = set_up(machine)
    assert done.returncode == 1
    assert "needs a 64-bit Python 3.11, 3.12 or 3.13 with venv (there is none)" in done.stderr
