"""What `make lint` says of the types is a test too."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("types")  # the second finds what the first has kept
ROOT = Path(__file__).parents[1]


def mypy(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mypy", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_types_of_the_package_and_the_pages_fit():
    said = mypy()
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_wrong_type_is_seen(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from ham.config import CODES\n\nnumber: int = CODES[0]\n")
    said = mypy(str(wrong))
    assert said.returncode == 1
    assert 'expression has type "str", variable has type "int"' in said.stdout
