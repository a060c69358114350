"""The sections of the Prediction page: which models answer, on which images, and what they say.

models     the trained runs that are asked
images     files that were dropped, kept for the visit; test images of the data set
answers    a row an image: original, what the models see, every model's probabilities; downloads
"""

from ham.ui.prediction.answers import ask, not_a_diagnosis, show_answers, show_refused
from ham.ui.prediction.images import choose_images
from ham.ui.prediction.models import choose_runs

__all__ = [
    "ask",
    "choose_images",
    "choose_runs",
    "not_a_diagnosis",
    "show_answers",
    "show_refused",
]
