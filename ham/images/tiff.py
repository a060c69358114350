"""TIFF: the first page, by a tag list of our own that holds what its pixels need and nothing else.

A strip or a tile is unpacked whole, and may claim to be larger than the picture; with JPEG inside,
each has scans of its own. All of it is added up before anything is unpacked. Camera raw files are
TIFF files too; `raw_kind` tells them apart.
"""

from __future__ import annotations

import contextlib
import math
import struct

from PIL import TiffImagePlugin

from ham.images import jpeg
from ham.images.picture import MAX_PROFILE, SAVE_AS, Picture, Refused, cut_short, damaged
from ham.images.tags import ORIENTATION, Entry, TagFile

MAX_PARTS = 100_000  # strips or tiles
MAX_PAGES = 1_000  # counted; of more the first is read as well
RAW_SECONDS = 8e-9  # for an unpacked byte; measured: 6 ns (LZW)
PART_SECONDS = 15e-6  # for a strip or tile to be begun
JPEG_PART_SECONDS = 150e-6

(
    _KIND,
    _WIDTH,
    _HEIGHT,
    _BITS,
    _COMPRESSION,
    _PHOTOMETRIC,
    _FILL,
    _MAKE,
    _STRIPS,
    _SAMPLES,
    _ROWS,
    _STRIP_BYTES,
    _PLANAR,
    _PREDICTOR,
    _COLORS,
    _TILE_WIDTH,
    _TILE_HEIGHT,
    _TILES,
    _TILE_BYTES,
    _SUB_LISTS,
    _EXTRA,
    _FORMAT,
    _TABLES,
    _PROFILE,
    _DNG,
) = (
    254,
    256,
    257,
    258,
    259,
    262,
    266,
    271,
    273,
    277,
    278,
    279,
    284,
    317,
    320,
    322,
    323,
    324,
    325,
    330,
    338,
    339,
    347,
    34675,
    50706,
)
_COPIED = (
    _WIDTH,
    _HEIGHT,
    _BITS,
    _COMPRESSION,
    _PHOTOMETRIC,
    _FILL,
    _STRIPS,
    _SAMPLES,
    _ROWS,
    _STRIP_BYTES,
    292,
    293,
    _PLANAR,
    _PREDICTOR,
    _COLORS,
    _TILE_WIDTH,
    _TILE_HEIGHT,
    _TILES,
    _TILE_BYTES,
    _EXTRA,
    _FORMAT,
    _TABLES,
    529,
    530,
    531,
    532,
)
_LARGE = (_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _TABLES, _COLORS)

_JPEG, _ZSTD = 7, 50000
# none, CCITT, LZW, JPEG, Deflate, PackBits, Zstandard
_READ = {1, 2, 3, 4, 5, _JPEG, 8, 32773, 32946, _ZSTD}
_NAMES = {
    6: "old JPEG",
    34712: "JPEG 2000",
    34925: "LZMA",
    50001: "WebP",
    50002: "JPEG XL",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34887: "LERC",
}
_ZSTD_WINDOW = 128 * 2**20  # bytes that it may ask for

# What only raw files have: colour filter arrays and linear raw for pixels, and the makers'
# compressions.
_RAW_PHOTOMETRIC = {32803, 34892}
_RAW_COMPRESSION = {32767, 32769, 32770, 34316, 34713, 65000, 65535}
_MAKERS = (
    ("nikon", "NEF"),
    ("sony", "ARW"),
    ("canon", "CR2"),
    ("pentax", "PEF"),
    ("ricoh", "DNG"),
    ("samsung", "SRW"),
    ("hasselblad", "3FR"),
    ("kodak", "DCR"),
    ("olympus", "ORF"),
    ("panasonic", "RW2"),
    ("phase one", "IIQ"),
    ("leaf", "MOS"),
    ("epson", "ERF"),
    ("mamiya", "MEF"),
)


def raw_kind(data: bytes) -> str:
    """ "NEF", "DNG" and so on where a TIFF file is a camera's raw file, else ""."""
    try:
        file = TagFile(data)
        first, _ = file.entries(file.first)
    except ValueError:
        return ""
    lists = [first]
    for at in file.numbers(first.get(_SUB_LISTS), 8):
        with contextlib.suppress(ValueError):
            lists.append(file.entries(at)[0])
    maker = file.text(first.get(_MAKE)).lower()
    name = next((kind for word, kind in _MAKERS if word in maker), "")
    if _DNG in first:
        return "DNG"
    raw = any(
        _RAW_PHOTOMETRIC & set(file.numbers(tags.get(_PHOTOMETRIC), 1))
        or _RAW_COMPRESSION & set(file.numbers(tags.get(_COMPRESSION), 1))
        for tags in lists
    )
    no_picture = not (_STRIPS in first or _TILES in first)
    preview = file.numbers(first.get(_KIND), 1) == (1,) and _SUB_LISTS in first
    return (name or "raw") if raw or (name and (no_picture or preview)) else ""


def read(data: bytes) -> Picture:
    """Raises Refused."""
    try:
        file = TagFile(data)
        tags, following = file.entries(file.first)
        return _read(file, tags, 1 + _count_pages(file, following))
    except ValueError as error:
        raise damaged() from error


def _read(file: TagFile, tags: dict[int, Entry], pages: int) -> Picture:
    if any(tags[tag].size > 2**16 for tag in _COPIED if tag in tags and tag not in _LARGE):
        raise damaged()
    width, height = (_one(file, tags, tag, 0) for tag in (_WIDTH, _HEIGHT))
    compression, planar = _one(file, tags, _COMPRESSION, 1), _one(file, tags, _PLANAR, 1)
    if compression not in _READ:
        raise Refused(
            "it is a TIFF file compressed with "
            f"{_NAMES.get(compression, f'method {compression}')}, which is not read.",
            "Save it with LZW or without compression, or as PNG, and try again.",
        )
    bits = file.numbers(tags.get(_BITS)) or (1,)
    samples = _one(file, tags, _SAMPLES, len(bits))
    if not (width and height):
        raise damaged()
    if samples > 6 or max(bits) > 16 or _one(file, tags, _FORMAT, 1) not in (1, 4):
        raise Refused(
            f"it is a TIFF file of {samples} channels with {max(bits)} bits; up to 6 of whole "
            "numbers with up to 16 bits are read.",
            "Save it with 8 bits a channel and try again.",
        )
    tiled = _TILES in tags
    across = _one(file, tags, _TILE_WIDTH, 0) if tiled else width
    down = (
        _one(file, tags, _TILE_HEIGHT, 0) if tiled else min(_one(file, tags, _ROWS, height), height)
    )
    if not (across and down):
        raise damaged()
    parts = math.ceil(width / across) * math.ceil(height / down) * (samples if planar == 2 else 1)
    bytes_per_pixel = max(bits) * samples / 8
    part_bytes = int(across * down * bytes_per_pixel)
    offsets, counts = map(tags.get, (_TILES, _TILE_BYTES) if tiled else (_STRIPS, _STRIP_BYTES))
    if offsets is None:
        raise damaged()
    if parts > MAX_PARTS or offsets.count > MAX_PARTS or (counts and counts.count > MAX_PARTS):
        raise Refused(
            f"it is cut into {max(parts, offsets.count):,} strips or tiles; "
            f"at most {MAX_PARTS:,} are read.",
            SAVE_AS,
        )
    if offsets.count < parts:
        raise cut_short()
    starts, lengths = file.numbers(offsets, MAX_PARTS), file.numbers(counts, MAX_PARTS)
    if sum(lengths) > 2 * len(file.data):  # the same bytes unpacked over and over
        raise damaged()
    inside = 0.0
    memory = width * height * 4 + 2 * part_bytes + max(lengths, default=len(file.data))
    if compression == _JPEG:
        inside = _jpeg_seconds(file.data, starts, lengths)
        memory += across * down * 8
    if compression == _ZSTD:
        memory += _ZSTD_WINDOW
    raw = parts * part_bytes / (samples if planar == 2 else 1)
    profile = tags.get(_PROFILE)
    return Picture(
        TiffImagePlugin.TiffImageFile,
        _rewritten(file, tags),
        (width, height),
        memory=memory,
        seconds=inside + raw * RAW_SECONDS + parts * PART_SECONDS,
        frames=pages,
        bits=max(max(bits), 8),
        orientation=min(max(_one(file, tags, ORIENTATION, 1), 1), 8),
        profile=None
        if profile is None
        else bytes(file.data[profile.at : profile.at + profile.size])
        if profile.size <= MAX_PROFILE
        else b"",
        inverted=max(bits) == 16 and _one(file, tags, _PHOTOMETRIC, 1) == 0,
    )


def _one(file: TagFile, tags: dict[int, Entry], tag: int, default: int) -> int:
    return (file.numbers(tags.get(tag), 1) or (default,))[0]


def _count_pages(file: TagFile, at: int) -> int:
    seen: set[int] = set()
    while at and at not in seen and len(seen) < MAX_PAGES:
        seen.add(at)
        try:
            at = file.entries(at)[1]
        except ValueError:
            break
    return len(seen)


def _jpeg_seconds(data: bytes, starts: tuple[int, ...], lengths: tuple[int, ...]) -> float:
    """What the JPEG files inside cost. Raises Refused."""
    view = memoryview(data)
    return sum(
        JPEG_PART_SECONDS + jpeg.read(bytes(view[start : start + length])).seconds
        for start, length in zip(starts, lengths, strict=False)
    )


def _rewritten(file: TagFile, tags: dict[int, Entry]) -> bytes:
    """The file with a tag list of its own at the end. Values stay where they are, so does the
    picture.
    """
    copied = [tags[tag].raw for tag in sorted(_COPIED) if tag in tags]
    end = len(file.data) + len(file.data) % 2
    counted, last = ("Q", bytes(8)) if file.big else ("H", bytes(4))
    head = (
        file.data[:8] + struct.pack(file.order + "Q", end)
        if file.big
        else file.data[:4] + struct.pack(file.order + "I", end)
    )
    body = memoryview(file.data)[len(head) :]
    count = struct.pack(file.order + counted, len(copied))
    return b"".join([head, body, bytes(end - len(file.data)), count, *copied, last])
