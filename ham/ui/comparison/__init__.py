"""The sections of the Comparison page.

runs      which runs, and whether they were tested on the same images
scores    scores, floors and differences
images    the images behind a cell of a confusion matrix
details   confusion matrices, classes, curves, settings, and the tabs of the rest:
calibration   reliability diagrams, prediction sets
operating     malignant against benign at a threshold, ROC by class
files         downloads

Runs are called A, B, C ... in the order chosen; A is the baseline. What was scored when a run ended is read
from its folder; only what needs two runs is computed here, once, and kept.
"""

from ham.ui.comparison.details import classes, confusion, more
from ham.ui.comparison.images import behind_a_cell
from ham.ui.comparison.runs import choose_runs, leaking_splits, only_the_same_test_images, runs_table
from ham.ui.comparison.scores import headline

__all__ = ["behind_a_cell", "choose_runs", "classes", "confusion", "headline", "leaking_splits", "more",
           "only_the_same_test_images", "runs_table"]
