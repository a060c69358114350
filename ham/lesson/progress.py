"""What one visitor of the lesson has done so far."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

from ham.lesson.facts import Fact
from ham.lesson.tasks import TASKS


@dataclass(frozen=True)
class Progress:
    """Since when, and what."""

    begun: int  # seconds, as time.time gives them
    facts: frozenset[Fact] = frozenset()

    @property
    def done(self) -> tuple[str, ...]:
        """Keys of the tasks that are done, in their order."""
        return tuple(task.key for task in TASKS if task.is_done(self.facts))

    def with_fact(self, fact: Fact) -> Progress:
        return dataclasses.replace(self, facts=self.facts | {fact})

    def in_words(self) -> str:
        """ "3 of 7"."""
        return f"{len(self.done)} of {len(TASKS)}"

    def to_text(self) -> str:
        """As a browser keeps it: "1790000000.leak_said", letters, digits, "_" and "." alone."""
        return ".".join([str(self.begun), *sorted(self.facts)])

    @classmethod
    def from_text(cls, text: str) -> Progress | None:
        """What `to_text` wrote; None where it did not. Words that are no fact are left out."""
        begun, *words = text.split(".")
        if not (begun.isascii() and begun.isdecimal() and len(begun) <= len(str(2**63))):
            return None
        known = {str(fact) for fact in Fact}
        return cls(int(begun), frozenset(Fact(word) for word in words if word in known))

    @classmethod
    def new(cls, now: float | None = None, after: Progress | None = None) -> Progress:
        """Nothing is done; begun later than `after`, be it in the same second."""
        begun = int(time.time() if now is None else now)
        return cls(max(begun, after.begun + 1) if after else begun)
