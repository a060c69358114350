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

from ham import cli, io, store
from ham.config import CODES, StoreError, TrainConfig, runs_folder
from ham.evaluation import LISTED
from ham.store import DamagedRunError, Notes, Run
from tests.run_factory import (
    DATA,
    EVALUATION,
    edited_run,
    history_row,
    two_answers,
    used_run,
    waiting_run,
)


@pytest.fixture
def run() -> Run:
    return waiting_run(TrainConfig(seed=1), now=1_000_000.0)


def test_a_new_run_waits_and_reads_back_as_it_was_written(run: Run) -> None:
    again = store.read_run(run.id)
    assert again == run
    assert (again.state, again.live, again.has_model) == ("queued", True, False)
    assert again.title == "CNN, as described, seed 1"
    assert again.record.classes == CODES
    assert again.record.packages["numpy"] == np.__version__
    assert sorted(p.name for p in run.folder.iterdir()) == ["config.json", "status.json"]


def test_runs_are_listed_newest_first(run: Run) -> None:
    newer = waiting_run(TrainConfig(model="lstm"), now=2_000_000.0)
    assert [r.id for r in store.list_runs()] == [newer.id, run.id]


def test_an_empty_home_has_no_runs(ham_home: Path) -> None:
    assert store.list_runs() == []
    assert not ham_home.exists()  # looking makes nothing


def test_a_status_change_is_seen_by_the_next_reader(run: Run) -> None:
    store.write_status(run, state="done", epoch=25)
    assert (store.read_run(run.id).state, store.read_run(run.id).status.epoch) == ("done", 25)


@pytest.mark.parametrize("after", ["_read_status", "_read_record"])
def test_a_run_that_ends_while_it_is_read_is_never_seen_ended_without_its_result(
    run: Run, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, ended = getattr(store.folder, after), []

    def read_and_end(folder: str, version: tuple) -> object:
        found = read(folder, version)
        if not ended:
            ended.append(
                store.write_status(
                    store.write_record(
                        run,
                        model={"sha256": ""},
                        split={"test_fingerprint": "t"},
                        evaluation=EVALUATION,
                    ),
                    state="done",
                )
            )
        return found

    store.folder._read_version.cache_clear()
    monkeypatch.setattr(store.folder, after, read_and_end)
    seen = store.read_run(run.id)
    assert seen.has_model or seen.state == "queued"
    assert store.read_run(run.id).has_model


def test_history_grows_by_rows_and_loses_only_a_row_that_was_cut_short(run: Run) -> None:
    assert store.read_history(run).empty
    for epoch in (1, 2, 3):
        store.append_history(run, history_row(epoch))
    path = run.folder / "history.csv"
    path.write_text(path.read_text()[:-20])
    assert store.read_history(run)["epoch"].tolist() == [1, 2]
    assert store.truncate_history(run, 1)["epoch"].tolist() == [1]
    assert store.read_history(run)["epoch"].tolist() == [1]


def test_a_damaged_history_row_in_the_middle_is_an_error_that_names_the_line(run: Run) -> None:
    for epoch in (1, 2, 3):
        store.append_history(run, history_row(epoch))
    path = run.folder / "history.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], "2,rubbish", *lines[3:]]))
    with pytest.raises(StoreError, match="line 3"):
        store.read_history(run)


def test_validation_matrices_grow_by_epochs_and_lose_only_a_line_that_was_cut_short(
    run: Run,
) -> None:
    assert store.read_validation_matrices(run) == {}
    matrices = {epoch: np.arange(49).reshape(7, 7) * epoch for epoch in (1, 2, 3)}
    for epoch, confusion in matrices.items():
        store.append_validation_matrix(run, epoch, confusion)
    path = run.folder / "validation_matrices.csv"
    path.write_text(path.read_text()[:-2])
    found = store.read_validation_matrices(run)
    assert list(found) == [1, 2]
    assert all((found[epoch] == matrices[epoch]).all() for epoch in found)
    store.truncate_validation_matrices(run, 1)
    assert list(store.read_validation_matrices(run)) == [1]
    path.write_text("epoch\n1,2\n")
    with pytest.raises(DamagedRunError, match=r"validation_matrices.csv is damaged: .*line 1"):
        store.read_validation_matrices(run)
    store.truncate_validation_matrices(run, 1)  # is in the way of no resume
    assert store.read_validation_matrices(run) == {}


def test_predictions_read_back_exactly_and_a_damaged_file_is_an_error(run: Run) -> None:
    store.write_predictions(run, {"validation": two_answers(), "test": two_answers()})
    found = store.read_predictions(run)["test"]
    for name in ("image_id", "lesion", "y_true", "proba"):
        assert np.array_equal(getattr(found, name), getattr(two_answers(), name))
    path = run.folder / "predictions.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"predictions\.npz is damaged"):
        store.read_predictions(run)
    path.unlink()
    with pytest.raises(StoreError, match="missing"):
        store.read_predictions(run)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", "{", "damaged"),
        ("config.json", "[]", "no JSON object"),
        ("status.json", "", "damaged"),
        ("status.json", '{"state": "flying"}', "damaged"),
        ("config.json", '{"format": 99}', "newer version of HAM Lab .format 99."),
        ("config.json", None, "missing"),
        ("status.json", None, "missing"),
        ("config.json", "[" * 100_000, "nested too deep"),
        ("config.json", b"\xff\xfe", "damaged"),
        ("status.json", '{"created": NaN}', "damaged"),
    ],
)
def test_a_damaged_or_foreign_folder_is_told_of_and_breaks_nothing(
    run: Run, name, content, words
) -> None:
    good = waiting_run()
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
    code = (
        f"import sys, time; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        f"from ham import store\nwith store.claim(store.read_run({run.id!r})):\n"
        " print('held', flush=True)\n time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as holder:
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


def test_a_full_disk_is_one_clear_error_and_leaves_the_old_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    sha256 = io.file_sha256(run.folder / "model.keras")
    run = edited_run(run, model={"sha256": sha256}, evaluation=EVALUATION)
    assert store.checked_model_path(run) == run.folder / "model.keras"
    (run.folder / "model.keras").write_bytes(b"weightz")
    with pytest.raises(StoreError, match="SHA-256"):
        store.checked_model_path(run)


def test_numbers_that_json_has_no_word_for_are_written_as_null(run: Run) -> None:
    path = run.folder / "config.json"
    io.write_json(path, {"auc": float("nan"), "all": [1.0, float("inf")]})
    assert io.read_json(path) == {"auc": None, "all": [1.0, None]}


def test_a_status_that_would_break_a_list_is_damaged_and_not_shown(run: Run) -> None:
    for change in (
        {"created": "yesterday"},
        {"epoch": None},
        {"epochs": True},
        {"error": {"what": "x"}},
    ):
        good = json.loads((run.folder / "status.json").read_text())
        (run.folder / "status.json").write_text(json.dumps(good | change))
        assert store.list_runs() == []
        assert f"its {next(iter(change))}" in str(store.find_runs().problems[0].error)
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
    store.write_notes(
        run, title="  Best so far ", tags=("good", "Good", "v1.2"), text="one\r\ntwo\n"
    )
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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": "x" * 81}, "81 characters, 80"),
        ({"title": "two\nlines"}, "cannot be seen"),
        ({"title": "turned \u202e round"}, "cannot be seen"),
        ({"title": 7}, "must be text"),
        ({"tags": ("two words",)}, "one word"),
        ({"tags": ("x" * 25,)}, "at most 24"),
        ({"tags": ("-x",)}, "one word"),
        ({"tags": ("",)}, "one word"),
        ({"tags": tuple(f"t{i}" for i in range(11))}, "11, 10 are allowed"),
        ({"tags": "text"}, "list of words"),
        ({"text": "x" * 4001}, "4,001"),
        ({"text": "\x00"}, "cannot be seen"),
    ],
)
def test_notes_that_cannot_be_shown_as_meant_are_refused_and_change_nothing(
    run: Run, change, words
) -> None:
    store.write_notes(
        run, title="x" * 80, tags=("x" * 24, *(f"t{i}" for i in range(9))), text="x" * 4000
    )
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


def test_a_run_of_synthetic_data_says_so_in_every_title_and_is_never_compared_with_a_real_one() -> (
    None
):
    real = waiting_run()
    made_up = waiting_run(data={**DATA, "synthetic": True})
    assert (real.synthetic, made_up.synthetic) == (False, True)
    assert made_up.title == "CNN, as described, seed 0 (synthetic data)"
    assert store.write_notes(made_up, title="Mine").title == "Mine (synthetic data)"
    real, made_up = (edited_run(run, split={"test_fingerprint": "same"}) for run in (real, made_up))
    assert store.same_test_images(real, real)
    assert not store.same_test_images(real, made_up)
    assert not store.same_test_images(made_up, real)


# --------------------------------------------------------------- damage, bit by bit


def flipped(content: bytes, seed: int) -> bytes:
    """One bit turned."""
    place = int(np.random.default_rng(seed).integers(8 * len(content)))
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def wrecked(content: bytes, seed: int) -> bytes:
    """Cut short, a stretch zeroed, or bytes of another file in the middle."""
    rng = np.random.default_rng(seed)
    at = int(rng.integers(len(content)))
    return (
        content[:at],
        content[:at] + bytes(40) + content[at + 40 :],
        content[:at] + rng.bytes(30) + content[at:],
    )[seed % 3]


@pytest.fixture
def finished() -> Run:
    return used_run()


@pytest.mark.parametrize("damage", [flipped, wrecked])
@pytest.mark.parametrize(
    ("name", "read", "fires"),
    [
        ("predictions.npz", store.read_predictions, True),
        ("history.csv", store.read_history, True),
        ("log.txt", store.read_log, False),
        ("notes.json", lambda run: store.read_run(run.id), False),
        ("config.json", lambda run: store.read_run(run.id), True),
        ("status.json", lambda run: store.read_run(run.id), True),
        ("status.json", lambda run: store.export_run(run), True),
        ("model.keras", store.checked_model_path, True),
        ("config.json", lambda run: store.find_runs(), False),
    ],
)
def test_whatever_happened_to_a_file_is_told_of_as_a_store_error(
    finished: Run, name, read, fires, damage
) -> None:
    path, refused = finished.folder / name, []
    whole = path.read_bytes()
    for seed in range(120):
        path.write_bytes(damage(whole, seed))
        try:
            read(finished)
        except StoreError as error:
            refused.append(error)
    assert bool(refused) is fires
    assert all(all((error.what, error.why, error.todo)) for error in refused)
    path.write_bytes(whole)
    assert store.read_run(finished.id).has_model


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"proba": np.full((2, 7), np.nan, np.float32)}, "no finite number"),
        ({"proba": np.full((2, 7), 0.5, np.float32)}, "no probability distribution"),
        (
            {"proba": np.array([[2, -1, 0, 0, 0, 0, 0]] * 2, np.float32)},
            "no probability distribution",
        ),
        ({"y_true": np.array([7, 0])}, "labels must be"),
        ({"y_true": np.array([-1, 0])}, "labels must be"),
        ({"y_true": np.array([3.0, 0.0])}, "other types"),
        ({"lesion": np.array([0])}, "do not fit together"),
        ({"y_true": np.array(3)}, "do not fit together"),
        ({"proba": np.full((2, 6), 1 / 6)}, "do not fit together"),
        ({"image_id": np.array([1, 2])}, "other types"),
        ({"image_id": np.array([{}, {}], object)}, "pickle"),
    ],
)
def test_answers_that_cannot_be_scored_are_damaged_when_they_are_read(
    run: Run, change, words
) -> None:
    good = {
        name: getattr(two_answers(), name) for name in ("image_id", "lesion", "y_true", "proba")
    }
    arrays = {
        f"{part}_{name}": array
        for part in ("validation", "test")
        for name, array in {**good, **(change if part == "test" else {})}.items()
    }
    np.savez(run.folder / "predictions.npz", **arrays)
    with pytest.raises(DamagedRunError, match=f"predictions.npz is damaged: .*{words}"):
        store.read_predictions(run)


def test_a_file_that_may_not_be_read_is_never_called_damaged(finished: Run, monkeypatch) -> None:
    def refuse(path: object, flags: int = 0) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    store.folder._read_version.cache_clear()
    store.folder._read_status.cache_clear()
    monkeypatch.setattr(os, "open", refuse)
    [problem] = store.find_runs().problems
    assert not problem.damaged
    assert "cannot be read (Permission denied)" in problem.error.why
    assert "elete" not in str(problem.error)


def test_a_history_without_a_class_on_validation_survives_a_resume(run: Run) -> None:
    for epoch in (1, 2, 3):
        store.append_history(
            run, history_row(epoch) | {"recall_df": float("nan"), "recall_mel": float("nan")}
        )
    assert store.truncate_history(run, 2)["epoch"].tolist() == [1, 2]
    assert np.isnan(store.read_history(run)["recall_df"]).all()
    path = run.folder / "history.csv"
    path.write_text(path.read_text().replace("nan", ""))  # as earlier versions wrote it then
    assert store.read_history(run)["epoch"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1e300", "its epoch is 1e300"),
        ("1.5", "its epoch is 1.5"),
        ("0", "its epoch is 0"),
        ("nan", "its epoch is nan"),
        ("inf", "its epoch is inf"),
        ("-3", "its epoch is -3"),
    ],
)
def test_an_epoch_that_is_none_is_damage(run: Run, line: str, words: str) -> None:
    for epoch in (1, 2):
        store.append_history(run, history_row(epoch))
    path = run.folder / "history.csv"
    lines = path.read_text().splitlines()
    lines[1] = line + lines[1].removeprefix("1")
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DamagedRunError, match=f"line 2: {words}"):
        store.read_history(run)


# ------------------------------------------------------------------ the record, entry by entry


def entries(value: object, path: tuple = ()) -> list[tuple]:
    """The path of every entry of a JSON object, at every depth."""
    below = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [
        found for name, entry in below for found in ((*path, name), *entries(entry, (*path, name)))
    ]


def edited(content: dict, path: tuple, new: object = None, remove: bool = False) -> dict:
    content = json.loads(json.dumps(content))
    place = content
    for name in path[:-1]:
        place = place[name]
    if remove:
        del place[path[-1]]
    else:
        place[path[-1]] = new
    return content


@pytest.mark.parametrize("name", ["config.json", "status.json"])
def test_every_entry_that_is_missing_or_mistyped_is_told_of_in_words_or_shown(
    finished: Run, name: str
) -> None:
    path = finished.folder / name
    content = json.loads(path.read_text())
    shown = 0
    for place in entries(content):
        for change in (
            {"remove": True},
            {"new": None},
            {"new": "x"},
            {"new": -1},
            {"new": 1e300},
            {"new": []},
            {"new": {}},
            {"new": True},
        ):
            path.write_text(json.dumps(edited(content, place, **change)))
            found = store.find_runs()
            assert len(found.runs) + len(found.problems) == 1
            for problem in found.problems:
                assert problem.damaged or "newer" in str(problem.error)
            for one in found.runs:
                shown += 1
                assert one.title
                assert one.scores is None or {*LISTED} <= one.scores.keys()
                known = one.record.split.test_fingerprint is not None
                assert store.same_test_images(one, one) is known
                assert isinstance(one.leaking, bool)
                assert one.record.parameters is None or one.record.parameters.total >= 0
                assert all(isinstance(version, str) for version in one.record.packages.values())
    assert shown


def test_a_run_of_an_older_version_that_lacks_newer_entries_is_shown(finished: Run) -> None:
    path = finished.folder / "config.json"
    record = json.loads(path.read_text())
    for name in (
        "code_version",
        "packages",
        "python",
        "origin",
        "parameters",
        "floors",
        "config_fingerprint",
    ):
        record.pop(name, None)
    record["split"].pop("leaking", None)
    del record["data"]["synthetic"], record["config"]["epoch_kept"]
    path.write_text(json.dumps(record))
    path = finished.folder / "status.json"
    status = json.loads(path.read_text())
    path.write_text(
        json.dumps({name: status[name] for name in ("state", "epochs", "created", "order")})
    )
    [run] = store.list_runs()
    assert (run.has_model, run.synthetic, run.leaking, run.record.packages) == (
        True,
        False,
        False,
        {},
    )
    assert run.record.code_version == "unknown"


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"format": 2}),
        ("config.json", {"format": 2, "classes": 3, "config": None}),
        ("config.json", {"code_version": "99.0", "config": {"model": "vit"}}),
        ("config.json", {"config": {"model": "cnn", "warm_up": 3}}),
    ],
)
def test_a_run_of_a_newer_version_says_so_and_is_never_to_be_deleted(
    run: Run, file: str, change: dict
) -> None:
    path = run.folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    (run.folder / "status.json").write_text('{"state": "dreaming", "lucid": true}')
    if "format" not in change:
        store.write_status(run, state="done")
    [problem] = store.find_runs().problems
    assert not problem.damaged
    assert "newer" in problem.error.why
    assert problem.error.todo == "Update HAM Lab."
    with pytest.raises(StoreError, match="newer"):
        store.delete_damaged(run.id)
    assert run.folder.exists()


def test_what_a_newer_version_adds_to_a_status_is_left_out(run: Run) -> None:
    path = run.folder / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mood": "good"}))
    assert store.read_run(run.id) == run


def test_no_score_of_before_stands_while_a_run_waits_or_trains(finished: Run) -> None:
    assert finished.scores["accuracy"].value == 0.5
    waiting = store.write_status(finished, state="queued")
    assert (waiting.scores, waiting.has_model) == (None, False)
    with store.claim(store.write_status(finished, state="running")):
        assert store.read_run(finished.id).scores is None
    store.write_status(finished, state="cancelled")
    assert store.read_run(finished.id).scores["accuracy"].value == 0.5


# ------------------------------------------------------------- a runs folder that cannot be listed


def make_unreadable(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands where the runs folder should, or why it cannot be listed."""
    folder = runs_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if how == "a file":
        folder.write_text("x")
    elif how == "a link to nowhere":
        folder.symlink_to(folder.parent / "gone")
    elif how == "a link in a circle":
        folder.symlink_to(folder)
    else:
        folder.mkdir()
        scandir = os.scandir

        def refuse(path: object = "."):
            if Path(path) == folder:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)


UNREADABLE = {
    "a file": "is a file, and a folder must stand there",
    "a link to nowhere": "is a link to a place that is",
    "a link in a circle": "Too many levels",
    "no right": "Permission denied",
}


@pytest.mark.parametrize(("how", "words"), UNREADABLE.items())
def test_a_runs_folder_that_cannot_be_listed_is_said_in_words_and_never_taken_for_an_empty_one(
    how: str, words: str, monkeypatch: pytest.MonkeyPatch, small_folder: Path, capfd
) -> None:
    make_unreadable(how, monkeypatch)
    found = store.find_runs()
    assert (found.runs, found.problems) == ([], [])
    assert words in str(found.unreadable)
    assert "elete" not in str(found.unreadable)
    for ask in (
        store.list_runs,
        lambda: store.read_run("cnn-x"),
        lambda: store.create_run(TrainConfig(), DATA),
    ):
        with pytest.raises(StoreError, match=words):
            ask()
    assert store.find_runs().models == store.reference_runs() == []
    for arguments in (
        ["runs"],
        ["work"],
        ["evaluate", "cnn-x"],
        ["cancel", "cnn-x"],
        ["train", "--model", "cnn", "--data", str(small_folder)],
    ):
        capfd.readouterr()
        assert cli.main(arguments) == 2, arguments
        told = capfd.readouterr()
        assert told.err.count(words) == 1, arguments
        assert "Traceback" not in told.err


def test_a_home_that_is_a_file_is_named_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("HAM_HOME", str(tmp_path / "taken"))
    with pytest.raises(StoreError, match="taken is a file") as caught:
        store.create_run(TrainConfig(), DATA)
    assert caught.value.what == f"The folder {tmp_path / 'taken' / 'runs'}"


def test_a_home_that_may_not_be_written_is_named_and_not_called_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError) as caught:
        store.create_run(TrainConfig(), DATA)
    assert caught.value.what.startswith("The ")
    assert str(runs_folder()) in caught.value.what
    assert "Read-only file system" in caught.value.why


def test_the_version_of_predictions_changes_with_them(run: Run) -> None:
    none = store.predictions_version(run)
    store.write_predictions(run, {"validation": two_answers(), "test": two_answers()})
    written = store.predictions_version(run)
    assert none != written == store.predictions_version(run)
    (run.folder / "predictions.npz").write_bytes(b"no zip")
    assert store.predictions_version(run) != written
