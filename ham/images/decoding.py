"""A file's bytes -> its first picture, decoded and, where it is large, reduced; at a cost that
is known before.

Formats are told from their content. Each has a reader of headers that says what decoding will cost
and hands on only what the pixels need, so that no metadata of any kind reaches Pillow.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable

import numpy as np
from PIL import Image

from ham.config import IMAGE_SIZE
from ham.images import apart, bmp, gif, jpeg, kinds, png, tiff, webp
from ham.images.picture import SAVE_AS, SMALLER, Picture, Refused, cut_short, damaged

# a photograph of 200 million pixels has 60 MB; every field of the pages takes as much
MAX_BYTES = 64 * 2**20
MAX_MEMORY = 285 * 2**20  # bytes that reading one image may take, the file itself included
MAX_SECONDS = 2.0  # of processor time, as estimated from the header
MAX_ELONGATION = 10.0  # longest side over shortest; beyond this nothing is left of a shape at 28x28
WORKED_PIXELS = 4_000_000  # larger pictures are reduced first, by averaging whole blocks of pixels
WORKED_MEMORY = WORKED_PIXELS * 12  # bytes for the steps after decoding
LARGE_MEMORY = 64 * 2**20  # bytes; of pictures that take more, two are decoded at a time

_READERS: tuple[tuple[bytes | tuple[bytes, ...], Callable[[bytes], Picture]], ...] = (
    (b"\xff\xd8\xff", jpeg.read),
    (png.SIGNATURE, png.read),
    ((b"GIF87a", b"GIF89a"), gif.read),
    (b"BM", bmp.read),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), tiff.read),
    (b"RIFF", webp.read),
)
# JPEG-LS, raw files and videos start so too
_SHARED_STARTS = (b"\xff\xd8\xff\xf7", b"II", b"MM", b"RIFF")
_large = threading.BoundedSemaphore(2)


def read_header(data: bytes, name: str = "") -> Picture:
    """What is in the file, nothing decoded yet. Raises Refused for what is not read."""
    if not data:
        raise Refused("the file is empty.", "Choose another file, or download it again.")
    if len(data) > MAX_BYTES:
        raise Refused(
            f"it has {len(data) / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB are read.", SMALLER
        )
    read = next((read for start, read in _READERS if data.startswith(start)), None)
    known = kinds.refusal(data, name) if read is None or data.startswith(_SHARED_STARTS) else None
    if known:
        raise Refused(*known)
    if read is None:
        raise Refused(
            f"this is not an image that is known here; only {kinds.READ}.", "Choose an image."
        )
    return read(data)


def check_size(picture: Picture, file_bytes: int) -> None:
    """Raises Refused for what is too small, too long, or would take too much memory or time."""
    (width, height), n_pixels = picture.size, math.prod(picture.size)
    in_words = f"it is {width:,} x {height:,} pixels"
    if n_pixels > picture.max_pixels:
        raise Refused(
            f"{in_words}; at most {picture.max_pixels // 1_000_000} million are read.", SMALLER
        )
    if min(picture.size) < IMAGE_SIZE:
        raise Refused(
            f"{in_words}; the models look at {IMAGE_SIZE} x {IMAGE_SIZE}.",
            "Use the image in its original size.",
        )
    if max(picture.size) > MAX_ELONGATION * min(picture.size):
        raise Refused(
            f"{in_words}; squashed to a square, nothing of its shapes is left.",
            "Crop it to the lesion.",
        )
    memory = file_bytes + len(picture.content) + picture.memory + min(WORKED_MEMORY, 12 * n_pixels)
    if memory > MAX_MEMORY:
        raise Refused(
            f"{in_words}, and to decode it takes {memory / 2**20:.0f} MB of memory; "
            f"at most {MAX_MEMORY // 2**20} MB are used.",
            SMALLER,
        )
    if picture.seconds > MAX_SECONDS:
        raise Refused(
            f"{in_words}, stored so that decoding takes about {picture.seconds:.0f} s; at most "
            f"{MAX_SECONDS:.0f} s are taken.",
            SAVE_AS,
        )


def decode(picture: Picture) -> Image.Image:
    """RGB, L or CMYK of at most about WORKED_PIXELS; transparent parts on white,
    `info["transparent"]` says so.

    Raises Refused where the file is damaged.
    """
    if picture.apart:
        return apart.decode(picture.content)
    if picture.memory <= LARGE_MEMORY:
        return decode_here(picture)
    with _large:
        return decode_here(picture)


def decode_here(picture: Picture) -> Image.Image:
    """As `decode`, in this process."""
    try:
        image = picture.format(io.BytesIO(picture.content))
        if picture.shrinks:
            image.draft(None, _shrunk(picture.size))
        elif image.size != picture.size:
            raise damaged()
        image.load()
    except Refused:
        raise
    except MemoryError:
        raise
    except Exception as error:  # decoders raise a dozen kinds on files that are cut or made up
        raise (cut_short() if "truncated" in str(error).lower() else damaged()) from error
    return _reduced(image, picture)


def _shrunk(size: tuple[int, int]) -> tuple[int, int]:
    """The largest of a whole, a half, a quarter and an eighth that has at most WORKED_PIXELS."""
    scale = next((s for s in (1, 2, 4) if math.prod(size) <= WORKED_PIXELS * s * s), 8)
    return size[0] // scale, size[1] // scale


def _reduced(image: Image.Image, picture: Picture) -> Image.Image:
    """Worked through in strips, so that no second copy of a large picture is made."""
    factor = math.ceil(math.sqrt(image.width * image.height / WORKED_PIXELS))
    if factor <= 1:
        return _plain(image, picture)
    rows = factor * max(1, WORKED_PIXELS // (4 * image.width * factor))
    strips, transparent = [], False
    for top in range(0, image.height, rows):
        strip = _plain(image.crop((0, top, image.width, min(top + rows, image.height))), picture)
        transparent = transparent or strip.info.get("transparent", False)
        strips.append(strip.reduce(factor))
    whole = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        whole.paste(strip, (0, top))
        top += strip.height
    whole.info["transparent"] = transparent
    return whole


def _plain(image: Image.Image, picture: Picture) -> Image.Image:
    """RGB, L or CMYK, without transparency."""
    if picture.bits > 8:
        image = _to_8_bit(image, picture)
    if image.mode in ("I", "F", "LAB"):
        raise Refused(
            "its values are not those of colours or greys of 8 or 16 bits.",
            "Save it as RGB and try again.",
        )
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        transparent = any(layers.histogram()[-256:-1])  # of alpha, less than 255
        if transparent:
            layers = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
        image = layers.convert("RGB")
        image.info["transparent"] = transparent
        return image
    if image.mode in ("RGB", "L", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _to_8_bit(image: Image.Image, picture: Picture) -> Image.Image:
    """The high byte of each value. Pillow has done that to colour; on grey its convert() clips."""
    key = image.info.get("transparency")
    if not image.mode.startswith("I;16"):
        if key is not None:  # it has 16 bits, the decoded pixels no longer
            raise Refused(
                "it marks a 16-bit colour as transparent, which cannot be told any more.",
                "Save it with 8 bits a channel, or without transparency.",
            )
        return image
    values = np.asarray(image)
    high = (values >> (picture.bits - 8)).astype(np.uint8)
    grey = Image.fromarray(255 - high if picture.inverted else high)
    if key is None:
        return grey
    return Image.merge(
        "LA", (grey, Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    )
