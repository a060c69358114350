"""Image bytes -> checked image: the one step, for data sets, evaluation, uploads and examples.

It takes nothing on trust: what a file is, is told from its content, what it costs is known before
a pixel is decoded, and what cannot be answered is refused in words. Nothing is written to disk.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

from ham.config import IMAGE_SIZE, ImageError
from ham.images import decoding
from ham.images.picture import SMALLER, Picture, Refused

EXTENSIONS = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".jif",
    ".png",
    ".apng",
    ".webp",
    ".bmp",
    ".dib",
    ".tif",
    ".tiff",
    ".gif",
)  # as files are looked for; what one is, is told by its content
MAX_BYTES = decoding.MAX_BYTES
NOTED_ELONGATION = 2.0  # HAM10000's own images are 1.33
MAX_SHOWN = 400  # longest side of what is kept to be shown: a visit may keep 200

#: Kinds of notes, and how many images have one in words: "3 turned upright".
NOTE_KINDS = {
    "even": "of one even colour",
    "grey": "grey",
    "elongated": "elongated",
    "turned": "turned upright",
    "profile": "converted to sRGB",
    "no profile": "with a colour profile that cannot be read",
    "cmyk": "converted from CMYK",
    "transparent": "with transparent parts",
    "bits": "reduced to 8 bits",
    "frames": "with several frames or pages",
    "again": "dropped under several names",
}


class Note(str):
    """A sentence on an image: what was done to it or is odd about it. Several images' are
    counted by `kind`.
    """

    kind: str  # of NOTE_KINDS

    def __new__(cls, kind: str, sentence: str) -> Note:
        note = super().__new__(cls, sentence)
        note.kind = kind
        return note

    def __reduce__(self) -> tuple[type[Note], tuple[str, str]]:
        return Note, (self.kind, str(self))


@dataclass(frozen=True, eq=False)
class CheckedImage:
    """An image that can be answered."""

    name: str
    original: np.ndarray  # uint8 (h, w, 3), RGB, upright, longest side at most MAX_SHOWN
    seen: np.ndarray  # uint8 (28, 28, 3), RGB: what the models get
    size: tuple[int, int]  # width, height in pixels as stored, upright
    notes: tuple[Note, ...] = ()  # what was done to it or is odd about it, in words


def check_image(name: str, data: bytes) -> CheckedImage:
    """An image file's content as the models take it.

    Raises ImageError on what is no image, not read, damaged, too large or too small.
    """
    rgb, size, notes = _read(name, data)
    seen = squash(rgb)
    _note_oddities(size, seen, notes)
    rgb.thumbnail((MAX_SHOWN, MAX_SHOWN), Image.Resampling.LANCZOS)
    return CheckedImage(name, _read_only(np.array(rgb)), _read_only(seen), size, tuple(notes))


def pixels(path: str | os.PathLike[str]) -> np.ndarray:
    """The file as the models see it, uint8 (28, 28, 3), RGB. Raises ImageError."""
    return squash(_read(os.fspath(path), read_file(path))[0])


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The file's content, of which no more is read than is looked at. Raises ImageError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
            size = max(len(data), os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise ImageError(
            os.fspath(path), f"it cannot be read ({error.strerror}).", "Check the path."
        ) from error
    if len(data) > MAX_BYTES:
        raise ImageError(
            os.fspath(path),
            f"it has {size / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB are read.",
            SMALLER,
        )
    return data


def squash(image: Image.Image) -> np.ndarray:
    """An image as the models see it, uint8 (28, 28, 3), RGB: what Kaggle's pixel CSV was made
    with.
    """
    return np.array(image.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS))


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _read(name: str, data: bytes) -> tuple[Image.Image, tuple[int, int], list[Note]]:
    """The picture in RGB and upright, a large one reduced; its size as stored, upright; notes on
    it.
    """
    try:
        picture = decoding.read_header(data, name)
        decoding.check_size(picture, len(data))
        image = decoding.decode(picture)
    except Refused as refused:
        raise ImageError(name, refused.why, refused.todo) from refused
    notes = _notes_on(picture, image)
    image = _to_srgb(image, picture.profile, notes)
    if picture.orientation == 1:
        return image, picture.size, notes
    size = picture.size[::-1] if picture.orientation >= 5 else picture.size
    return image.transpose(_TURNS[picture.orientation]), size, notes


def _notes_on(picture: Picture, image: Image.Image) -> list[Note]:
    notes = []
    if picture.frames > 1:
        pages = "frames" if picture.format.format != "TIFF" else "pages"
        animated = "Animated" if pages == "frames" else "Several pages"
        notes.append(
            Note("frames", f"{animated}: only the first of its {picture.frames} {pages} is used.")
        )
    if picture.orientation != 1:
        notes.append(Note("turned", "Turned upright, as its EXIF orientation says."))
    if picture.bits > 8:
        notes.append(Note("bits", f"Reduced from {picture.bits} to 8 bits a channel."))
    if image.info.get("transparent"):
        notes.append(Note("transparent", "Transparent parts are shown on white."))
    return notes


def _to_srgb(image: Image.Image, icc_profile: bytes | None, notes: list[Note]) -> Image.Image:
    """RGB as screens and the training images have it; an embedded colour profile is followed."""
    spaces = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
    if icc_profile is not None:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            title = "".join(
                filter(str.isprintable, ImageCms.getProfileDescription(profile))
            ).strip()[:40]
            if (
                profile.profile.xcolor_space.strip() == spaces[image.mode]
                and "srgb" not in title.lower()
            ):
                to_srgb = ImageCms.buildTransform(
                    profile, ImageCms.createProfile("sRGB"), image.mode, "RGB"
                )
                image = to_srgb.apply(image)
                notes.append(
                    Note("profile", f"Colours converted from {title or 'its own profile'} to sRGB.")
                )
        except (ImageCms.PyCMSError, OSError, ValueError):  # ValueError: text that is none
            notes.append(Note("no profile", "Its colour profile cannot be read and was left out."))
    if image.mode == "CMYK":
        notes.append(Note("cmyk", "Colours converted from CMYK to RGB; they are approximate."))
    return image.convert("RGB")


def _note_oddities(size: tuple[int, int], seen: np.ndarray, notes: list[Note]) -> None:
    width, height = size
    if max(size) > NOTED_ELONGATION * min(size):
        longer = (
            f"{width / height:.1f} times as wide as high"
            if width > height
            else f"{height / width:.1f} times as high as wide"
        )
        notes.append(
            Note("elongated", f"It is {longer}: squashed to a square, its shapes are distorted.")
        )
    if np.ptp(seen, axis=(0, 1)).max() <= 2:
        notes.append(
            Note(
                "even",
                "It is one even colour: there is no lesion to see, and the answer means nothing.",
            )
        )
    elif np.ptp(seen.astype(int), axis=2).max() <= 2:
        notes.append(Note("grey", "It is grey; the models learned from colour images."))


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
