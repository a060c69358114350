"""The sections of the Prediction page: which models answer, on which images, and what they say.

models     the trained runs that are asked
images     files that were dropped, kept for the visit; test images of the data set
answers    a row an image: original, what the models see, every model's probabilities; downloads
"""

from ham.ui.prediction.answers import (
    PAGE_ROWS,
    Answer,
    as_records,
    as_table,
    ask,
    enlarged,
    in_words,
    not_a_diagnosis,
    percent,
    show_answers,
    show_refused,
    summary,
)
from ham.ui.prediction.images import (
    EXAMPLE,
    EXAMPLES,
    MAX_IMAGES,
    Dropped,
    Question,
    choose_images,
    common_test_rows,
    shorten,
)
from ham.ui.prediction.models import best_runs, choose_runs, short_labels

__all__ = [
    "EXAMPLE",
    "EXAMPLES",
    "MAX_IMAGES",
    "PAGE_ROWS",
    "Answer",
    "Dropped",
    "Question",
    "as_records",
    "as_table",
    "ask",
    "best_runs",
    "choose_images",
    "choose_runs",
    "common_test_rows",
    "enlarged",
    "in_words",
    "not_a_diagnosis",
    "percent",
    "short_labels",
    "shorten",
    "show_answers",
    "show_refused",
    "summary",
]
