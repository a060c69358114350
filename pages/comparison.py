"""Comparison: runs, or groups of runs, side by side, and which differences are more than chance."""

from ham import ui
from ham.ui import comparison as sections

with ui.page(
    "Comparison", "Which run is better, by how much, and where does it go wrong?"
) as found:
    if sections.runs_or_groups() == sections.GROUPS:
        sections.compare_groups(found)
    else:
        chosen = sections.choose_runs(found)
        compared = sections.on_the_same_test_images(chosen, found)
        sections.leaking_splits(compared)
        sections.first_screen(compared)
        sections.other_copies(compared)
        sections.watched(compared)
        sections.more(compared)
