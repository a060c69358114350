"""The documents as a site of plain files, with a search and nothing from elsewhere.

    python docs/build.py [FOLDER]      # site/ where none is named; `make docs` does its set-up too

Every page lies in the site where it lies in the repository, so that a link is right in both. A
warning of the generator, and a dead link is one, is an error: then FOLDER stays as it was.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ROOT / "docs" / "zensical.toml"
ABOVE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "BENCHMARKS.md")

_TARGET = re.compile(r"\]\(([^)#\s]+)")  # of a link or picture, without its #anchor


def pages() -> list[Path]:
    """All of them, relative to ROOT."""
    return [
        *map(Path, ABOVE),
        *sorted(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")),
    ]


def build(folder: Path) -> None:
    """Raises subprocess.CalledProcessError, with what is wrong on standard output."""
    with tempfile.TemporaryDirectory() as made:
        shutil.copy(SETTINGS, made)
        for path in {*pages(), *_linked(), Path("docs/site.css")}:
            copy = Path(made, "pages", path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, copy)
        subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--strict", "-f", SETTINGS.name],
            cwd=made,
            check=True,
            stderr=subprocess.STDOUT,
        )
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(Path(made, "site"), folder)


def _linked() -> set[Path]:
    """Pictures and other files that a page leads to, relative to ROOT."""
    found = set()
    for page in pages():
        for target in _TARGET.findall((ROOT / page).read_text("utf-8")):
            path = (ROOT / page).parent / target
            if "://" not in target and path.is_file():
                found.add(path.resolve().relative_to(ROOT))
    return found


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "site"
    try:
        build(chosen)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    print(f"{chosen}/index.html; with its search: python -m http.server -d {chosen}")
