"""What reading one image costs, hostile ones and honest ones: seconds, memory, and who waits
meanwhile.

    python benchmarks/images.py [--markdown]

Every input is made here, and read in a fresh process: seconds on the clock and of the processor,
peak memory beyond what the process had before (a helper process counted in), what became of it,
and the longest that an ordinary photograph took to be read by another thread meanwhile.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

sys.path.insert(0, str(Path(__file__).parents[1]))

PNG = b"\x89PNG\r\n\x1a\n"
LIMIT_MB, LIMIT_SECONDS = 300, 3


# ------------------------------------------------------------------------------ inputs


def photograph(width: int, height: int) -> Image.Image:
    """Soft colours with fine noise, so that it compresses as photographs do."""
    rng = np.random.default_rng(0)
    soft = Image.fromarray(rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8))
    pixels = np.asarray(soft.resize((width, height), Image.Resampling.BICUBIC))
    noise = np.tile(
        rng.integers(0, 12, (256, 256, 1), dtype=np.uint8), (height // 256 + 1, width // 256 + 1, 1)
    )
    return Image.fromarray((pixels // 2 + 60) + noise[:height, :width])


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def empty_png(
    width: int, height: int, bits: int = 8, color: int = 2, interlaced: int = 0, extra: bytes = b""
) -> bytes:
    """All pixels black: a thousandth of its size."""
    channels = {0: 1, 2: 3, 6: 4}[color]
    packing = zlib.compressobj(9)
    row = bytes(1 + width * channels * bits // 8)
    # more than enough for either order
    parts = [packing.compress(row * 64) for _ in range(height // 64 + 2)]
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlaced)
    return (
        PNG
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", b"".join(parts) + packing.flush())
        + chunk(b"IEND", b"")
    )


def repeated_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan, some 70 bytes, is repeated."""
    data = saved(
        Image.new("RGB", (width, height), (120, 60, 40)), "JPEG", progressive=True, quality=50
    )
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + b"\xff\xd9"


def text_bomb() -> bytes:
    """A PNG of 56x56 whose text unpacks to 400 MB."""
    packing = zlib.compressobj(9)
    parts = [packing.compress(bytes(2**20)) for _ in range(400)] + [packing.flush()]
    return empty_png(56, 56, extra=chunk(b"zTXt", b"Comment\0\0" + b"".join(parts)))


def profile_bomb() -> bytes:
    packing = zlib.compressobj(9)
    parts = [packing.compress(bytes(2**20)) for _ in range(400)] + [packing.flush()]
    return empty_png(56, 56, extra=chunk(b"iCCP", b"icc\0\0" + b"".join(parts)))


def tiff_of_tiles(width: int, height: int, tile: int) -> bytes:
    """Claims tiles far larger than the picture, packed with Deflate."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    packed = zlib.compress(bytes(2**20))
    values = {
        256: width,
        257: height,
        258: (8, 8, 8),
        259: 8,
        262: 2,
        277: 3,
        322: tile,
        323: tile,
        324: (8,),
        325: (len(packed),),
    }
    for tag, value in values.items():
        tags[tag] = value
    body = io.BytesIO()
    tags.save(body)
    listed = body.getvalue()[8:]
    return (
        b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + _moved(listed, 8 + len(packed) - 8)
    )


def _moved(listed: bytes, by: int) -> bytes:
    """A tag list that was written for offset 8, for `by` bytes further on."""
    count = struct.unpack_from("<H", listed)[0]
    out = bytearray(listed)
    for i in range(count):
        at = 2 + 12 * i
        _, kind, n, value = struct.unpack_from("<HHII", out, at)
        if n * {3: 2, 4: 4}.get(kind, 1) > 4:
            struct.pack_into("<I", out, at + 8, value + by)
    return bytes(out)


def strips(width: int, height: int, rows: int, compression: str = "tiff_lzw") -> bytes:
    TiffImagePlugin.STRIP_SIZE = rows * width * 3
    return saved(Image.new("RGB", (width, height), "brown"), "TIFF", compression=compression)


def gif_of_comments() -> bytes:
    """20 MB of comment blocks before a small picture."""
    data = saved(Image.new("P", (56, 56)), "GIF")
    start = data.index(b"\x2c", 13)
    return data[:start] + b"\x21\xfe" + (b"\xff" + bytes(255)) * 80_000 + b"\0" + data[start:]


def run_length_bmp(width: int, height: int) -> bytes:
    body = b"\x01\x00" * (width * height // 8)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    palette = b"".join(bytes([i, 255 - i, i, 0]) for i in range(256))
    return (
        b"BM"
        + struct.pack("<IHHI", 54 + 1024 + len(body), 0, 0, 54 + 1024)
        + header
        + palette
        + body
    )


def inputs() -> dict[str, Callable[[], bytes]]:
    """Name -> maker. The hostile ones first."""
    wide = (
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        .tobytes()
        .replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be"))
    )
    return {
        "PNG, 50 megapixels of black": lambda: empty_png(8192, 6100),
        "PNG, 50 megapixels, interlaced": lambda: empty_png(8192, 6100, interlaced=1),
        "PNG, 49 megapixels, 16 bits, transparent": lambda: empty_png(8000, 6100, 16, 6),
        "PNG, 10,000 megapixels claimed": lambda: (
            PNG
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", b"")
            + chunk(b"IEND", b"")
        ),
        "PNG, text that unpacks to 400 MB": text_bomb,
        "PNG, profile that unpacks to 400 MB": profile_bomb,
        "PNG, 5 million chunks": lambda: empty_png(56, 56, extra=chunk(b"tEXt", b"") * 5_000_000),
        "JPEG, progressive, 48 megapixels, 1,000 scans more": lambda: repeated_scans(
            8000, 6000, 1000
        ),
        "JPEG, progressive, 1 megapixel, 2,000 scans more": lambda: repeated_scans(
            1000, 1000, 2000
        ),
        "JPEG, progressive, 200 megapixels": lambda: repeated_scans(16000, 12500, 0),
        "JPEG, 4 million empty segments": lambda: (
            b"\xff\xd8"
            + b"\xff\xfe\0\2" * 4_000_000
            + saved(Image.new("RGB", (56, 56)), "JPEG")[2:]
        ),
        "TIFF, tiles of 1,200 megapixels": lambda: tiff_of_tiles(1000, 1000, 20_000),
        "TIFF, 10,000 strips of a row": lambda: strips(1000, 10_000, 1),
        "TIFF, 50 megapixels, LZW": lambda: strips(8192, 6100, 64),
        "GIF, 20 MB of comments": gif_of_comments,
        "GIF, 50 megapixels": lambda: saved(Image.new("P", (8192, 6100)), "GIF"),
        "BMP, run-length coded, 30 megapixels": lambda: run_length_bmp(6000, 5000),
        "WebP, 13 megapixels of one colour, lossless": lambda: saved(
            Image.new("RGB", (4160, 3120)), "WEBP", lossless=True
        ),
        "JPEG, HAM10000's size": lambda: saved(photograph(600, 450), "JPEG", quality=95),
        "JPEG, 12 megapixels": lambda: saved(photograph(4032, 3024), "JPEG", quality=92),
        "JPEG, 12 megapixels, progressive, profile": lambda: saved(
            photograph(4032, 3024), "JPEG", quality=92, progressive=True, icc_profile=wide
        ),
        "JPEG, 48 megapixels": lambda: saved(photograph(8000, 6000), "JPEG", quality=90),
        "JPEG, 200 megapixels": lambda: saved(photograph(16320, 12240), "JPEG", quality=85),
        "PNG, 12 megapixels": lambda: saved(photograph(4032, 3024), "PNG", compress_level=1),
        "WebP, 12 megapixels": lambda: saved(photograph(4032, 3024), "WEBP", quality=85, method=0),
        "TIFF, 12 megapixels, no compression": lambda: saved(photograph(4032, 3024), "TIFF"),
        "BMP, 12 megapixels": lambda: saved(photograph(4032, 3024), "BMP"),
    }


# --------------------------------------------------------------------------- measuring


def memory_mb(field: str) -> float:
    line = next(
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith(field)
    )
    return int(line.split()[1]) / 1024


def measure(path: str) -> dict:
    """In this process, which should be a fresh one."""
    from ham.config import ImageError
    from ham.images import check_image, read_file

    ordinary = saved(photograph(600, 450), "JPEG", quality=95)
    for _ in range(3):
        check_image("ordinary", ordinary)
    alone, during, over = _time(check_image, ordinary), [], threading.Event()

    def ask() -> None:
        while not over.is_set():
            during.append(_time(check_image, ordinary))
            time.sleep(0.02)

    cost = _measure_one(path, check_image, read_file, ImageError)  # for memory: nobody beside it
    other = threading.Thread(target=ask)
    other.start()
    time.sleep(0.05)
    during.clear()
    _measure_one(path, check_image, read_file, ImageError)
    over.set()
    other.join()
    return cost | {"alone": alone, "during": max(during, default=0.0)}


def _measure_one(path: str, check_image, read_file, image_error) -> dict:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = memory_mb("VmRSS")
    clock, processor = time.perf_counter(), _processor()
    try:
        image = check_image(path, read_file(path))
        outcome = f"read, {image.size[0]:,} x {image.size[1]:,}"
    except image_error as error:
        outcome = error.why
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "seconds": time.perf_counter() - clock,
        "processor": _processor() - processor,
        "outcome": outcome,
        "memory": memory_mb("VmHWM") - before + children,
    }


def _processor() -> float:
    own, children = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _time(check_image, data: bytes) -> float:
    start = time.perf_counter()
    check_image("ordinary", data)
    return time.perf_counter() - start


def rows(only: str) -> Iterator[tuple[str, int, dict]]:
    with tempfile.TemporaryDirectory() as folder:
        for name, make in inputs().items():
            if only.lower() in name.lower():
                path = Path(folder, "input")
                path.write_bytes(make())
                shown = subprocess.run(
                    [sys.executable, __file__, "--one", str(path)],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
                yield name, path.stat().st_size, json.loads(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", help="measure this file in this process, and print JSON")
    parser.add_argument("--only", default="", help="inputs whose name holds this")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(chosen.one)))
        return
    print(
        "| input | MB | s | s of the processor | MB of memory | another image waits, s | what "
        "became of it |"
    )
    print("|---|---|---|---|---|---|---|")
    over = []
    for name, size, cost in rows(chosen.only):
        print(
            f"| {name} | {size / 2**20:.1f} | {cost['seconds']:.2f} | {cost['processor']:.2f} | "
            f"{cost['memory']:.0f} "
            f"| {cost['during']:.2f} (alone {cost['alone']:.2f}) | {cost['outcome']} "
            "|",
            flush=True,
        )
        if cost["memory"] > LIMIT_MB or cost["processor"] > LIMIT_SECONDS:
            over.append(name)
    print(
        f"\nOver {LIMIT_MB} MB or {LIMIT_SECONDS} s of the processor: {', '.join(over) or 'none'}."
    )


if __name__ == "__main__":
    main()
