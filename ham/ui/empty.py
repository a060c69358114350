"""What a page shows where there is no data yet: how to get it, and where to say it lies."""

from __future__ import annotations

from ham import data
from ham.config import DataError
from ham.ui import sources
from ham.ui.frame import end_page, show_error
from ham.ui.shelf import current_dataset


def need_dataset() -> data.LesionDataset:
    """The data set in use; without one the page ends here, saying how to get it."""
    try:
        found = current_dataset()
    except DataError as error:
        show_error(error)
        sources.panel("Use other data")
        end_page()
    if found is None:
        no_data()
        end_page()
    return found


def no_data() -> None:
    """The empty state: the ways from nothing to the data set."""
    sources.panel()
