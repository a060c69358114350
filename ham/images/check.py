"""Image bytes -> checked image: the one decoding step, for data sets, evaluation, uploads and examples.

`check_image` takes nothing on trust: what a file is, is told from its content, its size is
checked before a pixel is decoded, and what cannot be answered is refused in words. Nothing is
written to disk.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps, JpegImagePlugin, PngImagePlugin

from ham.config import IMAGE_SIZE, ImageError

EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MAX_BYTES = 64 * 2**20  # a photograph of 200 million pixels has 60 MB
MAX_PIXELS = 50_000_000  # a photograph of a good telephone; as RGBA it takes 200 MB while it is checked
MAX_ELONGATION = 10.0  # longest side over shortest; beyond this nothing is left of a shape at 28x28
NOTED_ELONGATION = 2.0  # HAM10000's own images are 1.33
MAX_SHOWN = 640  # longest side of what is kept to be shown

_SAVE_AS = "Save it as PNG or JPEG and try again."
_EXPORT_AGAIN = "Download or export it again and try once more."


@dataclass(frozen=True, eq=False)
class CheckedImage:
    """An image that can be answered."""

    name: str
    original: np.ndarray  # uint8 (h, w, 3), RGB, upright, longest side at most MAX_SHOWN
    seen: np.ndarray  # uint8 (28, 28, 3), RGB: what the models get
    size: tuple[int, int]  # width, height in pixels as uploaded, upright
    notes: tuple[str, ...] = ()  # what was done to it or is odd about it, in words


def check_image(name: str, data: bytes) -> CheckedImage:
    """A PNG or JPEG file's content as the models take it.

    Raises ImageError on anything else, and on what is damaged, too large or too small.
    """
    if not data:
        raise ImageError(name, "the file is empty.", "Choose another file, or download it again.")
    if len(data) > MAX_BYTES:
        raise ImageError(name, f"it has {len(data) / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB are read.",
                         "Save it smaller: the models see 28x28 pixels of it.")
    upright, notes = _decode(name, data)
    rgb = _on_white(upright, notes)
    rgb = _to_srgb(rgb, upright.info.get("icc_profile"), notes)
    seen = squash(rgb)
    _note_oddities(rgb, seen, notes)
    size = rgb.size
    rgb.thumbnail((MAX_SHOWN, MAX_SHOWN), Image.Resampling.LANCZOS)
    return CheckedImage(name, _read_only(np.array(rgb)), _read_only(seen), size, tuple(notes))


def pixels(path: str | os.PathLike) -> np.ndarray:
    """The file as the models see it, uint8 (28, 28, 3), RGB. Raises ImageError."""
    return check_image(os.fspath(path), read_file(path)).seen


def read_file(path: str | os.PathLike) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(os.fspath(path), f"it cannot be read ({error.strerror}).", "Check the path.") from error


def squash(image: Image.Image) -> np.ndarray:
    """An image as the models see it, uint8 (28, 28, 3), RGB: what Kaggle's pixel CSV was made with."""
    return np.array(image.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS))


# Python's list of warning filters belongs to the whole process, so one image at a time changes it;
# that no two large images are decoded at once is welcome besides.
_decoding = threading.Lock()


def _decode(name: str, data: bytes) -> tuple[Image.Image, list[str]]:
    """The first picture in the file, all of it decoded, upright; and notes on it."""
    with _decoding, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
        with _decoder_errors(name):
            image = _open(name, data)
        _check_size(name, image.size)
        with _decoder_errors(name):
            if isinstance(image, PngImagePlugin.PngImageFile):
                _open(name, data).verify()  # checksums, which decoding alone does not look at
            frames = getattr(image, "n_frames", 1)
            image.load()
        upright = _upright(image)
    notes = []
    if frames > 1:
        notes.append(f"Animated: only the first of its {frames} frames is used.")
    if upright is not image:
        notes.append("Turned upright, as its EXIF orientation says.")
    if _is_16_bit(data):
        upright = _to_8_bit(name, upright)
        notes.append("Reduced from 16 to 8 bits a channel.")
    return upright, notes


def _open(name: str, data: bytes) -> ImageFile.ImageFile:
    """The header alone. The formats' own classes, because Image.open would know 40 more formats
    and warn about large images instead of refusing them.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile(io.BytesIO(data))
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    kind = kind_of(data)
    raise ImageError(name, f"this is {kind}; only PNG and JPEG are read." if kind else
                     "this is not an image; only PNG and JPEG are read.", _SAVE_AS if kind else "Choose a PNG or JPEG.")


@contextlib.contextmanager
def _decoder_errors(name: str):
    try:
        yield
    except ImageError:
        raise
    except Exception as error:  # decoders raise a dozen kinds on files that are cut or made up
        cut = "truncated" in str(error).lower()
        raise ImageError(name, "the file is cut short: part of the image is missing." if cut else
                         "the file is damaged or not what it says.", _EXPORT_AGAIN) from error


def _check_size(name: str, size: tuple[int, int]) -> None:
    width, height = size
    in_words = f"it is {width:,} x {height:,} pixels"
    if width * height > MAX_PIXELS:
        raise ImageError(name, f"{in_words}; at most {MAX_PIXELS // 1_000_000} million are read.",
                         "Save it smaller: the models see 28x28 pixels of it.")
    if min(size) < IMAGE_SIZE:
        raise ImageError(name, f"{in_words}; the models look at {IMAGE_SIZE} x {IMAGE_SIZE}.",
                         "Use the image in its original size.")
    if max(size) > MAX_ELONGATION * min(size):
        raise ImageError(name, f"{in_words}; squashed to a square, nothing of its shapes is left.",
                         "Crop it to the lesion.")


def _upright(image: Image.Image) -> Image.Image:
    """The image itself where EXIF asks for no turn or cannot be read."""
    try:
        turned = image.getexif().get(0x0112, 1) in range(2, 9)
        return ImageOps.exif_transpose(image) if turned else image
    except Exception:  # broken EXIF is no reason to refuse the pixels; its parser raises many kinds
        return image


def _is_16_bit(data: bytes) -> bool:
    return data.startswith(b"\x89PNG") and data[24] == 16  # bit depth in the header chunk


def _to_8_bit(name: str, image: Image.Image) -> Image.Image:
    """The high byte of each value. Pillow has done that to colour; on grey its convert() clips."""
    transparent = image.info.get("transparency")
    if image.mode != "I;16":
        if transparent is not None:  # the key has 16 bits, the decoded pixels no longer
            raise ImageError(name, "it marks a 16-bit colour as transparent, which cannot be told any more.",
                             "Save it with 8 bits a channel, or without transparency.")
        return image
    values = np.asarray(image)
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if transparent is not None:
        grey = Image.merge("LA", (grey, Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))))
    grey.info["icc_profile"] = image.info.get("icc_profile")
    return grey


def _on_white(image: Image.Image, notes: list[str]) -> Image.Image:
    """An image without transparency: RGB, L or CMYK."""
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        if layers.getextrema()[3][0] < 255:
            notes.append("Transparent parts are shown on white.")
            layers = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
        return layers.convert("RGB")
    if image.mode in ("RGB", "L", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _to_srgb(image: Image.Image, icc_profile: bytes | None, notes: list[str]) -> Image.Image:
    """RGB as screens and the training images have it; an embedded colour profile is followed."""
    spaces = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
    if icc_profile:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            title = "".join(filter(str.isprintable, ImageCms.getProfileDescription(profile))).strip()[:40]
            if profile.profile.xcolor_space.strip() == spaces[image.mode] and "srgb" not in title.lower():
                image = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
                notes.append(f"Colours converted from {title or 'its own profile'} to sRGB.")
        except (ImageCms.PyCMSError, OSError):
            notes.append("Its colour profile cannot be read and was left out.")
    if image.mode == "CMYK":
        notes.append("Colours converted from CMYK to RGB; they are approximate.")
    return image.convert("RGB")


def _note_oddities(rgb: Image.Image, seen: np.ndarray, notes: list[str]) -> None:
    width, height = rgb.size
    if max(rgb.size) > NOTED_ELONGATION * min(rgb.size):
        longer = f"{width / height:.1f} times as wide as high" if width > height else \
            f"{height / width:.1f} times as high as wide"
        notes.append(f"It is {longer}: squashed to a square, its shapes are distorted.")
    if np.ptp(seen, axis=(0, 1)).max() <= 2:
        notes.append("It is one even colour: there is no lesion to see, and the answer means nothing.")
    elif np.ptp(seen.astype(int), axis=2).max() <= 2:
        notes.append("It is grey; the models learned from colour images.")


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF file"), (b"II*\0", "a TIFF file"), (b"MM\0*", "a TIFF file"), (b"BM", "a BMP file"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file"), (b"\xff\x0a", "a JPEG XL file"), (b"\0\0\0\x0cjP  ", "a JPEG 2000 file"),
    (b"8BPS", "a Photoshop file"), (b"%PDF", "a PDF file"), (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"), (b"\0\0\x01\0", "an icon file"), (b"\x89HDF", "an HDF5 file"),
)
_BRANDS: dict[bytes, str] = {
    b"avif": "an AVIF file", b"avis": "an AVIF file", b"mp42": "a video", b"isom": "a video", b"qt  ": "a video",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "a HEIC file"),
}


def kind_of(data: bytes) -> str:
    """What a file that is neither PNG nor JPEG is, by its first bytes; "" where that is not known."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP file"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a video")
    if data[128:132] == b"DICM":
        return "a DICOM file"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    return "an SVG drawing" if start.startswith(b"<") and b"<svg" in start else ""
