"""Pictures of anything but a lesion, drawn: what the gate is fitted against beside photographs.

Each function of DRAWN takes a generator and gives uint8 (h, w, 3), RGB. benchmarks/gate.py checks
the gate with pictures of its own, so that no drawing is judged by the hand that drew it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Rng = np.random.Generator
WORDS = (
    "the of patient report image result date page value total file open save model class and "
    "with history therapy table figure data train test Anna 2024 17 % Lab skin street invoice "
    "hello world print return def import error settings view help edit menu search user"
)


def size(rng: Rng) -> tuple[int, int]:
    """Width and height as cameras, screens and web pages have them, reduced."""
    longest, ratio = int(rng.integers(160, 520)), rng.choice([1.0, 4 / 3, 1.5, 16 / 9, 0.75, 0.6])
    return (longest, int(longest / ratio)) if ratio >= 1 else (int(longest * ratio), longest)


def colour(rng: Rng) -> tuple[int, int, int]:
    return tuple(int(v) for v in rng.integers(0, 256, 3))


def skin(rng: Rng) -> tuple[int, int, int]:
    """From very pale to very dark, pinkish to brown; as photographs and dermatoscopes show it."""
    light = rng.uniform(0.15, 1)
    rgb = light * np.array([245, rng.uniform(150, 225), rng.uniform(120, 215)])
    return tuple(int(v) for v in np.clip(rgb + rng.normal(0, 8, 3), 0, 255))


def any_colour(rng: Rng) -> tuple[int, int, int]:
    return skin(rng) if rng.random() < 0.45 else colour(rng)


def grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))


def to_pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255).astype(np.uint8)


def mixed(t: np.ndarray, colours: list[tuple[int, int, int]]) -> np.ndarray:
    """Colours over t in 0..1, (h, w, 3)."""
    at = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(t, at, [c[i] for c in colours]) for i in range(3)], axis=-1)


# -------------------------------------------------------------------------- even, gradients


def flat(rng: Rng) -> np.ndarray:
    width, height = size(rng)
    base = np.full((height, width, 3), any_colour(rng), float)
    if rng.random() < 0.5:
        base += rng.normal(0, rng.uniform(0.3, 4), (*base.shape[:2], rng.choice([1, 3])))
    if rng.random() < 0.2:  # a sensor's shading
        x, y = grid(width, height)
        base *= (1 - rng.uniform(0, 0.3) * (x**2 + y**2))[..., None]
    return to_pixels(base)


def gradient(rng: Rng) -> np.ndarray:
    width, height = size(rng)
    x, y = grid(width, height)
    kind = rng.integers(0, 3)
    if kind == 0:
        angle = rng.uniform(0, 2 * np.pi)
        t = (x * np.cos(angle) + y * np.sin(angle)) / 2.8 + 0.5
    elif kind == 1:
        t = np.hypot(x - rng.uniform(-0.7, 0.7), y - rng.uniform(-0.7, 0.7)) / rng.uniform(0.8, 2)
    else:  # four corners
        a, b = (x + 1) / 2, (y + 1) / 2
        corners = [np.array(any_colour(rng), float) for _ in range(4)]
        rows = [corners[i] + a[..., None] * (corners[i + 1] - corners[i]) for i in (0, 2)]
        return to_pixels(rows[0] + b[..., None] * (rows[1] - rows[0]))
    picture = mixed(np.clip(t, 0, 1), [any_colour(rng) for _ in range(rng.integers(2, 5))])
    if rng.random() < 0.3:
        picture += rng.normal(0, rng.uniform(0.5, 3), picture.shape)
    return to_pixels(picture)


def clouds(rng: Rng) -> np.ndarray:
    """1/f noise in one or three channels."""
    width, height = size(rng)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    steep, channels = rng.uniform(0.5, 2.6), rng.choice([1, 3])
    fields = []
    for _ in range(channels):
        spectrum = np.fft.rfft2(rng.normal(size=(height, width))) / frequency**steep
        spectrum[0, 0] = 0
        field = np.fft.irfft2(spectrum, (height, width))
        fields.append(field / field.std())
    noise = np.stack(fields * (3 // channels), -1)
    if channels == 1 and rng.random() < 0.5:
        return to_pixels(mixed(0.5 + noise[..., 0] / 5, [any_colour(rng), any_colour(rng)]))
    return to_pixels(np.array(any_colour(rng)) + rng.uniform(4, 70) * noise)


# ------------------------------------------------------------------------------------ noise


def pixel_noise(rng: Rng) -> np.ndarray:
    width, height = size(rng)
    kind, channels = rng.integers(0, 4), int(rng.choice([1, 3]))
    if kind == 0:
        values = rng.integers(0, 256, (height, width, channels)).astype(float)
    elif kind == 1:
        base = np.array(any_colour(rng), float)
        values = base + rng.normal(0, rng.uniform(8, 90), (height, width, channels))
    elif kind == 2:  # salt and pepper
        values = np.full((height, width, 3), any_colour(rng), float)
        hit = rng.random((height, width)) < rng.uniform(0.02, 0.5)
        values[hit] = rng.choice([0, 255], hit.sum())[:, None]
    else:  # blocks
        side = int(rng.integers(2, 40))
        small = rng.integers(0, 256, (height // side + 1, width // side + 1, channels))
        values = small.repeat(side, 0).repeat(side, 1)[:height, :width].astype(float)
    picture = to_pixels(np.broadcast_to(values, (height, width, 3)))
    if rng.random() < 0.3:
        blurred = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 6)))
        picture = np.asarray(blurred)
    return picture


def coarse_noise(rng: Rng) -> np.ndarray:
    """Noise that is still there at 28x28 pixels."""
    width, height = size(rng)
    rows, columns, channels = *(int(v) for v in rng.integers(20, 60, 2)), int(rng.choice([1, 3]))
    values = rng.normal(0, rng.uniform(6, 70), (rows, columns, channels))
    small = Image.fromarray(to_pixels(np.array(any_colour(rng)) + values))
    how = Image.Resampling.NEAREST if rng.random() < 0.4 else Image.Resampling.BICUBIC
    return np.asarray(small.resize((width, height), how))


def pattern(rng: Rng) -> np.ndarray:
    """Stripes, checks, rings, moiré, dots."""
    width, height = size(rng)
    x, y = grid(width, height)
    turns, angle = rng.uniform(2, 40), rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    t = (
        np.sin(turns * u),
        np.sign(np.sin(turns * u) * np.sin(turns * v)),
        np.sin(turns * np.hypot(x, y) * rng.uniform(0.5, 2)),
        np.sin(turns * u) * np.sin(turns * v),
        np.sin(turns * u + 3 * np.sin(turns / 3 * v)),
        (np.hypot(u * turns / 4 % 1 - 0.5, v * turns / 4 % 1 - 0.5) < 0.3) * 2 - 1,
    )[rng.integers(0, 6)]
    return to_pixels(mixed(t / 2 + 0.5, [any_colour(rng), any_colour(rng)]))


# ---------------------------------------------------------------------- drawings and screens


def font(rng: Rng, points: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(points)


def words(rng: Rng, count: int) -> str:
    return " ".join(rng.choice(WORDS.split(), count))


def paper(rng: Rng) -> tuple[int, int, int]:
    tone = rng.random()
    if tone < 0.5:
        return (255, 255, 255) if tone < 0.35 else tuple(int(v) for v in rng.integers(225, 256, 3))
    return any_colour(rng)


def ink(rng: Rng, ground: tuple[int, int, int]) -> tuple[int, int, int]:
    if rng.random() < 0.6:
        return (20, 20, 20) if sum(ground) > 380 else (240, 240, 240)
    return colour(rng)


def new_sheet(rng: Rng) -> tuple[Image.Image, ImageDraw.ImageDraw, tuple[int, int, int]]:
    ground = paper(rng)
    sheet = Image.new("RGB", size(rng), ground)
    return sheet, ImageDraw.Draw(sheet), ground


def text(rng: Rng) -> np.ndarray:
    sheet, draw, ground = new_sheet(rng)
    points, top = int(rng.integers(9, 44)), int(rng.integers(2, 20))
    dark = ink(rng, ground)
    if rng.random() < 0.25:  # a few large letters
        points = int(rng.integers(40, 160))
        draw.text(
            (sheet.width * rng.uniform(0, 0.3), sheet.height * rng.uniform(0, 0.4)),
            words(rng, int(rng.integers(1, 3))),
            dark,
            font(rng, points),
        )
        return np.asarray(sheet)
    while top < sheet.height:
        if rng.random() > 0.12:
            draw.text((rng.integers(3, 20), top), words(rng, 14), dark, font(rng, points))
        top += int(points * rng.uniform(1.1, 1.7))
    return np.asarray(sheet)


def scribble(rng: Rng) -> np.ndarray:
    """Handwriting and line drawings."""
    sheet, draw, ground = new_sheet(rng)
    for _ in range(rng.integers(2, 30)):
        n = int(rng.integers(4, 40))
        steps = np.cumsum(rng.normal(0, rng.uniform(4, 25), (n, 2)), 0)
        start = rng.random(2) * sheet.size
        draw.line(
            [tuple(p) for p in steps + start],
            ink(rng, ground),
            int(rng.integers(1, 7)),
            joint="curve",
        )
    return np.asarray(sheet)


def shape(rng: Rng, draw: ImageDraw.ImageDraw, within: tuple[int, int], largest: float) -> None:
    x, y = rng.random(2) * within
    w, h = rng.uniform(0.03, largest, 2) * within
    fill, edge = any_colour(rng), colour(rng) if rng.random() < 0.5 else None
    kind = rng.integers(0, 5)
    box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    thick = int(rng.integers(1, 5))
    if kind == 0:
        draw.rectangle(box, fill, edge, thick)
    elif kind == 1:
        draw.ellipse(box, fill, edge, thick)
    elif kind == 2:
        n = int(rng.integers(3, 9))
        points = [
            (x + w / 2 * math.cos(a) * rng.uniform(0.4, 1), y + h / 2 * math.sin(a))
            for a in np.linspace(0, 2 * np.pi, n, endpoint=False)
        ]
        draw.polygon(points, fill, edge)
    elif kind == 3:
        draw.line((x, y, x + w, y + h * rng.choice([-1, 1])), fill, int(rng.integers(1, 12)))
    else:
        draw.arc(box, rng.integers(0, 180), rng.integers(180, 360), fill, int(rng.integers(2, 9)))


def shapes(rng: Rng) -> np.ndarray:
    sheet, draw, _ = new_sheet(rng)
    largest = rng.uniform(0.15, 0.9)
    for _ in range(rng.integers(1, 40)):
        shape(rng, draw, sheet.size, largest)
    return np.asarray(sheet)


def cartoon(rng: Rng) -> np.ndarray:
    """House, sun, hills, trees, a figure: a child's picture."""
    w, h = size(rng)
    sheet = Image.new("RGB", (w, h), colour(rng))
    draw = ImageDraw.Draw(sheet)
    horizon = h * rng.uniform(0.4, 0.75)
    for _ in range(rng.integers(1, 4)):
        top = horizon - h * rng.uniform(0, 0.3)
        line = [(i, top + h * 0.08 * math.sin(i / w * rng.uniform(3, 9))) for i in range(0, w, 4)]
        draw.polygon([(0, h), *line, (w, h)], colour(rng))
    edge = colour(rng) if rng.random() < 0.4 else (0, 0, 0)
    for _ in range(rng.integers(1, 5)):
        x, s = rng.uniform(0, w), rng.uniform(0.05, 0.25) * h
        y = horizon + rng.uniform(-0.05, 0.2) * h
        kind = rng.integers(0, 4)
        if kind == 0:
            draw.rectangle((x - s, y - s, x + s, y + s), colour(rng), edge)
            draw.polygon([(x - 1.2 * s, y - s), (x + 1.2 * s, y - s), (x, y - 2 * s)], colour(rng))
            draw.rectangle((x - s / 4, y, x + s / 4, y + s), colour(rng), edge)
        elif kind == 1:
            draw.rectangle((x - s / 8, y - s, x + s / 8, y + s), colour(rng))
            draw.ellipse((x - s / 2, y - 2 * s, x + s / 2, y - s / 2), colour(rng), edge)
        elif kind == 2:
            draw.ellipse((x - s / 3, y - 2 * s, x + s / 3, y - 1.3 * s), skin(rng), edge)
            for a, b in (((0, -1.3), (0, 0)), ((0, -1), (0.5, -0.6)), ((0, -1), (-0.5, -0.6)),
                         ((0, 0), (0.4, 1)), ((0, 0), (-0.4, 1))):  # fmt: skip
                draw.line((x + a[0] * s, y + a[1] * s, x + b[0] * s, y + b[1] * s), edge, 3)
        else:
            draw.ellipse((x - s, h * 0.1 - s, x + s, h * 0.1 + s), (250, 220, 60))
    return np.asarray(sheet)


def blob(rng: Rng) -> np.ndarray:
    """A spot of one colour on a ground of another, as one draws a mole, a ball or a coin."""
    w, h = size(rng)
    sheet = Image.new("RGB", (w, h), any_colour(rng))
    draw = ImageDraw.Draw(sheet)
    for _ in range(rng.integers(1, 4)):
        x, y, r = rng.uniform(0.3, 0.7) * w, rng.uniform(0.3, 0.7) * h, rng.uniform(0.1, 0.45) * h
        angles = np.linspace(0, 2 * np.pi, 60)
        wobble = sum(
            rng.normal(0, 0.1 / k) * np.sin(k * angles + rng.uniform(0, 6)) for k in range(1, 7)
        )
        rim = r * (1 + (wobble if rng.random() < 0.5 else 0 * angles))
        points = np.stack([x + rim * np.cos(angles), y + rim * np.sin(angles)], 1)
        draw.polygon([tuple(p) for p in points], any_colour(rng))
    return np.asarray(sheet)


def screen(rng: Rng) -> np.ndarray:
    """A window, a web page or a program: bars, panels, buttons, lines of text."""
    w, h = size(rng)
    dark = rng.random() < 0.35
    ground = tuple(int(v) for v in (rng.integers(10, 60, 3) if dark else rng.integers(220, 256, 3)))
    sheet = Image.new("RGB", (w, h), ground)
    draw = ImageDraw.Draw(sheet)
    letters = (225, 225, 225) if dark else (30, 30, 30)
    accent = colour(rng)
    bar = int(h * rng.uniform(0.05, 0.14))
    draw.rectangle((0, 0, w, bar), colour(rng))
    draw.text((6, 2), words(rng, 4), letters, font(rng, max(8, bar // 2)))
    left = int(w * rng.choice([0, 0.2, 0.28]))
    if left:
        draw.rectangle((0, bar, left, h), tuple(max(0, v - 18) for v in ground))
        for y in range(bar + 8, h, 22):
            draw.text((6, y), words(rng, 2), letters, font(rng, 10))
    top = bar + 8
    while top < h:
        kind, tall = rng.integers(0, 5), int(rng.integers(14, 70))
        x = left + 8
        if kind == 0:
            draw.rounded_rectangle((x, top, x + w * rng.uniform(0.1, 0.4), top + 20), 4, accent)
        elif kind == 1:
            draw.rectangle((x, top, w - 8, top + tall), None, letters)
            for i in range(3):
                draw.line((x, top + i * tall / 3, w - 8, top + i * tall / 3), letters)
        elif kind == 2:
            draw.rectangle((x, top, x + tall, top + tall), colour(rng))
            draw.text((x + tall + 8, top), words(rng, 5), letters, font(rng, 12))
        else:
            for y in range(top, top + tall, 14):
                draw.text((x, y), words(rng, int(rng.integers(2, 14))), letters, font(rng, 11))
        top += tall + 10
    return np.asarray(sheet)


def chart(rng: Rng) -> np.ndarray:
    w, h = size(rng)
    ground = (255, 255, 255) if rng.random() < 0.7 else paper(rng)
    sheet = Image.new("RGB", (w, h), ground)
    draw = ImageDraw.Draw(sheet)
    axis = ink(rng, ground)
    left, right, top, bottom = 0.12 * w, 0.95 * w, 0.1 * h, 0.88 * h
    draw.text((left, 2), words(rng, 4), axis, font(rng, 12))
    kind, n = rng.integers(0, 6), int(rng.integers(3, 16))
    if kind < 4:
        draw.line((left, top, left, bottom, right, bottom), axis, 2)
        for i in range(6):
            y = bottom - i * (bottom - top) / 5
            draw.text((2, y - 6), str(i * 20), axis, font(rng, 9))
            if rng.random() < 0.5:
                draw.line((left, y, right, y), (205, 205, 205))
    heights = rng.random(n)
    if kind == 0:
        step = (right - left) / n
        hue = colour(rng)
        for i, v in enumerate(heights):
            box = (
                left + i * step + 3,
                bottom - v * (bottom - top),
                left + (i + 0.8) * step,
                bottom,
            )
            draw.rectangle(box, colour(rng) if n < 6 else hue)
    elif kind == 1:
        for _ in range(rng.integers(1, 5)):
            ys = bottom - (bottom - top) * np.clip(np.cumsum(rng.normal(0, 0.1, n * 4)) + 0.5, 0, 1)
            points = list(zip(np.linspace(left, right, n * 4), ys, strict=True))
            draw.line(points, colour(rng), 2)
    elif kind == 2:
        for _ in range(n * 12):
            x, y = rng.uniform(left, right), rng.uniform(top, bottom)
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), colour(rng))
    elif kind == 3:
        for _ in range(n * 3):
            x = rng.uniform(left, right)
            draw.line((x, bottom, x, rng.uniform(top, bottom)), axis, 2)
    elif kind == 4:
        begin = 0.0
        for share in rng.dirichlet(np.ones(n)) * 360:
            draw.pieslice((w / 2 - h * 0.4, h * 0.1, w / 2 + h * 0.4, h * 0.9), begin,
                          begin + share, colour(rng), axis)  # fmt: skip
            begin += share
    else:
        side = int(rng.integers(3, 12))
        ends = [any_colour(rng), any_colour(rng)]
        wide, tall = (right - left) / side, (bottom - top) / side
        for i in range(side):
            for j in range(side):
                x, y = left + i * wide, top + j * tall
                box = (x, y, x + wide, y + tall)
                draw.rectangle(box, tuple(int(v) for v in mixed(np.array(rng.random()), ends)))
    return np.asarray(sheet)


# ------------------------------------------------------------------------------ other medicine


def branches(
    rng: Rng, draw: ImageDraw.ImageDraw, x: float, y: float, angle: float, width: float,
    step: float, fill: tuple[int, int, int], depth: int,
) -> None:  # fmt: skip
    while width > 0.8 and depth:
        for _ in range(int(rng.integers(4, 10))):
            angle += rng.normal(0, 0.18)
            to = x + step * math.cos(angle), y + step * math.sin(angle)
            draw.line((x, y, *to), fill, max(1, round(width)))
            x, y = to
        branches(rng, draw, x, y, angle + rng.uniform(0.4, 0.9), width * 0.7, step, fill, depth - 1)
        angle -= rng.uniform(0.1, 0.5)
        width *= 0.85
        depth -= 1


def fundus(rng: Rng) -> np.ndarray:
    side = int(rng.integers(220, 480))
    w = int(side * rng.choice([1, 1.2, 1.4]))
    x, y = np.meshgrid(np.arange(w) - w / 2, np.arange(side) - side / 2)
    radius = side * rng.uniform(0.42, 0.62)
    inside = np.hypot(x, y) < radius
    base = np.array([rng.uniform(130, 240), rng.uniform(45, 130), rng.uniform(10, 80)])
    shade = 1 - rng.uniform(0.2, 0.6) * (np.hypot(x, y) / radius) ** 2
    picture = base * shade[..., None]
    disc = np.array([rng.choice([-1, 1]) * rng.uniform(0.2, 0.55) * radius, rng.normal(0, 12)])
    glow = np.exp(-((np.hypot(x - disc[0], y - disc[1]) / (radius * rng.uniform(0.1, 0.2))) ** 4))
    picture += glow[..., None] * np.array([70, 110, 80])
    macula = np.exp(-((np.hypot(x + disc[0] * 0.5, y) / (radius * 0.25)) ** 2))
    picture *= 1 - rng.uniform(0.1, 0.5) * macula[..., None]
    sheet = Image.fromarray(to_pixels(picture))
    draw = ImageDraw.Draw(sheet)
    for fill_scale in (0.6, 0.72):
        fill = tuple(int(v * fill_scale) for v in base)
        for _ in range(rng.integers(3, 6)):
            branches(
                rng, draw, w / 2 + disc[0], side / 2 + disc[1], rng.uniform(0, 2 * np.pi),
                rng.uniform(3, 8) * side / 350, side / 40, fill, 5,
            )  # fmt: skip
    for _ in range(int(rng.integers(0, 25))):  # exudates and bleedings
        a, b, r = *(rng.random(2) * (w, side)), rng.uniform(1, 6)
        spot = (230, 210, 110) if rng.random() < 0.5 else (90, 20, 10)
        draw.ellipse((a - r, b - r, a + r, b + r), spot)
    blurred = np.asarray(sheet.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.6)))).astype(
        float
    )
    return to_pixels(blurred * inside[..., None] + rng.normal(0, 2, blurred.shape))


def retina_part(rng: Rng) -> np.ndarray:
    """A cut-out of a fundus: vessels on orange, at times the papilla, the macula or the rim."""
    w, h = size(rng)
    w, h = int(w * 1.2), int(h * 1.2)
    x, y = np.meshgrid(np.arange(w, dtype=float), np.arange(h, dtype=float))
    base = np.array([rng.uniform(180, 245), rng.uniform(60, 145), rng.uniform(30, 120)])
    tilt = rng.normal(0, 0.15) * (x / w - 0.5) + rng.normal(0, 0.15) * (y / h - 0.5)
    picture = base * (1 + tilt)[..., None]
    papilla = rng.uniform(-0.6, 1.6, 2) * (w, h)
    if rng.random() < 0.5:
        papilla = rng.uniform(0.1, 0.9, 2) * (w, h)
    away = np.hypot(x - papilla[0], y - papilla[1]) / (h * rng.uniform(0.1, 0.3))
    picture += np.exp(-(away**4))[..., None] * rng.uniform(0.5, 1) * np.array([30, 110, 90])
    if rng.random() < 0.4:
        spot = rng.uniform(0.1, 0.9, 2) * (w, h)
        dark = np.hypot(x - spot[0], y - spot[1]) / (h * rng.uniform(0.05, 0.25))
        picture *= 1 - rng.uniform(0.15, 0.5) * np.exp(-(dark**2))[..., None]
    sheet = Image.fromarray(to_pixels(picture))
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(rng.integers(5, 14))):
        tone = base * (rng.uniform(0.75, 0.95), rng.uniform(0.3, 0.7), rng.uniform(0.4, 0.8))
        start = papilla if rng.random() < 0.7 else rng.uniform(0, 1, 2) * (w, h)
        branches(
            rng,
            draw,
            *start,
            rng.uniform(0, 2 * np.pi),
            rng.uniform(2, 11) * h / 350,
            h / rng.uniform(10, 30),
            tuple(int(v) for v in tone),
            6,
        )
    shown = np.asarray(sheet.filter(ImageFilter.GaussianBlur(rng.uniform(0.6, 2.5)))).astype(float)
    if rng.random() < 0.4:
        centre, radius = rng.uniform(0.2, 0.8, 2) * (w, h), max(w, h) * rng.uniform(0.5, 0.9)
        shown *= (np.hypot(x - centre[0], y - centre[1]) < radius)[..., None]
    return to_pixels(shown + rng.normal(0, rng.uniform(0, 4), shown.shape))


def histology(rng: Rng) -> np.ndarray:
    w, h = size(rng)
    stroma = np.array([rng.uniform(205, 245), rng.uniform(130, 215), rng.uniform(180, 230)])
    soft = Image.fromarray(rng.integers(0, 256, (h // 8 + 1, w // 8 + 1), dtype=np.uint8))
    soft = np.asarray(soft.resize((w, h), Image.Resampling.BICUBIC), float) / 255 - 0.5
    picture = Image.fromarray(to_pixels(stroma + soft[..., None] * rng.uniform(10, 70)))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, 12))):  # glands and gaps
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(8, 50)
        draw.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), (244, 240, 244), (150, 80, 150), 3)
    nucleus = np.array([rng.uniform(60, 130), rng.uniform(30, 90), rng.uniform(110, 170)])
    largest = rng.uniform(2.5, 9)
    for _ in range(int(rng.integers(60, 900))):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(1.5, largest)
        fill = tuple(int(v) for v in np.clip(nucleus + rng.normal(0, 18, 3), 0, 255))
        draw.ellipse((x - r, y - r * rng.uniform(0.5, 1), x + r, y + r), fill)
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.4))))


def smear(rng: Rng) -> np.ndarray:
    """Blood cells, colonies, fluorescent nuclei: many discs of one kind."""
    w, h = size(rng)
    ground, cell = (
        ((235, 225, 225), (215, 150, 150)),
        ((8, 8, 14), (40, 200, 90)),
        ((5, 5, 20), (60, 90, 230)),
        ((225, 215, 170), (245, 240, 215)),
        (any_colour(rng), any_colour(rng)),
    )[rng.integers(0, 5)]
    picture = Image.new("RGB", (w, h), ground)
    draw = ImageDraw.Draw(picture)
    radius = rng.uniform(4, 26)
    for _ in range(int(rng.integers(12, 260))):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), radius * rng.uniform(0.7, 1.2)
        fill = tuple(int(v) for v in np.clip(np.array(cell) + rng.normal(0, 12, 3), 0, 255))
        draw.ellipse((x - r, y - r, x + r, y + r), fill)
        if rng.random() < 0.4:
            draw.ellipse((x - r / 2, y - r / 2, x + r / 2, y + r / 2), ground)
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 2))))


def radiograph(rng: Rng) -> np.ndarray:
    """Chest, hand, head or an ultrasound's fan: soft greys."""
    w, h = size(rng)
    x, y = grid(w, h)
    grey = np.full((h, w), rng.uniform(0, 60))
    kind = rng.integers(0, 4)
    if kind == 0:
        grey += 150 * np.exp(-((x / 0.9) ** 6) - (y / 1.1) ** 6)
        for side in (-1, 1):
            grey -= 95 * np.exp(-(((x - side * 0.42) / 0.28) ** 4) - ((y + 0.05) / 0.6) ** 4)
        ribs = np.sin(rng.uniform(14, 26) * (y + 0.25 * x**2)) * np.exp(-((x / 0.8) ** 4))
        grey += 22 * ribs + 60 * np.exp(-((x / 0.09) ** 2))
    elif kind == 1:
        for i in range(5):
            grey += 130 * np.exp(-(((x - (i - 2) * 0.32 - 0.1 * y * (i - 2)) / 0.07) ** 4))
        grey += 120 * np.exp(-((x / 0.6) ** 4) - ((y - 0.7) / 0.3) ** 2)
    elif kind == 2:
        r = np.hypot(x / 0.75, y / 0.9)
        grey += 230 * np.exp(-(((r - 0.9) / 0.05) ** 2)) + 90 * (r < 0.86)
        grey += 40 * np.sin(9 * x * rng.uniform(0.7, 1.5)) * np.cos(7 * y) * (r < 0.8)
    else:
        r, a = np.hypot(x, y + 1.1), np.arctan2(x, y + 1.1)
        grey = rng.gamma(1.2, 40, (h, w)) * np.exp(-r) * 2.2
        grey[(np.abs(a) > 0.7) | (r > 2.0) | (r < 0.3)] = 0
    soft = rng.normal(0, 1, (h, w))
    grey = grey * (1 + 0.05 * soft) + rng.normal(0, rng.uniform(1, 8), (h, w))
    picture = np.repeat(to_pixels(grey)[..., None], 3, 2)
    if rng.random() < 0.3:
        picture = 255 - picture
    return picture if rng.random() < 0.8 else to_pixels(picture * np.array([0.8, 0.95, 1.0]))


def mucosa(rng: Rng) -> np.ndarray:
    """As endoscopes see it: wet pink folds, highlights, a dark lumen, cut corners."""
    w, h = size(rng)
    x, y = grid(w, h)
    base = np.array([rng.uniform(170, 235), rng.uniform(70, 130), rng.uniform(50, 110)])
    away = np.hypot(x - rng.uniform(-0.4, 0.4), y - rng.uniform(-0.4, 0.4))
    folds = np.sin(rng.uniform(6, 16) * away + 2 * np.sin(3 * np.arctan2(y, x)))
    picture = base * (0.35 + 0.6 * np.clip(away, 0, 1.1) + 0.1 * folds)[..., None]
    sheet = Image.fromarray(to_pixels(picture))
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(rng.integers(3, 9))):
        branches(rng, draw, rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0, 6.3),
                 rng.uniform(1, 3), 6, (150, 30, 30), 4)  # fmt: skip
    for _ in range(int(rng.integers(4, 40))):
        a, b, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(1, 7)
        draw.ellipse((a - r, b - r / 2, a + r, b + r / 2), (255, 250, 245))
    sheet = sheet.filter(ImageFilter.GaussianBlur(rng.uniform(0.6, 2)))
    mask = np.abs(x) + np.abs(y) < rng.uniform(1.4, 2)
    return to_pixels(np.asarray(sheet) * mask[..., None])


Draw = Callable[[Rng], np.ndarray]
#: kind -> how it is drawn
DRAWN: dict[str, tuple[Draw, ...]] = {
    "even": (flat, flat, gradient, gradient, clouds),
    "noise": (pixel_noise, pattern, clouds, coarse_noise, coarse_noise),
    "drawing": (text, text, scribble, shapes, cartoon, blob, screen, screen, chart, chart),
    "medical": (fundus, fundus, retina_part, retina_part, histology, smear, radiograph, mucosa),
}
