"""One run as one zip, to be taken to another machine, and back: everything is checked before
anything is written.

A bundle holds manifest.json (format, run id, size and SHA-256 of each member) and the files of
`LIMITS` that the run has; nothing that only matters where it was trained (lock, cancel,
checkpoint, tensorboard). The same run gives the same bytes, wherever it is exported.

What a bundle says of itself is believed only after it was counted: sizes are those that were
read, names are compared with the known ones and never become a path, and nothing in it can hold
code: arrays are parsed without pickle, and model.keras must be Keras' own three files with
layers of Keras' own modules.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ham.config import CODES, N_CLASSES, HamError, StoreError, reference_folder, runs_folder
from ham.store import runs
from ham.store.files import DAMAGED, parse_json, ships, write_file, writing
from ham.store.notes import FILE as NOTES_FILE
from ham.store.notes import MAX_BYTES, Notes
from ham.store.results import PREDICTION_ARRAYS, parse_history, predictions_from
from ham.store.runs import RUN_ID, Run

BUNDLE_FORMAT = "ham-lab run 1"
ENDED = ("done", "failed", "cancelled")
_MB = 2**20
#: Members in the order of the zip, with the most bytes each may have.
LIMITS = {
    "config.json": _MB, "status.json": _MB // 16, NOTES_FILE: MAX_BYTES, "history.csv": 4 * _MB,
    "predictions.npz": 64 * _MB, "model.keras": 256 * _MB, "log.txt": 16 * _MB,
}
MAX_BUNDLE = 300 * _MB
MAX_RATIO = 100  # unpacked to packed; deflate reaches 1,000 on zeros, our files about 10
_SMALL = _MB  # what may unpack from anything: a short log that repeats itself is no bomb
_MANIFEST = "manifest.json"
_MODEL_LIMITS = {"metadata.json": _MB, "config.json": 4 * _MB, "model.weights.h5": 256 * _MB}
_HDF5 = b"\x89HDF\r\n\x1a\n"
_KERAS_MODULE = re.compile(r"(keras|builtins)(\.\w+)*")
_DIRECTORY_END, _DIRECTORY_END_SIZE, _DIRECTORY_END_64 = b"PK\x05\x06", 22, b"PK\x06\x07"
_MAX_DIRECTORY = 64 * 1024
_UNPACKING = (*DAMAGED, zlib.error, NotImplementedError, RuntimeError, MemoryError)


class _Refused(ValueError):
    """Why it is not what it should be, as a sentence that goes on from "it ..."."""


# ------------------------------------------------------------------------------- export


def export_run(run: Run) -> bytes:
    """The bundle of a run that has ended. Raises StoreError where it has not or is damaged."""
    run = runs.read_run(run.id)  # as it is now
    what, todo = f"Run {run.id}", "Train it again; a damaged run is not passed on."
    if run.state not in ENDED:
        raise StoreError(what, f"it is {run.state}.", "Only runs that have ended can be exported: resume or cancel it.")
    with_model = "model" in run.record
    members = {}
    try:
        for name in LIMITS:
            path = run.folder / name
            if not path.exists() or (name in ("predictions.npz", "model.keras") and not with_model) or \
                    (name == NOTES_FILE and run.notes.problem):
                continue
            if path.stat().st_size > LIMITS[name]:
                raise _Refused(f"{name} has more than {LIMITS[name]:,} bytes")
            members[name] = path.read_bytes()
        _check_members(members, run.id)
    except _Refused as error:
        raise StoreError(what, f"{error}.", todo) from error
    except DAMAGED as error:
        raise StoreError(what, f"it cannot be read ({error}).", todo) from error
    manifest = {"format": BUNDLE_FORMAT, "id": run.id, "members": {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in members.items()}}
    return _packed({_MANIFEST: json.dumps(manifest, indent=1).encode(), **members})


def _packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)  # dated 1980: the same run gives the same bytes
            entry.external_attr, entry.create_system = (stat.S_IFREG | 0o644) << 16, 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return buffer.getvalue()


# ------------------------------------------------------------------------------- import


def import_run(source: bytes | Path) -> Run:
    """Adds the run of a bundle to the runs. Raises StoreError where it is no bundle, is changed or
    damaged, or its run is here already; then nothing was written.
    """
    what = f"The file {source.name}" if isinstance(source, Path) else "This file"
    todo = "Export the run again where it was trained, and import that file as it is."
    try:
        members, run_id = _unpacked(_read(source))
        _check_members(members, run_id)
    except _Refused as error:
        raise StoreError(what, f"{error}.", todo) from error
    except HamError as error:  # of another version, or notes that are not ours
        raise StoreError(what, f"{error.why}", error.todo) from error
    except _UNPACKING as error:
        raise StoreError(what, f"it cannot be read ({error or type(error).__name__}).", todo) from error
    _refuse_second(run_id, members, what)
    folder = runs_folder() / run_id
    fresh = runs_folder() / f".import-{run_id}-{secrets.token_hex(2)}"
    try:
        with writing(folder):
            fresh.mkdir(parents=True)
            for name, content in members.items():
                write_file(fresh / name, content)
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return runs.read_run(run_id)


def _read(source: bytes | Path) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            source = file.read(MAX_BUNDLE + 1)
    if len(source) > MAX_BUNDLE:
        raise _Refused(f"it has more than {MAX_BUNDLE // _MB} MB")
    return source


def _unpacked(content: bytes) -> tuple[dict[str, bytes], str]:
    """The members and the run's id, their names, sizes and hashes as the manifest says."""
    found = _unzip(content, {_MANIFEST: _MB // 16, **LIMITS})
    if _MANIFEST not in found:
        raise _Refused("it is no export of HAM Lab: it has no manifest.json")
    manifest = parse_json(found.pop(_MANIFEST))
    if manifest.get("format") != BUNDLE_FORMAT:
        raise _Refused(f"it has the format {manifest.get('format')!r}, we read {BUNDLE_FORMAT!r}")
    run_id = manifest.get("id")
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise _Refused("its run id is none of ours")
    counted = {name: {"size": len(member), "sha256": hashlib.sha256(member).hexdigest()}
               for name, member in found.items()}
    listed = manifest.get("members")
    if not isinstance(listed, dict) or set(listed) != set(counted):
        raise _Refused("it does not hold the files that its manifest lists")
    for name in counted:
        if listed[name] != counted[name]:
            raise _Refused(f"its {name} is not the one that was exported (size or SHA-256 differs)")
    return found, run_id


def _refuse_second(run_id: str, members: dict[str, bytes], what: str) -> None:
    folder = next((place for place in (runs_folder() / run_id, reference_folder() / run_id) if place.exists()), None)
    if folder is None:
        return
    try:
        same = all((folder / name).read_bytes() == content for name, content in members.items() if name != NOTES_FILE)
    except OSError:
        same = False
    if same:
        raise StoreError(what, f"its run {run_id} is here already, the very same.", "There is nothing to do.")
    if ships(folder):
        raise StoreError(what, f"another run that ships with HAM Lab has its id {run_id}.",
                         "Import it with the version of HAM Lab that it came with.")
    raise StoreError(what, f"another run is here under its id {run_id}.",
                     "Delete the one that is here first if this one shall take its place.")


# ---------------------------------------------------------------------------------- zip


def _unzip(content: bytes, limits: dict[str, int]) -> dict[str, bytes]:
    """Every member, as counted bytes; never more of them than `limits` and MAX_RATIO allow."""
    _check_directory_end(content)
    left = _SMALL + MAX_RATIO * len(content)
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for entry in file.infolist():
            name = entry.filename
            if name not in limits:
                raise _Refused(f"it holds {name[:80]!r}, which does not belong there")
            if name in found:
                raise _Refused(f"it holds {name} twice")
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise _Refused(f"its {name} is a link or no plain file")
            if entry.flag_bits & 1:
                raise _Refused(f"its {name} is encrypted")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _Refused(f"its {name} is packed in another way than ours")
            with file.open(entry) as member:  # what its header says of its size is not believed
                found[name] = member.read(min(limits[name], left) + 1)
            if len(found[name]) > limits[name]:
                raise _Refused(f"its {name} has more than {limits[name]:,} bytes")
            left -= len(found[name])
            if left < 0:
                raise _Refused(f"it unpacks to more than {MAX_RATIO} times its size")
    return found


def _check_directory_end(content: bytes) -> None:
    """The zip ends as ours do and its directory is small, so that parsing it cannot take the memory away."""
    end = content[-_DIRECTORY_END_SIZE:]
    if len(end) < _DIRECTORY_END_SIZE or end[:4] != _DIRECTORY_END:
        raise _Refused("it is no zip file, or it was cut short")
    before = content[-_DIRECTORY_END_SIZE - 20:-_DIRECTORY_END_SIZE]
    if int.from_bytes(end[12:16], "little") > _MAX_DIRECTORY or before[:4] == _DIRECTORY_END_64:
        raise _Refused("it lists more files than a run has")


# -------------------------------------------------------------------------------- parts


def _check_members(members: dict[str, bytes], run_id: str) -> None:
    """The files together are a run of this format that has ended. Raises _Refused, or StoreError
    where it is of another format.
    """
    for name in ("config.json", "status.json"):
        if name not in members:
            raise _Refused(f"it has no {name}")
    record = _part(members, "config.json", parse_json)
    runs.check_format(record, f"Run {run_id}")
    if record.get("id") != run_id:
        raise _Refused("its config.json is of another run")
    _part(members, "config.json", lambda content: _check_record(record))
    status = _part(members, "status.json", lambda content: runs.status_from(parse_json(content)))
    if status.state not in ENDED:
        raise _Refused(f"its run has not ended: it is {status.state}")
    if "history.csv" in members:
        _part(members, "history.csv", parse_history)
    if NOTES_FILE in members:
        _part(members, NOTES_FILE, lambda content: Notes.from_dict(parse_json(content)))
    results = {"a model": "model" in record, "scores": "evaluation" in record, "model.keras": "model.keras" in members,
               "predictions.npz": "predictions.npz" in members}
    if len(set(results.values())) > 1:
        raise _Refused(f"it has {_listed(results, True)}, but not {_listed(results, False)}")
    if "model" in record:
        _part(members, "predictions.npz", lambda content: _check_predictions(_arrays(content)))
        if hashlib.sha256(members["model.keras"]).hexdigest() != record["model"].get("sha256"):
            raise _Refused("its model is not the one this run saved (SHA-256 differs)")
        _part(members, "model.keras", _check_model)


def _part(members: dict[str, bytes], name: str, parse):
    """What `parse` makes of a member; what it cannot read, in words that name the member."""
    try:
        return parse(members[name])
    except HamError as error:
        raise _Refused(f"its {name} cannot be used: {error.what} {error.why.removesuffix('.')}") from error
    except _UNPACKING as error:
        raise _Refused(f"its {name} is damaged: {error or type(error).__name__}") from error


def _listed(results: dict[str, bool], there: bool) -> str:
    return " and ".join(name for name, found in results.items() if found is there)


def _check_record(record: dict) -> None:
    """Everything the pages read from a finished run is there and has its type."""
    runs.config_of(record)
    data = record.get("data", {})
    if not all(isinstance(data.get(name), str) for name in ("name", "source", "fingerprint")):
        raise ValueError("it does not say which data it was trained on")
    if "evaluation" not in record:
        return
    if not isinstance(record.get("split"), dict) or not isinstance(record["split"].get("test_fingerprint"), str):
        raise ValueError("it does not say which images it was tested on")
    evaluation = record["evaluation"]
    scores, per_class = evaluation.get("scores"), evaluation.get("per_class")
    rows = [*_entries(scores, ("value", "low", "high")), *_entries(per_class, ("precision", "recall", "f1", "auc"))]
    counts = [evaluation.get("n_images"), evaluation.get("n_lesions"), *_entries(per_class, ("support",))]
    confusion = np.asarray(evaluation.get("confusion"))
    if set(per_class) != set(CODES) or "accuracy" not in scores or confusion.shape != (N_CLASSES, N_CLASSES) or \
            confusion.dtype.kind != "i" or not all(isinstance(count, int) for count in counts) or \
            not all(value is None or isinstance(value, int | float) for value in rows):
        raise ValueError("its scores are not written as ours")


def _entries(table: object, names: tuple[str, ...]) -> list:
    if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
        raise ValueError("its scores are not written as ours")
    return [row[name] for row in table.values() for name in names]


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of predictions.npz, each as long as its header says: a header allocates nothing here."""
    files = _unzip(content, {f"{name}.npy": LIMITS["predictions.npz"] for name in PREDICTION_ARRAYS})
    arrays = {}
    for name, packed in files.items():
        file = io.BytesIO(packed)
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        if dtype.hasobject:
            raise ValueError(f"{name} holds a pickle")
        size = dtype.itemsize
        for length in shape:  # Python's own numbers: NumPy's would overflow
            size *= length
        if size != len(packed) - file.tell():
            raise ValueError(f"{name} is not as long as it says")
        arrays[name.removesuffix(".npy")] = np.load(io.BytesIO(packed), allow_pickle=False)
    return arrays


def _check_predictions(arrays: dict[str, np.ndarray]) -> None:
    if not all(np.isfinite(part.proba).all() for part in predictions_from(arrays).values()):
        raise ValueError("it has probabilities that are no numbers")


def _check_model(content: bytes) -> None:
    """Keras' three files, weights in HDF5, and layers that come from Keras alone. Raises ValueError."""
    files = _unzip(content, _MODEL_LIMITS)
    missing = [name for name in _MODEL_LIMITS if name not in files]
    if missing:
        raise ValueError(f"it has no {missing[0]}")
    if not files["model.weights.h5"].startswith(_HDF5):
        raise ValueError("its weights are no HDF5 file")
    parse_json(files["metadata.json"])
    pending: list[object] = [parse_json(files["config.json"])]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            module, kind, registered = node.get("module"), node.get("class_name"), node.get("registered_name")
            keras_own = isinstance(module, str) and _KERAS_MODULE.fullmatch(module)
            # Keras names a Functional model, which its public modules do not list, by its class
            if kind in ("Lambda", "__lambda__", "function") or not (module is None or keras_own) or \
                    (registered and not (keras_own and registered == kind)):
                raise ValueError(f"it holds code or a layer that is not Keras' own ({str(kind)[:40]})")
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
