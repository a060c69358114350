"""Runs that ship with HAM Lab: picked up, marked, never written to; what ships names no image of
the data.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks import accuracy, build_reference, published
from benchmarks.build_reference import (
    NotShipped,
    check_origin,
    found_in,
    ship,
)
from ham import cli, config, engine, store
from ham.config import StoreError, runs_folder
from ham.data import LesionDataset
from ham.evaluation import EvaluationRecord, evaluate
from ham.store import Run
from tests.run_factory import edited_run, waiting_run

pytestmark = pytest.mark.every_draw
ROOT = Path(__file__).parents[1]
FILES = ["config.json", "history.csv", "model.keras", "predictions.npz", "status.json"]


def state_of(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


# -------------------------------------------------------------------------------- store


def test_without_a_reference_folder_there_is_none_and_looking_makes_nothing(
    reference: Path,
) -> None:
    assert store.reference_runs() == store.find_runs().models == []
    assert not reference.exists()


def test_the_real_reference_folder_lies_in_the_package_and_every_run_in_it_is_whole() -> None:
    folder = config.reference_folder()
    assert folder == Path(store.__file__).parents[1] / "reference"
    for run in (place for place in folder.iterdir() if place.is_dir()):
        assert sorted(path.name for path in run.iterdir()) == FILES
        assert sum(path.stat().st_size for path in run.iterdir()) < build_reference.MAX_BYTES
        for path in run.iterdir():
            assert found_in(path.name, path.read_bytes(), list(build_reference.IDS)) == ""


def test_runs_that_ship_are_found_in_the_order_of_models_and_recipes(
    shipped: list[Run], reference: Path
) -> None:
    assert [run.id for run in shipped] == ["lstm-described", "cnn-described"]
    copy = reference / "a-cnn-quick"
    shutil.copytree(reference / "cnn-described", copy)
    record = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(
        json.dumps(record | {"config": record["config"] | {"recipe": "quick"}})
    )
    assert [run.id for run in store.reference_runs()] == [
        "lstm-described",
        "cnn-described",
        "a-cnn-quick",
    ]


def test_a_run_that_ships_says_so_and_reads_by_its_name(shipped: list[Run]) -> None:
    run = store.read_run("cnn-described")
    assert (run.shipped, run.has_model, run.state) == (True, True, "done")
    assert run.title == "CNN, as described (ships with HAM Lab)"
    assert run.record.data.source == "HAM10000 (not shipped)"
    assert store.checked_model_path(run).exists()
    assert len(store.read_history(run)) == 1


def test_own_runs_come_first_and_the_list_of_runs_holds_them_alone(
    own_copies: list[Run], shipped: list[Run]
) -> None:
    waiting_run()
    newest_first = sorted(
        (run.id for run in own_copies), key=lambda i: -store.read_run(i).status.created
    )
    assert [run.id for run in store.find_runs().models] == [
        *newest_first,
        "lstm-described",
        "cnn-described",
    ]
    assert len(store.list_runs()) == 3
    assert not any(run.shipped for run in store.list_runs())
    assert engine.queue() == [run for run in store.list_runs() if run.state == "queued"]


def test_an_own_run_of_the_same_id_takes_the_place(
    own_copies: list[Run], shipped: list[Run], reference: Path
) -> None:
    shutil.copytree(reference / "cnn-described", runs_folder() / "cnn-described")
    assert not store.read_run("cnn-described").shipped
    assert [run.id for run in store.find_runs().models].count("cnn-described") == 1


@pytest.mark.parametrize("damage", ["", "{", '{"format": 99}'])
def test_a_damaged_one_is_left_out_and_the_log_is_told_once(
    shipped: list[Run], reference: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    (reference / "cnn-described" / "config.json").write_text(damage)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert [run.id for run in store.reference_runs()] == ["lstm-described"]
    assert len(caplog.records) == 1
    assert "cnn-described" in caplog.text
    with pytest.raises(StoreError):
        store.read_run("cnn-described")


def test_one_that_is_not_done_is_left_out_and_no_lock_is_asked_for(
    shipped: list[Run], reference: Path
) -> None:
    path = reference / "cnn-described" / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"state": "running"}))
    assert [run.id for run in store.reference_runs()] == ["lstm-described"]
    assert not (reference / "cnn-described" / "lock").exists()


def claim(run: Run) -> None:
    with store.claim(run):
        pass


@pytest.mark.parametrize(
    "change",
    [
        lambda run: store.write_status(run, state="queued"),
        lambda run: store.write_record(run, model=None, evaluation=None),
        lambda run: store.write_notes(run, title="Mine"),
        claim,
        store.delete_run,
        store.request_cancel,
        store.withdraw_cancel,
        engine.resume,
        engine.cancel,
        lambda run: store.write_log(run, "line"),
        lambda run: store.append_history(run, dict.fromkeys(store.HISTORY_COLUMNS, 0.5)),
        lambda run: store.truncate_history(run, 0),
        lambda run: store.write_predictions(run, store.read_predictions(run)),
    ],
)
def test_nothing_is_ever_written_to_a_run_that_ships(
    shipped: list[Run], reference: Path, change
) -> None:
    before = state_of(reference)
    with pytest.raises(
        StoreError, match="ships with HAM Lab and cannot be changed.*Train it again"
    ):
        change(shipped[0])
    assert state_of(reference) == before


def test_a_package_that_cannot_be_written_is_enough(
    shipped: list[Run], reference: Path, capsys
) -> None:
    before = state_of(reference)
    folders = [reference, *reference.iterdir()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        run = store.reference_runs()[1]
        assert store.read_predictions(run)["test"].proba.shape[1] == 7
        assert store.export_run(run)
        assert cli.main(["evaluate", run.id, "--json"]) == 0
        with pytest.raises(StoreError, match="cannot be changed"):
            store.delete_run(run)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert state_of(reference) == before


def test_a_run_that_ships_is_exported_and_not_imported_where_it_is(
    shipped: list[Run], reference: Path
) -> None:
    bundle = store.export_run(shipped[1])
    with pytest.raises(StoreError, match="is here already, the very same"):
        store.import_run(bundle)
    shutil.rmtree(reference)
    run = store.import_run(bundle)
    assert (run.id, run.shipped, run.title) == ("cnn-described", False, "CNN, as described, seed 0")
    shutil.copytree(run.folder, reference / "cnn-described")
    (reference / "cnn-described" / "history.csv").write_text("")
    store.delete_run(run)
    with pytest.raises(StoreError, match="ships with HAM Lab has its id"):
        store.import_run(bundle)


# --------------------------------------------------------------------------------- keys


def test_a_key_is_a_hash_of_the_id_and_stays_what_it_is() -> None:
    [key] = store.image_keys(["ISIC_0000000"])
    assert key == "#" + hashlib.sha256(b"ISIC_0000000").hexdigest()[:16]
    assert store.image_keys([key, "ISIC_0000000"]).tolist() == [key, key]
    assert store.image_keys([]).tolist() == []
    assert store.image_keys(["#12"])[0] != "#12"


def test_a_twin_that_ships_gives_the_same_answers_on_the_same_images(
    own_copies: list[Run], shipped: list[Run]
) -> None:
    own, twin = own_copies[0], shipped[1]
    for part, found in store.read_predictions(twin).items():
        assert found.image_id.tolist() == sorted(found.image_id.tolist())
        assert found.lesion.min() == 0
        assert len(set(found.lesion)) == found.lesion.max() + 1
        ours, theirs = store.aligned(store.read_predictions(own)[part], found)
        assert np.array_equal(ours.proba, theirs.proba)
        assert np.array_equal(np.unique(ours.lesion, return_inverse=True)[1], theirs.lesion)
        assert store.image_keys(ours.image_id).tolist() == theirs.image_id.tolist()
    test = store.read_predictions(twin)["test"]
    found = evaluate(test.y_true, test.proba, test.lesion)
    assert EvaluationRecord.of(found) == own.record.evaluation


def test_a_run_that_ships_is_compared_by_its_test_images_whatever_copy_of_the_data_is_there(
    own_copies: list[Run], shipped: list[Run]
) -> None:
    cnn, lstm = own_copies
    assert store.same_test_images(cnn, lstm)
    other_copy = edited_run(lstm, data={"fingerprint": "other pixels"})
    assert not store.same_test_images(cnn, other_copy)
    assert store.same_test_images(shipped[0], other_copy)
    other_split = edited_run(lstm, split={"test_fingerprint": "others"})
    assert not store.same_test_images(shipped[0], other_split)


# ---------------------------------------------------------------------------- what ships


def test_what_ships_holds_these_files_and_no_id_place_or_pickle(
    shipped: list[Run], tiny_runs: list[Run], small_dataset: LesionDataset
) -> None:
    for run in shipped:
        assert sorted(path.name for path in run.folder.iterdir()) == FILES
        for path in run.folder.iterdir():
            words = ["TEST_0", "LESION_0", small_dataset.source, str(tiny_runs[0].folder.parent)]
            assert found_in(path.name, path.read_bytes(), words) == ""
        assert run.status.owner is None


def test_ids_are_found_in_text_arrays_and_zips_within_zips_and_pickles_too() -> None:
    array, pickled, inner, outer = (io.BytesIO() for _ in range(4))
    np.savez_compressed(array, names=np.array(["ISIC_0024306"]))
    np.savez_compressed(pickled, names=np.array([{}], dtype=object))
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", "from HAM_0000118 " * 9)
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model.zip", inner.getvalue())
    ids = list(build_reference.IDS)
    assert found_in("card.md", b"about ISIC_0024306", ids) == "card.md holds 'ISIC_'"
    assert found_in("a.npz", array.getvalue(), ids) == "a.npz/names.npy holds 'ISIC_'"
    assert (
        found_in("m.keras", outer.getvalue(), ids) == "m.keras/model.zip/config.json holds 'HAM_00'"
    )
    assert found_in("a.npz", pickled.getvalue(), ids) == "a.npz/names.npy is a pickle"
    assert found_in("card.md", b"about HAM10000", ids) == ""


def test_a_run_with_an_id_in_it_is_not_shipped_and_what_was_there_stays(
    own_copies: list[Run], shipped: list[Run], reference: Path
) -> None:
    before = state_of(reference)
    named = edited_run(
        own_copies[0],
        remark="seen in TEST_00001, as "
        + str(store.read_predictions(own_copies[0])["test"].image_id[0]),
    )
    with pytest.raises(NotShipped, match="config.json holds 'TEST_"):
        ship(named, "cnn-described", reference)
    assert state_of(reference) == before


def test_a_run_that_leaks_is_not_done_or_is_too_large_is_not_shipped(
    own_copies: list[Run], reference: Path, monkeypatch
) -> None:
    run = own_copies[0]
    with monkeypatch.context() as patch:
        patch.setattr(build_reference, "MAX_BYTES", 1000)
        with pytest.raises(NotShipped, match="bytes"):
            ship(run, "cnn-described", reference)
    with pytest.raises(NotShipped, match="does not leak"):
        ship(
            edited_run(run, split={"leaking": True}),
            "cnn-described",
            reference,
        )
    with pytest.raises(NotShipped, match="is cancelled"):
        ship(store.write_status(run, state="cancelled"), "cnn-described", reference)
    assert not reference.exists()


def test_only_ham10000_with_the_settings_of_the_recipe_may_bear_its_name(
    own_copies: list[Run],
) -> None:
    run = own_copies[0]
    with pytest.raises(NotShipped, match="other settings"):
        check_origin(run, "cnn-described")
    real = waiting_run(
        build_reference.config_of("cnn-described"),
        msgspec.to_builtins(run.record.data) | {"name": "HAM10000"},
    )
    check_origin(real, "cnn-described")
    with pytest.raises(NotShipped, match="trained on demo"):
        check_origin(edited_run(real, data={"name": "demo"}), "cnn-described")


def test_shipping_again_replaces_what_was_there(
    tiny_runs: list[Run], shipped: list[Run], reference: Path
) -> None:
    (reference / "cnn-described" / "old.txt").write_text("old")
    ship(tiny_runs[0], "cnn-described", reference)
    assert sorted(path.name for path in (reference / "cnn-described").iterdir()) == FILES
    assert sorted(path.name for path in reference.iterdir()) == ["cnn-described", "lstm-described"]


# -------------------------------------------------------------------------- command line


def test_runs_that_ship_are_listed_after_the_own_ones(
    own_copies: list[Run], shipped: list[Run], capsys
) -> None:
    assert cli.main(["runs", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["runs"]
    assert [entry["shipped"] for entry in found] == [False, False, True, True]
    assert [entry["run"] for entry in found[2:]] == ["lstm-described", "cnn-described"]
    assert cli.main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("cnn-described")


def test_the_command_line_compares_a_run_with_its_twin_and_asks_it(
    own_copies: list[Run], shipped: list[Run], capsys, small_dataset: LesionDataset
) -> None:
    assert cli.main(["evaluate", own_copies[0].id, "cnn-described", "--json"]) == 0
    said = capsys.readouterr()
    first, second = json.loads(said.out)["runs"]
    assert "cannot be compared" not in said.err
    assert {(d["value"], d["low"], d["high"]) for d in second["difference"]["scores"].values()} == {
        (0.0, None, None)
    }
    assert second["scores"] == first["scores"]
    image = next(iter(small_dataset.originals.values()))
    assert cli.main(["predict", "cnn-described", image, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["run"] == "cnn-described"


def test_a_run_that_ships_cannot_be_cancelled(shipped: list[Run], capsys) -> None:
    assert cli.main(["cancel", "cnn-described"]) == 2
    assert "ships with HAM Lab" in capsys.readouterr().err


# ------------------------------------------------------------- what the documents print


def test_the_documents_have_the_tables_that_the_stored_results_print(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (store.bundle, store.files, store.runs):
        # what really ships
        monkeypatch.setattr(module, "reference_folder", config.reference_folder)
    results, benchmarks = (
        (ROOT / name).read_text() for name in ("docs/results.md", "BENCHMARKS.md")
    )
    runs = store.reference_runs()
    assert len(runs) == len(build_reference.NAMES)
    assert all(build_reference.is_there(name) for name in build_reference.NAMES), (
        "a recipe has changed since"
    )
    assert set(build_reference.scores_table(runs).splitlines()) <= set(results.splitlines())
    assert set(accuracy.table().splitlines()) <= set(benchmarks.splitlines())
    watched = published.table(published.read())
    assert set(watched.splitlines()) <= set(results.splitlines())


def test_every_fold_of_the_cross_validation_is_stored_with_its_recipes_present_settings() -> None:
    assert list(accuracy.missing(None, None)) == []


def test_the_folds_in_the_results_are_those_of_the_whole_table() -> None:
    # model, recipe, split, accuracy, balanced accuracy, macro AUC, malignant AUC
    pick = (0, 1, 2, 4, 5, 7, 8)
    rows = [line.strip("|").split("|") for line in accuracy.table().splitlines()[2:]]
    results = (ROOT / "docs/results.md").read_text()
    for row in rows:
        if row[3].strip() == "1":
            assert "|" + "|".join(row[k] for k in pick) + "|" in results
