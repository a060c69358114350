"""What share of the test part each protocol lets training see."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham import charts, data
from ham.config import CLASS_INDEX
from ham.lab import leakage as lab
from ham.ui.frame import is_dark, plain


def show_shares(dataset: data.LesionDataset) -> None:
    """The three protocols side by side, 100 icons each."""
    found = _reports(dataset, dataset.fingerprint)
    dark = is_dark()
    drawn = any(not isinstance(report, str) for report in found.values())
    if drawn:
        st.html(_key(dark))
    with st.container(key="leakage_protocols"):
        columns = st.columns(3, gap="medium")
    for column, (protocol, report) in zip(columns, found.items(), strict=True):
        title, sentence = data.SPLIT_TITLES[protocol]
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{title}**")
            if isinstance(report, str):
                st.caption(plain(report))
                continue
            st.html(_waffle(report, dark))
            st.markdown(lab.seen_in_words(protocol, report))
            st.caption(sentence)
    if drawn:
        st.caption(
            f"Mean of {len(lab.SHOWN_SEEDS)} random splits of the whole data set with 10 % of the "
            "images for validation and 10 % for the test. Filters do not change it."
        )


def _key(dark: bool) -> str:
    """What the colours of the icons say, once for all three."""
    parts = "".join(
        f'<span><i style="background:{color}"></i>{words}</span>'
        for color, words in zip(charts.seen_colors(dark), charts.SEEN, strict=True)
    )
    return f'<div class="ham-seen">Of each test image, training has seen{parts}</div>'


def _waffle(report: data.LeakageReport, dark: bool) -> str:
    kinds = [charts.SeenShares("All images", report.copies, report.sibling - report.copies)]
    if np.isfinite(report.sibling_mel):
        melanoma = charts.CLASS_TITLES[CLASS_INDEX["mel"]]
        kinds.append(
            charts.SeenShares(melanoma, report.copies_mel, report.sibling_mel - report.copies_mel)
        )
    return charts.seen_waffle(kinds, dark)


@st.cache_data(max_entries=4, show_spinner="Counting what leaks")
def _reports(
    _dataset: data.LesionDataset,
    fingerprint: str,
) -> dict[str, data.LeakageReport | str]:
    return lab.reports(_dataset, lab.SHOWN_SEEDS)
