"""The sections of the Prediction page: which models answer, on which images, and what they say.

models     the trained runs that are asked
images     files that were dropped, pasted or photographed, kept for the visit; examples
answers    the answer of the open image, a list of all, downloads
closer     why, what if, like which
quiz       you against the models
"""

from ham.ui.prediction.answers import ask, show_answers, show_refused
from ham.ui.prediction.images import camera, drop_zone, examples, look
from ham.ui.prediction.models import choose_runs, note_choice, runs_to_ask
from ham.ui.prediction.quiz import play, play_button, playing

__all__ = [
    "ask",
    "camera",
    "choose_runs",
    "drop_zone",
    "examples",
    "look",
    "note_choice",
    "play",
    "play_button",
    "playing",
    "runs_to_ask",
    "show_answers",
    "show_refused",
]
