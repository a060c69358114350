"""The comparison as one HTML file: whole, safe, readable without its charts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ham import cli, store
from ham.data import LesionDataset, sharing
from ham.document import SECTIONS, Subject, comparison_html, page
from ham.evaluation import SCORES, format_score
from ham.prediction import PERTURBATIONS, SHUFFLES, STRENGTHS
from ham.report import (
    Comparison,
    Robustness,
    RunReport,
    arrangement_of,
    robustness_of,
    run_names,
    verdict_in_words,
)
from ham.store import Predictions, Run
from tests.run_factory import finished_run
from tests.test_external import external

NOW = datetime(2026, 11, 26, 15, 0)
EVIL = "</script><script>alert(1)</script>"


class Read(HTMLParser):
    """Elements with their attributes, and the text outside scripts and styles."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._inside):
            self.texts.append(data)

    def all(self, *tags: str) -> list[tuple[str, dict[str, str | None]]]:
        return [one for one in self.elements if one[0] in tags]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).replace("\N{NO-BREAK SPACE}", " ").split())


def answers(dataset: LesionDataset, seed: int) -> Predictions:
    """To 50 images, most of them right."""
    rows = np.arange(0, 150, 3)
    proba = np.random.default_rng(seed).dirichlet(np.full(7, 0.2), len(rows))
    proba[np.arange(len(rows)), dataset.labels[rows]] += 0.6
    return Predictions(
        dataset.metadata["image_id"].to_numpy(dtype=str)[rows],
        dataset.groups[rows],
        dataset.labels[rows],
        (proba / proba.sum(axis=1, keepdims=True)).astype(np.float32),
    )


@pytest.fixture
def runs(small_dataset: LesionDataset) -> list[Run]:
    """Two on the same images, the second with a title that would be a script."""
    made = [
        finished_run(None, answers(small_dataset, seed), data=small_dataset.record)
        for seed in (0, 1)
    ]
    return [made[0], store.write_notes(made[1], title=EVIL, tags=())]


def subject_of(runs: list[Run], dataset: LesionDataset | None = None, why: str = "") -> Subject:
    names = run_names(runs, {run.id: run.title for run in runs})
    return Subject(Comparison(names, [RunReport(run) for run in runs]), dataset, why)


def test_the_file_holds_every_section_and_score_loads_nothing_and_runs_nothing_of_a_title(
    runs: list[Run], small_dataset: LesionDataset
) -> None:
    store.write_external(runs[0], external(runs[0], title="Another clinic"))
    subject = subject_of(runs, dataclasses.replace(small_dataset, synthetic=True))
    found = Read(comparison_html(subject, NOW))

    headings = [tag for tag, _ in found.all("h1", "h2", "h3", "h4", "h5")]
    assert headings.count("h1") == 1
    assert headings.count("h2") == len(SECTIONS)
    levels = [int(tag[1]) for tag in headings]
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    assert all(title in found.text for title in SECTIONS)
    assert "2026-11-26 15:00" in found.text
    for one in subject.compared.reports.values():
        for key, score in one.evaluation.scores.items():
            assert format_score(key, score) in found.text, SCORES[key].title
    assert EVIL in found.text
    assert "B minus A, cell by cell" in found.text
    assert verdict_in_words(subject.compared) in found.text
    assert "Scores on Another clinic" in found.text
    assert "Kept with the run: Another clinic." in found.text
    for words in ("Model card of A", "Limits", "Not recorded: to be filled in by the author."):
        assert words in found.text

    assert len(found.all("script")) == 4, "figures, settings, Plotly, ours"
    loading = found.all("script", "link", "img", "iframe", "object", "source", "video", "audio")
    for tag, attributes in loading:
        for name in ("src", "href", "data", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
    (policy,) = [a["content"] for _, a in found.all("meta") if "http-equiv" in a]
    assert "default-src 'none'" in policy
    ids = [attributes["id"] for _, attributes in found.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))

    charts = [attributes for _, attributes in found.all("div") if attributes.get("role") == "img"]
    assert len(charts) > 20
    assert all(attributes["aria-label"] for attributes in charts)
    pictures = found.all("img")
    assert len(pictures) > 2
    assert all("predicted as" in attributes["alt"] for _, attributes in pictures)


def test_changed_and_shuffled_images_are_told_where_the_runs_were_asked(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("Changed images", "Shuffled pixels")
    monkeypatch.setattr(page, "SECTIONS", {title: SECTIONS[title] for title in few})
    subject = subject_of(runs)
    silent = Read(comparison_html(subject, NOW))
    assert silent.text.count("Not measured: the runs were not asked") == 2

    def asked(ways: Iterable[str], strengths: int, judge: Callable[..., Robustness]) -> dict:
        found = {}
        for name, one in subject.compared.reports.items():
            as_it_is = one.test.proba
            changed = np.stack([as_it_is, *[np.roll(as_it_is, 1, axis=1)] * strengths])
            found[name] = judge(one.test, dict.fromkeys(ways, changed))
        return found

    told = dataclasses.replace(
        subject,
        changed=asked(PERTURBATIONS, STRENGTHS, robustness_of),
        shuffled=asked(SHUFFLES, 1, arrangement_of),
    )
    found = Read(comparison_html(told, NOW))
    assert "Not measured" not in found.text
    figures = [at for _, at in found.all("div") if at.get("role") == "img"]
    assert len(figures) == len(PERTURBATIONS) + 1
    right = 100 * np.mean(runs_right(subject))
    assert any(f"{right:.0f} %" in at["aria-label"] for at in figures)


def runs_right(subject: Subject) -> np.ndarray:
    part = subject.compared.first.test
    return part.proba.argmax(axis=1) == part.y_true


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three sections: what takes no second."""
    few = ("What came out", "Confusion matrices", "Wrong answers")
    monkeypatch.setattr(page, "SECTIONS", {title: SECTIONS[title] for title in few})


def test_pictures_are_in_it_only_where_their_licence_is_known(
    runs: list[Run], small_dataset: LesionDataset, short
) -> None:
    left_out = Read(comparison_html(subject_of(runs, small_dataset), NOW))
    assert not left_out.all("img")
    assert "licence of" in left_out.text
    real = dataclasses.replace(small_dataset, name="HAM10000", synthetic=False)
    shown = Read(comparison_html(subject_of(runs, real), NOW))
    assert shown.all("img")
    for words in ("CC BY-NC 4.0", "Tschandl", "not for commercial use", "squashed to 28x28"):
        assert words in shown.text
    gone = Read(comparison_html(subject_of(runs, None, "They are elsewhere."), NOW))
    assert not gone.all("img")
    assert "They are elsewhere." in gone.text
    assert not sharing(small_dataset).allowed


def test_a_section_that_cannot_be_made_says_why_and_the_others_stand(
    runs: list[Run], short, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(subject: Subject) -> list[str]:
        return [str(store.read_log(store.read_run("no-such-run")))]

    monkeypatch.setattr(page, "SECTIONS", page.SECTIONS | {"Broken": broken})
    found = Read(comparison_html(subject_of(runs), NOW))
    assert "no-such-run" in found.text
    assert "The runs compared" in found.text


def test_the_command_line_writes_it_with_one_run_or_two_and_refuses_what_cannot_be_compared(
    runs: list[Run], short, small_folder, monkeypatch, tmp_path: Path, capsys
) -> None:
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    file = tmp_path / "report.html"
    assert cli.main(["evaluate", runs[0].id, runs[1].id, "--html", str(file)]) == 0
    assert "minus" in capsys.readouterr().out.lower(), "the words are printed as well"
    found = Read(file.read_text("utf-8"))
    assert "against A" in found.text
    assert cli.main(["evaluate", runs[0].id, "--html", str(file)]) == 0
    assert "Comparison: " not in capsys.readouterr().out
    other = finished_run()
    assert cli.main(["evaluate", runs[0].id, other.id, "--html", str(file)]) == 2
    assert "tested on different images" in capsys.readouterr().err
    assert cli.main(["evaluate", runs[0].id, "--html", str(tmp_path)]) == 2


def test_on_images_from_elsewhere_it_says_so_and_takes_none_of_the_own_tests(
    runs: list[Run], small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("What came out", "External tests", "Slices", "Data and split", "Wrong answers", "Limits")
    monkeypatch.setattr(page, "SECTIONS", {title: SECTIONS[title] for title in few})
    store.write_external(runs[0], external(runs[0], title="Another clinic"))
    part = external(runs[0]).part
    name = run_names(runs[:1], {runs[0].id: "One"})
    subject = Subject(Comparison(name, [RunReport(runs[0], part)]), None, "They are elsewhere.")
    found = Read(comparison_html(subject, NOW))
    assert "All of this report is about images from elsewhere." in found.text
    assert "Another clinic" not in found.text
    assert "They are elsewhere." in found.text
    assert "Test images 70" in found.text
