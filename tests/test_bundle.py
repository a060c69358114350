"""One run as one zip: it comes back the same elsewhere, and nothing else comes in."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from ham import store
from ham.config import StoreError, runs_folder
from ham.store import HISTORY_COLUMNS, Failure, Run, bundle
from tests.run_factory import keras_file, used_run, waiting_run, zipped

TAKEN = [
    "config.json",
    "status.json",
    "notes.json",
    "history.csv",
    "validation_matrices.csv",
    "predictions.npz",
    "model.keras",
    "log.txt",
]


@pytest.fixture
def exported() -> tuple[Run, bytes]:
    """A run and its export; the run is not here any more."""
    run = used_run()
    content = store.export_run(run)
    store.delete_run(run)
    return run, content


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def changed(content: bytes, **changes: bytes | None) -> bytes:
    """The bundle with members replaced, added or (None) left out, and a manifest that agrees
    with them.
    """
    members = members_of(content)
    manifest = json.loads(members.pop("manifest.json"))
    members = {name: new for name, new in {**members, **changes}.items() if new is not None}
    manifest["members"] = {
        name: {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()}
        for name, c in members.items()
    }
    return zipped({"manifest.json": json.dumps(manifest).encode(), **members})


def edited(content: bytes, name: str, change: Callable[[dict], None]) -> bytes:
    """The bundle with a change made in one of its JSON files."""
    found = json.loads(members_of(content)[name])
    change(found)
    return changed(content, **{name: json.dumps(found).encode()})


def with_model(content: bytes, model: bytes) -> bytes:
    """The bundle with another model, recorded as the one that was trained."""
    content = changed(content, **{"model.keras": model})
    return edited(
        content,
        "config.json",
        lambda record: record["model"].update(sha256=hashlib.sha256(model).hexdigest()),
    )


def refused(content: bytes | Path, words: str) -> None:
    """Refused with these words in three parts, and nothing was written."""
    with pytest.raises(StoreError, match=words) as caught:
        store.import_run(content)
    assert all((caught.value.what, caught.value.why, caught.value.todo))
    assert not runs_folder().exists() or list(runs_folder().iterdir()) == []


# ---------------------------------------------------------------------------- the same


def test_a_run_comes_back_as_it_was_and_exports_to_the_same_bytes(
    exported: tuple[Run, bytes], monkeypatch, tmp_path
):
    run, content = exported
    monkeypatch.setenv("HAM_HOME", str(tmp_path / "another machine"))
    again = store.import_run(content)
    assert (again.id, again.record, again.status, again.title) == (
        run.id,
        run.record,
        run.status,
        "Mine",
    )
    assert store.read_predictions(again)["test"].image_id.tolist() == ["a", "b"]
    assert store.checked_model_path(again).read_bytes() == keras_file()
    assert store.export_run(again) == content
    assert sorted(p.name for p in again.folder.iterdir()) == sorted(TAKEN)


def test_a_bundle_lists_what_it_holds_and_leaves_out_what_only_matters_here(
    exported: tuple[Run, bytes],
) -> None:
    members = members_of(exported[1])
    assert list(members) == ["manifest.json", *TAKEN]
    manifest = json.loads(members["manifest.json"])
    assert manifest["members"]["log.txt"] == {
        "size": len(members["log.txt"]),
        "sha256": hashlib.sha256(members["log.txt"]).hexdigest(),
    }


def test_a_bundle_is_imported_from_a_path_too(exported: tuple[Run, bytes], tmp_path: Path) -> None:
    (tmp_path / "run.zip").write_bytes(exported[1])
    assert store.import_run(tmp_path / "run.zip").id == exported[0].id
    with pytest.raises(StoreError, match="The file none.zip"):
        store.import_run(tmp_path / "none.zip")


def test_a_run_that_failed_before_it_had_a_model_is_carried_too() -> None:
    run = store.write_status(waiting_run(), state="failed", error=Failure("a", "b.", "c."))
    (run.folder / "model.keras").write_bytes(b"half a model")  # of a crash between model and record
    content = store.export_run(run)
    store.delete_run(run)
    again = store.import_run(content)
    assert again.status.error == Failure("a", "b.", "c.")
    assert (again.failure.what, again.failure.why, again.failure.todo) == ("a", "b.", "c.")
    assert not (run.folder / "model.keras").exists()


def test_a_run_that_is_here_already_is_refused_and_the_very_same_is_called_so() -> None:
    run = used_run()
    content = store.export_run(run)
    with pytest.raises(StoreError, match="already, the very same"):
        store.import_run(content)
    store.write_log(run, "another line")
    with pytest.raises(StoreError, match="another run is here under its id"):
        store.import_run(content)
    assert store.read_log(run).endswith("another line\n")


@pytest.mark.parametrize("state", ["queued", "running"])
def test_only_what_has_ended_is_exported(state: str) -> None:
    run = store.write_status(used_run(), state=state)
    with pytest.raises(StoreError, match="ended"):
        store.export_run(store.read_run(run.id))


def test_a_damaged_run_is_not_exported_and_damaged_notes_are_left_behind() -> None:
    run = used_run()
    (run.folder / "notes.json").write_text("{")
    assert "notes.json" not in members_of(store.export_run(store.read_run(run.id)))
    (run.folder / "model.keras").write_bytes(keras_file() + b" ")
    with pytest.raises(StoreError, match="SHA-256"):
        store.export_run(run)


# ------------------------------------------------------------------------- the refused


def test_what_is_no_whole_zip_is_refused(exported: tuple[Run, bytes]) -> None:
    refused(b"", "it is empty")
    refused(b"words" * 100, "no zip archive")
    refused(exported[1][:-10], "its end is missing")
    refused(zipped({}), "no manifest.json")
    refused(changed(exported[1])[:200] + b"\0" * 50 + changed(exported[1])[250:], "damaged|differs")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil.txt", "leads out of the folder"),
        ("/etc/passwd", "absolute"),
        ("..\\evil", "leads out"),
        ("C:\\evil", "drive"),
        ("lock", "does not belong"),
        ("sub/config.json", "does not belong"),
    ],
)
def test_a_name_that_no_run_has_is_refused(
    exported: tuple[Run, bytes], name: str, words: str, tmp_path: Path
) -> None:
    refused(changed(exported[1], **{name: b"x"}), words)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_name_twice_is_refused(exported: tuple[Run, bytes]) -> None:
    buffer = BytesIO(exported[1])
    with zipfile.ZipFile(buffer, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("log.txt", b"x")
    refused(buffer.getvalue(), "log.txt twice")


def test_a_link_is_refused(exported: tuple[Run, bytes]) -> None:
    members = members_of(exported[1])
    members.pop("log.txt")
    buffer = BytesIO(zipped(members))
    link = zipfile.ZipInfo("log.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr(link, b"/etc/passwd")
    refused(buffer.getvalue(), "a symbolic link")


def test_an_encrypted_member_is_refused(exported: tuple[Run, bytes]) -> None:
    content = bytearray(exported[1])
    for at, offset in ((content.find(b"PK\x03\x04"), 6), (content.find(b"PK\x01\x02"), 8)):
        content[at + offset] |= 1
    refused(bytes(content), "encrypted")


def test_a_zip_bomb_is_refused_after_little_of_it_was_unpacked(exported: tuple[Run, bytes]) -> None:
    refused(changed(exported[1], **{"log.txt": bytes(8 * 2**20)}), "100 times the size")
    refused(changed(exported[1], **{"status.json": bytes(70_000)}), "more than 65,536 bytes")
    # a small one that repeats itself
    assert store.import_run(changed(exported[1], **{"log.txt": b"tick\n" * 20_000}))


def test_what_a_header_says_of_its_size_is_not_believed(exported: tuple[Run, bytes]) -> None:
    content = bytearray(changed(exported[1], **{"log.txt": bytes(8 * 2**20)}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # both headers now say 10 bytes
        at = content.rfind(mark)
        content[at + offset : at + offset + 4] = struct.pack("<I", 10)
    refused(bytes(content), "damaged|differs|100 times")


def test_a_zip_of_very_many_files_is_refused_before_its_list_is_read() -> None:
    refused(zipped({f"{i:04d}": b"" for i in range(2000)}), "2,000 entries, and at most 100")


def test_a_file_over_the_limit_is_refused(
    exported: tuple[Run, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MAX_BUNDLE", len(exported[1]) - 1)
    refused(exported[1], "has more than 0 MB")
    monkeypatch.setattr(bundle, "MAX_BUNDLE", len(exported[1]))
    assert store.import_run(exported[1])


def test_a_member_that_is_not_as_the_manifest_says_is_refused(exported: tuple[Run, bytes]) -> None:
    members = members_of(exported[1])
    refused(zipped({**members, "log.txt": b"another"}), "log.txt is not the one that was exported")
    refused(
        zipped({name: c for name, c in members.items() if name != "log.txt"}),
        "files that its manifest lists",
    )
    manifest = json.loads(members["manifest.json"])
    for change, words in (
        ({"id": "../x"}, "run id"),
        ({"format": "other"}, "format 'other'"),
        ({"members": []}, "manifest lists"),
        ({"id": "cnn-other"}, "of another run"),
    ):
        refused(
            zipped({**members, "manifest.json": json.dumps({**manifest, **change}).encode()}), words
        )


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (
            "config.json",
            lambda r: r.update(format=2),
            "made by a newer version of HAM Lab .format 2.; this one reads 1",
        ),
        ("config.json", lambda r: r.update(classes=[]), "classes is a list"),
        ("config.json", lambda r: r["config"].update(epochs=-1), "epochs"),
        ("config.json", lambda r: r["config"].update(surprise=1), "settings name surprise"),
        ("config.json", lambda r: r.update(data={}), "data.name is missing"),
        ("config.json", lambda r: r.update(split={}), "which images"),
        ("config.json", lambda r: r["evaluation"].update(scores={}), "scores.accuracy is missing"),
        ("config.json", lambda r: r["evaluation"].update(scores=[]), "scores is a list"),
        ("config.json", lambda r: r["evaluation"].update(confusion=[[1]]), "confusion is a list"),
        (
            "config.json",
            lambda r: r["evaluation"]["per_class"].pop("mel"),
            "per_class.mel is missing",
        ),
        (
            "config.json",
            lambda r: r["evaluation"]["scores"]["accuracy"].update(value="high"),
            "accuracy.value is 'high'",
        ),
        ("config.json", lambda r: r.pop("evaluation"), "a model but no scores"),
        ("config.json", lambda r: r["model"].update(sha256="0"), "not the one this run saved"),
        ("status.json", lambda s: s.update(state="running"), "has not ended"),
        ("status.json", lambda s: s.update(state="interrupted"), "has not ended"),
        ("status.json", lambda s: s.update(epoch="many"), "epoch is 'many'"),
        ("status.json", lambda s: s.update(error={"what": 1}), "error.what is 1, not a text"),
        ("notes.json", lambda n: n.update(tags=["two words"]), "notes.json cannot be used"),
    ],
)
def test_files_that_are_no_run_of_ours_are_refused(
    exported: tuple[Run, bytes], name, change, words
) -> None:
    refused(edited(exported[1], name, change), words)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", None, "no config.json"),
        ("status.json", b"[]", "no JSON object"),
        ("config.json", b"[" * 100_000, "damaged"),
        ("history.csv", b"epoch\nrubbish\n1\n2\n", "line 1"),
        ("history.csv", b"\xff\xfe", "history.csv is damaged"),
        ("validation_matrices.csv", b"epoch\n1,2\n", "line 1"),
        ("predictions.npz", None, "but not predictions.npz"),
        ("model.keras", None, "but not model.keras"),
        ("predictions.npz", b"no zip", "predictions.npz is damaged"),
    ],
)
def test_missing_and_damaged_files_are_refused(
    exported: tuple[Run, bytes], name, content, words
) -> None:
    refused(changed(exported[1], **{name: content}), words)


def npz(**changes: bytes | np.ndarray | None) -> bytes:
    """predictions.npz with some arrays replaced: by arrays, by bytes, or (None) by nothing."""
    arrays = {
        f"{part}_{name}": array
        for part in ("validation", "test")
        for name, array in {
            "image_id": np.array(["a", "b"]),
            "lesion": np.zeros(2, int),
            "y_true": np.array([3, 0]),
            "proba": np.full((2, 7), 1 / 7, np.float32),
        }.items()
    }
    files = {}
    for name, array in {**arrays, **changes}.items():
        buffer = BytesIO()
        if isinstance(array, np.ndarray):
            np.save(buffer, array, allow_pickle=True)
        if array is not None:
            files[f"{name}.npy"] = array if isinstance(array, bytes) else buffer.getvalue()
    return zipped(files)


def header_of(shape: str, descr: str = "<i8") -> bytes:
    """An .npy file that says it holds this and holds nothing."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npz(test_lesion=np.array([{}, {}], dtype=object)), "pickle"),
        (npz(test_lesion=header_of("(10000000000000,)")), "not as long as it says"),
        (npz(test_lesion=None), "test_lesion"),
        (npz(extra=np.zeros(1)), "does not belong"),
        (npz(test_y_true=np.array([0, 7])), "labels must be whole numbers from 0 to 6"),
        (npz(test_y_true=np.array([0.0, 1.0])), "other types"),
        (npz(test_proba=np.zeros((2, 6), np.float32)), "fit together"),
        (npz(test_proba=np.full((2, 7), np.nan, np.float32)), "no finite number"),
    ],
)
def test_predictions_that_are_no_plain_arrays_of_ours_are_refused(
    exported: tuple[Run, bytes], content, words
) -> None:
    refused(changed(exported[1], **{"predictions.npz": content}), words)


def test_predictions_of_ours_are_let_through(exported: tuple[Run, bytes]) -> None:
    assert store.import_run(changed(exported[1], **{"predictions.npz": npz()}))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (b"\x80\x04pickle", "no zip archive"),
        (keras_file(**{"data.pkl": b"\x80\x04."}), "does not belong"),
        (keras_file(**{"assets/../../evil": b""}), "leads out"),
        (keras_file(weights=b"\x80\x04pickle"), "no HDF5"),
        (zipped({"config.json": b"{}", "metadata.json": b"{}"}), "no model.weights.h5"),
        (keras_file(b"no json"), "model.keras is damaged"),
        (keras_file({"class_name": "Lambda", "module": "keras.layers"}), "code or a layer"),
        (
            keras_file({"a": [{"class_name": "__lambda__", "config": {"value": "code"}}]}),
            "code or a layer",
        ),
        (keras_file({"class_name": "system", "module": "os"}), "code or a layer"),
        (
            keras_file({"class_name": "Mine", "module": None, "registered_name": "ham>Mine"}),
            "code or a layer",
        ),
        (
            keras_file({"class_name": "Mine", "module": None, "registered_name": "Mine"}),
            "code or a layer",
        ),
        (
            keras_file(
                {"class_name": "Mine", "module": "keras.layers", "registered_name": "ham>Mine"}
            ),
            "code or a layer",
        ),
    ],
)
def test_a_model_that_could_hold_code_is_refused(
    exported: tuple[Run, bytes], model: bytes, words: str
) -> None:
    refused(with_model(exported[1], model), words)


def test_a_model_of_keras_own_layers_is_let_through(exported: tuple[Run, bytes]) -> None:
    assert store.import_run(
        with_model(exported[1], keras_file(weights=b"\x89HDF\r\n\x1a\n more"))
    ).has_model


def test_a_full_disk_leaves_nothing_of_an_import(
    exported: tuple[Run, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    refused(exported[1], "disk is full")


# ------------------------------------------------------------- zipped again by something else


def zipped_as(content: bytes, how: str) -> bytes:
    """The same bundle as other programs, or people, leave it."""
    members, outer, buffer = members_of(content), "ham-run/", BytesIO()
    packing = {"stored": zipfile.ZIP_STORED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}
    with zipfile.ZipFile(
        buffer, "w", packing.get(how, zipfile.ZIP_DEFLATED), compresslevel=9
    ) as file:
        if how in ("Finder", "one folder", "Windows' folder"):
            file.writestr("ham-run\\" if how == "Windows' folder" else outer, b"")
        for name, member in members.items():
            before = {
                "Finder": outer,
                "one folder": outer,
                "folder in a folder": "Downloads/" + outer,
                "Windows' folder": "ham-run\\",
                "a dot in front": "./",
            }.get(how, "")
            with file.open(before + name, "w", force_zip64=how == "zip64") as entry:
                entry.write(member)
            if how == "Finder":
                file.writestr(f"__MACOSX/{outer}._{name}", b"\0\5\x16\7" + bytes(40))
        for litter in {
            "Finder": ("ham-run/.DS_Store", "__MACOSX/._ham-run"),
            "litter": (
                ".DS_Store",
                "Thumbs.db",
                "desktop.ini",
                "._config.json",
                "__MACOSX/._config.json",
            ),
        }.get(how, ()):
            file.writestr(litter, b"litter")
        if how == "a comment":
            file.comment = b"sent by mail " * 100
        if how == "folders listed":
            file.writestr("empty/", b"")
    if how == "a zip in a zip":
        return zipped({"ham-run.zip": content, "__MACOSX/._ham-run.zip": b"x"})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "how",
    [
        "Finder",
        "one folder",
        "folder in a folder",
        "Windows' folder",
        "a dot in front",
        "litter",
        "a comment",
        "stored",
        "bzip2",
        "lzma",
        "zip64",
        "folders listed",
        "a zip in a zip",
        "packed harder",
    ],
)
def test_a_bundle_that_was_zipped_again_is_still_the_same_run(
    exported: tuple[Run, bytes], how: str
) -> None:
    run, content = exported
    again = zipped_as(content, how)
    assert again != content
    assert store.import_run(again).id == run.id
    assert store.export_run(store.read_run(run.id)) == content


@pytest.mark.parametrize(
    ("add", "words"),
    [
        ({"notes/readme.txt": b"x"}, "does not belong"),
        ({"a/manifest.json": b"{}"}, "does not belong"),
        ({"./log.txt": b"x"}, "log.txt twice"),
    ],
)
def test_more_than_a_folder_around_is_still_refused(
    exported: tuple[Run, bytes], add, words
) -> None:
    buffer = BytesIO(exported[1])
    with zipfile.ZipFile(buffer, "a") as file:
        for name, content in add.items():
            file.writestr(name, content)
    refused(buffer.getvalue(), words)


def test_zips_in_zips_are_opened_once_and_not_for_ever(exported: tuple[Run, bytes]) -> None:
    refused(
        zipped({"a.zip": zipped({"b.zip": exported[1]})}), "'b.zip', which does not belong there"
    )


# ----------------------------------------------------------------------- bounded


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", b'{"a":' * 900 + b"1" + b"}" * 900, "its"),
        ("config.json", b'{"format": 1e999}', "out of range"),
        ("config.json", b'{"format": 1' + b"0" * 300 + b"}", "format is"),
        (
            "history.csv",
            b",".join(name.encode() for name in HISTORY_COLUMNS) + b"\n" + b"9" * 200_000 + b"\n\n",
            "damaged",
        ),
        ("predictions.npz", zipped({"a.npy": bytes(70 * 2**20)}), "100 times|more than"),
        (
            "log.txt",
            np.random.default_rng(0).bytes(17 * 2**20),
            "log.txt cannot be used: it unpacks to more than 16,777,216 bytes",
        ),
    ],
)
def test_what_would_take_the_memory_or_the_stack_is_refused(
    exported: tuple[Run, bytes], name, content, words
) -> None:
    refused(changed(exported[1], **{name: content}), words)


def test_an_entry_that_nobody_knows_is_kept_unless_it_is_nested_deep(
    exported: tuple[Run, bytes],
) -> None:
    deep = json.loads("[" * 100 + "]" * 100)
    for change in (lambda r: r.update(other=deep), lambda r: r["data"].update(other=deep)):
        refused(edited(exported[1], "config.json", change), "nested more than 100 deep")
    again = store.import_run(
        edited(exported[1], "config.json", lambda r: r.update(other={"a": [1, {"b": None}]}))
    )
    kept = json.loads((again.folder / "config.json").read_text())
    assert kept["other"] == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.update(best_epoch=7), "no epoch 7"),
        (lambda s: s.update(best_epoch=None), "no epoch None"),
        (lambda s: s.update(created=1e300), "created is 1e"),
        (lambda s: s.update(epochs=-1), "epochs is -1"),
    ],
)
def test_a_status_that_does_not_fit_its_run_is_refused(
    exported: tuple[Run, bytes], change, words
) -> None:
    refused(edited(exported[1], "status.json", change), words)


def test_answers_that_are_not_those_that_were_scored_are_refused(
    exported: tuple[Run, bytes],
) -> None:
    refused(
        changed(exported[1], **{"predictions.npz": npz(test_y_true=np.array([3, 3]))}),
        "scores were counted from",
    )


def test_a_folder_and_a_pipe_are_no_bundles(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    refused(tmp_path, "it is a folder")
    refused(tmp_path / "pipe.zip", "no such file")
