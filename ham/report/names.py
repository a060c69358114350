"""What runs are called where several stand side by side."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from ham.config import TrainConfig
from ham.store import Run


@dataclass(frozen=True)
class RunName:
    """A letter for where there is no room, and words; the letter is "" where a run stands alone."""

    letter: str
    title: str

    @property
    def short(self) -> str:
        return self.letter or self.title

    def __str__(self) -> str:
        return f"{self.letter} · {self.title}" if self.letter else self.title


def run_names(runs: Sequence[Run], titles: Mapping[str, str]) -> list[RunName]:
    """A, B, C ... in the order of the runs, with their titles by id; a run alone has no letter."""
    if len(runs) == 1:
        return [RunName("", titles[runs[0].id])]
    return [RunName(_letter(place), titles[run.id]) for place, run in enumerate(runs)]


def _letter(place: int) -> str:
    """A to Z, then A2 to Z2 and so on."""
    again, place = divmod(place, len(ascii_uppercase))
    return ascii_uppercase[place] + (str(again + 1) if again else "")


def labels(runs: Sequence[Run]) -> dict[str, str]:
    """A run's title by id; those of one title get their start and the id's end as well."""
    titles = Counter(run.title for run in runs)
    return {
        run.id: run.title
        if titles[run.title] == 1
        else f"{run.title}, {_begun(run)}, {run.id[-4:]}"
        for run in runs
    }


def _begun(run: Run) -> str:
    return time.strftime("%d %b %H:%M", time.localtime(run.status.created))


def split_note(config: TrainConfig) -> str:
    """What stands behind the name of a run that was not split by lesion: ", split by image"."""
    if config.split == "lesion" or config.split == config.recipe.removeprefix("as "):
        return ""  # the recipe as published has its split in its name
    title = config.in_words("split")
    return f", split {title[:1].lower()}{title[1:]}"
