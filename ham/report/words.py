"""Times, counts and shares in words, and how a run stands. Plain text, without Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ham import io
from ham.config import DATA, OPTIMISATION, Setting
from ham.data import SPLIT_TITLES
from ham.data.places import in_bytes
from ham.evaluation import percent
from ham.store import Run, Status


def time_left(seconds: float | None) -> str:
    """In words, no more exact than an estimate is: "about 3 min left"; "" where nothing is
    known.
    """
    if seconds is None:
        return ""
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5))} s left"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min left"
    return f"about {minutes // 60} h {minutes % 60:02} min left"


def about(seconds: float) -> str:
    """ "about 3 min"."""
    return time_left(seconds).removesuffix(" left")


def count(number: int, one: str, many: str | None = None) -> str:
    """ "1 run", "3 runs"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """ "A, B and C"."""
    *before, end = names
    return f"{', '.join(before)} {last} {end}" if before else end


def done_share(status: Status) -> float:
    """How much of a training is done, 0 to 1."""
    within = status.step / status.steps if status.steps else 0.0
    return min(1.0, (status.epoch + within) / status.epochs) if status.epochs else 0.0


def progress_text(status: Status) -> str:
    """ "Epoch 3 of 25 · about 2 min left", or what the run does before and after its epochs."""
    if status.phase != "training":
        words = status.phase or status.state
        return words[:1].upper() + words[1:]
    parts = (
        f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}",
        time_left(status.seconds_left),
    )
    return " · ".join(part for part in parts if part)


def state_in_words(run: Run) -> str:
    """ "Done", or "Failed: " and why."""
    if failure := run.failure:
        return f"Failed: {failure.why}"
    return run.state.capitalize()


def accuracy_in_words(run: Run) -> str:
    """ "75.1 % (73.2 to 77.0)", or a dash where the run has no model."""
    return percent(run.scores["accuracy"]) if run.scores else "–"


def ago(seconds: float) -> str:
    """ "3 hours ago"."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if (number := int(seconds // size)) >= 1:
            return f"{count(number, name)} ago"
    return "just now"


def share_in_words(value: float) -> str:
    """ "63.4 %"."""
    return f"{value:.1%}".replace("%", " %")


def memory_in_words(size: int) -> str:
    """ "1.1 GB", kept on one line."""
    return f"{size / 1e9:.1f}\u00a0GB"


def whole_percent(share: float) -> str:
    """Whole per cent, never a false 0 or 100: "63 %", "<1 %", ">99 %"."""
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{share:.0%}".replace("%", " %")


def settings_in_words(group: str, settings: Iterable[Setting], values: Mapping[str, Any]) -> str:
    """A group's settings in a few words: "25 epochs, batch 32, Adam, rate 0.001"; of groups that
    have no words of their own the settings that are not at their neutral value.
    """
    declared = {s.name: s for s in settings}
    if group == OPTIMISATION:
        words = [
            count(values["epochs"], "epoch"),
            f"batch {values['batch_size']}",
            declared["optimizer"].words[values["optimizer"]],
            f"rate {values['learning_rate']:g}",
        ]
        return ", ".join(words)
    used = [
        s.label.lower()
        for s in declared.values()
        if s.name != "split" and values[s.name] != s.default
    ]
    return ", ".join([SPLIT_TITLES[values["split"]][0].lower(), *used] if group == DATA else used)


def job_in_words(job: io.Job[Any]) -> str:
    """ "Downloading x.csv: 34 MB of 92 MB · 2.1 MB a second · about 30 s left"."""
    if not job.total:
        return f"{job.what}{f': {in_bytes(job.done)}' if job.done else ' …'}"
    # checking counts bytes of one file, images of the other
    if not job.what.startswith(("Downloading", "Unpacking")):
        return f"{job.what}: {job.done / job.total:.0%}".replace("%", " %")
    parts = [f"{job.what}: {in_bytes(job.done)} of {in_bytes(job.total)}"]
    if job.pace.speed:
        parts.append(f"{in_bytes(job.pace.speed)} a second")
    if left := time_left(job.seconds_left):
        parts.append(left)
    return " · ".join(parts)
