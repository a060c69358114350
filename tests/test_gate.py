"""The gate stops what is no photograph of a lesion, says why, and lets lesions through."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import odd_pictures
from ham import data, io
from ham.config import StoreError
from ham.demo import make_demo
from ham.images import check_image, read_file, squash
from ham.prediction import Gate, Likeness, gate
from ham.prediction.likeness import looking, network
from ham.prediction.likeness.looking import REASONS
from ham.prediction.likeness.plain import plain_kind


@pytest.fixture(scope="module")
def judge() -> Gate:
    return gate()


def lesion(side: int = 160, tint: tuple[int, int, int] = (225, 185, 170)) -> np.ndarray:
    """A brown spot on skin."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    spot = 1 / (1 + np.exp((np.hypot(x, y) - 0.4) / 0.05))
    return (np.array(tint) - spot[..., None] * np.array([90, 100, 100])).astype(np.uint8)


# ----------------------------------------------------------------------- without a network


def test_one_colour_is_flat_and_a_slow_change_of_it_even():
    flat = np.full((60, 80, 3), (224, 172, 105), np.uint8)
    assert plain_kind(flat) == "flat"
    slope = np.linspace(0, 60, 80)[:, None] * np.ones(3)
    assert plain_kind((flat + slope - 100).astype(np.uint8)) == "even"
    assert plain_kind(lesion()) is None


def test_noise_around_one_colour_is_flat_however_fine_it_is():
    rng = np.random.default_rng(0)
    noisy = np.array((198, 134, 66)) + rng.normal(0, 12, (450, 600, 3))
    assert plain_kind(np.clip(noisy, 0, 255).astype(np.uint8)) == "flat"


def test_a_spot_is_grey_without_its_colours():
    grey = np.asarray(Image.fromarray(lesion()).convert("L").convert("RGB"))
    assert plain_kind(grey) == "grey"
    assert plain_kind(lesion(tint=(200, 185, 180))) is None


# --------------------------------------------------------------------------------- reasons


@pytest.mark.parametrize(
    ("draw", "reasons"),
    [
        (odd_pictures.flat_colour, {"flat"}),
        (odd_pictures.flat_skin, {"flat"}),
        (odd_pictures.skin_gradient, {"even"}),
        (odd_pictures.skin_noise, {"flat", "noise"}),
        (odd_pictures.page, {"drawing"}),
        (odd_pictures.sign, {"drawing"}),
        (odd_pictures.landscape, {"drawing"}),
        (odd_pictures.face, {"drawing"}),
        (odd_pictures.diagram, {"drawing"}),
        (odd_pictures.histology, {"medical"}),
        (odd_pictures.x_ray, {"grey"}),
    ],
)
def test_what_is_drawn_is_stopped_with_its_reason(judge, draw, reasons):
    rng = np.random.default_rng(7)
    answers = judge.look([draw(rng), draw(rng)])
    assert not any(answer.ok for answer in answers)
    assert {answer.reason for answer in answers} <= {REASONS[kind] for kind in reasons}
    assert all(answer.score < 0 for answer in answers)


@pytest.mark.parametrize(
    "draw",
    [
        odd_pictures.noise,
        odd_pictures.stripes,
        odd_pictures.geometry,
        odd_pictures.pencil,
        odd_pictures.program,
        odd_pictures.fundus,
        odd_pictures.ultrasound,
    ],
)
def test_what_is_drawn_is_stopped_whatever_it_is_taken_for(judge, draw):
    rng = np.random.default_rng(7)
    answers = judge.look([draw(rng), draw(rng)])
    assert [(answer.ok, answer.reason in REASONS.values()) for answer in answers] == [
        (False, True)
    ] * 2


def test_photographs_of_something_else_are_stopped(judge):
    answers = judge.look(odd_pictures.shipped_photographs())
    assert not any(answer.ok for answer in answers)
    photograph = [answer.reason == REASONS["photo"] for answer in answers]
    assert sum(photograph) >= 0.8 * len(answers)


def test_demo_images_pass_and_the_same_pixels_in_any_order_do_not(judge):
    images = list(make_demo().images[::125])
    assert sum(not answer.ok for answer in judge.look(images)) <= 1
    rng = np.random.default_rng(0)
    mixed = [rng.permutation(image.reshape(-1, 3)).reshape(image.shape) for image in images]
    assert not any(answer.ok for answer in judge.look(mixed))


def test_the_test_part_passes_whole_and_as_small_as_a_pixel_csv_has_it(judge, real_dataset):
    rows = data.make_split(real_dataset).test[::7][:140]
    paths = [real_dataset.original(int(row)) for row in rows]
    pictures = [check_image(path.name, read_file(path)).original for path in paths if path]
    assert len(pictures) == 140
    assert sum(not answer.ok for answer in judge.look(pictures)) <= 1
    small = [squash(Image.fromarray(picture)) for picture in pictures[::5]]
    assert sum(not answer.ok for answer in judge.look(small)) <= 1


# ------------------------------------------------------------------------------- the answer


def test_a_picture_answers_the_same_alone_and_among_others_of_any_size(judge, monkeypatch):
    monkeypatch.setattr(looking, "BATCH", 3)
    rng = np.random.default_rng(1)
    pictures = [
        odd_pictures.page(rng),
        make_demo().images[0],
        odd_pictures.fundus(rng)[:100, :70],
        lesion(30),
    ]
    together = judge.look(pictures * 2)  # three batches
    assert len(together) == 8
    for i, alone in enumerate(judge.look([picture])[0] for picture in pictures):
        for answer in together[i::4]:
            assert (answer.ok, answer.reason) == (alone.ok, alone.reason)
            assert answer.score == pytest.approx(alone.score, abs=1e-2)
    assert judge.look([]) == []


def test_threads_share_one_gate(judge):
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: gate(), range(8))) == {judge}
        asked = [odd_pictures.page(np.random.default_rng(i)) for i in range(8)]
        answers = list(pool.map(lambda picture: judge.look([picture])[0], asked))
    assert [answer.reason for answer in answers] == [REASONS["drawing"]] * 8


def test_a_score_below_0_is_what_is_not_ok():
    assert looking._answer(None, None, 2.0) == Likeness(True, None, 2.0)
    assert looking._answer(None, "far", 2.0) == Likeness(False, REASONS["far"], -0.01)
    assert looking._answer("flat", None, -3.0) == Likeness(False, REASONS["flat"], -3.0)
    assert looking._answer("grey", "drawing", -3.0).reason == REASONS["drawing"]
    assert looking._answer("grey", "medical", -3.0).reason == REASONS["grey"]


def test_what_is_far_from_all_training_images_is_stopped_though_it_weighs_like_a_lesion():
    flat = np.zeros(network.FEATURES, np.float32)
    components = np.zeros((1, network.FEATURES), np.float32)
    components[0, 0] = 1  # the training images vary in the first feature alone
    weighing = looking.Weighing(
        np.zeros((network.FEATURES, 6), np.float32),
        np.array([9, 0, 0, 0, 0, 0], np.float32),
        0.0,
        flat,
        flat + 1,
        components,
        5.0,
    )
    near, along, away = np.zeros((3, network.FEATURES), np.float32)
    along[0], away[1:3] = 100, (3, 4.1)
    kinds, above = weighing.kinds(np.stack([near, along, away]))
    assert kinds == [None, None, "far"]
    assert above == pytest.approx(9 - np.log(5))


# -------------------------------------------------------------------------------- its file


def test_the_network_is_efficientnet_lite0_and_the_file_small():
    # 4.65 million parameters (Tan, Le), batch norms and the classifier of 1,000 classes left out
    numbers = sum(int(np.prod(shape)) for shape in network.shapes().values())
    assert numbers + (network.FEATURES + 1) * 1000 == 4_631_000
    assert looking.FILE.stat().st_size < 12e6


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(looking.FILE, tmp_path / "weights.npz"))


def test_a_damaged_file_says_what_to_do(copy):
    content = copy.read_bytes()
    for damaged in (content[: len(content) // 2], b"", content[:-9] + b"\0" * 9):
        copy.write_bytes(damaged)
        with pytest.raises(
            StoreError, match=r"weights\.npz: it is damaged .* Install HAM Lab again"
        ):
            looking.read(copy)
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 1
    copy.write_bytes(flipped)
    with pytest.raises(StoreError, match="damaged"):
        Gate(copy)


def test_a_missing_file_and_one_of_another_network_say_so(copy):
    arrays = io.read_arrays(copy)
    io.write_arrays(copy, arrays | {"stem": arrays["stem"][:2]})
    with pytest.raises(StoreError, match="damaged"):
        looking.read(copy)
    copy.unlink()
    with pytest.raises(StoreError, match="cannot be read .*Install HAM Lab again"):
        looking.read(copy)
