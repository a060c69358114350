"""Whether pictures of a data set may be passed on, and with which words."""

from __future__ import annotations

from dataclasses import dataclass

from ham.config import CITATION, KAGGLE_URL, LICENCE
from ham.data.dataset import LesionDataset


@dataclass(frozen=True)
class Sharing:
    allowed: bool
    words: str  # the notice that goes with the pictures, or why they are left out


def sharing(dataset: LesionDataset) -> Sharing:
    """CC BY-NC 4.0 lets anybody pass HAM10000 on who names its authors, says what was changed, and
    does not earn by it. Of data that is neither that nor our own nothing is known.
    """
    if dataset.synthetic:
        return Sharing(True, "Synthetic images, drawn by HAM Lab: free to pass on.")
    if dataset.name == "HAM10000":
        return Sharing(
            True,
            f"Images: HAM10000 ({KAGGLE_URL}), {CITATION}, {LICENCE} "
            "(https://creativecommons.org/licenses/by-nc/4.0/), squashed to 28x28 pixels. They may "
            "be passed on with this notice, not for commercial use.",
        )
    return Sharing(
        False, f"Images are left out: the licence of {dataset.name} is not known to HAM Lab."
    )
