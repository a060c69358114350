"""The pictures that the gate is checked with and was not fitted to: drawn here by other code than
benchmarks/not_lesions.py, and photographs that installed packages ship.

`check_set(n)` gives them by kind: uint8 (h, w, 3), RGB.
"""

from __future__ import annotations

import colorsys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 600, 450  # as HAM10000's
SKIN = (
    (255, 219, 200),
    (236, 188, 180),
    (224, 172, 105),
    (198, 134, 66),
    (141, 85, 36),
    (90, 56, 37),
)
PROSE = (
    "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in "
    "my purse, and nothing particular to interest me on shore, I thought I would sail about a "
    "little and see the watery part of the world. It is a way I have of driving off the spleen. "
)
CODE = (
    "def area(radius):\n    if radius < 0:\n        raise ValueError(radius)\n"
    "    return 3.1416 * radius ** 2\n\nfor r in range(10):\n    print(r, area(r))\n"
)


def letters(points: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(points)


def hue(rng: np.random.Generator, saturation: float = 0.7, value: float = 0.9) -> tuple[int, ...]:
    return tuple(int(255 * v) for v in colorsys.hsv_to_rgb(rng.random(), saturation, value))


def tan(rng: np.random.Generator) -> np.ndarray:
    return np.array(SKIN[rng.integers(0, len(SKIN))]) + rng.normal(0, 6, 3)


def clipped(values: np.ndarray) -> np.ndarray:
    return np.clip(np.broadcast_to(values, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)


def axes() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return x / WIDTH, y / HEIGHT


def sheet(fill: tuple[int, ...] = (255, 255, 255)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (WIDTH, HEIGHT), fill)
    return picture, ImageDraw.Draw(picture)


# ------------------------------------------------------------------------------ by kind


def flat_colour(rng: np.random.Generator) -> np.ndarray:
    return clipped(np.array(hue(rng, rng.random(), rng.random())))


def flat_skin(rng: np.random.Generator) -> np.ndarray:
    return clipped(tan(rng) + rng.choice([0, 2]) * rng.normal(size=(HEIGHT, WIDTH, 1)))


def gradient(rng: np.random.Generator) -> np.ndarray:
    x, y = axes()
    one, other = np.array(hue(rng)), np.array(hue(rng, 0.4, rng.random()))
    t = (x, y, (x + y) / 2, np.hypot(x - 0.5, y - 0.5) / 0.71)[rng.integers(0, 4)][..., None]
    return clipped(one * (1 - t) + other * t)


def skin_gradient(rng: np.random.Generator) -> np.ndarray:
    x, y = axes()
    t = (x, y, np.hypot(x - 0.5, y - 0.5) / 0.71)[rng.integers(0, 3)][..., None]
    return clipped(tan(rng) * (1 - t) + tan(rng) * t)


def noise(rng: np.random.Generator) -> np.ndarray:
    kind = rng.integers(0, 4)
    if kind == 0:
        return rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    if kind == 1:
        return clipped(rng.integers(0, 256, (HEIGHT, WIDTH, 1)))
    if kind == 2:
        return clipped(np.array(hue(rng)) + rng.normal(0, 50, (HEIGHT, WIDTH, 3)))
    coarse = rng.integers(0, 256, (HEIGHT // 15, WIDTH // 15, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def skin_noise(rng: np.random.Generator) -> np.ndarray:
    return clipped(tan(rng) + rng.normal(0, rng.uniform(12, 45), (HEIGHT, WIDTH, 3)))


def stripes(rng: np.random.Generator) -> np.ndarray:
    x, y = axes()
    wave = np.floor((x * rng.integers(0, 12) + y * rng.integers(1, 12)) * 2) % 2
    if rng.random() < 0.5:
        wave = (np.floor(x * 12) + np.floor(y * 9)) % 2
    return clipped(np.where(wave[..., None] > 0, hue(rng), hue(rng, 0.2, 1)))


def page(rng: np.random.Generator) -> np.ndarray:
    picture, draw = sheet((255, 255, 255) if rng.random() < 0.7 else (250, 240, 215))
    points = int(rng.integers(12, 30))
    lines = textwrap.fill(PROSE[int(rng.integers(0, 120)) :] * 4, int(1100 / points))
    draw.multiline_text((30, 30), lines, (25, 25, 25), letters(points), spacing=points * 0.4)
    return np.asarray(picture.rotate(float(rng.choice([0, 0, 3, -4])), fillcolor=(255, 255, 255)))


def sign(rng: np.random.Generator) -> np.ndarray:
    picture, draw = sheet(hue(rng, 0.8, rng.uniform(0.3, 1)))
    word = str(rng.choice(["STOP", "Sale 50 %", "Hello", "2026", "EXIT", "Caution"]))
    draw.text((WIDTH / 2, HEIGHT / 2), word, (255, 255, 255), letters(110), "mm")
    return np.asarray(picture)


def landscape(rng: np.random.Generator) -> np.ndarray:
    picture, draw = sheet((150, 205, 240))
    draw.ellipse((450, 40, 540, 130), (255, 215, 80))
    for colour, base in (((110, 140, 160), 260), ((90, 150, 90), 320)):
        tops = [(x, base - rng.uniform(0, 110)) for x in range(0, WIDTH + 60, 60)]
        draw.polygon([(0, HEIGHT), *tops, (WIDTH, HEIGHT)], colour)
    draw.rectangle((0, 370, WIDTH, HEIGHT), (80, 130, 60))
    for x in rng.uniform(30, 560, 5):
        draw.rectangle((x - 4, 320, x + 4, 380), (100, 70, 40))
        draw.polygon([(x - 30, 330), (x + 30, 330), (x, 250)], (40, 100, 50))
    return np.asarray(picture)


def face(rng: np.random.Generator) -> np.ndarray:
    picture, draw = sheet(hue(rng, 0.3, 1))
    draw.ellipse(
        (180, 70, 420, 380), tuple(int(v) for v in np.clip(tan(rng), 0, 255)), (60, 40, 30), 3
    )
    for x in (255, 345):
        draw.ellipse((x - 22, 180, x + 22, 210), (255, 255, 255), (40, 40, 40), 2)
        draw.ellipse((x - 8, 187, x + 8, 203), (50, 80, 120))
    draw.line((300, 215, 290, 265, 310, 265), (120, 80, 60), 3)
    draw.arc((250, 270, 350, 330), 10, 170, (170, 50, 60), 5)
    draw.pieslice((170, 50, 430, 260), 190, 350, (70, 45, 30))
    return np.asarray(picture)


def geometry(rng: np.random.Generator) -> np.ndarray:
    picture, draw = sheet((255, 255, 255))
    for _ in range(12):
        x, y, r = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(20, 110)
        fill = hue(rng)
        sides = int(rng.integers(2, 7))
        if sides == 2:
            draw.ellipse((x - r, y - r, x + r, y + r), fill)
        else:
            draw.regular_polygon((x, y, r), sides, float(rng.uniform(0, 90)), fill, (0, 0, 0))
    return np.asarray(picture)


def pencil(rng: np.random.Generator) -> np.ndarray:
    """A line drawing: a cup, a cube, a spiral."""
    picture, draw = sheet((248, 246, 240))
    t = np.linspace(0, 1, 300)
    a = 2 * np.pi * rng.uniform(2, 6) * t
    spiral = np.stack([180 + 120 * t * np.cos(a), 220 + 120 * t * np.sin(a)], 1)
    draw.line([tuple(p) for p in spiral + rng.normal(0, 1, spiral.shape)], (70, 70, 75), 3)
    x, y, s = rng.uniform(330, 430), rng.uniform(150, 250), rng.uniform(60, 110)
    for dx, dy in ((0, 0), (s / 2, -s / 2)):
        draw.rectangle((x + dx, y + dy, x + s + dx, y + s + dy), None, (60, 60, 60), 3)
    for cx, cy in ((0, 0), (s, 0), (0, s), (s, s)):
        draw.line((x + cx, y + cy, x + cx + s / 2, y + cy - s / 2), (60, 60, 60), 3)
    return np.asarray(picture)


def program(rng: np.random.Generator) -> np.ndarray:
    """A code editor or a web shop."""
    if rng.random() < 0.5:
        picture, draw = sheet((30, 30, 38))
        draw.rectangle((0, 0, WIDTH, 26), (52, 52, 64))
        for i, line in enumerate((CODE * 3).splitlines()):
            draw.text((50, 36 + 19 * i), line, hue(rng, 0.4, 0.95), letters(14))
            draw.text((14, 36 + 19 * i), str(i + 1), (110, 110, 120), letters(12))
        return np.asarray(picture)
    picture, draw = sheet((245, 245, 247))
    draw.rectangle((0, 0, WIDTH, 46), hue(rng, 0.6, 0.6))
    draw.text((16, 12), "Shop    Offers    Basket    Sign in", (255, 255, 255), letters(18))
    for row in range(2):
        for column in range(3):
            x, y = 20 + 195 * column, 64 + 190 * row
            draw.rounded_rectangle((x, y, x + 175, y + 175), 8, (255, 255, 255), (210, 210, 210))
            draw.rectangle((x + 12, y + 12, x + 163, y + 105), hue(rng, 0.5, 0.9))
            draw.text(
                (x + 12, y + 112), "Article " + str(rng.integers(100)), (40, 40, 40), letters(15)
            )
            draw.rounded_rectangle((x + 12, y + 140, x + 90, y + 164), 6, (20, 110, 220))
    return np.asarray(picture)


def diagram(rng: np.random.Generator) -> np.ndarray:
    picture, draw = sheet()
    draw.text((WIDTH / 2, 20), "Sales by month", (0, 0, 0), letters(20), "mm")
    draw.line((60, 50, 60, 400, 580, 400), (0, 0, 0), 2)
    values, fill, kind = rng.uniform(30, 330, 10), hue(rng), rng.integers(0, 3)
    for i, v in enumerate(values):
        x = 75 + 50 * i
        draw.text((x, 408), str(i + 1), (60, 60, 60), letters(13))
        if kind == 0:
            draw.rectangle((x, 400 - v, x + 34, 400), fill)
        elif kind == 1:
            draw.ellipse((x - 5, 395 - v, x + 5, 405 - v), fill)
    if kind:
        draw.line([(75 + 50 * i, 400 - v) for i, v in enumerate(values)], hue(rng), 3)
    return np.asarray(picture)


def fundus(rng: np.random.Generator) -> np.ndarray:
    """The back of an eye: orange disc on black, vessels from the bright papilla."""
    x, y = axes()
    x, y = (x - 0.5) * WIDTH / HEIGHT, y - 0.5
    r = np.hypot(x, y) / 0.47
    tone = np.array([rng.uniform(150, 235), rng.uniform(60, 110), rng.uniform(20, 55)])
    values = tone * (1.05 - 0.45 * r**2)[..., None]
    px, py = rng.choice([-0.2, 0.2]), rng.normal(0, 0.02)
    values += 90 * np.exp(-((((x - px) ** 2 + (y - py) ** 2) / 0.055**2) ** 2))[..., None]
    for side in (-1, 1):
        for bend in (0.35, 0.6, 1.0, 1.5):
            reach = np.sign(-px) * (x - px)
            vessel = y - py - side * bend * np.sqrt(np.maximum(reach, 0) * 0.4) * (1 - reach * 0.8)
            width = 0.008 * (1 - np.clip(reach, 0, 0.7))
            dark = np.exp(-((vessel / width) ** 2)) * (reach > 0)
            values *= 1 - rng.uniform(0.3, 0.5) * dark[..., None]
    values *= 1 - 0.35 * np.exp(-(((x + px * 0.6) ** 2 + y**2) / 0.07**2))[..., None]
    values *= (r < 1)[..., None]
    return clipped(values + rng.normal(0, 3, values.shape))


def histology(rng: np.random.Generator) -> np.ndarray:
    """Haematoxylin and eosin: violet nuclei around pale lumina in pink tissue."""
    x, y = axes()
    field = sum(
        np.sin(2 * np.pi * (rng.uniform(-6, 6) * x + rng.uniform(-6, 6) * y) + rng.uniform(0, 6))
        for _ in range(9)
    )
    pink, pale, violet = (
        np.array([226, 150, 190]),
        np.array([246, 238, 244]),
        np.array([98, 60, 140]),
    )
    values = pink + 12 * np.sin(3 * field)[..., None] + rng.normal(0, 7, (HEIGHT, WIDTH, 1))
    values[field > 3.2] = pale
    for _ in range(int(rng.integers(250, 900))):
        i, j = rng.integers(0, HEIGHT), rng.integers(0, WIDTH)
        if field[i, j] > 3:
            continue
        a, b, turn = rng.uniform(4, 8), rng.uniform(3, 5), rng.uniform(0, np.pi)
        top, left = max(0, i - 9), max(0, j - 9)
        v, u = np.mgrid[top : min(HEIGHT, i + 9), left : min(WIDTH, j + 9)]
        p = (u - j) * np.cos(turn) + (v - i) * np.sin(turn)
        q = (v - i) * np.cos(turn) - (u - j) * np.sin(turn)
        inside = (p / a) ** 2 + (q / b) ** 2 < 1
        values[top : top + v.shape[0], left : left + v.shape[1]][inside] = violet + rng.normal(
            0, 15
        )
    return np.asarray(Image.fromarray(clipped(values)).filter(ImageFilter.GaussianBlur(1)))


def x_ray(rng: np.random.Generator) -> np.ndarray:
    """A chest: lungs, ribs, spine, heart."""
    x, y = axes()
    x, y = 2 * x - 1, 2 * y - 1
    body = 170 * np.exp(-((np.abs(x) / 0.95) ** 8))
    for side in (-1, 1):
        body -= 110 * np.exp(-((((x - 0.42 * side) / 0.3) ** 2 + ((y + 0.1) / 0.7) ** 2) ** 2))
        for rib in np.linspace(-0.8, 0.6, 9):
            arc = y - rib - 0.5 * (np.abs(x) - 0.3) ** 2
            body += 26 * np.exp(-((arc / 0.025) ** 2)) * (x * side > 0.1) * (np.abs(x) < 0.8)
    body += 55 * np.exp(-((x / 0.08) ** 2)) + 60 * np.exp(
        -(((x - 0.15) / 0.25) ** 2 + ((y - 0.35) / 0.3) ** 2)
    )
    return clipped((body + rng.normal(0, rng.uniform(2, 7), body.shape))[..., None])


def ultrasound(rng: np.random.Generator) -> np.ndarray:
    x, y = axes()
    r, a = np.hypot(x - 0.5, y + 0.1), np.arctan2(x - 0.5, y + 0.1)
    speckle = rng.gamma(1, 50, (HEIGHT, WIDTH)) * (1.2 - r)
    dark = np.hypot((x - 0.5 - rng.normal(0, 0.05)) / 0.12, (y - 0.5) / 0.09) < 1
    speckle[dark] *= 0.15
    speckle[(np.abs(a) > 0.6) | (r < 0.2) | (r > 1.05)] = 0
    return clipped(speckle[..., None])


DRAWN: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], ...]] = {
    "flat colours": (flat_colour, flat_skin),
    "gradients": (gradient, skin_gradient),
    "noise": (noise, skin_noise, stripes),
    "text": (page, sign),
    "drawings": (landscape, face, geometry, pencil),
    "screenshots, charts": (program, diagram),
    "fundus, drawn": (fundus,),
    "histology, drawn": (histology,),
    "X-ray, ultrasound, drawn": (x_ray, ultrasound),
}


def check_set(n: int = 20, seed: int = 0) -> dict[str, list[np.ndarray]]:
    """`n` pictures of each way of drawing, and all that packages ship."""
    rng = np.random.default_rng(seed)
    found = {kind: [draw(rng) for draw in draws for _ in range(n)] for kind, draws in DRAWN.items()}
    return found | {"photographs (scikit-learn)": shipped_photographs()}


def shipped_photographs() -> list[np.ndarray]:
    """china.jpg and flower.jpg of scikit-learn, whole and in eight cut-outs each."""
    from sklearn import datasets

    folder = Path(datasets.__file__).parent / "images"
    rng, found = np.random.default_rng(0), []
    for name in ("china.jpg", "flower.jpg"):
        with Image.open(folder / name) as opened:
            whole = opened.convert("RGB")
        found.append(np.asarray(whole))
        for _ in range(8):
            share = rng.uniform(0.4, 0.8)
            w, h = int(whole.width * share), int(whole.height * share)
            x, y = rng.integers(0, whole.width - w), rng.integers(0, whole.height - h)
            found.append(np.asarray(whole.crop((x, y, x + w, y + h))))
    return found
