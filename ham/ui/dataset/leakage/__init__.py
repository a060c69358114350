"""The leakage lab, the last section of the Dataset page.

shares     what share of the test part each protocol lets training see, as 100 icons
pairs      images that stand on both sides
runs       the same small training under each protocol: which runs there are, what is to be done
measure    the plan with its minutes, the start, the progress
measured   what came out: scores on lesions seen and not seen, the gap, with intervals
"""

from __future__ import annotations

import streamlit as st

from ham import data
from ham.ui.dataset.leakage.measure import measure
from ham.ui.dataset.leakage.measured import measured
from ham.ui.dataset.leakage.pairs import pairs
from ham.ui.dataset.leakage.runs import lab_is_live
from ham.ui.dataset.leakage.shares import leakage_in_words, shares

__all__ = ["lab_is_live", "leakage", "leakage_in_words"]


def leakage(dataset: data.LesionDataset) -> None:
    """What each way of splitting lets training see of the test part, and what that does to the scores."""
    st.space("small")
    st.subheader("Leakage lab: what the test shares with training", anchor=False)
    st.markdown(":gray[Many lesions were photographed several times. How the images are dealt decides whether a test "
                "score speaks of new lesions or of ones that training has seen.]")
    shares(dataset)
    pairs(dataset)
    possible = measure(dataset)
    measured(dataset, possible)
