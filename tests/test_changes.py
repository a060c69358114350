"""A photograph that is not changed stays as it is; every slider does what it says; the smallest
change that changes an answer is found.
"""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from ham.config import CLASS_INDEX, ConfigError
from ham.images import squash
from ham.prediction.changes import SLIDERS, Change, along, changed_picture, changed_pixels
from ham.report import DecisionRule

MEL, NV = CLASS_INDEX["mel"], CLASS_INDEX["nv"]


class Lighter:
    """Names a melanoma where the image is as light as `at`, a nevus where it is darker."""

    def __init__(self, at):
        self.rule, self.at = DecisionRule("lighter"), at

    def proba(self, images):
        found = np.zeros((len(images), 7), np.float32)
        light = images.mean(axis=(1, 2, 3)) >= self.at
        found[light, MEL] = found[~light, NV] = 1
        return found


@pytest.fixture
def photograph():
    small = np.random.default_rng(1).integers(40, 200, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((200, 150), Image.Resampling.BICUBIC))


def test_without_a_change_the_photograph_and_what_is_seen_of_it_stay(photograph):
    assert Change().is_none
    assert np.array_equal(changed_picture(photograph, Change()), photograph)
    assert np.array_equal(changed_pixels(photograph, Change()), squash(Image.fromarray(photograph)))
    assert np.array_equal(
        changed_picture(photograph, Change(rotation=0, zoom=1, rim=0)), photograph
    )


def test_a_large_photograph_is_worked_on_small(photograph):
    large = np.repeat(np.repeat(photograph, 4, axis=0), 4, axis=1)
    assert changed_picture(large, Change(brightness=5)).shape == (180, 240, 3)
    whole = squash(Image.fromarray(large)).astype(int)
    assert np.abs(changed_pixels(large, Change()) - whole).max() <= 2  # grey levels


def test_a_quarter_turn_is_one(photograph):
    square = photograph[:, :150]
    turned = changed_picture(square, Change(rotation=90)).astype(int)
    assert np.abs(turned - np.rot90(square)).max() <= 1
    back = changed_picture(square, Change(rotation=-90)).astype(int)
    assert np.abs(back - np.rot90(square, -1)).max() <= 1


@pytest.mark.parametrize("rotation", [-135, -30, 45, 180])
@pytest.mark.parametrize("zoom", [0.7, 1, 2])
def test_what_comes_in_from_outside_is_mirrored_and_never_black(rotation, zoom):
    grey = np.full((60, 90, 3), 120, np.uint8)
    assert (changed_picture(grey, Change(rotation=rotation, zoom=zoom)) == 120).all()


def test_twice_as_large_is_the_middle():
    quarters = np.zeros((100, 100, 3), np.uint8)
    quarters[25:75, 25:75] = 200
    larger = changed_picture(quarters, Change(zoom=2))
    assert (larger[4:-4, 4:-4] == 200).all()
    assert changed_picture(quarters, Change(zoom=0.8))[50, 50].tolist() == [200, 200, 200]


def test_light_and_colour_are_multiplied():
    grey = np.full((40, 40, 3), 100, np.uint8)
    assert changed_picture(grey, Change(brightness=-50))[0, 0].tolist() == [50, 50, 50]
    assert changed_picture(grey, Change(brightness=20, warmth=10))[0, 0].tolist() == [132, 120, 108]
    assert changed_picture(grey + 120, Change(brightness=50))[0, 0].tolist() == [255, 255, 255]


def test_a_blur_takes_from_what_varies_and_keeps_the_mean(photograph):
    blurred = changed_picture(photograph, Change(blur=10))
    assert blurred.std() < 0.7 * photograph.std()
    assert blurred.mean() == pytest.approx(photograph.mean(), rel=0.02)


def test_a_rim_darkens_the_corners_first():
    white = np.full((150, 200, 3), 255, np.uint8)
    rim = changed_picture(white, Change(rim=40))
    assert rim[0, 0].tolist() == [0, 0, 0]
    assert rim[75, 100].tolist() == [255, 255, 255]
    assert (changed_picture(white, Change(rim=60)) == 0).mean() - (rim == 0).mean() > 0.2


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_goes_from_end_to_end_over_its_neutral_place_and_no_further(name, photograph):
    slider = SLIDERS[name]
    assert slider.name == name
    assert getattr(Change(), name) == slider.neutral
    steps = (slider.neutral - slider.low) / slider.step, (slider.high - slider.low) / slider.step
    assert steps == pytest.approx([round(step) for step in steps])
    for end in (slider.low, slider.high):
        changed = Change(**{name: end})
        assert changed.is_none == (end == slider.neutral)
        same = np.array_equal(
            changed_pixels(photograph, changed), changed_pixels(photograph, Change())
        )
        assert same == changed.is_none
    with pytest.raises(ConfigError, match=f"{name} = .*it must be from"):
        Change(**{name: slider.high + 1})


def test_values_in_words():
    assert SLIDERS["brightness"].in_words(20) == "+20 %"
    assert SLIDERS["brightness"].in_words(-5) == "−5 %"
    assert SLIDERS["brightness"].in_words(0) == "0 %"
    assert SLIDERS["zoom"].in_words(1.25) == "1.25 times"
    assert SLIDERS["rotation"].in_words(-90) == "−90°"


# ------------------------------------------------------------------------------- curves


def test_the_smallest_change_that_changes_an_answer():
    grey = np.full((50, 50, 3), 100, np.uint8)
    runs = [Lighter(120), Lighter(255), Lighter(86)]
    curve = along(grey, Change(), "brightness", runs)
    assert curve.values.tolist() == list(range(-50, 51, 5))
    assert curve.values[curve.present] == 0
    assert curve.proba.shape == (3, 21, 7)
    up, never, down = (curve.smallest_flip(run) for run in range(3))
    assert (up.value, up.before, up.after) == (20, NV, MEL)  # 100 times 1.2
    assert never is None
    assert (down.value, down.before, down.after) == (-15, MEL, NV)


def test_a_curve_stands_where_the_slider_stands_and_keeps_the_others(photograph):
    change = Change(brightness=7, warmth=6, rim=20)
    runs = [Lighter(100)]
    curve = along(photograph, change, "brightness", runs, steps=11)
    assert curve.values[curve.present] == 7
    assert (np.diff(curve.values) > 0).all()
    here = runs[0].proba(changed_pixels(photograph, change)[None])[0]
    assert np.array_equal(curve.proba[0, curve.present], here)
    last = dataclasses.replace(change, brightness=50)
    assert np.array_equal(
        curve.proba[0, -1], runs[0].proba(changed_pixels(photograph, last)[None])[0]
    )


def test_to_move_the_slider_of_a_curve_costs_one_answer(photograph):
    run, asked = Lighter(100), []
    answer = run.proba
    run.proba = lambda images: asked.append(len(images)) or answer(images)
    for value in (0, 7, 7, 10):  # 10 is a step
        along(photograph, Change(brightness=value, warmth=4), "brightness", [run])
    assert asked == [21, 1, 1]
    along(photograph, Change(brightness=7, warmth=6), "brightness", [run])
    along(photograph[::-1], Change(warmth=6), "brightness", [run])
    assert asked == [21, 1, 1, 21, 1, 21]  # another light, another photograph


def test_a_slider_whose_neutral_place_is_no_step_has_it_as_well(photograph):
    curve = along(photograph, Change(), "zoom", [Lighter(100)])
    assert len(curve.values) == 22
    assert curve.values[curve.present] == 1
    assert (np.diff(curve.values) > 0).all()
