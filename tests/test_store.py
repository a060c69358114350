"""Run folders: whole or not at all, readable whatever happened to them."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ham import io, store
from ham.config import CODES, StoreError, TrainConfig, runs_folder
from ham.store import HISTORY_COLUMNS, Notes, Predictions, Run
from tests.test_bundle import EVALUATION

DATA = {"name": "noise", "source": "/somewhere", "synthetic": False, "fingerprint": "f", "n_images": 3, "n_lesions": 2}


@pytest.fixture
def run() -> Run:
    return store.create_run(TrainConfig(seed=1), DATA, now=1_000_000.0)


def row(epoch: int) -> dict[str, float]:
    return dict.fromkeys(HISTORY_COLUMNS, 0.5) | {"epoch": epoch}


def predictions() -> Predictions:
    return Predictions(np.array(["a", "b"]), np.array([0, 0]), np.array([3, 0]), np.full((2, 7), 1 / 7, np.float32))


def test_a_new_run_waits_and_reads_back_as_it_was_written(run: Run) -> None:
    again = store.read_run(run.id)
    assert again == run
    assert (again.state, again.live, again.has_model) == ("queued", True, False)
    assert again.title == "CNN, as described, seed 1"
    assert again.record["classes"] == list(CODES)
    assert again.record["packages"]["numpy"] == np.__version__
    assert sorted(p.name for p in run.folder.iterdir()) == ["config.json", "status.json"]


def test_runs_are_listed_newest_first(run: Run) -> None:
    newer = store.create_run(TrainConfig(model="lstm"), DATA, now=2_000_000.0)
    assert [r.id for r in store.list_runs()] == [newer.id, run.id]


def test_an_empty_home_has_no_runs(ham_home: Path) -> None:
    assert store.list_runs() == []
    assert not ham_home.exists()  # looking makes nothing


def test_a_status_change_is_seen_by_the_next_reader(run: Run) -> None:
    store.write_status(run, state="done", epoch=25)
    assert (store.read_run(run.id).state, store.read_run(run.id).status.epoch) == ("done", 25)


@pytest.mark.parametrize("after", ["_read_status", "_read_record"])
def test_a_run_that_ends_while_it_is_read_is_never_seen_ended_without_its_result(
        run: Run, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, ended = getattr(store.runs, after), []

    def read_and_end(folder: str, version: tuple) -> object:
        found = read(folder, version)
        if not ended:
            ended.append(store.write_status(store.write_record(
                run, model={"sha256": ""}, split={"test_fingerprint": "t"}, evaluation=EVALUATION), state="done"))
        return found

    store.runs._read_version.cache_clear()
    monkeypatch.setattr(store.runs, after, read_and_end)
    seen = store.read_run(run.id)
    assert seen.has_model or seen.state == "queued"
    assert store.read_run(run.id).has_model


def test_history_grows_by_rows_and_loses_only_a_row_that_was_cut_short(run: Run) -> None:
    assert store.read_history(run).empty
    for epoch in (1, 2, 3):
        store.append_history(run, row(epoch))
    path = run.folder / "history.csv"
    path.write_text(path.read_text()[:-20])
    assert store.read_history(run)["epoch"].tolist() == [1, 2]
    assert store.truncate_history(run, 1)["epoch"].tolist() == [1]
    assert store.read_history(run)["epoch"].tolist() == [1]


def test_a_damaged_history_row_in_the_middle_is_an_error_that_names_the_line(run: Run) -> None:
    for epoch in (1, 2, 3):
        store.append_history(run, row(epoch))
    path = run.folder / "history.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], "2,rubbish", *lines[3:]]))
    with pytest.raises(StoreError, match="line 3"):
        store.read_history(run)


def test_predictions_read_back_exactly_and_a_damaged_file_is_an_error(run: Run) -> None:
    store.write_predictions(run, {"validation": predictions(), "test": predictions()})
    found = store.read_predictions(run)["test"]
    for name in ("image_id", "lesion", "y_true", "proba"):
        assert np.array_equal(getattr(found, name), getattr(predictions(), name))
    path = run.folder / "predictions.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"predictions\.npz is damaged"):
        store.read_predictions(run)
    path.unlink()
    with pytest.raises(StoreError, match="missing"):
        store.read_predictions(run)


@pytest.mark.parametrize(("name", "content", "words"), [
    ("config.json", "{", "damaged"), ("config.json", "[]", "no JSON object"), ("status.json", "", "damaged"),
    ("status.json", '{"state": "flying"}', "damaged"),
    ("config.json", '{"format": 99}', "newer version of HAM Lab .format 99."),
    ("config.json", None, "missing"), ("status.json", None, "missing"), ("config.json", "[" * 100_000, "depth limit"),
    ("config.json", b"\xff\xfe", "damaged"), ("status.json", '{"created": NaN}', "damaged"),
])
def test_a_damaged_or_foreign_folder_is_told_of_and_breaks_nothing(run: Run, name, content, words) -> None:
    good = store.create_run(TrainConfig(), DATA)
    (run.folder / name).unlink()
    if content is not None:
        (run.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert [r.id for r in store.list_runs()] == [good.id]
    [problem] = store.find_runs().problems
    assert problem.name == run.id
    assert re.search(words, str(problem.error))


@pytest.mark.parametrize("name", ["nothing-here", "../../etc", "", "A b", "."])
def test_an_id_that_names_no_run_is_refused(run: Run, name: str) -> None:
    with pytest.raises(StoreError, match="run"):
        store.read_run(name)


def test_only_the_lock_tells_a_running_run_from_an_interrupted_one(run: Run) -> None:
    store.write_status(run, state="running")
    assert store.read_run(run.id).state == "interrupted"
    with store.claim(run) as mine:
        assert mine.state == "interrupted"
        assert store.read_run(run.id).state == "running"
        with store.claim(run, wait_seconds=0) as other:
            assert other is None
    assert store.read_run(run.id).state == "interrupted"


def test_a_killed_process_frees_its_run(run: Run) -> None:
    store.write_status(run, state="running")
    code = (f"import sys, time; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
            f"from ham import store\nwith store.claim(store.read_run({run.id!r})):\n"
            " print('held', flush=True)\n time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        assert store.read_run(run.id).state == "running"
        holder.kill()
        holder.wait()
        assert store.read_run(run.id).state == "interrupted"


def test_a_run_at_work_cannot_be_deleted_and_an_idle_one_leaves_nothing(run: Run) -> None:
    with store.claim(run), pytest.raises(StoreError, match="being trained"):
        store.delete_run(run)
    store.delete_run(run)
    assert store.list_runs() == []
    assert list(runs_folder().iterdir()) == []


def test_a_full_disk_is_one_clear_error_and_leaves_the_old_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="disk is full"):
        store.write_status(run, state="running")
    with pytest.raises(StoreError, match="disk is full"):
        store.create_run(TrainConfig(), DATA)
    assert json.loads((run.folder / "status.json").read_text())["state"] == "queued"
    assert sorted(p.name for p in run.folder.iterdir()) == ["config.json", "status.json"]
    assert [r.id for r in store.list_runs()] == [run.id]


def test_a_changed_model_file_is_not_handed_out(run: Run) -> None:
    (run.folder / "model.keras").write_bytes(b"weights")
    run = store.write_record(run, model={"sha256": io.file_sha256(run.folder / "model.keras")})
    assert store.checked_model_path(run) == run.folder / "model.keras"
    (run.folder / "model.keras").write_bytes(b"weightz")
    with pytest.raises(StoreError, match="SHA-256"):
        store.checked_model_path(run)


def test_numbers_that_json_has_no_word_for_are_written_as_null(run: Run) -> None:
    store.write_record(run, other={"auc": float("nan"), "all": [1.0, float("inf")]})
    assert store.read_run(run.id).record["other"] == {"auc": None, "all": [1.0, None]}


def test_a_status_that_would_break_a_list_is_damaged_and_not_shown(run: Run) -> None:
    for change in ({"created": "yesterday"}, {"epoch": None}, {"epochs": True}, {"error": {"what": "x"}}):
        good = json.loads((run.folder / "status.json").read_text())
        (run.folder / "status.json").write_text(json.dumps(good | change))
        assert store.list_runs() == []
        assert f"its {next(iter(change))} is" in str(store.find_runs().problems[0].error)
        (run.folder / "status.json").write_text(json.dumps(good))
    assert [r.id for r in store.list_runs()] == [run.id]


def test_a_damaged_folder_can_be_deleted_and_a_readable_one_not_that_way(run: Run) -> None:
    with pytest.raises(StoreError, match="not damaged"):
        store.delete_damaged(run.id)
    (run.folder / "status.json").write_text("{")
    store.delete_damaged(run.id)
    assert list(runs_folder().iterdir()) == []
    for name in (run.id, "../home", ".slots"):
        with pytest.raises(StoreError):
            store.delete_damaged(name)


# -------------------------------------------------------------------------------- notes


def test_a_title_tags_and_notes_are_kept_apart_from_what_was_trained(run: Run) -> None:
    before = (run.folder / "config.json").read_bytes()
    store.write_notes(run, title="  Best so far ", tags=("good", "Good", "v1.2"), text="one\r\ntwo\n")
    again = store.read_run(run.id)
    assert again.notes == Notes("Best so far", ("good", "v1.2"), "one\ntwo")
    assert (again.title, again.own_title) == ("Best so far", "CNN, as described, seed 1")
    assert (run.folder / "config.json").read_bytes() == before
    assert store.write_notes(again, title="").title == "CNN, as described, seed 1"
    assert store.read_run(run.id).notes.tags == ("good", "v1.2")  # what was not named stays


def test_notes_can_be_written_while_a_run_trains_and_survive_its_status(run: Run) -> None:
    with store.claim(run) as mine:
        store.write_notes(run, title="Mine")
        store.write_status(mine, state="running", epoch=3)
        seen = store.read_run(run.id)
        assert (seen.title, seen.state, seen.status.epoch) == ("Mine", "running", 3)


def test_notes_without_a_word_leave_no_file(run: Run) -> None:
    store.write_notes(run, text="x")
    assert (run.folder / "notes.json").exists()
    store.write_notes(run, text=" ")
    assert not (run.folder / "notes.json").exists()


@pytest.mark.parametrize(("change", "words"), [
    ({"title": "x" * 81}, "81 characters, 80"), ({"title": "two\nlines"}, "cannot be seen"),
    ({"title": "turned \u202e round"}, "cannot be seen"), ({"title": 7}, "must be text"),
    ({"tags": ("two words",)}, "one word"), ({"tags": ("x" * 25,)}, "at most 24"), ({"tags": ("-x",)}, "one word"),
    ({"tags": ("",)}, "one word"), ({"tags": tuple(f"t{i}" for i in range(11))}, "11, 10 are allowed"),
    ({"tags": "text"}, "list of words"), ({"text": "x" * 4001}, "4,001"), ({"text": "\x00"}, "cannot be seen"),
])
def test_notes_that_cannot_be_shown_as_meant_are_refused_and_change_nothing(run: Run, change, words) -> None:
    store.write_notes(run, title="x" * 80, tags=("x" * 24, *(f"t{i}" for i in range(9))), text="x" * 4000)
    with pytest.raises(StoreError, match=words):
        store.write_notes(store.read_run(run.id), **change)
    assert store.read_run(run.id).notes.title == "x" * 80


@pytest.mark.parametrize("content", ["{", "[]", '{"tags": 1}', '{"title": "a\\nb"}', "x" * 70_000])
def test_damaged_notes_cost_the_notes_and_not_the_run(run: Run, content: str) -> None:
    (run.folder / "notes.json").write_text(content)
    again = store.read_run(run.id)
    assert (again.title, again.notes.tags) == (run.title, ())
    assert "notes.json is damaged" in again.notes.problem
    assert store.find_runs().problems == []
    assert store.write_notes(again, title="Mended").notes.problem == ""
    assert store.read_run(run.id).title == "Mended"


def test_notes_of_a_newer_version_are_read_as_far_as_they_are_known(run: Run) -> None:
    (run.folder / "notes.json").write_text('{"title": "T", "stars": 5}')
    assert store.read_run(run.id).notes == Notes("T")


def test_a_run_of_synthetic_data_says_so_in_every_title_and_is_never_compared_with_a_real_one() -> None:
    real = store.create_run(TrainConfig(), DATA)
    made_up = store.create_run(TrainConfig(), {**DATA, "synthetic": True})
    assert (real.synthetic, made_up.synthetic) == (False, True)
    assert made_up.title == "CNN, as described, seed 0 (synthetic data)"
    assert store.write_notes(made_up, title="Mine").title == "Mine (synthetic data)"
    split = {"test_fingerprint": "same", "leaking": False}
    real, made_up = (store.write_record(run, split=split) for run in (real, made_up))
    assert store.same_test_images(real, real)
    assert not store.same_test_images(real, made_up)
    assert not store.same_test_images(made_up, real)
