"""What run folders hold, decoded: nothing is lost, nothing wrong comes in, and old ones become new
ones.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

import ham
from ham import io, store
from ham.config import CLASS_INDEX, CODES
from ham.evaluation import (
    LISTED,
    SCORES,
    Baselines,
    EvaluationRecord,
    baselines_from,
    evaluate,
    evaluation_record,
    percent,
)
from ham.store.record import FORMAT, UPGRADES, parse_record, parse_status
from tests.run_factory import DATA, edited_run, finished_run, waiting_run

ROOT = Path(__file__).parents[1]

MEL, NV, BKL = (CLASS_INDEX[code] for code in ("mel", "nv", "bkl"))
SHIPPED = sorted((Path(ham.__file__).parent / "reference").glob("*/"))


def sure(classes: list[int]) -> np.ndarray:
    return np.eye(len(CODES))[classes]


def stored() -> dict:
    """An evaluation of five images of five lesions, four right, as JSON."""
    y_true, answers = np.array([NV, NV, NV, BKL, MEL]), sure([NV, NV, NV, NV, MEL])
    found = evaluate(y_true, answers, np.arange(5), resamples=50)
    return json.loads(json.dumps(evaluation_record(found)))


def decoded(content: dict) -> EvaluationRecord:
    return baselines_from({"logistic_regression": content}).logistic_regression


def lost(content: object, found: object, place: str = "") -> list[str]:
    """Where something of the JSON stands otherwise, or not at all, in what was made of it."""
    if isinstance(content, dict):
        return [
            where
            for name, entry in content.items()
            for where in lost(entry, found.get(name, "nothing"), f"{place}.{name}")
        ]
    if isinstance(content, list):
        content, found = tuple(map(str, content)), tuple(map(str, map(list_of, found)))
    return [] if content == found else [place]


def list_of(entry: object) -> object:
    return list(entry) if isinstance(entry, tuple) else entry


# ------------------------------------------------------------------------- nothing is lost


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_every_entry_of_a_run_that_ships_is_read(folder: Path) -> None:
    content = io.read_json(folder / "config.json")
    record = parse_record((folder / "config.json").read_bytes(), "The run")
    assert lost(content, msgspec.to_builtins(record)) == []
    assert lost(content | {"python": "3.9"}, msgspec.to_builtins(record)) == [".python"]
    status = parse_status((folder / "status.json").read_bytes())
    assert msgspec.to_builtins(status) == io.read_json(folder / "status.json")


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_rewrite_leaves_what_it_does_not_change_byte_for_byte(folder: Path) -> None:
    run, whole = waiting_run(), (folder / "config.json").read_bytes()
    io.write_file(run.folder / "config.json", whole)
    store.write_record(run, preprocessing=io.read_json(folder / "config.json")["preprocessing"])
    assert (run.folder / "config.json").read_bytes() == whole


def test_what_another_version_wrote_beside_ours_survives_a_rewrite() -> None:
    run = edited_run(finished_run(), mood={"good": [1]}, data={"camera": "of its own"})
    store.write_record(run, origin="elsewhere", baselines=None)
    found = io.read_json(run.folder / "config.json")
    assert (found["mood"], found["data"]["camera"]) == ({"good": [1]}, "of its own")
    assert (found["origin"], "floors" in found) == ("elsewhere", False)


def test_what_could_not_be_read_again_is_not_written() -> None:
    run = waiting_run()
    before = (run.folder / "config.json").read_bytes()
    with pytest.raises(ValueError, match="a model but no scores"):
        store.write_record(run, model={"sha256": "0"})
    with pytest.raises(KeyError):
        store.write_record(run, mood="good")
    with pytest.raises(ValueError, match="its epoch is -1, not a whole number >= 0"):
        store.write_status(run, epoch=-1)
    assert (run.folder / "config.json").read_bytes() == before
    assert store.read_run(run.id).status.epoch == 0


# ------------------------------------------------------------------------------- formats


def test_a_record_goes_through_every_step_from_its_format_to_ours(monkeypatch) -> None:
    def renamed(content: dict) -> dict:
        return {("packages" if name == "versions" else name): e for name, e in content.items()}

    run = edited_run(waiting_run(), packages=None, versions={"numpy": "1.0"}, split=None)
    monkeypatch.setattr(store.record, "UPGRADES", {1: renamed, 2: UPGRADES[FORMAT]})
    monkeypatch.setattr(store.record, "FORMAT", 2)
    store.folder._read_version.cache_clear()
    store.folder._read_record.cache_clear()
    record = store.read_run(run.id).record
    assert (record.format, record.packages, record.split.leaking) == (1, {"numpy": "1.0"}, False)
    current = edited_run(waiting_run(), format=2, versions={"numpy": "1.0"})
    assert "numpy" in current.record.packages  # no step was taken


def test_whether_an_old_run_leaks_is_told_by_its_split() -> None:
    run = edited_run(waiting_run(), split={"seed": 3}, config={"split": "image"})
    assert run.leaking
    assert not edited_run(run, split={"leaking": False}).leaking
    assert not edited_run(waiting_run(), split={"seed": 3}).leaking


# -------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"data": None}, "its data is missing"),
        ({"data": {"name": 7}}, "its data.name is 7, not a text"),
        ({"data": {"name": "x" * 10_001}}, "not a text of length <= 10000"),
        ({"data": {"n_images": True}}, "its data.n_images is True, not a whole number or null"),
        ({"data": {"n_images": 1.5}}, "its data.n_images is 1.5, not a whole number or null"),
        ({"data": {"n_images": 10**400}}, "its data.n_images is 1000.*…, not a whole number <="),
        ({"packages": {"numpy": 1}}, "its packages.numpy is 1, not a text"),
        ({"packages": ["numpy"]}, "its packages is a list of 1, not a JSON object"),
        ({"classes": list(CODES[:6])}, "its classes is a list of 6, not our classes in our order"),
        ({"config": {"epochs": 0}}, "its settings cannot be used: epochs = 0 must be"),
        ({"config": {"epochs": "many"}}, "its config.epochs is 'many', not a whole number"),
        ({"config": {"model_settings": {"units_1": []}}}, "its config.model_settings.units_1 is"),
        ({"split": {"train_counts": {"nv": 5}}}, "its split.train_counts.mel is missing"),
        (
            {"split": {"train_counts": dict.fromkeys(CODES, 1) | {"nv": -1}}},
            "its split.train_counts.nv is -1, not a whole number >= 0",
        ),
        ({"parameters": {"trainable": 5}}, "its parameters.not_trainable is missing"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_with_its_place(entries: dict, words: str) -> None:
    run = waiting_run()
    with pytest.raises(store.DamagedRunError, match=words):
        edited_run(run, **entries)


def changed(*place: object, value: object) -> dict:
    record = stored()
    at = record
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return record


@pytest.mark.parametrize(
    "record",
    [
        [],
        3,
        "scores",
        {},
        {"n_images": 15},
        *(
            changed(name, value=value)
            for name in ("n_images", "n_lesions", "scores", "per_class", "confusion")
            for value in (None, "5", [], {}, -1, 1.5, True, 10**400, [[1]] * 7, {"nv": 3})
        ),
        changed("scores", "accuracy", value=None),
        changed("scores", "accuracy", "value", value="0.8"),
        changed("scores", "accuracy", "value", value=1.1),
        changed("scores", "accuracy", "low", value=[0.1]),
        changed("scores", "macro_auc", "high", value=1e300),
        changed("scores", "accuracy", "high", value=0.1),
        changed("scores", "accuracy", value={"value": 0.5}),
        changed("per_class", "nv", value=3),
        changed("per_class", "nv", "support", value=0.5),
        changed("per_class", "nv", "recall", value="all"),
        changed("confusion", 2, value=[1, 2]),
        changed("confusion", 2, value=None),
        changed("confusion", 2, 2, value="many"),
    ],
)
def test_what_is_no_evaluation_is_damage_and_a_baseline_of_it_none(record: object) -> None:
    with pytest.raises(ValueError, match=r"^(its|the numbers in its) "):
        decoded(record)
    run = finished_run()
    assert edited_run(run, floors={"logistic_regression": record}).record.baselines == (Baselines())
    path = run.folder / "config.json"
    io.write_json(path, io.read_json(path) | {"evaluation": record})
    with pytest.raises(store.DamagedRunError):
        store.read_run(run.id)


@pytest.mark.parametrize("floors", [None, [], "none", {}, {"logistic_regression": None}])
def test_a_run_without_baselines_has_none(floors: object) -> None:
    found = edited_run(finished_run(), floors=floors).record.baselines
    assert found is None or found.logistic_regression is None


def test_a_baseline_of_ours_is_read() -> None:
    found = edited_run(finished_run(), floors={"logistic_regression": stored()}).record.baselines
    assert found.logistic_regression.n_images == 5


# -------------------------------------------------------------------------------- scores


def test_an_evaluation_comes_back_from_its_record() -> None:
    found = evaluate(np.array([NV, NV, BKL]), sure([NV, NV, NV]), np.arange(3))
    record = EvaluationRecord.of(found)
    whole = record.to_evaluation()
    assert (whole.n_images, whole.n_lesions) == (3, 3)
    assert whole.confusion.tolist() == found.confusion.tolist()
    pd.testing.assert_frame_equal(whole.per_class, found.per_class)
    assert whole.scores == record.to_scores() | {"malignant_auc": whole.scores["malignant_auc"]}
    assert whole.scores["accuracy"] == found.scores["accuracy"]
    assert math.isnan(whole.scores["malignant_auc"].value)


def test_what_an_older_version_stored_without_width_is_read_honestly() -> None:
    record = stored()
    for key, value in (("accuracy", 0.0), ("malignant_sensitivity", 1.0)):
        record["scores"][key] = {"value": value, "low": value, "high": value}
    found = decoded(record).to_scores()
    assert percent(found["accuracy"]) == "0 % (0 to 43)"  # z² / (5 + z²)
    assert percent(found["malignant_sensitivity"]) == "100 %"  # of how many lesions it does not say
    assert found["macro_f1"].has_width
    assert percent(decoded(record | {"n_lesions": 1}).to_scores()["accuracy"]) == "0 %"
    assert decoded(record).to_evaluation().scores["accuracy"] == found["accuracy"]


def test_what_lists_show_stands_in_every_run_and_any_other_score_may_be_missing() -> None:
    assert set(LISTED) < set(SCORES)
    record = stored()
    del record["scores"]["macro_auc"]
    assert "macro_auc" not in decoded(record).to_scores()
    del record["scores"]["accuracy"]
    with pytest.raises(ValueError, match=r"scores\.accuracy is missing"):
        decoded(record)


@pytest.mark.parametrize("recorded", [None, dict.fromkeys(CODES, 0)])
def test_a_run_without_counts_of_its_training_has_those_of_its_validation(
    recorded: dict | None,
) -> None:
    run = finished_run(data=DATA, split={"train_counts": recorded})
    assert store.train_counts(run).tolist() == [1, 0, 0, 1, 0, 0, 0]
    counts = {"df": 6, "mel": 1, "bcc": 2, "akiec": 3, "nv": 4, "bkl": 5, "vasc": 0}  # in any order
    counted = edited_run(run, split={"train_counts": counts})
    assert store.train_counts(counted).tolist() == [1, 2, 3, 4, 5, 0, 6]


def test_threads_that_read_a_struct_for_the_first_time_at_once_end_no_process() -> None:
    """The engine's thread and a page's at the start of a server. msgspec alone ends it here."""
    script = """
import dataclasses, sys, threading
import msgspec
from ham.io import typed
sys.setswitchinterval(1e-6)
def fresh(i):
    fields = [(f"f{j}", "int | None", dataclasses.field(default=None)) for j in range(12)]
    part = globals()[f"Part{i}"] = dataclasses.make_dataclass(f"Part{i}", fields)
    return msgspec.defstruct(f"Whole{i}", [("part", part)], module=__name__)
def read(kind, start, found):
    start.wait()
    found.append(typed({"part": {"f1": 1}}, kind).part.f1)
for i in range(100):
    kind, start, found = fresh(i), threading.Barrier(4), []
    threads = [threading.Thread(target=read, args=(kind, start, found)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert found == [1] * 4
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
