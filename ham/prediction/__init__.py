"""Checked images + runs -> answers.

background  TensorFlow is imported when the first model is loaded, or ahead of that by `warm_up`
predictor   a run's model, loaded and asked
answers     what was asked, what the runs say; records and tables of both
words       answers in words
document    answers as HTML: a table, and one file with pictures
dropped     images that a visitor asks about
files       images that paths name
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
    calls,
    dataset_image,
)
from ham.prediction.background import import_tensorflow, warm_up
from ham.prediction.document import (
    answer_section,
    answer_table,
    as_html,
    explained,
    style,
    whole_page,
)
from ham.prediction.dropped import MAX_IMAGES, Dropped, File, shorten
from ham.prediction.files import OnDisk, content_of, find_images
from ham.prediction.predictor import Known, Prediction, Predictor, predict
from ham.prediction.words import call_in_words, set_in_words, verdict

__all__ = [
    "MAX_IMAGES",
    "Answer",
    "Dropped",
    "File",
    "Known",
    "OnDisk",
    "Prediction",
    "Predictor",
    "Question",
    "answer",
    "answer_section",
    "answer_table",
    "as_html",
    "as_record",
    "as_records",
    "as_refused_record",
    "as_table",
    "call_in_words",
    "called",
    "calls",
    "check_image",
    "content_of",
    "dataset_image",
    "explained",
    "find_images",
    "import_tensorflow",
    "predict",
    "set_in_words",
    "shorten",
    "style",
    "verdict",
    "warm_up",
    "whole_page",
]
