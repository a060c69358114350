"""The documents: no dead link, no path or command that is not there, every page in the site."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image

from docs import build, screenshots
from ham.cli.parser import make_parser

ROOT = Path(__file__).parents[1]

_FENCE = re.compile(r"^ *```.*?^ *```[^\n]*\n?", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_FOLDERS = (
    "ham",
    "pages",
    "tests",
    "benchmarks",
    "docs",
    ".ci",
)  # that hold what is committed alone
_PATH = re.compile(r"\.?[\w-]+(/[\w.-]+)+/?")
_MODULE = re.compile(r"python3? -m benchmarks\.(\w+)")
_TARGET = re.compile(r"\bmake (\w+)")
_VERB = re.compile(r"(?:python -m ham|^ham) ([a-z]+)((?: [^\n#`]*)?)", re.MULTILINE)
_OPTION = re.compile(r"(?<=\s)--[a-z-]+")


@dataclass(frozen=True)
class Page:
    path: Path  # relative to the root
    text: str  # without code
    codes: tuple[str, ...]  # in backticks, and in blocks

    @property
    def links(self) -> Iterator[tuple[bool, str, str]]:
        """Whether it is a picture, its words, and where it leads."""
        return ((bool(mark), words, to) for mark, words, to in _LINK.findall(self.text))

    def anchors(self) -> set[str]:
        """Of the headings, where GitHub and the site call them the same."""
        plain = [re.sub(r"[`*]|\]\([^)]*\)|\[", "", line) for line in _HEADING.findall(self.text)]
        return {github(line) for line in plain if github(line) == re.sub("-+", "-", github(line))}


def github(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def read(root: Path, path: Path) -> Page:
    text = (root / path).read_text("utf-8")
    blocks = _FENCE.findall(text)
    text = _FENCE.sub("", text)
    inline = _CODE.findall(text)
    # a heading or a link may have code in it: the words stay
    return Page(path, _CODE.sub(lambda found: found[1].replace("[", ""), text), (*inline, *blocks))


def dead_links(root: Path, pages: list[Page]) -> list[str]:
    """A line each: where it stands, and what is wrong with it."""
    known, found = {page.path: page for page in pages}, []
    for page in pages:
        for picture, words, link in page.links:
            if picture and not words.strip():
                found.append(f"{page.path}: {link} has no alternative text")
            if urlsplit(link).scheme:
                if not _leads_out(link):
                    found.append(f"{page.path}: {link} is no address")
                continue
            file, _, anchor = unquote(link).partition("#")
            target = (root / page.path).parent / file if file else root / page.path
            target = Path(target.resolve())
            if not target.is_file() or not target.is_relative_to(root.resolve()):
                found.append(f"{page.path}: {link} leads nowhere")
                continue
            to = known.get(target.relative_to(root.resolve()))
            if file.endswith(".md") and to is None:
                found.append(f"{page.path}: {link} is no page of the site")
            if anchor and (to is None or anchor not in to.anchors()):
                found.append(f"{page.path}: {link} names no heading")
    return found


def _leads_out(link: str) -> bool:
    parts = urlsplit(link)
    return parts.scheme in ("https", "http") and bool(
        re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
    )


def dead_paths(root: Path, pages: list[Page]) -> list[str]:
    """What looks like a path of this repository and is none."""
    found = []
    for page in pages:
        for code in page.codes:
            path = code.partition("::")[0]
            if not _PATH.fullmatch(path) or path.split("/")[0] not in _FOLDERS:
                continue
            if not (root / path).exists():
                found.append(f"{page.path}: `{code}` is not there")
    return found


def dead_commands(root: Path, pages: list[Page]) -> list[str]:
    """`make`, `python -m benchmarks.…` and `ham` with something that they do not know."""
    targets = set(re.findall(r"^(\w+):", (root / "Makefile").read_text(), re.MULTILINE))
    verbs = make_parser()._subparsers._group_actions[0].choices
    found = []
    for page in pages:
        for code in page.codes:
            found += [
                f"{page.path}: make {name}" for name in _TARGET.findall(code) if name not in targets
            ]
            found += [
                f"{page.path}: benchmarks.{name}"
                for name in _MODULE.findall(code)
                if not (root / "benchmarks" / f"{name}.py").is_file()
            ]
            for verb, rest in _VERB.findall(code):
                known = verbs[verb]._option_string_actions if verb in verbs else ()
                if verb not in verbs or not set(_OPTION.findall(rest)) <= set(known):
                    found.append(f"{page.path}: ham {verb}{rest}")
    return found


def in_navigation(settings: Path) -> list[str]:
    def of(entry: dict | list | str) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values() if isinstance(entry, dict) else entry:
                yield from of(below)

    return sorted(of(tomllib.loads(settings.read_text("utf-8"))["project"]["nav"]))


@pytest.fixture(scope="module")
def documents() -> list[Page]:
    return [read(ROOT, path) for path in build.pages()]


def test_every_link_leads_to_a_file_or_a_heading_and_every_picture_has_words(documents):
    assert len(documents) > 20
    assert sum(1 for page in documents for _ in page.links) > 80
    assert dead_links(ROOT, documents) == []


def test_every_path_and_command_in_the_documents_is_there(documents):
    now = [page for page in documents if page.path.name != "CHANGELOG.md"]  # that tells of the past
    assert dead_paths(ROOT, now) == []
    assert dead_commands(ROOT, now) == []


def test_every_page_is_in_the_navigation_once():
    assert in_navigation(build.SETTINGS) == sorted(map(str, build.pages()))


def test_what_is_dead_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "ham").mkdir()
    (tmp_path / "Makefile").write_text("app:\n")
    (tmp_path / "docs" / "other.md").write_text("# One, `two`\n\n## A – B\n")
    (tmp_path / "loose.md").write_text("")
    (tmp_path / "README.md").write_text(
        "[right](docs/other.md#one-two) [here](#top) [out](https://example.org/a_(b)\n"
        "[gone](docs/gone.md) [no heading](docs/other.md#three) [two names](docs/other.md#a--b)\n"
        "[loose](loose.md) ![](docs/other.md) [typed](https:/example.org) [up](../README.md)\n"
        "`[not](a.md)` `ham/gone.py` `ham/` `and/or` `make app` `make tea` `ham train --wait`\n"
        "# Top\n```sh\npython -m ham train --wiat   # --not\npython -m ham bake\n"
        "python -m benchmarks.gone\n[not](b.md)\n```\n"
    )
    read_pages = [read(tmp_path, Path(name)) for name in ("README.md", "docs/other.md")]
    assert [line.removeprefix("README.md: ") for line in dead_links(tmp_path, read_pages)] == [
        "docs/gone.md leads nowhere",
        "docs/other.md#three names no heading",
        "docs/other.md#a--b names no heading",
        "loose.md is no page of the site",
        "docs/other.md has no alternative text",
        "https:/example.org is no address",
        "../README.md leads nowhere",
    ]
    assert dead_paths(tmp_path, read_pages) == ["README.md: `ham/gone.py` is not there"]
    assert dead_commands(tmp_path, read_pages) == [
        "README.md: make tea",
        "README.md: benchmarks.gone",
        "README.md: ham train --wiat   ",
        "README.md: ham bake",
    ]


def test_the_pictures_are_all_used_and_small(documents):
    used = {
        (ROOT / page.path).parent.joinpath(to).resolve()
        for page in documents
        for picture, _, to in page.links
        if picture
    }
    there = set((ROOT / "docs").resolve().rglob("*.png"))
    assert used == there
    assert sum(path.stat().st_size for path in there) < 1_200_000


def test_a_picture_is_made_smaller_and_its_ground_stays_as_it_is():
    random = np.random.default_rng(0)
    pixels = np.full((200, 300, 3), (248, 249, 250), np.uint8)  # the sidebar's
    pixels[50:150, 50:150] = random.integers(0, 256, (100, 100, 3))
    found = BytesIO()
    Image.fromarray(pixels).save(found, "PNG", optimize=True)
    small = screenshots.smaller(found.getvalue())
    assert len(small) < len(found.getvalue()) / 2
    again = np.asarray(Image.open(BytesIO(small)).convert("RGB")).astype(int)
    assert len(np.unique(again.reshape(-1, 3), axis=0)) > 200
    assert (again[:, 160:] == (248, 249, 250)).all()
    assert np.abs(again - pixels).mean() < 5


def test_the_site_is_built_asks_nobody_for_anything_and_a_warning_fails(tmp_path, monkeypatch):
    build.build(tmp_path / "site")
    made = sorted((tmp_path / "site").rglob("*.html"))
    assert len(made) == len(build.pages()) + 1  # the page for what is not there
    for page in made:
        assert not re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?https?:", page.read_text()
        )
    assert "bootstrap" in (tmp_path / "site" / "search.json").read_text()
    bad = tmp_path / "repository"
    (bad / "docs").mkdir(parents=True)
    shutil.copy(build.ROOT / "docs" / "site.css", bad / "docs")
    (bad / "zensical.toml").write_text('[project]\nsite_name = "x"\ndocs_dir = "pages"\n')
    (bad / "docs" / "one.md").write_text("[dead](two.md)\n")
    monkeypatch.setattr(build, "ROOT", bad)
    monkeypatch.setattr(build, "ABOVE", ())
    monkeypatch.setattr(build, "SETTINGS", bad / "zensical.toml")
    with pytest.raises(subprocess.CalledProcessError):
        build.build(tmp_path / "site")
    assert made[0].exists()  # what was built before
