"""One thing that can be set about a training, declared once: range, words, step, and what it
changes.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

MODEL, OPTIMISATION, DATA, REGULARISATION = (
    "model",
    "optimisation",
    "data and split",
    "regularisation",
)
Value = int | float | str


@dataclass(frozen=True)
class Setting:
    """Form, command line, validation, table of differences and fingerprint are made of these."""

    label: str
    help: str
    group: str  # MODEL, OPTIMISATION, DATA or REGULARISATION
    default: Value  # its type is the values' type
    low: float = -math.inf
    high: float = math.inf
    step: float = 0.05  # of the form's field, where it holds a number that is not whole
    multiple_of: int = 1
    # the choices, where it has some: value -> for people
    words: dict[str, str] = field(default_factory=dict)
    costs: bool = False  # whether a training step takes longer, or more memory, for it
    # came after the first runs were fingerprinted: counts only where it is not the default
    later: bool = False
    name: str = ""  # the field's of TrainConfig, or the key of its model_settings

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(self.words)

    @property
    def allowed(self) -> str:
        """The allowed values in words: "a whole number from 1 to 500"."""
        if self.words:
            return "one of " + ", ".join(self.words)
        whole = isinstance(self.default, int)
        kind = "a whole number" if whole else "a number"
        low, high = (f"{limit:d}" if whole else f"{limit:g}" for limit in (self.low, self.high))
        multiple = f", a multiple of {self.multiple_of}" if self.multiple_of > 1 else ""
        return f"{kind} from {low} to {high}{multiple}"

    def accepts(self, value: object) -> bool:
        if self.words:
            return isinstance(value, str) and value in self.words
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if isinstance(self.default, int) and not isinstance(value, int):
            return False
        within = self.low <= value <= self.high  # false for what is not a number
        return within and (self.multiple_of == 1 or value % self.multiple_of == 0)

    def parse(self, text: str) -> Value:
        """The value a user typed, of the default's type; text that is no number stays text."""
        if self.words:
            return text
        try:
            return int(text) if isinstance(self.default, int) else float(text)
        except ValueError:
            return text


def setting(default: Value, label: str, explained: str, group: str, **more: Any) -> Any:
    """A field of a dataclass that is a Setting as well; `explained` is its help, `more` are its
    further fields.
    """
    return field(
        default=default, metadata={"setting": Setting(label, explained, group, default, **more)}
    )


def settings_of(declared: type) -> tuple[Setting, ...]:
    """The settings that a dataclass declares, in its order, each with its name."""
    return tuple(
        dataclasses.replace(entry.metadata["setting"], name=entry.name)
        for entry in dataclasses.fields(declared)
        if "setting" in entry.metadata
    )
