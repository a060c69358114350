"""How the server's answers grow with the images and with the runs.

    python -m benchmarks.growth [--images 10000 50000 100000] [--runs 500 2000] [--keep FOLDER]

The images are drawn from the demo data's model and written as Kaggle's two CSV files; `--keep`
leaves them in FOLDER/<number>, to be browsed (HAM_DATA=FOLDER/100000 python -m benchmarks.pages).
For each number a fresh server opens them, then every page is asked for several times over the web
socket, as a browser does, without what a browser costs. The time of a page is a median; the memory
is the server's resident set after all pages. The last column divides the growth of a figure by the
growth of the input: above 1 it is worse than linear.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.pages import at_home
from benchmarks.store import write_runs
from ham import demo
from ham.config import CLASSES
from ham.data import METADATA_FILE, PIXEL_FILE
from tests.visitors import Visitor, server

PAGES = {
    "Home": "",
    "Dataset": "dataset",
    "Training": "training",
    "Comparison": "comparison",
    "Lesson": "lesson",
}
VISITS = 5
_LABELS = {c.code: c.csv_label for c in CLASSES}
_PIXELS = 28 * 28 * 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="*", default=[10_000, 50_000, 100_000])
    parser.add_argument("--runs", type=int, nargs="*", default=[500, 2000])
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        folder = chosen.keep or Path(own)
        by_images: dict[int, dict[str, float]] = {}
        for number in chosen.images:
            data = folder / str(number)
            if not (data / METADATA_FILE).exists():
                write_data(data, number)
            by_images[number] = measured(data, Path(own) / f"home-{number}")
        if by_images:
            print(table("images", by_images))
        by_runs: dict[int, dict[str, float]] = {}
        for number in chosen.runs:
            home = Path(own) / f"runs-{number}"
            with at_home(home):
                write_runs(number)
            by_runs[number] = measured(None, home)
        if by_runs:
            print("\n" + table("runs", by_runs))


def write_data(folder: Path, images: int) -> None:
    """Kaggle's metadata and pixel CSV of so many invented images."""
    made = demo.synthesize(demo.load_model(), 0, images)
    folder.mkdir(parents=True)
    with (folder / PIXEL_FILE).open("w") as file:
        file.write(",".join([*(f"pixel{i:04d}" for i in range(_PIXELS)), "label"]) + "\n")
        for image, code in zip(made.images, made.metadata["dx"], strict=True):
            file.write(",".join(map(str, [*image.ravel().tolist(), _LABELS[code]])) + "\n")
    made.metadata.to_csv(folder / METADATA_FILE, index=False)


def measured(data: Path | None, home: Path) -> dict[str, float]:
    """Seconds and megabytes by what they are of."""
    found: dict[str, float] = {}
    home.mkdir(exist_ok=True)
    with server(data, home, HAM_WARM_UP="off") as (address, process):
        began = time.perf_counter()
        with contextlib.closing(Visitor(address, "")) as visitor:
            while "images of" not in visitor.texts():
                time.sleep(0.2)
                visitor.run([])
        found["first page, data read, s"] = time.perf_counter() - began
        for title, path in PAGES.items():
            seconds = []
            for _ in range(1 + VISITS):  # the first fills what is kept
                began = time.perf_counter()
                Visitor(address, path).close()
                seconds.append(time.perf_counter() - began)
            found[f"{title}, first, s"] = seconds[0]
            found[f"{title}, again, s"] = statistics.median(seconds[1:])
        found["memory, MB"] = process.memory_info().rss / 1e6
    print(f"{data or home}: {found}", file=sys.stderr)
    return found


def table(what: str, found: Mapping[int, Mapping[str, float]]) -> str:
    """Markdown: a row a figure, a column a number of images or runs."""
    numbers = list(found)
    lines = [
        "| | " + " | ".join(f"{number:,} {what}" for number in numbers) + " | Growth / linear |",
        "|---" * (len(numbers) + 2) + "|",
    ]
    for figure in found[numbers[0]]:
        values = [found[number][figure] for number in numbers]
        growth = ""
        if len(numbers) > 1:
            growth = f"{values[-1] / values[0] / (numbers[-1] / numbers[0]):.2f}"
        cells = " | ".join(f"{v:.0f}" if figure.endswith("MB") else f"{v:.2f}" for v in values)
        lines.append(f"| {figure} | {cells} | {growth} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
