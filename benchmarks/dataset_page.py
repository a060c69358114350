"""How long the Dataset page takes to answer a filter, against a rerun of the page that changes
nothing.

    HAM_DATA=../shared/ham10000 python -m benchmarks.dataset_page [--rounds 3]

Each interaction is one run of the page's script by Streamlit's AppTest, in each view: everything
the server does, without the browser. The baseline, in the same run: a rerun of the last view
without a change.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from ham import data
from ham.engine import Engine
from ham.ui.dataset.views import TITLES

ROOT = Path(__file__).parents[1]
BAR_SECONDS = 0.5  # p95 of filter interactions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    if data.is_demo(data.current_source()):
        raise SystemExit("Name the folder of HAM10000 in HAM_DATA.")
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    Engine.start = lambda self: self  # no cluster beside the measurement
    page = _open()
    times = {title: _interactions(page, title, chosen.rounds) for title in TITLES}
    times["All filter interactions"] = np.concatenate(list(times.values()))
    times["Rerun without a change (baseline)"] = np.array(
        [_timed(page.run) for _ in range(10 * chosen.rounds)]
    )
    base = float(np.median(times["Rerun without a change (baseline)"]))
    print("| Run of the page, ms | n | Median | p95 | Max | Times the baseline |")
    print("|---|---|---|---|---|---|")
    for name, seconds in times.items():
        median, p95, most = 1000 * np.quantile(seconds, [0.5, 0.95, 1])
        print(
            f"| {name} | {len(seconds)} | {median:.0f} | {p95:.0f} | {most:.0f} | "
            f"{median / 1000 / base:.1f} |"
        )
    p95 = float(np.quantile(times["All filter interactions"], 0.95))
    print(
        f"\nBar: 95 % of the filter interactions take less than {1000 * BAR_SECONDS:.0f} ms: "
        f"{'met' if p95 < BAR_SECONDS else 'MISSED'}."
    )


def _open() -> AppTest:
    page = (
        AppTest.from_file(ROOT / "app.py", default_timeout=120)
        .switch_page("pages/dataset.py")
        .run()
    )
    for title in TITLES:  # what is computed once for a data set is not what is measured
        _tab(page, title)
    return page


def _tab(page: AppTest, title: str) -> None:
    page.session_state["dataset_tab"] = title
    page.run()
    if page.exception or page.error:
        raise SystemExit(
            f"The page does not work: {[e.value for e in (*page.exception, *page.error)]}"
        )


def _interactions(page: AppTest, title: str, rounds: int) -> np.ndarray:
    """Seconds of each filter set, changed, removed or cleared in this view."""
    _tab(page, title)
    seconds = []
    for _ in range(rounds):
        steps = (
            lambda: _pills(page, "classes").select("mel"),
            lambda: _pills(page, "classes").select("nv"),
            lambda: _pills(page, "sexes").select("male"),
            lambda: page.slider(key=_key(page, "ages")).set_value((30, 60)),
            lambda: page.multiselect(key=_key(page, "sites")).select("back"),
            lambda: page.button(key="dataset_chip_classes_mel").click(),
            lambda: page.toggle(key=_key(page, "several")).set_value(True),
            lambda: page.button(key="dataset_chip_sexes_male").click(),
            lambda: page.button(key="dataset_chip_sites_back").click(),
            lambda: page.button(key="dataset_clear").click(),
            lambda: page.text_input(key=_key(page, "query")).set_value("00277"),
            lambda: page.button(key="dataset_chip_query_").click(),
            lambda: page.multiselect(key=_key(page, "methods")).select("histo"),
            lambda: page.button(key="dataset_clear").click(),
        )
        seconds += [_timed(_changed(page, step)) for step in steps]
    return np.array(seconds)


def _changed(page: AppTest, step: Callable[[], object]) -> Callable[[], object]:
    step()  # what the reader does; the run after it is the answer
    return page.run


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _key(page: AppTest, name: str) -> str:
    return f"dataset_{name}_{page.session_state['dataset_filter_start'][0]}"


def _pills(page: AppTest, name: str) -> object:
    return page.pills(key=_key(page, name))


if __name__ == "__main__":
    main()
