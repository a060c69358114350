"""The photographs of a data set as the models see them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ham import images
from ham.config import IMAGE_SIZE, DataError, ImageError
from ham.data.metadata import Metadata
from ham.data.names import image_key, shown
from ham.data.source import Report, Source

CHUNK_IMAGES = 50  # JPEGs a thread takes at once; single ones were a quarter slower


def read_jpegs(source: Source, metadata: Metadata, report: Report | None = None) -> np.ndarray:
    """The images of the JPEGs in the metadata's order, uint8 (n, 28, 28, 3), on all cores.
    Raises DataError.
    """
    image_ids = metadata.table["image_id"].tolist()
    found = [source.photographs.get(image_key(image_id)) for image_id in image_ids]
    missing = [i for i, photograph in enumerate(found) if photograph is None]
    if missing:
        more = "" if len(missing) == 1 else f", nor for {len(missing) - 1} more rows"
        raise DataError(
            f"{shown(source.metadata)}, line {metadata.lines[missing[0]]}",
            f"there is no {image_ids[missing[0]]}.jpg for this row{more}, nor of another format.",
            f"Put the missing images anywhere below {shown(source.folder)}, or remove the rows.",
        )
    paths = [photograph.path for photograph in found if photograph is not None]
    pixels = np.empty((len(image_ids), IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    chunks = [
        range(i, min(i + CHUNK_IMAGES, len(image_ids)))
        for i in range(0, len(image_ids), CHUNK_IMAGES)
    ]
    # Pillow decodes and resizes outside the interpreter's lock
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        tasks = [threads.submit(_squash_chunk, [paths[i] for i in chunk]) for chunk in chunks]
        try:
            for chunk, task in zip(chunks, tasks, strict=True):
                pixels[chunk.start : chunk.stop] = task.result()
                if report:
                    report(chunk.stop, len(image_ids), "Reading JPEGs")
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
    return pixels


def _squash_chunk(paths: list[str]) -> np.ndarray:
    return np.stack([read_photograph(path) for path in paths])


def read_photograph(path: str) -> np.ndarray:
    """uint8 (28, 28, 3), RGB: by the step that an upload goes through. Raises DataError."""
    try:
        return images.pixels(path)
    except ImageError as error:
        raise DataError(shown(path), error.why, error.todo) from error
