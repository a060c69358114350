"""One file, checked before anybody gets it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ham import io
from ham.config import DataError, HamError
from ham.data import DEMO_SOURCE, LesionDataset, current_source, open_dataset
from ham.interchange.formats import FORMATS, Format, install_command, missing_packages
from ham.prediction import Predictor
from ham.prediction.predictor import building
from ham.store import Run

TOLERANCE = 1e-5  # of a probability
N_CHECKED = 100  # images


class ExportError(HamError):
    """A model cannot be written in a format, or answers otherwise there."""


def export_to(run: Run, form: str, path: Path) -> None:
    """Writes the file whole or not at all. Raises what `exported` does, and FileError."""
    content = exported(run, form)
    with io.writing(path):
        io.write_file(path, content)


def exported(run: Run, form: str, images: np.ndarray | None = None) -> bytes:
    """The run's model as a file of this format, a name of FORMATS: checked to give what the run
    gives, within 1e-5, on 100 images (uint8 (n, 28, 28, 3); `checked_on` where none are named).

    Raises ExportError, and StoreError where the run has no model or it is not the one it saved.
    """
    kind = _known(form)
    predictor = Predictor(run)
    if images is None:
        images = checked_on(run)
    with building:
        whole = predictor.architecture.whole(predictor.model, predictor.config)
        content = kind.write(whole, run)
        found = kind.answer(content, images)
    _check(run, kind, found, predictor.proba(images))
    return content


def checked_on(run: Run) -> np.ndarray:
    """uint8 (100, 28, 28, 3): of the run's own data where that is in use, else of the demo data;
    all of it where it has less.
    """
    images = (_own_data(run) or open_dataset(DEMO_SOURCE)).images
    return np.asarray(images[:: max(1, len(images) // N_CHECKED)][:N_CHECKED])


def _own_data(run: Run) -> LesionDataset | None:
    try:
        found = open_dataset(current_source())
    except DataError:  # what is in use cannot be read: told where it is used
        return None
    return found if found.fingerprint == run.record.data.fingerprint else None


def _known(form: str) -> Format:
    """Raises ExportError where nobody knows the format, or what it needs is not installed."""
    if form not in FORMATS:
        raise ExportError(
            f"The format {form!r}", "HAM Lab does not write it.", f"Choose of {', '.join(FORMATS)}."
        )
    kind = FORMATS[form]
    if missing := missing_packages(kind):
        raise ExportError(
            f"A file for {kind.title}",
            f"it is made with {', '.join(missing)}, not installed here.",
            f"Install it: {install_command(missing)}",
        )
    return kind


def _check(run: Run, kind: Format, found: np.ndarray, meant: np.ndarray) -> None:
    """Raises ExportError where the file gives other probabilities than the run, or none."""
    same = found.shape == meant.shape and bool(np.all(np.abs(found - meant) <= TOLERANCE))
    if not same:
        differ = np.abs(found - meant).max() if found.shape == meant.shape else np.nan
        raise ExportError(
            f"Run {run.id} as a file for {kind.title}",
            f"it answers otherwise than the run: probabilities differ by {differ:.2g} on "
            f"{len(meant)} images, {TOLERANCE:g} is allowed.",
            "No file was written. Choose another format, and report this with the run's id.",
        )
