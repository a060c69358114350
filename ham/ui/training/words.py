"""Numbers as the Training page writes them."""

from __future__ import annotations

from ham.evaluation import percent, scores_from_record
from ham.store import Run
from ham.ui import frame


def accuracy(run: Run) -> str:
    """"Test accuracy **75.1 % (73.2 to 77.0)**"; "" without a result."""
    if not run.has_model:
        return ""
    return f"Test accuracy **{percent(scores_from_record(run.record['evaluation'])['accuracy'])}**"


def floor(run: Run) -> str:
    """The share of the largest class among the test images."""
    support = [row["support"] for row in run.record["evaluation"]["per_class"].values()]
    return share(max(support) / sum(support))


def share(value: float) -> str:
    return f"{value:.1%}".replace("%", " %")


def about(seconds: float) -> str:
    """"about 3 min"."""
    return frame.time_left(seconds).removesuffix(" left")


def memory(size: int) -> str:
    """"1.1 GB", kept on one line."""
    return f"{size / 1e9:.1f}\u00a0GB"


def count(number: int, one: str, many: str | None = None) -> str:
    """"1 run", "3 runs"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
