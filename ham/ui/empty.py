"""What a page shows where the data in use cannot be read: why, and how to choose other data."""

from __future__ import annotations

from ham import data
from ham.config import DataError
from ham.ui import sources
from ham.ui.current_data import current_dataset
from ham.ui.frame import end_page, show_error


def need_dataset() -> data.LesionDataset:
    """The data set in use; where it cannot be used the page ends here, with a way to choose
    another.
    """
    try:
        return current_dataset()
    except DataError as error:
        show_error(error)
        sources.panel("Use other data")
        end_page()
