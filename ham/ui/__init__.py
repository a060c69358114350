"""The dashboard: the only package that imports Streamlit, besides app.py and pages/.

frame         what every page stands in: menu, data in use, live run, title, footer; errors; charts
rights        whose page it is: log-in, role, what is closed to them
current_data  the data set in use, opened once for all visitors
data_jobs     what is being fetched or unpacked
sources       use the real data: download, zip, folder, and which data is in use
empty         what a page shows where there is no data yet
pictures      pictures as data URLs
run_list      every run in a table
home          the sections of the Home page
noted         what this visitor did of the guided lesson, kept in the browser
dataset, training, comparison, prediction, lesson    the sections of the page of that name

A page reads `from ham import ui`, then `with ui.page(title, question) as found: ...`.
"""

from ham.ui.empty import need_dataset
from ham.ui.frame import page

__all__ = ["need_dataset", "page"]
