"""One run as one zip, to be taken to another machine, and back: everything is checked before
anything is written.

A bundle holds manifest.json (format, run id, size and SHA-256 of each member), the files of
`LIMITS` that the run has and its external tests; nothing that only matters where it was trained
(lock, cancel, checkpoint, tensorboard). The same run gives the same bytes, wherever it is
exported.

What a bundle says of itself is believed only after it was counted: sizes are those that were
read, names are compared with the known ones and never become a path, and nothing in it can hold
code: arrays are parsed without pickle, and model.keras must be Keras' own three files with
layers of Keras' own modules. What else a zip program, Finder or a browser made of it (an outer
folder, a comment, other packing) is no reason to refuse it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from ham import hosting, io
from ham.config import N_CLASSES, HamError, StoreError, reference_folder, runs_folder
from ham.evaluation import EvaluationRecord
from ham.hosting import Act
from ham.store import external, runs
from ham.store.files import NewerRunError, ships, writing
from ham.store.folder import RUN_ID, Run
from ham.store.matrices import MATRICES_FILE, parse_validation_matrices
from ham.store.notes import FILE as NOTES_FILE
from ham.store.notes import MAX_BYTES, Notes
from ham.store.record import parse_record, parse_status
from ham.store.results import PREDICTION_ARRAYS, parse_history, predictions_from

BUNDLE_FORMAT = "ham-lab run 1"
ENDED = ("done", "failed", "cancelled")
_MB = 2**20
#: Members in the order of the zip, with the most bytes each may have. The largest model that
#: the settings allow has 22 MB, the answers on 10,000 images have 1.
LIMITS = {
    "config.json": _MB,
    "status.json": _MB // 16,
    NOTES_FILE: MAX_BYTES,
    "history.csv": 4 * _MB,
    MATRICES_FILE: 4 * _MB,
    "predictions.npz": 16 * _MB,
    "model.keras": 64 * _MB,
    "log.txt": 16 * _MB,
}
MAX_BUNDLE = 100 * _MB
_MOST_ARRAYS = 64 * _MB  # of predictions.npz, unpacked
_MOST_ENTRIES = 100  # a run has nine
_MANIFEST = "manifest.json"
_MODEL_LIMITS = {"metadata.json": _MB, "config.json": 4 * _MB, "model.weights.h5": 64 * _MB}
_HDF5 = b"\x89HDF\r\n\x1a\n"
_KERAS_MODULE = re.compile(r"(keras|builtins)(\.\w+)*")
Parsed = TypeVar("Parsed")


class _Refused(ValueError):
    """Why it is not what it should be, as a sentence that goes on from "it ..."."""


# ------------------------------------------------------------------------------- export


def export_run(run: Run) -> bytes:
    """The bundle of a run that has ended. Raises StoreError where it has not or is damaged."""
    run = runs.read_run(run.id)  # as it is now
    what, todo = f"Run {run.id}", "Train it again; a damaged run is not passed on."
    if run.state not in ENDED:
        raise StoreError(
            what,
            f"it is {run.state}.",
            "Only runs that have ended can be exported: resume or cancel it.",
        )
    with_model = run.record.model is not None
    members = {}
    try:
        for name in LIMITS:
            path = run.folder / name
            if (
                not path.exists()
                or (name in ("predictions.npz", "model.keras") and not with_model)
                or (name == NOTES_FILE and run.notes.problem)
            ):
                continue
            if path.stat().st_size > LIMITS[name]:
                raise _Refused(f"{name} has more than {LIMITS[name]:,} bytes")
            members[name] = path.read_bytes()
        if with_model:
            members |= external.members(run)
        _check_members(members, run.id)
    except _Refused as error:
        raise StoreError(what, f"{error}.", todo) from error
    except io.DAMAGED as error:
        raise StoreError(what, f"it cannot be read ({error}).", todo) from error
    manifest = {
        "format": BUNDLE_FORMAT,
        "id": run.id,
        "members": {
            name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in members.items()
        },
    }
    return io.packed({_MANIFEST: json.dumps(manifest, indent=1).encode(), **members})


# ------------------------------------------------------------------------------- import


def import_run(source: bytes | Path) -> Run:
    """Adds the run of a bundle to the runs. Raises StoreError where it is no bundle, is changed or
    damaged, or its run is here already, AccessError and LimitError; then nothing was written.
    """
    hosting.require(Act.IMPORT)
    hosting.refuse_full_disk("To import a run")
    what = f"The file {source.name}" if isinstance(source, Path) else "This file"
    todo = "Export the run again where it was trained, and import that file as it is."
    try:
        members, run_id = _unpacked(_read(source))
        _check_members(members, run_id)
    except _Refused as error:
        raise StoreError(what, f"{error}.", todo) from error
    except HamError as error:  # of another version, or notes that are not ours
        raise StoreError(what, f"{error.why}", error.todo) from error
    except io.DAMAGED as error:
        raise StoreError(
            what, f"it cannot be read ({error or type(error).__name__}).", todo
        ) from error
    if (known := _known(run_id, members, what)) is not None:
        return known
    runs.make_runs_folder()
    folder = runs_folder() / run_id
    with writing(folder), io.whole(folder) as draft:
        for name, content in members.items():
            io.write_file(draft / name, content)
    return runs.read_run(run_id)


def _read(source: bytes | Path) -> bytes:
    if isinstance(source, Path):
        if not source.is_file():  # a pipe would be waited for
            raise _Refused("it is a folder" if source.is_dir() else "there is no such file")
        with source.open("rb") as file:
            source = file.read(MAX_BUNDLE + 1)
    if len(source) > MAX_BUNDLE:
        raise _Refused(f"it has more than {MAX_BUNDLE // _MB} MB")
    return source


def _unpacked(content: bytes) -> tuple[dict[str, bytes], str]:
    """The members and the run's id, their names, sizes and hashes as the manifest says."""
    found = _unzip(
        _without_a_zip_around(content), {_MANIFEST: _MB // 16, **LIMITS}, outer_folder=True
    )
    if _MANIFEST not in found:
        raise _Refused("it is no export of HAM Lab: it has no manifest.json")
    manifest = _part(found, _MANIFEST, io.parse_json)
    del found[_MANIFEST]
    if manifest.get("format") != BUNDLE_FORMAT:
        raise _Refused(
            f"it has the format {str(manifest.get('format'))[:40]!r}, we read {BUNDLE_FORMAT!r}"
        )
    run_id = manifest.get("id")
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise _Refused("its run id is none of ours")
    counted = {
        name: {"size": len(member), "sha256": hashlib.sha256(member).hexdigest()}
        for name, member in found.items()
    }
    listed = manifest.get("members")
    if not isinstance(listed, dict) or set(listed) != set(counted):
        raise _Refused("it does not hold the files that its manifest lists")
    for name in counted:
        if listed[name] != counted[name]:
            raise _Refused(f"its {name} is not the one that was exported (size or SHA-256 differs)")
    known = [name for name in LIMITS if name in found]
    return {name: found[name] for name in (*known, *_external(found))}, run_id


def _external(members: dict[str, bytes]) -> list[str]:
    return sorted(name for name in members if external.MEMBER.fullmatch(name))


def _known(run_id: str, members: dict[str, bytes], what: str) -> Run | None:
    """The run where it is here already, and the bundle's external tests, which it had not, were
    added; None where it is not here. Raises StoreError.
    """
    folder = next(
        (
            place
            for place in (runs_folder() / run_id, reference_folder() / run_id)
            if place.exists()
        ),
        None,
    )
    if folder is None:
        return None
    extra = {name: members[name] for name in _external(members)}
    try:
        same = all(
            (folder / name).read_bytes() == content
            for name, content in members.items()
            if name != NOTES_FILE and name not in extra
        )
    except OSError:
        same = False
    if same:
        run = runs.read_run(run_id)
        if external.add_members(run, extra):
            return run
        raise StoreError(
            what, f"its run {run_id} is here already, the very same.", "There is nothing to do."
        )
    if ships(folder):
        raise StoreError(
            what,
            f"another run that ships with HAM Lab has its id {run_id}.",
            "Import it with the version of HAM Lab that it came with.",
        )
    raise StoreError(
        what,
        f"another run is here under its id {run_id}.",
        "Delete the one that is here first if this one shall take its place.",
    )


# ---------------------------------------------------------------------------------- zip


def _without_a_zip_around(content: bytes) -> bytes:
    """The bundle, where somebody zipped that again to send it. Raises _Refused."""
    try:
        with io.Archive(content, _MOST_ENTRIES) as archive:
            if len(archive.entries) == 1 and archive.entries[0].name.lower().endswith(".zip"):
                return archive.read(archive.entries[0], MAX_BUNDLE)
    except io.ArchiveError as error:
        raise _Refused(error.why) from error
    return content


def _unzip(content: bytes, limits: dict[str, int], outer_folder: bool = False) -> dict[str, bytes]:
    """Every file by its name, without a folder that all of them lie in where there may be one.

    Never more bytes than `limits` says. Raises _Refused.
    """
    found: dict[str, bytes] = {}
    try:
        with io.Archive(content, _MOST_ENTRIES) as archive:
            folders = [f"/{entry.name}".rpartition("/")[0] + "/" for entry in archive.entries]
            outer = (
                os.path.commonpath(folders).rstrip("/") + "/" if outer_folder and folders else "/"
            )
            for entry in archive.entries:
                name = f"/{entry.name}".removeprefix(outer)
                limit = limits.get(name, external.MAX_BYTES)
                if name not in limits and not (outer_folder and external.MEMBER.fullmatch(name)):
                    raise _Refused(f"it holds {name[:80]!r}, which does not belong there")
                if name in found:
                    raise _Refused(f"it holds {name} twice")
                found[name] = archive.read(entry, limit)
    except io.ArchiveError as error:
        raise _Refused(
            f"its {error.entry[:80]} cannot be used: {error.why}" if error.entry else error.why
        ) from error
    return found


# -------------------------------------------------------------------------------- parts


def _check_members(members: dict[str, bytes], run_id: str) -> None:
    """The files together are a run of this format that has ended, and that every page can show.

    Raises _Refused, or NewerRunError.
    """
    for name in ("config.json", "status.json"):
        if name not in members:
            raise _Refused(f"it has no {name}")
    record = _part(members, "config.json", lambda content: parse_record(content, f"Run {run_id}"))
    if record.id != run_id:
        raise _Refused("its config.json is of another run")
    status = _part(members, "status.json", parse_status)
    if status.state not in ENDED:
        raise _Refused(f"its run has not ended: it is {status.state}")
    history = _part(members, "history.csv", parse_history) if "history.csv" in members else None
    if MATRICES_FILE in members:
        _part(members, MATRICES_FILE, parse_validation_matrices)
    if NOTES_FILE in members:
        _part(members, NOTES_FILE, lambda content: Notes.from_dict(io.parse_json(content)))
    results = {
        "a model": record.model is not None,
        "model.keras": "model.keras" in members,
        "predictions.npz": "predictions.npz" in members,
        "history.csv": history is not None or None,
    }
    if not results["a model"]:
        del results["history.csv"]  # a run that failed early has none, one that failed late has one
    if len(set(map(bool, results.values()))) > 1:
        raise _Refused(f"it has {_listed(results, True)}, but not {_listed(results, False)}")
    model, evaluation, kept = record.model, record.evaluation, _external(members)
    if len(kept) > external.MOST or (kept and model is None):
        raise _Refused("it holds external tests that cannot be its run's")
    if model is None or evaluation is None or history is None:
        return
    if record.split.test_fingerprint is None:  # an old run; here it is compared with none
        raise _Refused("its config.json does not say which images it was tested on")
    if status.best_epoch not in history["epoch"].to_numpy():
        raise _Refused(
            f"its history.csv has no epoch {status.best_epoch}, which its status says was kept"
        )
    _part(members, "predictions.npz", lambda content: _check_predictions(content, evaluation))
    if hashlib.sha256(members["model.keras"]).hexdigest() != model.sha256:
        raise _Refused("its model is not the one this run saved (SHA-256 differs)")
    _part(members, "model.keras", _check_model)
    for name in kept:
        _part(members, name, partial(_check_external, name, model.sha256))


def _part(members: dict[str, bytes], name: str, parse: Callable[[bytes], Parsed]) -> Parsed:
    """What `parse` makes of a member; what it cannot read, in words that name the member."""
    try:
        return parse(members[name])
    except NewerRunError:
        raise
    except HamError as error:
        raise _Refused(
            f"its {name} cannot be used: {error.what} {error.why.removesuffix('.')}"
        ) from error
    except io.DAMAGED as error:
        raise _Refused(f"its {name} is damaged: {error or type(error).__name__}") from error


def _listed(results: dict[str, bool | None], there: bool) -> str:
    return " and ".join(name for name, found in results.items() if bool(found) is there)


def _check_predictions(content: bytes, evaluation: EvaluationRecord) -> None:
    """The arrays are ours, and what was counted in them is what the run says it scored. Raises
    one of io.DAMAGED.
    """
    arrays = io.parse_arrays(content, _MOST_ARRAYS)
    if other := sorted(arrays.keys() - set(PREDICTION_ARRAYS)):
        raise ValueError(f"it holds {other[0][:80]!r}, which does not belong there")
    test = predictions_from(arrays)["test"]
    confusion = np.zeros((N_CLASSES, N_CLASSES), int)
    np.add.at(confusion, (test.y_true, test.proba.argmax(axis=1)), 1)
    if not np.array_equal(confusion, evaluation.confusion):
        raise ValueError("its answers are not those that the run's scores were counted from")


def _check_external(member: str, model: str, content: bytes) -> None:
    """Raises one of io.DAMAGED."""
    found = external.parse_external(content, member.rpartition("/")[2].removesuffix(".npz"))
    if found.record.model != model:
        raise ValueError("it was answered by another model")


def _check_model(content: bytes) -> None:
    """Keras' three files, weights in HDF5, and layers that come from Keras alone. Raises
    ValueError.
    """
    files = _unzip(content, _MODEL_LIMITS)
    missing = [name for name in _MODEL_LIMITS if name not in files]
    if missing:
        raise ValueError(f"it has no {missing[0]}")
    if not files["model.weights.h5"].startswith(_HDF5):
        raise ValueError("its weights are no HDF5 file")
    io.parse_json(files["metadata.json"])
    pending: list[object] = [io.parse_json(files["config.json"])]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            module, kind, registered = (
                node.get("module"),
                node.get("class_name"),
                node.get("registered_name"),
            )
            keras_own = isinstance(module, str) and _KERAS_MODULE.fullmatch(module)
            # Keras names a Functional model, which its public modules do not list, by its class
            if (
                kind in ("Lambda", "__lambda__", "function")
                or not (module is None or keras_own)
                or (registered and not (keras_own and registered == kind))
            ):
                raise ValueError(
                    f"it holds code or a layer that is not Keras' own ({str(kind)[:40]})"
                )
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
