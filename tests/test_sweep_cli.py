"""python -m ham sweep: what it prints where, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ham import cli, engine, store
from ham.config import home_folder
from ham.lab import sweep as lab
from tests import light
from tests.test_engine import worker_processes
from tests.test_sweep import SMALL, Driver, finishes, runs_of, sweep_of

Said = tuple[int, str, str]


@pytest.fixture(autouse=True)
def no_estimate(ham_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = engine.Estimate(problem="nobody measures here")
    monkeypatch.setattr(engine, "estimate", lambda config, data: problem)


@pytest.fixture
def ham(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Exit status, standard output, standard error."""

    def call(*arguments: object) -> Said:
        status = cli.main(["sweep", *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def small(folder: Path) -> list[str]:
    settings = {"epochs": 1, **SMALL}
    return [
        "--data",
        str(folder),
        *(word for pair in settings.items() for word in ("--set", "{}={}".format(*pair))),
    ]


def test_a_sweep_is_driven_to_its_end_its_best_promoted_and_shown(
    ham, small_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    light.train_lightly(monkeypatch)
    vary = ["--vary", "batch_size=16,32", "--vary", "dropout=lin:0.1:0.5"]
    words = ["--method", "random", "--trials", 3, "--objective", "loss", "--wait"]
    status, out, err = ham("fast", *vary, *words, *small(small_folder))
    assert (status, worker_processes()) == (0, [])
    assert "CNN, as described, 3 trials by random search over batch size and dropout" in err
    assert "how long that takes is known after the first trial" in err
    assert "  Batch size: 16, 32\n" in err
    assert "fast (done): CNN" in out
    assert "3 of 3 trials have ended: 3 complete." in out
    assert "Nobody has looked at the test images" in out
    assert len(store.list_runs()) == 3

    def work_here() -> None:
        engine.work(str(home_folder()), "here")

    monkeypatch.setattr("ham.cli.sweeping.start_worker", work_here)
    status, out, err = ham("fast", "--promote", "--json")
    assert status == 0
    document = json.loads(out)
    [look] = document["promoted"]
    best = document["trials"][document["best"]]
    assert (look["trial"], best["promoted"]) == (document["best"], look["when"])
    assert best["value"] == min(trial["value"] for trial in document["trials"])
    assert 0 <= best["runs"][0]["test_scores"]["accuracy"]["value"] <= 1
    others = [trial for trial in document["trials"] if trial["number"] != document["best"]]
    assert [run["test_scores"] for trial in others for run in trial["runs"]] == [None, None]

    other = others[0]["number"]
    status, out, err = ham("fast", "--promote", other)
    assert (status, out) == (2, "")
    assert "looked at once before" in err
    assert "--again" in err

    table = tmp_path / "trials.csv"
    status, out, err = ham("fast", "--csv", table)
    assert "The test images were looked at once" in out
    assert f"Trial {document['best']}, run " in out
    written = pd.read_csv(table)
    assert written["Trial"].tolist() == [0, 1, 2]
    assert set(written["Batch size"]) <= {16, 32}
    assert written["Validation loss"].tolist() == [t["value"] for t in document["trials"]]


def test_without_waiting_it_is_there_and_says_how_it_goes_on(ham, small_folder: Path) -> None:
    status, out, err = ham(
        "later", "--vary", "dropout=0.1,0.2,0.3", "--method", "grid", *small(small_folder)
    )
    assert status == 0
    assert "python -m ham sweep later --wait" in err
    assert "0 of 3 trials have ended." in out
    assert store.list_runs() == []
    status, out, err = ham("later", "--stop")
    assert "later (stopped)" in out
    status, out, err = ham("later", "--resume")
    assert "later (running)" in out
    assert "--wait" in err


def test_alone_it_lists_the_sweeps(ham) -> None:
    status, out, err = ham()
    assert (status, out) == (0, "")
    assert "No sweep yet" in err
    sweep_of(name="one", trials=2)
    sweep_of(name="two", trials=3)
    status, out, err = ham()
    assert out.splitlines()[0].split() == ["sweep", "what", "state", "test", "looked", "at"]
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["two", "one"]
    status, out, err = ham("--json")
    assert [one["name"] for one in json.loads(out)["sweeps"]] == ["two", "one"]
    assert json.loads(out)["sweeps"][1]["planned_trials"] == 2


def test_a_table_of_trials_marks_the_best_and_says_why_one_failed(ham) -> None:
    sweep = sweep_of("dropout=0.1,0.2,0.3", method="grid")
    driver = Driver(sweep)
    finishes(sweep, driver, 0, [0.5])
    finishes(sweep, driver, 1, [0.75])
    engine.cancel(runs_of(sweep)[2, 0])
    driver.step()
    _, out, _ = ham("fast")
    lines = [line.split() for line in out.splitlines() if line[:1].isdigit()][1:]
    assert lines[0][:4] == ["0", "complete", "0.1", "50.0"]
    assert lines[1][:5] == ["1", "*", "complete", "0.2", "75.0"]
    assert lines[2][:3] == ["2", "failed", "0.3"]
    document = json.loads(ham("fast", "--json")[1])
    assert document["trials"][2]["why"] == "its run was cancelled."
    assert document["counts"]["failed"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["nosuch", "--wait"],
        ["nosuch", "--stop"],
        ["two words", "--vary", "dropout=0.1,0.2"],
        ["fast", "--vary", "dropout=0.1,2"],
        ["fast", "--vary", "wings=1,2"],
        ["fast", "--vary", "dropout=0.1,0.2", "--model", "oracle"],
        ["fast", "--vary", "dropout=0.1,0.2", "--method", "magic"],
        ["fast", "--vary", "dropout=0.1,0.2", "--trials", "3"],
        ["fast", "--vary", "dropout=0.1,0.2", "--trials", "many"],
        ["fast", "--vary", "dropout=0.1,0.2", "--stop"],
        ["fast", "--trials", "3"],
        ["fast", "--stop", "--resume"],
        ["fast", "--promote", "first"],
        ["fast", "--promote", "1"],
    ],
)
def test_wrong_input_ends_with_2_and_three_parts(arguments: list[str], ham) -> None:
    if "--promote" in arguments:
        lab.stop_sweep(sweep_of())
    status, out, err = ham(*arguments)
    assert (status, out) == (2, "")
    first, second = err.splitlines()
    assert ": " in first
    assert second
