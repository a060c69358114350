"""docs/notebook.md: its lines, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ham import store
from ham.config import CODES
from ham.data import LesionDataset
from ham.interchange import exporting
from ham.store import Run
from tests import light

DOCUMENT = Path(__file__).parents[1] / "docs" / "notebook.md"
TRAINING, NUMBERS, IMAGES = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def test_five_lines_open_the_data_train_and_report(
    small_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    light.train_lightly(monkeypatch)
    assert len([line for line in TRAINING.splitlines() if line]) == 5
    exec(TRAINING, {})
    [run] = store.list_runs()
    assert (run.state, run.status.epoch) == ("done", 10)
    assert capsys.readouterr().out.startswith(f"# {run.title}\n")


def test_numbers_and_pictures_of_a_run(tiny_runs: list[Run], capsys: pytest.CaptureFixture) -> None:
    from ham import report

    run = tiny_runs[0]
    names = {"run": run, "found": report.RunReport(run)}
    exec(NUMBERS, names)
    accuracy = run.record.evaluation.scores["accuracy"].value
    assert f"'accuracy': {accuracy:.3f}".rstrip("0") in capsys.readouterr().out
    assert run.title in names["matrix"].layout.title.text
    assert len(names["curves"].data) >= 2


def test_an_image_and_a_file(
    tiny_runs: list[Run],
    small_dataset: LesionDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    from ham import config

    written = []
    monkeypatch.setattr(
        exporting, "exported", lambda run, form: written.append((run.id, form)) or b"abc"
    )
    monkeypatch.chdir(tmp_path)
    names = {"run": tiny_runs[0], "dataset": small_dataset, "config": config}
    exec(IMAGES, names)
    assert all(code in capsys.readouterr().out for code in CODES[:1])
    assert names["proba"].shape == (3, 7)
    assert names["proba"].sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert written == [(tiny_runs[0].id, "keras")]
    assert (tmp_path / "model.keras").read_bytes() == b"abc"
