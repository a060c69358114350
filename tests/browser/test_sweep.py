"""A sweep started from the page, its server killed in the middle, and started again."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from tests import light
from tests.conftest import write_kaggle_folder

from .conftest import ROOT, Visit, _end, know_costs

#: For every Python that the server starts, itself included: workers train without TensorFlow.
_LIGHT = f"from ham.engine import processes\nprocesses.WORKER = {light.WORKER!r}\n"
_PATIENCE = 120  # seconds, on two busy cores


def trained(home: Path) -> list[tuple[int, str, int]]:
    """(trial, state, epochs) of every run."""
    found = []
    for folder in sorted((home / "runs").glob("cnn-*")):
        status = json.loads((folder / "status.json").read_text())
        trial = json.loads((folder / "config.json").read_text())["trial"]
        found.append((trial["number"], status["state"], status["epoch"]))
    return sorted(found)


def set_up(training: Visit) -> None:
    """Four trials by random search, two epochs more than the trainer is held in."""
    training.press("Sweep", "radio")
    training.sees("Settings to vary")
    training.press("Random", "radio")
    trials = training.page.get_by_role("spinbutton", name="Trials", exact=True)
    trials.fill("4")
    trials.press("Enter")
    training.sees("4 trials")
    training.sees("here, less for trials that are stopped")  # its minutes, before it starts
    training.press("Start the sweep")


def test_a_sweep_of_four_trials_ends_with_four_though_its_server_is_killed_in_the_middle(
    serve, visit, tmp_path: Path
) -> None:
    home, folder = tmp_path / "home", write_kaggle_folder(tmp_path / "data")
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_LIGHT)
    path = os.pathsep.join((str(site), str(ROOT)))
    know_costs(home, folder)
    held = home / "hold"
    held.touch()

    server = serve(folder, home=home, PYTHONPATH=path, HAM_WARM_UP="off")
    training = visit(server, "training")
    set_up(training)
    training.sees("0 of 4 trials have ended.")
    end = time.monotonic() + _PATIENCE
    while not any(epoch >= 2 for _, _, epoch in trained(home)):
        assert time.monotonic() < end, training.told()
        time.sleep(0.1)
    training.check()
    before = trained(home)
    _end(server.process)  # kill -9, its workers too
    held.unlink()

    again = visit(serve(folder, home=home, PYTHONPATH=path, HAM_WARM_UP="off"), "training")
    again.sees("4 of 4 trials have ended: 4 complete.")
    again.sees("Nobody has looked at the test images of this sweep")
    again.wait()
    again.check()
    assert {number for number, _, _ in before} <= {0, 1}  # one trained and one waited
    assert trained(home) == [(number, "done", 25) for number in range(4)]
