"""What an answer costs: in the process, for twenty visitors at once, and in memory.

    HAM_DATA=.../ham10000 python -m benchmarks.prediction [latency | visitors | browser | memory]

Prints Markdown tables. Three runs that ship with eight views each. Latency stands beside Keras'
`model.predict` and beside a cell of a plain notebook, in the same process. Visitors speak
Streamlit's protocol (`tests.visitors`): a browser's drawing is not in that table.
"""

from __future__ import annotations

import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
from PIL import Image
from streamlit.proto.WidgetStates_pb2 import WidgetState

from ham import data, prediction, store
from ham.models import dihedral
from ham.prediction import Predictor
from tests.visitors import Visitor, answered, image_named, server

RUNS = ("lstm-improved", "cnn-improved", "resnet-improved")
REPEATS, VISITORS, DROPS, PREDICTIONS, UPLOADS = 30, 20, 10, 5_000, 200
MB = 2**20


def photograph(seed: int, size: tuple[int, int] = (600, 450)) -> bytes:
    """A JPEG of a spot in soft noise."""
    random = np.random.default_rng(seed)
    small = random.integers(120, 220, (9, 12, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    dark = Image.new("RGB", size, (110, 60, 50))
    spot = Image.radial_gradient("L").resize(size).point(lambda v: 255 if v < 90 else 0)
    file = io.BytesIO()
    Image.composite(dark, image, spot).save(file, "JPEG", quality=90)
    return file.getvalue()


# -------------------------------------------------------------------------- in the process


def latency() -> None:
    predictors = [Predictor(store.read_run(run_id)) for run_id in RUNS]
    content = photograph(0)
    image = prediction.check_image("spot.jpg", content)

    def ours() -> None:
        prediction.answer([prediction.Question(image)], predictors)

    def ours_with_gate() -> None:
        prediction.answer([prediction.Question(image)], predictors, gate=prediction.gate())

    def ours_from_bytes() -> None:
        checked = prediction.check_image("spot.jpg", content)
        prediction.answer([prediction.Question(checked)], predictors, gate=prediction.gate())

    def keras_predict() -> None:
        for one in predictors:
            views = np.concatenate([dihedral(image.seen[np.newaxis], k) for k in range(8)])
            prepared = one.architecture.prepare(views, one.config.pixel_scaling)
            one.model.predict(prepared, verbose=0).mean(axis=0)

    def notebook_cell() -> None:
        """One view, as notebooks do it."""
        seen = np.asarray(Image.open(io.BytesIO(content)).resize((28, 28)))[np.newaxis]
        for one in predictors:
            prepared = one.architecture.prepare(seen, one.config.pixel_scaling)
            one.model.predict(prepared, verbose=0)

    base = milliseconds(keras_predict)
    print("| One image, three runs, warm | Views | Median ms | p95 | Of model.predict |")
    print("|---|---|---|---|---|")
    for title, views, taken in (
        ("model.predict (baseline)", 8, base),
        ("A plain notebook cell, from the JPEG", 1, milliseconds(notebook_cell)),
        ("HAM Lab, checked image", 8, milliseconds(ours)),
        ("HAM Lab, and the gate", 8, milliseconds(ours_with_gate)),
        ("HAM Lab, from the JPEG, and the gate", 8, milliseconds(ours_from_bytes)),
    ):
        ratio = statistics.median(taken) / statistics.median(base)
        p95 = float(np.percentile(taken, 95))
        print(f"| {title} | {views} | {statistics.median(taken):.1f} | {p95:.1f} | {ratio:.2f} |")


def milliseconds(work: Callable[[], None]) -> list[float]:
    for _ in range(3):
        work()
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - start))
    return taken


# ------------------------------------------------------------------------------ visitors


def visitors() -> None:
    with server(os.environ.get("HAM_DATA")) as (address, _):
        first = Visitor(address, "prediction")
        cold = ask_example(first, 0)[0]
        alone = [ask_example(first, k)[0] for k in range(1, 8)]
        everyone = [Visitor(address, "prediction") for _ in range(VISITORS)]
        with ThreadPoolExecutor(VISITORS) as pool:
            asked = list(pool.map(lambda i: ask_example(everyone[i], i % 8), range(VISITORS)))
        tables = {name: table for _, name, table in asked}
        mixed = sum(tables[name] != table for _, name, table in asked)
        names = {i % 8: asked[i][1] for i in range(VISITORS)}
        mixed += sum(asked[i][1] != names[i % 8] for i in range(VISITORS))
    seconds = [one for one, _, _ in asked]
    print("| First answer, seconds | n | Median | p95 |\n|---|---|---|---|")
    print(f"| A fresh server's first | 1 | {cold:.2f} | |")
    print(f"| One visitor | {len(alone)} | {statistics.median(alone):.2f} | {max(alone):.2f} |")
    p95 = float(np.percentile(seconds, 95))
    print(
        f"| {VISITORS} visitors at once | {VISITORS} | {statistics.median(seconds):.2f} | "
        f"{p95:.2f} |"
    )
    print(f"\nAnswers that were another visitor's: {mixed} of {VISITORS}.")


def ask_example(visitor: Visitor, place: int) -> tuple[float, str, str]:
    """Seconds to its answer, the image's name, the table."""
    button = visitor.buttons("Ask about")[place]
    taken = visitor.run([WidgetState(id=button, trigger_value=True)], answered)
    texts = visitor.texts()
    table = texts[texts.rindex('<table class="ham-answer"') :]
    return taken, image_named(texts), table[: table.index("</table>")]


# -------------------------------------------------------------------------------- browser


def browser() -> None:
    """From the drop to the table in headless Chromium, warm, a window of its own each time."""
    from playwright.sync_api import sync_playwright

    taken = []
    with server(None) as (address, _), sync_playwright() as playwright:
        window = playwright.chromium.launch(
            executable_path=os.environ.get("CHROME"), args=["--no-sandbox", "--disable-gpu"]
        )
        context = window.new_context()
        for number in range(2 + DROPS):
            page = context.new_page()
            page.goto(f"http://{address}/prediction")
            page.locator("[class*=st-key-prediction_example_] button").first.wait_for()
            page.wait_for_timeout(2_000)
            start = time.perf_counter()
            page.locator("[class*=st-key-prediction_files] input[type=file]").set_input_files(
                {"name": "a.png", "mimeType": "image/png", "buffer": lesion(number)}
            )
            page.locator(".ham-answer").first.wait_for(timeout=60_000)
            taken.append(time.perf_counter() - start)
            page.close()
        window.close()
    warm = taken[2:]
    print(
        "| From drop to table in the browser, seconds | n | Median | Largest |\n|---|---|---|---|"
    )
    print(f"| Warm, three runs, eight views | {DROPS} | {statistics.median(warm):.2f} | ", end="")
    print(f"{max(warm):.2f} |")


def lesion(number: int) -> bytes:
    """An image of the demo data as a PNG."""
    file = io.BytesIO()
    Image.fromarray(data.open_dataset(data.DEMO_SOURCE).images[number]).save(file, "PNG")
    return file.getvalue()


# -------------------------------------------------------------------------------- memory


def memory() -> None:
    predictors = [Predictor(store.read_run(run_id)) for run_id in RUNS]
    own = psutil.Process()

    def ask(number: int) -> None:
        image = prediction.check_image(f"{number}.jpg", photograph(number, (200, 150)))
        prediction.answer([prediction.Question(image)], predictors)

    for number in range(100):
        ask(number)
    before = own.memory_info().rss
    for number in range(PREDICTIONS):
        ask(number)
    grown = (own.memory_info().rss - before) / MB
    print("| What | MB more |\n|---|---|")
    print(f"| {PREDICTIONS:,} answers of three runs, in the process | {grown:+.0f} |")
    with server(None) as (address, process):
        visitor = Visitor(address, "prediction")
        for number in range(20):
            drop(visitor, number)
        remove_all(visitor)
        before = process.memory_info().rss
        for number in range(20, 20 + UPLOADS):
            drop(visitor, number)
            if number % 50 == 49:
                remove_all(visitor)
        remove_all(visitor)
        grown = (process.memory_info().rss - before) / MB
    print(f"| {UPLOADS} uploads to a server, answered and removed | {grown:+.0f} |")


def drop(visitor: Visitor, number: int) -> None:
    visitor.run([visitor.upload(f"{number}.jpg", photograph(number))])


def remove_all(visitor: Visitor) -> None:
    buttons = visitor.buttons("Remove all")
    if buttons:
        visitor.run([WidgetState(id=buttons[-1], trigger_value=True)])


def main() -> None:
    tables = {"latency": latency, "visitors": visitors, "browser": browser, "memory": memory}
    with tempfile.TemporaryDirectory() as home:
        os.environ["HAM_HOME"] = home
        for name in sys.argv[1:] or tables:
            tables[name]()
            print(flush=True)


if __name__ == "__main__":
    main()
