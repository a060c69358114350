"""The sections of the Comparison page: each draws what `ham.report` knows of the chosen runs.

runs      which runs, and whether they were tested on the same images
published   of runs whose test part was watched: how far their number moves
groups    several seeds or folds as one; doubts: labels that their models contradict
matrices  the first screen: verdict, confusion matrices, headline scores
by_epoch  the matrices of validation, by epoch
images    the images behind a cell of a confusion matrix
details   the areas of the rest; classes, curves and settings; of other modules:
scores        scores, baselines and differences
calibration   reliability diagrams, prediction sets
operating     malignant against benign at a threshold, ROC and precision-recall by class
proper        Brier score and log loss in their parts, calibration by class
costs         expected cost, decision curve
alarms        predictive values at any prevalence, answers left out below a confidence
external      the runs on labelled images from elsewhere
slices        scores by age, sex, site and what the images look like
changed       the test images changed: how far the runs fall
shuffled      their rows, columns or pixels shuffled; asking: both, in the background
settings      what they were set to, and how to train each again
files         downloads

Runs are called A, B, C ... in the order chosen; A is the baseline.
"""

from ham.ui.comparison.choice import (
    choose_runs,
    leaking_splits,
    on_the_same_test_images,
    other_copies,
)
from ham.ui.comparison.details import more
from ham.ui.comparison.groups import GROUPS, compare_groups, runs_or_groups
from ham.ui.comparison.matrices import first_screen
from ham.ui.comparison.published import watched

__all__ = [
    "GROUPS",
    "choose_runs",
    "compare_groups",
    "first_screen",
    "leaking_splits",
    "more",
    "on_the_same_test_images",
    "other_copies",
    "runs_or_groups",
    "watched",
]
