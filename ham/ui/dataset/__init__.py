"""The sections of the Dataset page.

filters    the filters, what matches them
overview   charts of what matches
gallery    its images
leakage    the leakage lab: what each way of splitting lets into the training, and what that does to the scores
"""

from ham.ui.dataset.filters import Filters, filters, no_match, summary
from ham.ui.dataset.gallery import gallery, in_order
from ham.ui.dataset.leakage import lab_is_live, leakage, leakage_in_words
from ham.ui.dataset.overview import overview

__all__ = ["Filters", "filters", "gallery", "in_order", "lab_is_live", "leakage", "leakage_in_words", "no_match",
           "overview", "summary"]
