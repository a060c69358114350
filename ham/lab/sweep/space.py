"""The values that the settings of a sweep may take: a list, a linear range, a logarithmic range.

Everything is checked through the settings' own declaration (`Setting.accepts`) and through
TrainConfig before a sweep is there, so that no trial is lost to a value that cannot be trained.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

from msgspec import Struct

from ham.config import MODEL_SETTINGS, SETTINGS, ConfigError, Setting, TrainConfig
from ham.io import Count, Number, Text

Value = int | float | str
Scale = Literal["list", "linear", "log"]

MOST_VALUES = 500  # of one list
_SEVERAL_DECADES = 1000
_DIGITS = 4  # significant ones of a number that is drawn from a range
_WRITTEN = (
    "Write a list as batch_size=32,64,128, a linear range as dropout=lin:0.1:0.5, a logarithmic "
    "one as learning_rate=log:1e-4:1e-2; a third number makes so many values of a range."
)
_SCALES: dict[str, Scale] = {"lin": "linear", "log": "log"}


class Values(Struct, frozen=True):
    """What one setting may be."""

    name: Text
    scale: Scale
    choices: tuple[Value, ...] = ()  # of a list
    low: Number = 0.0  # of a range, both ends in it
    high: Number = 0.0
    points: Count = 0  # so many values of a range; 0: every one in it


def setting_of(model: str, name: str) -> Setting:
    """Raises ConfigError where the model has no such setting."""
    declared = {s.name: s for s in (*SETTINGS, *MODEL_SETTINGS[model])}
    if name not in declared:
        raise ConfigError(
            f"{name} cannot be varied",
            f"{model} has {', '.join(declared)}.",
            "Use one of these names.",
        )
    return declared[name]


def parse_values(model: str, text: str) -> Values:
    """What the command line writes: `learning_rate=log:1e-4:1e-2`. Raises ConfigError."""
    name, equals, written = text.partition("=")
    if not equals or not written:
        raise ConfigError(f"--vary {text}", "it names no setting and its values.", _WRITTEN)
    declared = setting_of(model, name)
    word, colon, numbers = written.partition(":")
    if not colon:
        parts = [part.strip() for part in written.split(",") if part.strip()]
        choices = tuple(dict.fromkeys(declared.parse(part) for part in parts))
        return checked(model, Values(name, "list", choices))
    try:
        low, high, *points = [float(part) for part in numbers.split(":")]
        found = Values(name, _SCALES[word], (), low, high, *map(_whole, points))
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"--vary {text}", "it is no range.", _WRITTEN) from error
    return checked(model, found)


def _whole(number: float) -> int:
    if number != int(number) or number < 2:
        raise ValueError("a range has two values or more")
    return int(number)


def checked(model: str, values: Values) -> Values:
    """The same, its numbers of the setting's own type. Raises ConfigError."""
    declared = setting_of(model, values.name)
    what = f"The values of {declared.label.lower()}"
    if values.scale == "list":
        whole = tuple(_typed(declared, choice) for choice in values.choices)
        if len(set(whole)) < 2:
            raise ConfigError(
                what, "there are fewer than two of them.", "Name another, or leave it fixed."
            )
        if len(whole) > MOST_VALUES:
            raise ConfigError(
                what, f"there are more than {MOST_VALUES} of them.", "Name fewer of them."
            )
        for choice in whole:
            _accepted(declared, choice)
        return Values(values.name, "list", whole)
    if declared.words:
        raise ConfigError(what, "they are words, which have no range.", "Write them as a list.")
    low, high = _typed(declared, values.low), _typed(declared, values.high)
    for end in (low, high):
        _accepted(declared, end)
    if values.low >= values.high:
        raise ConfigError(
            what,
            f"the range begins at {values.low:g} and ends at {values.high:g}.",
            "Write the smaller number first.",
        )
    if values.scale == "log" and values.low <= 0:
        raise ConfigError(
            what,
            f"a logarithmic range cannot begin at {values.low:g}.",
            "Begin it above 0, or make it linear.",
        )
    if values.points == 1 or values.points > MOST_VALUES:
        raise ConfigError(
            what,
            f"a range can be cut into 2 to {MOST_VALUES} values, not {values.points}.",
            "Name another number of them.",
        )
    if values.scale == "log" and declared.multiple_of > 1 and not values.points:
        raise ConfigError(
            what,
            f"they are multiples of {declared.multiple_of}, which a logarithmic range does not "
            "step through.",
            "Write a linear range or a list.",
        )
    return values


def _typed(declared: Setting, value: Value) -> Value:
    """A number as the setting has it: 32 of 32.0, 1.0 of 1; anything else as it is."""
    if isinstance(value, bool | str) or declared.words:
        return value
    if isinstance(declared.default, float):
        return float(value)
    return int(value) if math.isfinite(value) and value == int(value) else value


def _accepted(declared: Setting, value: Value) -> None:
    if not declared.accepts(value):
        raise ConfigError(
            f"{declared.name} = {value!r}",
            f"it must be {declared.allowed}.",
            "Vary it within these.",
        )


# ----------------------------------------------------------------------------- the values


def listed(model: str, values: Values) -> tuple[Value, ...] | None:
    """Every value, in order; None of a range that has more of them than a list may have."""
    if values.scale == "list":
        return values.choices
    declared = setting_of(model, values.name)
    if not values.points:
        if isinstance(declared.default, int) and values.scale == "linear":
            step = declared.multiple_of
            count = (int(values.high) - int(values.low)) // step + 1
            if count > MOST_VALUES:
                return None
            return tuple(int(values.low) + step * i for i in range(count))
        return None
    shares = [i / (values.points - 1) for i in range(values.points)]
    return tuple(dict.fromkeys(_at(declared, values, share) for share in shares))


def _at(declared: Setting, values: Values, share: float) -> Value:
    """The value at this share (0 to 1) of the range."""
    low, high = values.low, values.high
    number = low * (high / low) ** share if values.scale == "log" else low + (high - low) * share
    return rounded(declared, values, number)


def rounded(declared: Setting, values: Values, number: float) -> Value:
    """A number of the range as a person would write it: whole where the setting is, else of four
    significant digits, and never outside.
    """
    low, high = values.low, values.high
    if isinstance(declared.default, int):
        step = declared.multiple_of
        return min(max(step * round(number / step), int(low)), int(high))
    return min(max(float(f"{number:.{_DIGITS}g}"), low), high)


def middle(model: str, values: Values) -> Value:
    """One in the middle: of a list, by its order."""
    found = listed(model, values)
    if found is not None:
        return found[len(found) // 2]
    return _at(setting_of(model, values.name), values, 0.5)


def size(model: str, space: tuple[Values, ...]) -> int | None:
    """How many combinations there are; None where they cannot be listed."""
    lists = [listed(model, values) for values in space]
    return math.prod(len(found or ()) for found in lists) if None not in lists else None


def combinations(model: str, space: tuple[Values, ...]) -> list[dict[str, Value]]:
    """All of them, the last setting changing first; empty where they cannot be listed."""
    lists = [listed(model, values) for values in space]
    whole = [found for found in lists if found is not None]
    if len(whole) < len(lists):
        return []
    names = [values.name for values in space]
    return [dict(zip(names, found, strict=True)) for found in itertools.product(*whole)]


def check_together(base: TrainConfig, space: tuple[Values, ...]) -> None:
    """Any two settings at their ends, or with any of their words, the rest as it is fixed: what
    TrainConfig refuses of settings together it refuses of two, and first at their ends. Raises
    ConfigError.
    """
    ends = {values.name: _ends(values) for values in space}
    for name, values in ends.items():
        for value in values:
            base.replace(**{name: value})
    for (one, first), (other, second) in itertools.combinations(ends.items(), 2):
        for a, b in itertools.product(first, second):
            base.replace(**{one: a, other: b})


def _ends(values: Values) -> tuple[Value, ...]:
    numbers = [choice for choice in values.choices if not isinstance(choice, str)]
    if values.scale == "list":
        return (min(numbers), max(numbers)) if numbers else values.choices
    low, high = values.low, values.high
    return (int(low) if low == int(low) else low, int(high) if high == int(high) else high)


def in_words(model: str, values: Values) -> str:
    """ "Learning rate 0.0001 to 0.01, logarithmic"."""
    declared = setting_of(model, values.name)
    if values.scale == "list":
        words = [declared.words.get(str(choice), written(choice)) for choice in values.choices]
        return f"{declared.label}: {', '.join(words)}"
    kind = ", logarithmic" if values.scale == "log" else ""
    points = f", {values.points} values" if values.points else ""
    return f"{declared.label}: {values.low:g} to {values.high:g}{kind}{points}"


def written(value: Value) -> str:
    """A value as it is shown: 0.001, 1e-05, "adamw"."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def suggested(model: str, name: str, value: Value) -> Values:
    """A space around the value that a setting has: a decade on both sides where its range spans
    several, half and double of a whole number, else from its lowest to double or to the middle of
    its range.
    """
    declared = setting_of(model, name)
    if isinstance(value, str):
        return Values(name, "list", declared.choices)
    low, high = max(declared.low, -1e12), min(declared.high, 1e12)
    if isinstance(declared.default, int):
        step = declared.multiple_of
        near = (value // 2, value, value * 2) if value > 1 else (value, value + 1, value + 2)
        whole = [step * round(number / step) for number in near]
        return Values(name, "list", tuple(dict.fromkeys(n for n in whole if low <= n <= high)))
    if value > 0 and (low <= 0 or high / low > _SEVERAL_DECADES) and value < high / 50:
        return Values(name, "log", (), max(value / 10, low), min(value * 10, high))
    return Values(name, "linear", (), low, min(high, max(2 * value, (low + high) / 2)))
