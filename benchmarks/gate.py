"""How often the gate stops what is no lesion, and how often what is one.

    python benchmarks/gate.py [--data HAM10000] [--pictures NAME=FOLDER ...]

Photographs of lesions: the test part of the default split by lesion (seed 0), whole, and the same
enlarged, cut, compressed and at the 28x28 pixels of a pixel CSV; and the built-in demo data.
Everything else: benchmarks/odd_pictures.py, and folders of pictures. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.odd_pictures import check_set
from ham import data
from ham.config import CODES
from ham.demo import make_demo
from ham.evaluation.intervals import wilson
from ham.images import check_image, read_file, squash
from ham.prediction.background import import_tensorflow
from ham.prediction.likeness import Gate, gate
from ham.prediction.likeness.looking import FILE

MAX_FOLDER = 250  # pictures of a folder, drawn by lot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("HAM_DATA"), help="HAM10000's folder")
    parser.add_argument("--pictures", nargs="*", default=[], metavar="NAME=FOLDER")
    options = parser.parse_args()
    began = time.perf_counter()
    import_tensorflow()
    imported = time.perf_counter()
    judge = gate()
    judge.look([np.zeros((224, 224, 3), np.uint8)])
    print(
        f"{FILE.name}: {FILE.stat().st_size / 2**20:.2f} MiB. TensorFlow is there after "
        f"{imported - began:.1f} s, the gate {time.perf_counter() - imported:.2f} s later."
    )
    print(odd_table(judge, options.pictures))
    if options.data:
        print(lesion_table(judge, options.data))
    print(demo_line(judge))
    print(speed(judge))


def line(name: str, hits: int, n: int, more: str = "") -> str:
    share, low, high = (100 * v for v in astuple(wilson(hits / n, n)))
    return f"| {name} | {n} | {hits} | {share:.1f} % ({low:.1f} to {high:.1f}) |{more}"


# --------------------------------------------------------------------- everything else


def odd_table(judge: Gate, folders: list[str]) -> str:
    lines = ["", "| not a lesion | n | stopped | share (95 %) | said |", "|---|---|---|---|---|"]
    total = hits = 0
    for kind, pictures in check_set().items():
        answers = judge.look(pictures)
        stopped = [answer.reason for answer in answers if not answer.ok]
        lines.append(line(kind, len(stopped), len(answers), f" {said(stopped)} |"))
        total, hits = total + len(answers), hits + len(stopped)
    lines.append(line("all of the check set", hits, total, " |"))
    for name, folder in (words.split("=", 1) for words in folders):
        answers = judge.look(list(opened(Path(folder))))
        stopped = [answer.reason for answer in answers if not answer.ok]
        lines.append(line(name, len(stopped), len(answers), f" {said(stopped)} |"))
    return "\n".join(lines)


def said(reasons: list[str]) -> str:
    return "; ".join(f"{n} {reason}" for reason, n in Counter(reasons).most_common(3))


def opened(folder: Path) -> Iterator[np.ndarray]:
    paths = sorted(folder.rglob("*.*"))
    for row in sorted(np.random.default_rng(0).permutation(len(paths))[:MAX_FOLDER]):
        with Image.open(paths[row]) as picture:
            yield np.asarray(picture.convert("RGB"))


# ----------------------------------------------------------------------------- lesions


def enlarged(picture: Image.Image) -> Image.Image:
    return picture.resize((600, 450), Image.Resampling.BICUBIC)


def square(picture: Image.Image, share: float = 1.0) -> Image.Image:
    side = int(min(picture.size) * share)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def corner(picture: Image.Image) -> Image.Image:
    return picture.crop((0, 0, int(picture.width * 0.45), int(picture.height * 0.45)))


def compressed(quality: int) -> Callable[[Image.Image], Image.Image]:
    def saved(picture: Image.Image) -> Image.Image:
        buffer = BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return saved


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as they are, 200x150": lambda picture: picture,
    "enlarged to 600x450": enlarged,
    "enlarged, JPEG quality 30": lambda picture: compressed(30)(enlarged(picture)),
    "central square": square,
    "central square of 0.7 of the height": lambda picture: square(picture, 0.7),
    "JPEG quality 30": compressed(30),
    "JPEG quality 50": compressed(50),
    "JPEG quality 75": compressed(75),
    "JPEG quality 95": compressed(95),
    "a corner of 0.45, often bare skin": corner,
    "28x28 pixels": lambda picture: Image.fromarray(squash(picture)),
}


def lesion_table(judge: Gate, folder: str) -> str:
    dataset = data.open_dataset(folder)
    rows = data.make_split(dataset).test
    paths = [dataset.original(int(row)) for row in rows]
    pictures = [
        Image.fromarray(check_image(path.name, read_file(path)).original)
        for path in paths
        if path is not None
    ]
    codes = np.array(CODES)[dataset.labels[rows]]
    head = " | ".join(CODES)
    lines = [
        "",
        f"| test part of HAM10000 | n | stopped | share (95 %) | {head} |",
        "|---|---|---|---|" + "---|" * len(CODES),
    ]
    for name, change in VARIANTS.items():
        answers = judge.look([np.asarray(change(picture)) for picture in pictures])
        stopped = np.array([not answer.ok for answer in answers])
        by_class = " | ".join(
            f"{stopped[codes == code].sum()} of {(codes == code).sum()}" for code in CODES
        )
        lines.append(line(name, int(stopped.sum()), len(stopped), f" {by_class} |"))
    return "\n".join(lines)


def demo_line(judge: Gate) -> str:
    answers = judge.look(list(make_demo().images))
    stopped = [answer.reason for answer in answers if not answer.ok]
    return f"\nDemo data, 28x28: {len(stopped)} of {len(answers)} stopped. {said(stopped)}"


def speed(judge: Gate, times: int = 50) -> str:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (450, 600, 3), dtype=np.uint8)
    taken, worked = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        judge.look([picture])
        taken.append(time.perf_counter() - began)
    worked = 1000 * (time.process_time() - worked) / times
    began = time.perf_counter()
    judge.look([picture] * 64)
    batch = 1000 * (time.perf_counter() - began) / 64
    return (
        f"\nA picture of 600x450 alone: {1000 * statistics.median(taken):.1f} ms (median of "
        f"{times}; {1000 * min(taken):.1f} at the least), {worked:.1f} ms of the processor; among "
        f"64: {batch:.1f} ms. Load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )


if __name__ == "__main__":
    main()
