"""The list of what is doubtful in the data; each entry opens its images in the gallery."""

from __future__ import annotations

import streamlit as st

from ham import data
from ham.ui.dataset import cached
from ham.ui.dataset.filters import show_images
from ham.ui.dataset.unlike import marking, show_search
from ham.ui.frame import plain

_BADGES = {"high": ":red-badge[high]", "medium": ":orange-badge[medium]", "low": ":gray-badge[low]"}


def show_quality(dataset: data.LesionDataset) -> None:
    """Findings on the whole data set, the gravest first; below them what is looked for only when
    asked.
    """
    found, marks = cached.findings(dataset), marking().marks(dataset)
    unlike = marks.finding() if marks else None
    if unlike:
        found = sorted([*found, unlike], key=lambda one: data.SEVERITIES.index(one.severity))
    if found:
        st.markdown(
            f":gray[What is doubtful in the whole data set, the gravest of {len(found)} "
            "findings first. Filters do "
            "not change the list; opening an entry replaces them.]"
        )
    else:
        st.success("None of the known doubts applies to this data set.", icon=":material/verified:")
    with st.container(gap="xsmall", key="dataset_findings"):
        for finding in found:
            _entry(finding)
        if not unlike:
            show_search(dataset, marks)


def _entry(finding: data.Finding) -> None:
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        key=f"dataset_entry_{finding.key}",
    ):
        with st.container(width="stretch"):
            st.markdown(
                f"{_BADGES[finding.severity]} **{plain(finding.title)}**  \n"
                f":gray[{plain(finding.why)}]"
            )
        if finding.n_images:
            st.button(
                f"Show {finding.n_images:,} images" if finding.n_images > 1 else "Show the image",
                key=f"dataset_finding_{finding.key}",
                on_click=_open,
                args=(finding,),
                width="content",
            )


def _open(finding: data.Finding) -> None:
    show_images(finding.title, finding.rows)
    st.toast(f"{finding.n_images:,} images are shown below.", icon=":material/photo_library:")
