"""What config.json and status.json of a run hold: declared once, and checked whenever one is read.

A run is shown only where every entry that is there has its type and its range, and what belongs
together is there together, so that no page meets a number that is none. What a version before
this one did not write is filled in; entries that nobody knows are left as they are.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import ham
from ham import io
from ham.config import CODES, N_CLASSES, ConfigError, HamError, TrainConfig
from ham.store.files import NewerRunError

FORMAT = 1
STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")
_MOST = 2**31  # of anything that is counted
_LAST_TIME = 2.5e11  # Unix seconds: a year of four digits
_LONGEST = 10_000  # characters
_DEEPEST = 16  # JSON in JSON, in entries that nobody here knows
_SCORES = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "macro_auc",
    "malignant_sensitivity",
    "malignant_specificity",
    "malignant_auc",
)  # as every version wrote them: keys of evaluation.SCORES


# -------------------------------------------------------------------------------- kinds


@dataclass(frozen=True)
class Value:
    """A kind of value: its words, and whether something is one."""

    words: str
    fits: Callable[[object], bool]
    # whether all of many are, where asking for each takes too long
    fit: Callable[[list], bool] | None = None

    def problem(self, value: object) -> tuple[str, str] | None:
        return None if self.fits(value) else ("", f"is {_shown(value)}, not {self.words}")


@dataclass(frozen=True)
class Object:
    """A JSON object. Entries in neither table may be anything that is not nested too deep."""

    needed: dict[str, Value | Object | Table]
    optional: dict[str, Value | Object | Table] = field(default_factory=dict)

    @functools.cached_property
    def _fits(self) -> dict[str, Callable[[object], bool]]:
        return {name: kind.fits for name, kind in (self.needed | self.optional).items()}

    def fits(self, value: object) -> bool:
        if type(value) is not dict:
            return False
        if not self.needed.keys() <= value.keys():
            return False
        known = self._fits
        for name, entry in value.items():
            fits = known.get(name, _is_shallow)
            if not fits(entry):
                return False
        return True

    def problem(self, value: object) -> tuple[str, str] | None:
        """Where the first problem is (".scores.accuracy") and what; None where there is none."""
        if type(value) is not dict:
            return "", f"is {_shown(value)}, not a JSON object"
        for name, kind in self.needed.items():
            if name not in value:
                return f".{name}", "is missing"
            if found := kind.problem(value[name]):
                return f".{name}{found[0]}", found[1]
        for name in value.keys() - self.needed.keys():
            if found := self.optional.get(name, ANYTHING).problem(value[name]):
                return f".{name[:80]}{found[0]}", found[1]
        return None


@dataclass(frozen=True)
class Table:
    """A JSON object of rows, which are JSON objects of columns. A list of 2,000 runs checks
    112,000 such numbers.
    """

    rows: tuple[str, ...]
    columns: dict[str, Value]

    @functools.cached_property
    def _rows(self) -> Callable[[dict], tuple]:
        return operator.itemgetter(*self.rows)

    @functools.cached_property
    def _columns(self) -> list[tuple[Callable[[list], bool], Callable[[dict], object]]]:
        """Each kind's test of many values, and what takes its columns out of a row, as a tuple."""
        found = []
        for kind in dict.fromkeys(self.columns.values()):
            names = [name for name, other in self.columns.items() if other is kind]
            # one more: of one it takes no tuple
            found.append((kind.fit, operator.itemgetter(*names, names[0])))
        return found

    def fits(self, value: object) -> bool:
        try:
            rows = self._rows(value)
            return all(
                fit([*itertools.chain.from_iterable(map(taken, rows))])
                for fit, taken in self._columns
            )
        except (LookupError, TypeError):
            return False

    def problem(self, value: object) -> tuple[str, str] | None:
        return Object(dict.fromkeys(self.rows, Object(self.columns))).problem(value)


def _shown(value: object) -> str:
    kinds = {dict: "a JSON object", list: "a list", type(None): "null"}
    return kinds.get(type(value)) or (
        repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:40]}…"
    )


def _is_shallow(value: object) -> bool:
    if type(value) not in (dict, list):
        return True
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            entry
            for one in level
            if type(one) in (dict, list)
            for entry in (one.values() if type(one) is dict else one)
        ]
        if not level:
            return True
    return False


def _is_share(value: object) -> bool:
    return value is None or (type(value) in (float, int) and 0 <= value <= 1 + 1e-9)


def _are_shares(values: list) -> bool:
    kinds = {*map(type, values)}
    if type(None) in kinds:
        values = [value for value in values if value is not None]
        kinds.remove(type(None))
    return kinds <= {float, int} and (not values or (min(values) >= 0 and max(values) <= 1 + 1e-9))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _are_counts(values: list) -> bool:
    return {*map(type, values)} == {int} and min(values) >= 0 and max(values) < _MOST


def _is_time(value: object) -> bool:
    return type(value) in (float, int) and 0 <= value < _LAST_TIME


def _is_number(value: object) -> bool:
    return type(value) in (float, int) and abs(value) < 1e15


def _is_matrix(value: object) -> bool:
    return (
        type(value) is list
        and len(value) == N_CLASSES
        and {*map(type, value)} == {list}
        and {*map(len, value)} == {N_CLASSES}
        and _are_counts([*itertools.chain(*value)])
    )


def _or_null(kind: Value) -> Value:
    return Value(f"{kind.words} or null", lambda value: value is None or kind.fits(value))


ANYTHING = Value(f"something nested less than {_DEEPEST} deep", _is_shallow)
TEXT = Value("a text", lambda value: type(value) is str and len(value) <= _LONGEST)
FLAG = Value("true or false", lambda value: type(value) is bool)
COUNT = Value("a whole number from 0", _is_count, _are_counts)
MANY = Value("a whole number from 1", lambda value: _is_count(value) and value > 0)
SHARE = Value("a number from 0 to 1", _is_share, _are_shares)  # null: nothing to measure it on
NUMBER = Value("a number", _is_number)
TIME = Value("a time", _is_time)  # Unix seconds
MATRIX = Value(f"{N_CLASSES} rows of {N_CLASSES} counts", _is_matrix)


# --------------------------------------------------------------------------- the tables


#: As `evaluation.evaluation_record` writes it.
EVALUATION = Object(
    {
        "n_images": MANY,
        "n_lesions": MANY,
        "scores": Table(_SCORES, {"value": SHARE, "low": SHARE, "high": SHARE}),
        "per_class": Table(
            CODES,
            {"support": COUNT, "precision": SHARE, "recall": SHARE, "f1": SHARE, "auc": SHARE},
        ),
        "confusion": MATRIX,  # rows true, columns predicted
    }
)

RECORD = Object(
    needed={
        "format": COUNT,
        "config": Value(
            "a JSON object of settings, which TrainConfig checks",
            lambda value: type(value) is dict and TEXT.fits(value.get("recipe", "")),
        ),
        "classes": Value("our classes in our order", lambda value: value == list(CODES)),
        "data": Object(
            {"name": TEXT, "source": TEXT, "fingerprint": TEXT},
            {"synthetic": FLAG, "n_images": COUNT, "n_lesions": COUNT},
        ),
    },
    optional={
        "id": TEXT,  # of its folder, where it was made
        "created": TIME,
        "config_fingerprint": TEXT,
        "code_version": TEXT,  # of HAM Lab
        "python": TEXT,
        "packages": Value(
            "a JSON object of versions",
            lambda value: type(value) is dict and all(map(TEXT.fits, value.values())),
        ),
        "origin": TEXT,  # the HAM_HOME that made it
        # from the start of the training on
        "training_version": COUNT,  # config.TRAINING_VERSION
        "split": Object(
            {},
            {
                "protocol": TEXT,
                "seed": COUNT,
                "leaking": FLAG,
                "fingerprint": TEXT,
                "test_fingerprint": TEXT,
                "n_train": COUNT,
                "n_validation": COUNT,
                "n_test": COUNT,
                "train_counts": Object(dict.fromkeys(CODES, COUNT)),
            },
        ),
        "preprocessing": TEXT,
        "parameters": Object({"trainable": COUNT, "not_trainable": COUNT}),
        # from its end on: together, or none of them
        "model": Object({"sha256": TEXT}),
        "evaluation": EVALUATION,
        # beside them "floors", {"logistic_regression": EVALUATION}, which no run depends on:
        # see `_fill_in`
    },
)

STATUS = Object(
    needed={
        "state": Value("one of " + ", ".join(STATES), STATES.__contains__),
        "epochs": COUNT,
        "created": TIME,
        "order": NUMBER,
    },
    optional={
        "epoch": COUNT,
        "step": COUNT,
        "steps": COUNT,
        "phase": TEXT,
        "attempts": COUNT,
        **dict.fromkeys(("started", "updated", "ended"), _or_null(TIME)),
        "seconds_left": _or_null(NUMBER),
        "best_epoch": _or_null(COUNT),
        "owner": _or_null(TEXT),
        "error": Value(
            "null or what, why and todo in words",
            lambda value: (
                value is None
                or (
                    type(value) is dict
                    and set(value) == {"what", "why", "todo"}
                    and all(map(TEXT.fits, value.values()))
                )
            ),
        ),
    },
)


@dataclass(frozen=True)
class Status:
    """Where a run stands. Times are Unix seconds; None where it has not happened yet."""

    state: str
    epochs: int
    created: float
    order: float  # place in the queue: lowest first
    epoch: int = 0  # epochs completed
    step: int = 0  # gradient steps done in the current epoch
    steps: int = 0  # gradient steps of an epoch
    phase: str = ""  # what it does now, in words: "loading the data", "training", "evaluating"
    started: float | None = None
    updated: float | None = None
    ended: float | None = None
    seconds_left: float | None = None
    best_epoch: int | None = None
    attempts: int = 0  # 1 from its start on, and one more for each time its own process died
    owner: str | None = None  # the engine's task that took it up last
    error: dict[str, str] | None = None  # what, why, todo


_STATUS_NAMES, _SETTING_NAMES = (
    frozenset(entry.name for entry in dataclasses.fields(kind)) for kind in (Status, TrainConfig)
)


# -------------------------------------------------------------------------------- parse


def parse_record(content: bytes, what: str) -> tuple[dict, TrainConfig]:
    """The record in a config.json, with what earlier versions did not write filled in, and its
    settings.

    `what` is the run in words. Raises NewerRunError, and ValueError where it is no record of ours.
    """
    record = io.parse_json(content)
    check_format(record, what)
    try:
        _check(RECORD, record)
        _check_together(record)
        config = _config_of(record, what)
    except ValueError as error:
        if _is_newer(record.get("code_version")):
            raise NewerRunError(
                what,
                "was made by a newer version of HAM Lab "
                f"({record['code_version']}), and this "
                f"one cannot read it: {error}.",
                "Update HAM Lab.",
            ) from error
        raise
    _fill_in(record, config)
    return record, config


def parse_status(content: bytes) -> Status:
    """Raises ValueError where it is no status of ours. What a newer version added is left out."""
    status = io.parse_json(content)
    _check(STATUS, status)
    return Status(**{name: value for name, value in status.items() if name in _STATUS_NAMES})


def check_format(record: dict, what: str) -> None:
    """Raises NewerRunError, and ValueError where the format is none of ours."""
    found = record.get("format")
    if type(found) is int and FORMAT < found < _MOST:
        raise NewerRunError(
            what,
            f"was made by a newer version of HAM Lab (format {found}); this one reads {FORMAT}.",
            "Update HAM Lab.",
        )
    if type(found) is not int or found != FORMAT:
        raise ValueError(f"its format is {_shown(found)}, not {FORMAT}")


def _check(kind: Object, content: dict) -> None:
    if not kind.fits(content):
        found = kind.problem(content)
        raise ValueError(f"its {found[0].removeprefix('.')} {found[1]}")


def _check_together(record: dict) -> None:
    """What belongs together is there, and its numbers agree. Raises ValueError."""
    if ("model" in record) is not ("evaluation" in record):
        raise ValueError(
            "it has scores but no model"
            if "evaluation" in record
            else "it has a model but no scores"
        )
    if "evaluation" in record and not _adds_up(record["evaluation"]):
        raise ValueError("the numbers in its evaluation do not agree")


def _adds_up(evaluation: dict) -> bool:
    rows = [evaluation["scores"][name] for name in _SCORES]
    if any(
        row["low"] is not None and row["high"] is not None and row["low"] > row["high"]
        for row in rows
    ):
        return False
    support = [evaluation["per_class"][code]["support"] for code in CODES]
    return support == [sum(row) for row in evaluation["confusion"]] and evaluation[
        "n_lesions"
    ] <= evaluation["n_images"] == sum(support)


def _fill_in(record: dict, config: TrainConfig) -> None:
    """What earlier versions did not write; floors that another version wrote in its own way are
    left out.
    """
    record.setdefault("code_version", "unknown")
    record.setdefault("packages", {})
    record["data"].setdefault("synthetic", False)
    if "split" in record:
        record["split"].setdefault("leaking", config.split != "lesion")
    if "floors" in record and not _are_floors(record["floors"]):
        record["floors"] = {}


def _are_floors(floors: object) -> bool:
    if type(floors) is not dict or not _is_shallow(floors):
        return False
    floor = floors.get("logistic_regression")
    return "logistic_regression" not in floors or (EVALUATION.fits(floor) and _adds_up(floor))


def _config_of(record: dict, what: str) -> TrainConfig:
    settings = record["config"]
    if not settings.keys() <= _SETTING_NAMES:
        unknown = sorted(settings.keys() - _SETTING_NAMES)
        raise NewerRunError(
            what,
            f"its settings name {', '.join(unknown)[:200]}, which this "
            "version of HAM Lab does "
            "not know: a newer one may have made it.",
            "Update HAM Lab.",
        )
    try:
        return TrainConfig(**settings)
    except ConfigError as error:
        raise ValueError(f"its settings cannot be used: {error.why.removesuffix('.')}") from error
    except (HamError, LookupError, TypeError, ArithmeticError) as error:
        raise ValueError(f"its settings cannot be read ({error})") from error


def _is_newer(version: object) -> bool:
    """Whether a version of HAM Lab, as it was recorded, comes after this one."""
    return type(version) is str and _numbers(version) > _numbers(ham.__version__)


def _numbers(version: str) -> list[int]:
    """[1, 2, 0] of "1.2.0", and of "1.2.0.dev3" what stands before the words."""
    found = re.match(r"\d{1,6}(\.\d{1,6})*", version)
    return [int(number) for number in found[0].split(".")] if found else []
