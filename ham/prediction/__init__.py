"""Checked images + runs -> answers.

background  TensorFlow is imported when the first model is loaded, or ahead of that by `warm_up`
predictor   a run's model, loaded and asked
answers     what was asked, what the runs say; records and tables of both
words       answers in words
document    answers as HTML: a table, and one file with pictures
dropped     images that a visitor asks about
files       images that paths name
labelled    labelled images from elsewhere: read, answered, kept with the runs
explanation why: maps of what an answer rests on, each beside what says nothing
reasons     an explanation as JSON and HTML
hiding, gradients, untrained   what it is made of: occlusion, Grad-CAM, random weights
changes     what if: the photograph changed, and how little changes the answer
perturbed   test images changed ten ways or shuffled, and what a run answers then
neighbours  like which: the training images that lie nearest
quiz        you against the models
likeness    whether a picture looks like those that the models learned from
marks       the images of a data set that do not
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
from ham.prediction.changes import (
    SLIDERS,
    Change,
    Curve,
    Flip,
    Slider,
    along,
    changed_picture,
    changed_pixels,
)
from ham.prediction.document import (
    answer_section,
    answer_table,
    as_html,
    explained,
    style,
    whole_page,
)
from ham.prediction.dropped import MAX_IMAGES, Dropped, File, shorten
from ham.prediction.explanation import Evidence, Explanation, Falls, Reasons, explain
from ham.prediction.files import OnDisk, content_of, find_images
from ham.prediction.labelled import (
    Judged,
    Overlap,
    ask_labelled,
    keep_external,
    overlap,
    refuse_name,
)
from ham.prediction.likeness import Gate, Likeness, gate
from ham.prediction.marks import SECONDS_AN_IMAGE, Marking, Marks, kept_marks, unlike_training
from ham.prediction.neighbours import (
    FeatureSpace,
    Neighbour,
    feature_space,
    features,
    lesion_of,
    trained_on,
)
from ham.prediction.perturbed import (
    PERTURBATIONS,
    SHUFFLES,
    STRENGTHS,
    Perturbation,
    perturbed_answers,
    perturbed_images,
)
from ham.prediction.predictor import Known, Prediction, Predictor, predict
from ham.prediction.quiz import YOU, Quiz, new_quiz
from ham.prediction.reasons import as_explanation_html, as_explanation_record, overlay
from ham.prediction.words import doubt_in_words, set_in_words, verdict

__all__ = [
    "MAX_IMAGES",
    "PERTURBATIONS",
    "SECONDS_AN_IMAGE",
    "SHUFFLES",
    "SLIDERS",
    "STRENGTHS",
    "YOU",
    "Answer",
    "Change",
    "Curve",
    "Dropped",
    "Evidence",
    "Explanation",
    "Falls",
    "FeatureSpace",
    "File",
    "Flip",
    "Gate",
    "Judged",
    "Known",
    "Likeness",
    "Marking",
    "Marks",
    "Neighbour",
    "OnDisk",
    "Overlap",
    "Perturbation",
    "Prediction",
    "Predictor",
    "Question",
    "Quiz",
    "Reasons",
    "Slider",
    "along",
    "answer",
    "answer_section",
    "answer_table",
    "as_explanation_html",
    "as_explanation_record",
    "as_html",
    "as_record",
    "as_records",
    "as_refused_record",
    "as_table",
    "ask_labelled",
    "called",
    "calls",
    "changed_picture",
    "changed_pixels",
    "check_image",
    "content_of",
    "dataset_image",
    "doubt_in_words",
    "explain",
    "explained",
    "feature_space",
    "features",
    "find_images",
    "gate",
    "import_tensorflow",
    "keep_external",
    "kept_marks",
    "lesion_of",
    "new_quiz",
    "overlap",
    "overlay",
    "perturbed_answers",
    "perturbed_images",
    "predict",
    "refuse_name",
    "set_in_words",
    "shorten",
    "style",
    "trained_on",
    "unlike_training",
    "verdict",
    "warm_up",
    "whole_page",
]
