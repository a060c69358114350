"""What config.json and status.json of a run hold, decoded once, at the store's door.

A run is shown only where every entry that is there has its type and its range, and what belongs
together is there together, so that no page meets a number that is none. What a version before
this one did not write is filled in; entries that nobody knows stay in the file and are not read.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

import ham
from ham import io
from ham.config import CODES, ConfigError, TrainConfig
from ham.evaluation import Baselines, EvaluationRecord, baselines_from
from ham.io import Count, Number, Text, Time, shown, typed
from ham.store.files import NewerRunError

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
STATES: tuple[str, ...] = get_args(State)
_SETTINGS = frozenset(entry.name for entry in dataclasses.fields(TrainConfig))


# ----------------------------------------------------------------------- config.json


class DataRecord(Struct, frozen=True):
    """The data set that a run was set up on, as `LesionDataset.record` names it."""

    name: Text
    source: Text
    fingerprint: Text
    synthetic: bool = False
    n_images: Count | None = None
    n_lesions: Count | None = None


class SplitRecord(Struct, frozen=True):
    """How the data was split; before the start of the training only whether that leaks."""

    leaking: bool
    protocol: Text | None = None
    seed: Count | None = None
    fingerprint: Text | None = None
    test_fingerprint: Text | None = None
    n_train: Count | None = None
    n_validation: Count | None = None
    n_test: Count | None = None
    train_counts: dict[str, Count] | None = None  # images by code, each once


class Parameters(Struct, frozen=True):
    """Of the model."""

    trainable: Count
    not_trainable: Count

    @property
    def total(self) -> int:
        return self.trainable + self.not_trainable


class ModelRecord(Struct, frozen=True):
    """model.keras."""

    sha256: Text
    trainable: Count | None = None
    not_trainable: Count | None = None


class TrialRecord(Struct, frozen=True):
    """Of which trial of a sweep (ham.lab.sweep) the run is a part.

    Validation decides a sweep, so such a run ends without a model and without an answer on its
    test images; `promoted` has it evaluated as every other run.
    """

    sweep: Text  # the sweep's name
    id: Text  # the sweep's own: another one may have had this name before
    number: Count  # the trial's, from 0
    place: Count  # the run's among those of the trial, one a seed, from 0
    promoted: Time | None = None
    looks: Count = 0  # the how many-th promotion of its sweep that was, from 1

    @property
    def withheld(self) -> bool:
        """Whether nobody looks at its test images."""
        return self.promoted is None


class RunRecord(Struct, frozen=True, kw_only=True):
    """config.json. An entry of a later time is None before it."""

    format: Count
    config: TrainConfig
    classes: tuple[str, ...]  # CODES
    data: DataRecord
    id: Text | None = None  # of its folder, where it was made
    created: Time | None = None
    config_fingerprint: Text | None = None
    code_version: Text = "unknown"  # of HAM Lab
    python: Text | None = None
    packages: dict[str, Text] = {}  # version by name
    origin: Text | None = None  # the HAM_HOME that made it
    split: SplitRecord
    trial: TrialRecord | None = None
    # from the start of the training on
    training_version: Count | None = None  # config.TRAINING_VERSION
    preprocessing: Text | None = None
    parameters: Parameters | None = None
    # from its end on: together, or none of them
    model: ModelRecord | None = None
    evaluation: EvaluationRecord | None = None
    # beside them, and no run depends on it
    baselines: Baselines | None = msgspec.field(name="floors", default=None)


#: The names in config.json, by those of RunRecord.
ENTRIES = dict(zip(RunRecord.__struct_fields__, RunRecord.__struct_encode_fields__, strict=True))


# ----------------------------------------------------------------------- status.json


class Failure(Struct, frozen=True):
    """The three parts of the HamError that a run ended with."""

    what: Text
    why: Text
    todo: Text


class Status(Struct, frozen=True):
    """status.json: where a run stands. Times are Unix seconds; None where it has not happened
    yet.
    """

    state: State
    epochs: Count
    created: Time
    order: Number  # place in the queue: lowest first
    epoch: Count = 0  # epochs completed
    step: Count = 0  # gradient steps done in the current epoch
    steps: Count = 0  # gradient steps of an epoch
    phase: Text = ""  # what it does now, in words: "loading the data", "training", "evaluating"
    started: Time | None = None
    updated: Time | None = None
    ended: Time | None = None
    seconds_left: Number | None = None
    best_epoch: Count | None = None
    attempts: Count = 0  # 1 from its start on, and one more for each time its own process died
    owner: Text | None = None  # the engine's task that took it up last
    error: Failure | None = None


# --------------------------------------------------------------------------- formats


def _fill_in(content: dict[str, Any]) -> dict[str, Any]:
    """What the first versions of format 1 did not write; baselines that another version wrote in
    its own way are left out.
    """
    split, config = content.setdefault("split", {}), content.get("config")
    if isinstance(split, dict) and isinstance(config, dict):
        split.setdefault("leaking", config.get("split", "lesion") != "lesion")
    if "floors" in content:
        try:
            baselines_from(content["floors"])
        except ValueError:
            content["floors"] = {}
    return content


#: What makes a record of each format one of the next; the last makes it a RunRecord.
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _fill_in}
FORMAT = max(UPGRADES)


def upgrade(content: dict[str, Any], written: int) -> dict[str, Any]:
    """A record of the format `written` as this version writes it."""
    for number in range(written, FORMAT + 1):
        content = UPGRADES[number](content)
    return content


def check_format(content: dict[str, Any], what: str) -> int:
    """The record's format. Raises NewerRunError, and ValueError where it is none of ours."""
    found = content.get("format")
    if type(found) is int and FORMAT < found < 1000:
        raise NewerRunError(
            what,
            f"was made by a newer version of HAM Lab (format {found}); this one reads {FORMAT}.",
            "Update HAM Lab.",
        )
    if type(found) is not int or found not in UPGRADES:
        raise ValueError(f"its format is {shown(found)}, not {FORMAT}")
    return found


# ----------------------------------------------------------------------------- parse


def parse_record(content: bytes, what: str) -> RunRecord:
    """The record in a config.json of this version or an earlier one.

    `what` is the run in words. Raises NewerRunError, and ValueError where it is no record of ours.
    """
    found = io.parse_json(content)
    written = check_format(found, what)
    try:
        return _record_from(upgrade(found, written), what)
    except ValueError as error:
        version = found.get("code_version")
        if _is_newer(version):
            raise NewerRunError(
                what,
                f"was made by a newer version of HAM Lab ({version}), "
                f"and this one cannot read it: {error}.",
                "Update HAM Lab.",
            ) from error
        raise


def parse_status(content: bytes) -> Status:
    """Raises ValueError where it is no status of ours. What a newer version added is left out."""
    return typed(io.parse_json(content), Status)


def _record_from(content: dict[str, Any], what: str) -> RunRecord:
    config = content.get("config")
    if isinstance(config, dict) and (unknown := sorted(config.keys() - _SETTINGS)):
        raise NewerRunError(
            what,
            f"its settings name {', '.join(unknown)[:200]}, which this version of HAM Lab does "
            "not know: a newer one may have made it.",
            "Update HAM Lab.",
        )
    try:
        record = typed(content, RunRecord)
    except ConfigError as error:
        raise ValueError(f"its settings cannot be used: {error.why.removesuffix('.')}") from error
    _check_together(record)
    return record


def _check_together(record: RunRecord) -> None:
    """What belongs together is there, and its numbers agree. Raises ValueError."""
    if record.classes != CODES:
        raise ValueError(f"its classes is {shown(record.classes)}, not our classes in our order")
    if record.split.train_counts is not None:
        for code in CODES:
            if code not in record.split.train_counts:
                raise ValueError(f"its split.train_counts.{code} is missing")
    if record.evaluation is None and record.model is not None:
        raise ValueError("it has a model but no scores")
    if record.evaluation is not None:
        if record.model is None:
            raise ValueError("it has scores but no model")
        record.evaluation.check("evaluation")


def _is_newer(version: object) -> bool:
    """Whether a version of HAM Lab, as it was recorded, comes after this one."""
    return type(version) is str and _numbers(version) > _numbers(ham.__version__)


def _numbers(version: str) -> list[int]:
    """[1, 2, 0] of "1.2.0", and of "1.2.0.dev3" what stands before the words."""
    found = re.match(r"\d{1,6}(\.\d{1,6})*", version)
    return [int(number) for number in found[0].split(".")] if found else []
