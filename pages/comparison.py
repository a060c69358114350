"""Comparison: runs side by side on the same test images, and which differences are more than chance."""

from ham import ui
from ham.ui import comparison as sections

with ui.page("Comparison", "Which run is better, by how much, and where does it go wrong?"):
    chosen = sections.choose_runs()
    sections.only_the_same_test_images(chosen)
    sections.leaking_splits(chosen)
    sections.runs_table(chosen)
    sections.headline(chosen)
    sections.confusion(chosen)
    sections.behind_a_cell(chosen)
    sections.classes(chosen)
    sections.more(chosen)
