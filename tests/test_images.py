"""Images are read right or refused in words, by one step whatever road they come by."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from ham.config import ImageError
from ham.images import check_image, squash

RED, WHITE = (255, 0, 0), (255, 255, 255)
PNG = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(color=RED, size=(56, 56), mode="RGB") -> Image.Image:
    return Image.new(mode, size, color)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_16_bit(values: np.ndarray, color_type: int, transparent: tuple[int, ...] = ()) -> bytes:
    """A PNG of 16 bits a channel, (h, w, channels), which Pillow reads but does not write in colour."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    key = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    return PNG + chunk(b"IHDR", header) + key + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def bomb(size: tuple[int, int]) -> bytes:
    """A PNG that claims this size and holds no pixel."""
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def refusal(data: bytes, name: str = "photo.png") -> ImageError:
    with pytest.raises(ImageError) as caught:
        check_image(name, data)
    error = caught.value
    assert error.what == name
    assert error.why.endswith(".")
    assert error.todo.endswith(".")
    return error


# ------------------------------------------------------------------------ what is answered


def test_a_png_is_squashed_by_the_step_that_made_the_data():
    pixels = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    checked = check_image("a.png", encoded(image))
    assert np.array_equal(checked.seen, squash(image))
    assert np.array_equal(checked.original, pixels)
    assert checked.size == (200, 150)
    assert checked.name == "a.png"
    assert checked.notes == ()


def test_an_image_of_28_by_28_pixels_is_seen_as_it_is():
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    assert np.array_equal(check_image("a.png", encoded(Image.fromarray(pixels))).seen, pixels)


def test_what_is_kept_to_be_shown_is_at_most_640_pixels_long():
    checked = check_image("a.jpg", encoded(plain(size=(1280, 320)), "JPEG"))
    assert checked.original.shape == (160, 640, 3)
    assert checked.size == (1280, 320)


def test_the_arrays_are_read_only():
    checked = check_image("a.png", encoded(plain()))
    assert not checked.seen.flags.writeable
    assert not checked.original.flags.writeable


def test_half_transparent_red_on_white_is_pink():
    checked = check_image("a.png", encoded(plain((255, 0, 0, 128), mode="RGBA")))
    assert checked.seen[0, 0].tolist() == [255, 127, 127]  # 0 * 128/255 + 255 * 127/255
    assert checked.notes[0] == "Transparent parts are shown on white."


def test_an_opaque_alpha_channel_is_no_news():
    checked = check_image("a.png", encoded(plain((255, 0, 0, 255), mode="RGBA")))
    assert checked.seen[0, 0].tolist() == [255, 0, 0]
    assert not any("white" in note for note in checked.notes)


@pytest.mark.parametrize("image", [
    Image.new("LA", (56, 56), (0, 0)),
    Image.new("P", (56, 56), 0),
    Image.new("RGB", (56, 56), (1, 2, 3)),
], ids=["grey with alpha", "palette", "one colour"])
def test_every_kind_of_full_transparency_is_white(image):
    options = {"LA": {}, "P": {"transparency": 0}, "RGB": {"transparency": (1, 2, 3)}}[image.mode]
    checked = check_image("a.png", encoded(image, **options))
    assert checked.seen[14, 14].tolist() == [255, 255, 255]
    assert "Transparent parts are shown on white." in checked.notes


@pytest.mark.parametrize(("value", "seen"), [(65535, 255), (32768, 128), (256, 1), (255, 0), (0, 0)])
@pytest.mark.parametrize(("color_type", "channels"), [(0, 1), (2, 3)], ids=["grey", "colour"])
def test_16_bits_keep_the_high_byte(value, seen, color_type, channels):
    checked = check_image("a.png", png_16_bit(np.full((30, 30, channels), value), color_type))
    assert checked.seen[5, 5].tolist() == [seen] * 3
    assert "Reduced from 16 to 8 bits a channel." in checked.notes


def test_16_bits_with_alpha_are_composited():
    values = np.tile(np.array([65535, 0, 0, 32768]), (30, 30, 1))
    assert check_image("a.png", png_16_bit(values, 6)).seen[0, 0].tolist() == [255, 127, 127]


def test_a_transparent_16_bit_grey_is_white_and_its_neighbour_stays():
    values = np.full((30, 30, 1), 1000)
    values[:, 15:] = 1001  # the same high byte
    checked = check_image("a.png", png_16_bit(values, 0, transparent=(1000,)))
    assert checked.original[0, 0].tolist() == [255, 255, 255]
    assert checked.original[0, 29].tolist() == [3, 3, 3]


def test_a_transparent_16_bit_colour_is_refused():
    assert "16-bit" in refusal(png_16_bit(np.full((30, 30, 3), 1000), 2, transparent=(1000, 1000, 1000))).why


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_few_colours_become_rgb(mode):
    checked = check_image("a.png", encoded(plain(WHITE).convert(mode)))
    assert checked.seen.shape == (28, 28, 3)
    assert (checked.seen == 255).all()


def test_a_grey_image_is_answered_and_noted():
    ramp = Image.fromarray(np.tile(np.arange(56, dtype=np.uint8) * 4, (56, 1)))
    checked = check_image("a.png", encoded(ramp))
    assert checked.notes == ("It is grey; the models learned from colour images.",)
    assert (checked.seen[..., 0] == checked.seen[..., 2]).all()


def test_one_even_colour_is_answered_and_noted():
    assert "no lesion" in check_image("a.png", encoded(plain())).notes[-1]


def test_cmyk_red_is_red():
    checked = check_image("a.jpg", encoded(Image.new("CMYK", (56, 56), (0, 255, 255, 0)), "JPEG", quality=95))
    assert np.allclose(checked.seen[14, 14], RED, atol=4)
    assert any("CMYK" in note for note in checked.notes)


def marked_corner(orientation: int | None, kind: str, mark=(0, 0)) -> bytes:
    """40 x 80, white, its `mark` quarter (column, row) red."""
    image = plain(WHITE, (40, 80))
    image.paste(RED, (mark[0] * 20, mark[1] * 40, mark[0] * 20 + 20, mark[1] * 40 + 40))
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    return encoded(image, kind, exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("orientation", "corner", "size"), [
    (1, (0, 0), (40, 80)), (3, (-1, -1), (40, 80)), (6, (0, -1), (80, 40)), (8, (-1, 0), (80, 40)),
])
def test_exif_turns_the_top_left_corner_where_it_belongs(kind, orientation, corner, size):
    checked = check_image("a.jpg", marked_corner(orientation, kind))
    assert np.allclose(checked.seen[corner], RED, atol=12)  # 6 means: turn clockwise, top left goes top right
    assert np.allclose(checked.original[corner], RED, atol=12)
    assert sum(np.allclose(checked.seen[y, x], RED, atol=12) for y in (0, -1) for x in (0, -1)) == 1
    assert checked.size == size
    assert any("upright" in note for note in checked.notes) == (orientation != 1)


def test_broken_exif_does_not_refuse_the_pixels():
    data = marked_corner(6, "JPEG").replace(b"Exif\0\0MM", b"Exif\0\0XX").replace(b"Exif\0\0II", b"Exif\0\0XX")
    assert check_image("a.jpg", data).size == (40, 80)


def test_of_an_animation_the_first_frame_is_taken():
    data = encoded(plain(RED), save_all=True, append_images=[plain((0, 0, 255)), plain((0, 255, 0))])
    checked = check_image("a.png", data)
    assert checked.seen[0, 0].tolist() == [255, 0, 0]
    assert checked.notes[0] == "Animated: only the first of its 3 frames is used."


def swapped_profile() -> bytes:
    """sRGB with the red and the green primary exchanged: following it makes red green."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    return bytes(profile.replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be")))


def test_an_embedded_colour_profile_is_followed_and_named():
    checked = check_image("a.png", encoded(plain(RED), icc_profile=swapped_profile()))
    assert np.allclose(checked.seen[0, 0], (0, 255, 0), atol=6)
    assert checked.notes[0].startswith("Colours converted from Swap")
    assert checked.notes[0].endswith("to sRGB.")


def test_the_srgb_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    checked = check_image("a.png", encoded(plain((10, 200, 30)), icc_profile=profile))
    assert checked.seen[0, 0].tolist() == [10, 200, 30]
    assert not any("Colours" in note for note in checked.notes)


def test_a_broken_colour_profile_is_left_out():
    checked = check_image("a.png", encoded(plain(), icc_profile=b"no profile at all"))
    assert checked.seen[0, 0].tolist() == [255, 0, 0]
    assert "Its colour profile cannot be read and was left out." in checked.notes


def test_what_a_file_is_is_told_by_its_content():
    assert check_image("really-a.jpg", encoded(plain(), "PNG")).size == (56, 56)
    assert check_image("no extension", encoded(plain(), "JPEG")).size == (56, 56)


@pytest.mark.parametrize(("size", "noted"), [((200, 100), False), ((202, 100), True), ((100, 202), True)])
def test_a_long_image_is_noted(size, noted):
    assert any("squashed" in note for note in check_image("a.png", encoded(plain(size=size))).notes) == noted


# ------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(("data", "kind"), [
    (encoded(plain(), "WEBP"), "a WebP file"), (encoded(plain(), "GIF"), "a GIF file"),
    (encoded(plain(), "TIFF"), "a TIFF file"), (encoded(plain(), "BMP"), "a BMP file"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC file"), (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF file"),
    (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video"), (b"%PDF-1.7\n", "a PDF file"),
    (b"PK\x03\x04" + bytes(30), "a zip archive"), (b"8BPS" + bytes(30), "a Photoshop file"),
    (bytes(128) + b"DICM" + bytes(30), "a DICOM file"),
    (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_other_formats_are_named(data, kind):
    error = refusal(data, "photo.png")
    assert error.why == f"this is {kind}; only PNG and JPEG are read."
    assert error.todo == "Save it as PNG or JPEG and try again."


def test_no_image_at_all_is_said():
    assert refusal(b"patient,age\n1,50\n").why == "this is not an image; only PNG and JPEG are read."


def test_an_empty_file_is_said():
    assert refusal(b"").why == "the file is empty."


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(kind, share):
    pixels = np.random.default_rng(2).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(pixels), kind)
    assert refusal(data[:int(len(data) * share)]).todo == "Download or export it again and try once more."


def test_a_truncated_file_is_called_that():
    pixels = np.random.default_rng(2).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(pixels), "JPEG")
    assert "cut short" in refusal(data[:len(data) // 2]).why


def test_a_flipped_bit_in_a_png_is_found_by_its_checksum():
    data = bytearray(encoded(Image.fromarray(np.random.default_rng(3).integers(0, 256, (60, 60, 3), dtype=np.uint8))))
    check_image("a.png", bytes(data))
    data[len(data) // 2] ^= 1
    assert "damaged" in refusal(bytes(data)).why


def test_more_than_20_megabytes_are_refused_unread():
    assert refusal(PNG + bytes(64 * 2**20)).why == "it has 64.0 MB; at most 64 MB are read."


@pytest.mark.parametrize("size", [(10_000, 10_000), (60_000, 60_000)])  # Pillow warns of the one, raises on the other
def test_a_decompression_bomb_is_refused_by_its_header_alone(size):
    assert f"{size[0]:,} x {size[1]:,} pixels; at most 50 million" in refusal(bomb(size)).why


def test_no_warning_leaves_and_the_filters_stay_as_they_were():
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        inside = list(warnings.filters)
        check_image("a.jpg", marked_corner(6, "JPEG"))
        refusal(bomb((20_000, 5_000)))
        assert warnings.filters == inside
    assert not seen
    assert warnings.filters == before


@pytest.mark.parametrize(("size", "answered"), [((28, 28), True), ((27, 100), False), ((1, 1), False)])
def test_an_image_smaller_than_what_the_models_see_is_refused(size, answered):
    if answered:
        assert check_image("a.png", encoded(plain(size=size))).size == size
    else:
        assert "the models look at 28 x 28" in refusal(encoded(plain(size=size))).why


@pytest.mark.parametrize(("size", "answered"), [((300, 30), True), ((301, 30), False), ((30, 301), False)])
def test_an_image_ten_times_as_long_as_wide_is_the_limit(size, answered):
    if answered:
        assert check_image("a.png", encoded(plain(size=size))).size == size
    else:
        assert "nothing of its shapes" in refusal(encoded(plain(size=size))).why


def test_files_are_never_written(monkeypatch):
    monkeypatch.setattr("builtins.open", lambda *a, **k: pytest.fail("a file was opened"))
    check_image("a.png", encoded(plain()))
