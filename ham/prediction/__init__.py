"""Checked images + runs -> answers.

background  TensorFlow is imported when the first model is loaded, or ahead of that by `warm_up`
predictor   a run's model, loaded and asked
answers     what was asked, what the runs say; records and tables of both
dropped     files that a visitor has dropped
"""

from ham.images import check_image
from ham.prediction.answers import (
    Answer,
    Question,
    answer,
    as_record,
    as_records,
    as_refused_record,
    as_table,
    called,
    dataset_image,
)
from ham.prediction.background import import_tensorflow, warm_up
from ham.prediction.dropped import MAX_IMAGES, Dropped, File, shorten
from ham.prediction.predictor import Prediction, Predictor, predict

__all__ = [
    "MAX_IMAGES",
    "Answer",
    "Dropped",
    "File",
    "Prediction",
    "Predictor",
    "Question",
    "answer",
    "as_record",
    "as_records",
    "as_refused_record",
    "as_table",
    "called",
    "check_image",
    "dataset_image",
    "import_tensorflow",
    "predict",
    "shorten",
    "warm_up",
]
