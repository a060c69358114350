"""The leakage lab of the Dataset page: what each way of splitting lets into the training."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham import data
from ham.config import HamError
from ham.ui.frame import plain

_LEAKAGE_SEEDS = range(5)

def leakage(dataset: data.LesionDataset) -> None:
    """What each way of splitting lets the test part share with the training part."""
    st.space("small")
    st.subheader("What leaks from the test into training", anchor=False)
    st.markdown(":gray[Many lesions were photographed several times. How the images are dealt decides whether a test "
                "score speaks of new lesions or of ones that training has seen.]")
    found = _leakage(dataset, dataset.fingerprint)
    for column, (protocol, report) in zip(st.columns(3, gap="medium"), found.items(), strict=True):
        title, sentence = data.SPLIT_TITLES[protocol]
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{title}**")
            if isinstance(report, str):
                st.caption(plain(report))
                continue
            leaking = report.copies if protocol == "oversample" else report.sibling
            st.subheader(_percent(leaking), anchor=False)
            st.markdown(leakage_in_words(protocol, report))
            st.caption(sentence)
    st.caption(f"Mean of {len(_LEAKAGE_SEEDS)} random splits of the whole data set with 10 % of the images for "
               "validation and 10 % for the test. Filters do not change it.")


def leakage_in_words(protocol: str, report: data.LeakageReport) -> str:
    """The finding of one protocol in one plain sentence."""
    if protocol == "oversample":
        return f"{_percent(report.copies)} of the test rows are exact copies of training rows."
    if not report.sibling:
        return "No test image shows a lesion that training has seen."
    melanoma = "" if np.isnan(report.sibling_mel) else f" and {_percent(report.sibling_mel)} of the melanoma images"
    return f"{_percent(report.sibling)} of the test images{melanoma} show a lesion that training has seen."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


@st.cache_data(max_entries=4, show_spinner="Counting what leaks")
def _leakage(_dataset: data.LesionDataset, fingerprint: str) -> dict[str, data.LeakageReport | str]:
    """Mean report of each protocol, or why it cannot be made on this data set."""
    found: dict[str, data.LeakageReport | str] = {}
    for protocol in data.SPLIT_TITLES:
        try:
            reports = [data.leakage_report(data.make_split(_dataset, protocol, seed=seed)) for seed in _LEAKAGE_SEEDS]
            found[protocol] = data.LeakageReport(*np.mean([list(vars(report).values()) for report in reports], axis=0))
        except HamError as error:
            found[protocol] = str(error)
    return found
