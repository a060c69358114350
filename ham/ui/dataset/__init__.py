"""The sections of the Dataset page.

filters    the filters, and a chip for each in force
summary    how much matches; files, the downloads
views      tabs: overview (charts), looks (mean images, colours), map, quality (what is doubtful;
           unlike, what is no dermatoscopic photograph)
gallery    the images, in tiles; details, a dialog of one of them
leakage    the leakage lab: what each way of splitting lets into the training, and what that does
           to the scores
cached     what is computed once for a data set
"""

from ham.ui.dataset.filters import filter_bar
from ham.ui.dataset.gallery import show_gallery
from ham.ui.dataset.leakage import lab_is_live, show_leakage_lab
from ham.ui.dataset.summary import no_match, show_summary
from ham.ui.dataset.views import show_views

__all__ = [
    "filter_bar",
    "lab_is_live",
    "no_match",
    "show_gallery",
    "show_leakage_lab",
    "show_summary",
    "show_views",
]
