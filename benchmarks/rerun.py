"""A rerun of a page in a process that has loaded TensorFlow, as the server has once Prediction was
opened: Streamlit clears Keras' session and collects garbage after each.

    python -m benchmarks.rerun

Prints a Markdown table: processor milliseconds of a rerun, the median of so many, before and after
what TensorFlow holds is frozen (`ham.prediction`).
"""

from __future__ import annotations

import logging
import os
import statistics
import tempfile
import time

from ham import prediction
from ham.engine import Engine
from tests.page_driver import open_page

_RERUNS = 15
_PAGES = ("app.py", "pages/training.py", "pages/dataset.py")


def main() -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as home:
        os.environ["HAM_HOME"] = home
        Engine.start = lambda self: self  # nothing trains meanwhile
        import keras  # noqa: F401
        import tensorflow  # noqa: F401

        pages = {script: open_page(script) for script in _PAGES}
        before = {script: _milliseconds(page) for script, page in pages.items()}
        prediction.warm_up()
        prediction.import_tensorflow()  # waits for it
        after = {script: _milliseconds(page) for script, page in pages.items()}
    print("| page | TensorFlow loaded | and frozen | ratio |\n|---|---|---|---|")
    for script in _PAGES:
        ratio = after[script] / before[script]
        print(f"| {script} | {before[script]:.0f} ms | {after[script]:.0f} ms | {ratio:.2f} |")


def _milliseconds(page) -> float:
    taken = []
    for _ in range(_RERUNS):
        start = time.process_time()
        page.run()
        taken.append(1000 * (time.process_time() - start))
    return statistics.median(taken)


if __name__ == "__main__":
    main()
