"""The dashboard: the only package that imports Streamlit, besides app.py and pages/.

frame       what every page stands in: menu, data in use, live run, title, footer; errors; charts
current_data  the data set in use, opened once for all visitors
sources     use the real data: download, zip, folder, and which data is in use
empty       what a page shows where there is no data yet
home        the sections of the Home page
dataset, training, comparison, prediction    the sections of the page of that name

A page reads `from ham import ui`, then `with ui.page(title, question): ...`.
"""

from ham.ui.current_data import current_dataset, dataset_error
from ham.ui.empty import need_dataset
from ham.ui.frame import (
    chart,
    done_share,
    end_page,
    engine,
    errors,
    footer,
    is_dark,
    page,
    plain,
    progress_text,
    show_error,
    time_left,
)
from ham.ui.sources import choose_folder

__all__ = [
    "chart",
    "choose_folder",
    "current_dataset",
    "dataset_error",
    "done_share",
    "end_page",
    "engine",
    "errors",
    "footer",
    "is_dark",
    "need_dataset",
    "page",
    "plain",
    "progress_text",
    "show_error",
    "time_left",
]
