"""The leakage lab, the last section of the Dataset page: draws what `ham.lab.leakage` finds.

shares     what share of the test part each protocol lets training see, as 100 icons
pairs      images that stand on both sides
measure    the trainings with their minutes, the start, the progress
measured   what came out: a sentence a protocol, charts, one table
"""

from __future__ import annotations

import streamlit as st

from ham import data
from ham.lab.leakage import live_lab_runs
from ham.store import Found
from ham.ui.dataset.leakage.measure import show_plan
from ham.ui.dataset.leakage.measured import show_result
from ham.ui.dataset.leakage.pairs import show_pairs
from ham.ui.dataset.leakage.shares import show_shares

__all__ = ["lab_is_live", "show_leakage_lab"]

#: Scrolls here once what stands above is drawn, unless the visitor goes elsewhere meanwhile.
_HERE = """<span class="ham-leakage-lab" style="scroll-margin-top:5rem"></span><script>{
  let left = 20;
  for (const kind of ["wheel", "touchmove", "keydown"])
    addEventListener(kind, () => { left = 0; }, { once: true });
  const look = () => {
    if (left-- <= 0) return;
    document.querySelector(".ham-leakage-lab")?.scrollIntoView();
    setTimeout(look, 150);
  };
  look();
}</script>"""


def lab_is_live(found: Found) -> bool:
    """Whether the lab follows runs of its own; the frame then does not: one timer a page."""
    return bool(live_lab_runs(found.runs))


def show_leakage_lab(dataset: data.LesionDataset, found: Found) -> None:
    """What each protocol lets training see of the test part, and what that does to the scores."""
    st.space("small")
    if st.query_params.get("at") == "leakage":  # asked for by a link
        del st.query_params["at"]
        st.html(_HERE, unsafe_allow_javascript=True)
    st.header("Leakage lab: what the test shares with training", anchor=False)
    st.markdown(
        ":gray[Many lesions were photographed several times. How the images are split decides "
        "whether a test score speaks of new lesions or of ones that training has seen.]"
    )
    show_shares(dataset)
    show_pairs(dataset)
    possible = show_plan(dataset, found)
    show_result(dataset, possible)
