"""Bytes -> checked image -> pixels: the one decoding step for data sets, evaluation, uploads and
examples.

check      the step: decoded, upright, in sRGB, squashed; notes on it
decoding   which format, what it costs, decoded or refused
jpeg, png, gif, bmp, tiff, webp   what each one's header says, and the file without what pixels
do not need
tags       the tag lists of TIFF and EXIF
kinds      true names of what is not read
apart      decoding in a process that can be stopped
"""

from ham.images.check import (
    EXTENSIONS,
    MAX_BYTES,
    NOTE_KINDS,
    CheckedImage,
    Note,
    check_image,
    pixels,
    read_file,
    squash,
)
from ham.images.encode import data_url
from ham.images.kinds import A_ZIP, kind_of

__all__ = [
    "A_ZIP",
    "EXTENSIONS",
    "MAX_BYTES",
    "NOTE_KINDS",
    "CheckedImage",
    "Note",
    "check_image",
    "data_url",
    "kind_of",
    "pixels",
    "read_file",
    "squash",
]
