"""Dataset: classes, patients, sites and images, filtered at will, and what leaks between train
and test.
"""

from ham import ui
from ham.ui import dataset as sections

with ui.page(
    "Dataset",
    "What is in the data, whom it comes from, and what makes it treacherous.",
    follows=sections.lab_is_live,
) as found:
    dataset = ui.need_dataset()
    chosen = sections.filter_bar(dataset)
    rows = chosen.rows(dataset)
    sections.show_summary(dataset, chosen, rows)
    if rows.size:
        sections.show_views(dataset, chosen, rows)
        sections.show_gallery(dataset, chosen, rows)
    else:
        sections.no_match()
    sections.show_leakage_lab(dataset, found)
