"""What a run of the Comparison page costs with only the open tab drawn, against all of them drawn.

    python -m benchmarks.closed_tabs [--rounds 10]

The page compares models that ship, run by Streamlit's AppTest: everything the server does, without
the browser. The baseline, in the same run: every tab drawn, as tabs without a state would be.
Bytes are those of the charts, which the browser draws too where their tab is closed.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from ham.engine import Engine
from ham.ui.comparison import details

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    Engine.start = lambda self: self  # no process beside the measurement
    page = AppTest.from_file(ROOT / "app.py", default_timeout=120)
    page.switch_page("pages/comparison.py")
    only_open = details.tabs
    measured: dict[str, list[float]] = {}
    for _ in range(rounds + 1):  # one after the other, so that what else runs here falls on both
        details.tabs = _all_tabs
        measured.setdefault("Every tab drawn (baseline)", []).append(_timed(page))
        everything = _chart_bytes(page)
        details.tabs = only_open
        for title in details.TABS:
            page.session_state["comparison_tab"] = title
            measured.setdefault(f"Only {title}", []).append(_timed(page))
    base = float(np.median(measured["Every tab drawn (baseline)"][1:]))
    page.session_state["comparison_tab"] = next(iter(details.TABS))
    page.run()
    print("| Run of the page, ms | n | Median | p95 | Of the baseline |")
    print("|---|---|---|---|---|")
    for name, seconds in measured.items():
        median, p95 = 1000 * np.quantile(seconds[1:], [0.5, 0.95])  # the first fills the caches
        print(f"| {name} | {rounds} | {median:.0f} | {p95:.0f} | {median / 1000 / base:.2f} |")
    print(
        f"\nCharts sent when the page opens: {_chart_bytes(page) / 1e3:,.0f} kB of "
        f"{everything / 1e3:,.0f} kB."
    )


def _all_tabs(drawn: Mapping[str, Callable[[], object]], key: str) -> None:
    for draw in drawn.values():
        draw()


def _timed(page: AppTest) -> float:
    start = time.perf_counter()
    page.run()
    if page.exception or page.error:
        raise SystemExit(
            f"The page does not work: {[e.value for e in (*page.exception, *page.error)]}"
        )
    return time.perf_counter() - start


def _chart_bytes(page: AppTest) -> int:
    return sum(chart.proto.ByteSize() for chart in page.get("plotly_chart"))


if __name__ == "__main__":
    main()
