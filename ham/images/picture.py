"""What the header of an image file says of its pixels, before any of them is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ImageFile

MAX_PROFILE = 4 * 2**20  # bytes; the largest profiles of printers take 3 MB

SAVE_AS = "Save it as PNG or JPEG and try again."
SMALLER = "Save it smaller: the models see 28x28 pixels of it."
EXPORT_AGAIN = "Download or export it again and try once more."


class Refused(Exception):
    """Why a file is not read, and what to do; the file's name is added by who knows it."""

    def __init__(self, why: str, todo: str = EXPORT_AGAIN):
        super().__init__(why, todo)
        self.why, self.todo = why, todo


def damaged() -> Refused:
    return Refused("the file is damaged or not what it says.")


def cut_short() -> Refused:
    return Refused("the file is cut short: part of the image is missing.")


@dataclass(frozen=True)
class Picture:
    """The first picture of a file, not decoded yet, and what decoding it will cost."""

    format: type[ImageFile.ImageFile]  # Pillow's class for it
    content: bytes  # the file without what the pixels do not need: only this is given to Pillow
    size: tuple[int, int]  # width, height in pixels as stored
    memory: int  # bytes that decoding takes beside the file and the content
    seconds: float  # of processor time that decoding takes, generously
    max_pixels: int = 50_000_000  # of this format
    orientation: int = 1  # as EXIF counts: 1 upright, 2 to 8 turned or mirrored
    profile: bytes | None = None  # ICC; b"" where there is one that cannot be read
    frames: int = 1  # pictures in the file
    bits: int = 8  # of a channel
    inverted: bool = False  # 16-bit grey in which 0 is white
    shrinks: bool = False  # can be decoded at a half, a quarter or an eighth of its size
    # cannot be bounded from its header: is decoded in a process that can be stopped
    apart: bool = False
