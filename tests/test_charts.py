"""Figures: what they say, what they show, and that both grounds can be read."""

from __future__ import annotations

import base64
import html
import json
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from ham import charts
from ham.charts import matrix
from ham.charts.base import DARK, LIGHT, TEMPLATES, blend, contrast, ink_on
from ham.charts.map import _color_key
from ham.charts.training import recall_by_epoch
from ham.config import CLASSES, CODES
from ham.evaluation import Interval, OperatingPoint, prediction_sets
from ham.report import RunName

A, B = RunName("A", "CNN, as described, seed 1"), RunName("B", "LSTM, as described, seed 1")


def text_of(figure: go.Figure) -> str:
    """Everything a reader can read in it."""
    annotations = " ".join(a.text for a in figure.layout.annotations)
    title = figure.layout.title
    return (
        f"{title.text} {title.subtitle.text} {annotations} {figure.layout.yaxis.ticktext}".replace(
            "<br>", " "
        )
    )


def loss_lines(picture: str) -> list[list[tuple[float, float]]]:
    """Validation and training of a still picture, in percent of its place."""
    drawn = base64.b64decode(re.search(r'base64,([^"]*)"', picture)[1]).decode()
    return [
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall('<polyline points="([^"]*)"', drawn)
    ]


def history(losses: list[float], validation: list[float]) -> pd.DataFrame:
    n = len(losses)
    return pd.DataFrame(
        {
            "epoch": np.arange(1, n + 1),
            "loss": losses,
            "validation_loss": validation,
            "accuracy": np.linspace(0.6, 0.8, n),
            "validation_accuracy": np.linspace(0.6, 0.7, n),
            "balanced_accuracy": np.linspace(0.2, 0.5, n),
            "validation_balanced_accuracy": np.linspace(0.2, 0.3, n),
        }
    )


def scores(value: float, half: float = 0.02) -> dict[str, Interval]:
    return {key: Interval(value, value - half, value + half) for key in charts.HEADLINE}


def per_class(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "support": range(10, 17),
            "precision": values,
            "recall": values,
            "f1": values,
            "auc": values,
        },
        index=CODES,
    )


BASELINES = {"Always nv": scores(0.669, 0), "Logistic regression": scores(0.7)}
BINS = pd.DataFrame(
    {
        "n": [50, 50],
        "confidence": [0.6, 0.9],
        "accuracy": [0.8, 0.7],
        "low": [0.67, 0.56],
        "high": [0.89, 0.81],
    }
)
#: Of four images: 2 classes hold the true one for mel and nv, for df never.
SETS = prediction_sets(
    np.array([0, 3, 6, 6]), np.array([[0.5, 0, 0, 0.5, 0, 0, 0]] * 4), np.arange(4), 0.5
)
CURVE = pd.DataFrame(
    {"threshold": [np.inf, 0.5, 0.1], "false_alarms": [0, 0.25, 1], "sensitivity": [0, 0.9, 1]}
)
POINT = OperatingPoint(0.5, Interval(0.9, 0.6, 1.0), Interval(0.75, 0.5, 0.9), 10, 1, 8, 2)
BY_CLASS = OperatingPoint(None, Interval(0.5, 0.2, 0.8), Interval(1.0, 0.7, 1.0), 10, 5, 8, 0)
AREA = Interval(0.83, 0.79, 0.87)
CONFUSION = np.diag([5, 4, 3, 90, 8, 2, 1])
CONFUSION[0, 3] = 6  # six melanomas taken for nevi
RIBBONS = np.repeat(np.arange(70, 140, 10, dtype=np.uint8), 12).reshape(7, 4, 3)
MEDIANS = np.array([70.0, 80, 90, 100, 110, 120, np.nan])
CHANNELS = pd.DataFrame(
    [[9, 90, 140, 150, 160, 210]] * 2
    + [[9, 50, 90, 100, 110, 150]]
    + [[4, 90, 140, 150, 160, 210]] * 3,
    index=pd.MultiIndex.from_product(
        [["mel", "nv"], ["red", "green", "blue"]], names=["dx", "channel"]
    ),
    columns=["images", "p5", "q1", "median", "q3", "p95"],
)
PHOTOGRAPH = np.arange(60 * 80 * 3, dtype=np.uint32).astype(np.uint8).reshape(60, 80, 3)
#: Bright at the upper left, and with random weights nowhere.
MAPS = [np.outer(np.linspace(0.4, -0.1, 28), np.linspace(1, 0, 28)), np.zeros((28, 28))]
FALLS = (0.31, np.nan, -0.004)
STEPS = np.array([0.0, 2.5, 5, 7.5, 10])
#: A melanoma as long as the slider stands at 5 or below, then a nevus.
TURNS = np.array([[p, 0, 0, 1 - p, 0, 0, 0] for p in (0.9, 0.8, 0.7, 0.4, 0.1)])
EVERY_FIGURE = [
    (
        "headline",
        lambda dark: charts.headline_scores({A: scores(0.7), B: scores(0.8)}, BASELINES, dark=dark),
    ),
    ("differences", lambda dark: charts.score_differences({B: scores(0.1)}, A, dark=dark)),
    ("matrix", lambda dark: charts.confusion_matrices({A: CONFUSION}, "count", dark)[0]),
    ("matrix of shares", lambda dark: charts.confusion_matrices({A: CONFUSION}, "true", dark)[0]),
    ("classes", lambda dark: charts.per_class_scores({A: per_class([0.5] * 7)}, "recall", dark)),
    ("curves", lambda dark: charts.learning_curves({A: history([1, 0.5], [1, 0.8])}, dark=dark)),
    ("reliability", lambda dark: charts.reliability_diagrams({A: BINS}, {A: 0.2}, dark)[0]),
    ("sizes of sets", lambda dark: charts.set_sizes({A: SETS, B: SETS}, dark)),
    ("coverage of sets", lambda dark: charts.set_coverage({A: SETS, B: SETS}, dark)),
    (
        "ROC",
        lambda dark: charts.malignant_roc_curves(
            {A: CURVE}, {A: AREA}, {A: POINT}, {A: BY_CLASS}, dark
        ),
    ),
    (
        "ROC of a class",
        lambda dark: charts.class_roc_curves(
            CLASSES[0], {A: CURVE}, {A: 0.8}, {A: (0.1, 0.6)}, dark
        ),
    ),
    (
        "areas by class",
        lambda dark: charts.per_class_scores({A: per_class([0.5] * 7)}, "auc", dark),
    ),
    ("ribbons", lambda dark: charts.ribbon_chart(RIBBONS, MEDIANS, dark)),
    ("channels", lambda dark: charts.channel_chart(CHANNELS, dark)),
    ("maps", lambda dark: charts.map_pair(PHOTOGRAPH, MAPS, FALLS, "Melanoma (mel)", dark=dark)),
    ("Grad-CAM", lambda dark: charts.map_pair(PHOTOGRAPH, MAPS, FALLS, "Nevus", True, dark)),
    (
        "rows",
        lambda dark: charts.row_bars(PHOTOGRAPH, [MAPS[0][:, 0], MAPS[1][0]], FALLS, "A", dark),
    ),
    ("quiz", lambda dark: charts.quiz_scores({"You": AREA, "A": AREA}, 9, dark)),
    ("slider", lambda dark: charts.slider_curve("Blur", " %", STEPS, 2, {A: TURNS}, 0, dark)),
]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "draw", [draw for _, draw in EVERY_FIGURE], ids=[name for name, _ in EVERY_FIGURE]
)
def test_every_figure_has_a_title_an_alternative_text_axis_titles_and_the_right_ground(
    draw, dark: bool
):
    figure = draw(dark)
    assert figure.layout.title.text
    assert len(charts.alt_text(figure)) > 20
    assert figure.layout.xaxis.title.text
    assert figure.layout.template.layout.paper_bgcolor == (DARK if dark else LIGHT).ground
    assert max(len(line) for line in figure.layout.title.text.split("<br>")) <= 52  # fits a phone
    json.loads(figure.to_json())


# ------------------------------------------------------------------------- the palette


def test_class_colours_are_those_of_the_class_table():
    assert list(charts.CLASS_COLORS.items()) == [(c.code, c.color) for c in CLASSES]
    assert charts.CLASS_TITLES[0] == "Melanoma (mel)"


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_runs_can_be_read_on_their_ground(colors: charts.Palette):
    for text in (colors.text, colors.muted, colors.accent, colors.line, *colors.runs):
        assert contrast(text, colors.ground) >= 4.5
    assert len(set(colors.runs) | set(charts.CLASS_COLORS.values())) == len(colors.runs) + len(
        CLASSES
    )


def test_class_colours_stand_out_from_the_dark_ground():
    for color in charts.CLASS_COLORS.values():
        assert contrast(color, DARK.ground) >= 3


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("share", np.linspace(0, 1, 21))
def test_numbers_in_cells_can_be_read_on_every_shade(colors: charts.Palette, share: float):
    shade = blend(colors.sequential, share)
    assert contrast(ink_on(shade), shade) >= 4.5


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


def test_a_colour_scale_is_blended_between_its_stops():
    scale = ((0.0, "#000000"), (0.5, "#808080"), (1.0, "#FF0000"))
    assert [blend(scale, share) for share in (0, 0.25, 0.5, 1, 2)] == [
        "#000000",
        "#404040",
        "#808080",
        "#FF0000",
        "#FF0000",
    ]


def test_runs_have_a_colour_and_a_symbol_of_their_own():
    styles = [charts.run_style(i) for i in range(6)]
    assert len({color for color, *_ in styles}) == 6
    assert len({symbol for *_, symbol in styles}) == 6
    assert charts.run_style(0)[0] == LIGHT.accent
    assert charts.run_style(6) == charts.run_style(0)


def test_the_toolbar_saves_png_or_svg_and_sends_nothing_anywhere():
    png, svg = charts.plot_config("matrix"), charts.plot_config("matrix", "svg")
    assert png["toImageButtonOptions"] == {"format": "png", "filename": "matrix", "scale": 2}
    assert svg["toImageButtonOptions"]["format"] == "svg"
    assert png["showSendToCloud"] is False
    assert "sendChartToCloud" in png["modeBarButtonsToRemove"]
    json.dumps(charts.PLOT_CONFIG)


def test_a_long_title_is_broken_and_given_room():
    short, long = charts.new_figure("Short", "alt"), charts.new_figure("word " * 20, "alt")
    assert "<br>" in long.layout.title.text
    assert long.layout.margin.t > short.layout.margin.t


def test_the_templates_are_made_once():
    assert charts.new_figure("a", "b", dark=True).layout.template == TEMPLATES[True]


# ------------------------------------------------------------------------- learning curves


def test_the_chosen_epoch_is_marked_on_the_validation_curve():
    figure = charts.learning_curves({A: history([1.0, 0.5, 0.2], [1.0, 0.8, 0.9])}, "loss", {A: 2})
    ring = figure.data[-1]
    assert (ring.x, ring.y) == ((2,), (0.8,))
    assert figure.layout.title.text == "Validation loss is lowest at epoch 2: 0.800"


def test_an_epoch_that_is_kept_for_another_reason_is_not_called_the_lowest():
    figure = charts.learning_curves({A: history([1.0, 0.5, 0.2], [1.0, 0.8, 0.9])}, "loss", {A: 3})
    assert figure.layout.title.text == "Validation loss 0.900 at epoch 3"


def test_without_a_known_epoch_the_lowest_validation_loss_is_marked():
    figure = charts.learning_curves({A: history([1.0, 0.5, 0.2], [1.0, 0.9, 0.8])}, "accuracy")
    assert figure.data[-1].x == (3,)
    assert figure.layout.title.text == "Validation accuracy 70.0 % at epoch 3"


def test_one_run_is_labelled_at_its_lines_and_several_by_letter_with_a_key():
    one = charts.learning_curves({A: history([1, 0.5], [1, 0.8])})
    assert {a.text for a in one.layout.annotations} == {"validation", "training"}
    two = charts.learning_curves({A: history([1, 0.5], [1, 0.8]), B: history([1, 0.5], [1, 0.7])})
    assert {a.text for a in two.layout.annotations} == {"A", "B"}
    assert str(A) in text_of(two)
    assert str(B) in text_of(two)
    assert "Lowest validation loss: B, 0.700" in text_of(two)


def test_labels_of_lines_that_end_together_are_kept_apart():
    figure = charts.learning_curves(
        {A: history([1, 0.5], [1, 0.7]), B: history([1, 0.5], [1, 0.7])}
    )
    low, high = sorted(a.y for a in figure.layout.annotations)
    assert high - low == pytest.approx(0.07 * 0.5)


def test_a_run_without_an_epoch_yet_says_so():
    figure = charts.learning_curves({A: history([], [])}, epochs=10)
    assert "first epoch is not over" in text_of(figure)
    assert not figure.data


def test_a_live_curve_grows_into_the_axis_of_all_its_epochs():
    figure = charts.learning_curves({A: history([1.0], [1.1])}, epochs=25)
    assert figure.layout.xaxis.range[1] >= 25
    assert figure.data[0].mode == "markers"  # a line needs two points


def test_a_diverged_run_is_still_drawn():
    figure = charts.learning_curves({A: history([1.0, np.nan], [1.0, np.nan])})
    assert figure.data[-1].x == (1,)


@pytest.mark.parametrize("dark", [False, True])
def test_the_still_picture_of_the_loss_says_and_shows_what_the_chart_does(dark):
    losses, validation = [1.0, 0.5, 0.2], [1.0, 0.8, 0.9]
    alone = RunName("", "A <b> run")
    picture = charts.loss_picture(alone, history(losses, validation), 2, dark)
    chart = charts.learning_curves({alone: history(losses, validation)}, "loss", {alone: 2})
    assert f"<b>{chart.layout.title.text}</b>" in picture
    assert html.escape(charts.alt_text(chart)) in picture
    assert "<b> run" not in picture
    shown, trained = loss_lines(picture)
    # the axis goes from 0 to 1, of three epochs
    assert shown == [(0, 0), (50, 20), (100, 10)]
    assert trained == [(0, 0), (50, 50), (100, 80)]
    assert 'style="left:50.00%;top:20.00%' in picture  # the epoch kept
    beside = re.findall('<span style="top:([0-9.]*)%">([^<]*)</span>', picture)
    assert beside == [("100.00", "0"), ("50.00", "0.5"), ("0.00", "1")]


@pytest.mark.parametrize(
    ("losses", "validation", "lines"),
    [
        ([1.0], [1.1], [2, 2]),  # a dot is a short line
        ([1.0, 0.9], [np.nan, np.nan], [0, 2]),
        ([np.nan, np.nan], [np.nan, np.nan], [0, 0]),
        ([0.5, 0.5], [0.5, 0.5], [2, 2]),
    ],
)
def test_the_still_picture_draws_what_is_known(losses, validation, lines):
    picture = charts.loss_picture(A, history(losses, validation), None)
    found = loss_lines(picture)
    assert [len(line) for line in found] == lines
    assert all(0 <= place <= 100 for line in found for point in line for place in point)


# ------------------------------------------------------------------------- comparison


def test_the_headline_names_the_best_run_with_its_interval():
    figure = charts.headline_scores({A: scores(0.7), B: scores(0.8)}, BASELINES)
    title = figure.layout.title.text.replace("<br>", " ")
    assert title == "Accuracy is highest for B: 80.0 % (78.0 to 82.0)"
    assert figure.data[1].error_x.array == pytest.approx([0.02] * 4)
    assert "Dotted: always nv. Dashed: logistic regression." in text_of(figure)
    bars = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert [(bar.x0, bar.line.dash) for bar in bars[::4]] == [(0.669, "dot"), (0.7, "dash")]
    assert "Logistic regression: Accuracy 70.0 %" in charts.alt_text(figure)
    assert "Balanced accuracy 80.0 % (78.0 to 82.0)" in charts.alt_text(figure)


def test_no_run_is_called_best_when_they_tie():
    figure = charts.headline_scores({A: scores(0.7), B: scores(0.7)})
    assert figure.layout.title.text == "Accuracy 70.0 % (68.0 to 72.0)"


def test_a_difference_whose_interval_holds_zero_is_not_called_one():
    same = charts.score_differences({B: scores(0.01)}, A)  # -1 to +3 points
    better = charts.score_differences({B: scores(0.05)}, A)
    assert same.layout.title.text == "No difference to A is beyond chance"
    assert "Accuracy, B against A: +5.0 points" in text_of(better)
    assert better.data[0].marker.color == charts.run_style(1)[0]  # the colour B has elsewhere


def test_a_score_without_an_interval_is_a_dot_without_a_bar_and_without_decimals():
    one = dict.fromkeys(charts.HEADLINE, Interval(1.0, np.nan, np.nan))  # one lesion
    figure = charts.headline_scores({A: one, B: scores(0.7)})
    assert figure.layout.title.text == "Accuracy is highest for A: 100 %"
    assert np.isnan(figure.data[0].error_x.array).all()
    assert np.isnan(figure.data[0].error_x.arrayminus).all()
    assert (
        "Accuracy 100 %, Balanced accuracy 100 %, Macro F1 100 %, Macro AUC 1.00."
        in charts.alt_text(figure)
    )
    assert set(figure.data[0].customdata) == {"100 %", "1.00"}


def test_a_difference_without_an_interval_stays_on_the_axis_and_is_not_called_one():
    figure = charts.score_differences(
        {B: dict.fromkeys(charts.HEADLINE, Interval(0.5, np.nan, np.nan))}, A
    )
    assert figure.layout.title.text == "No difference to A is beyond chance"
    assert figure.layout.xaxis.range[1] > 50
    assert "Accuracy +50 points, " in charts.alt_text(figure)


def test_all_matrices_share_one_colour_scale():
    small = CONFUSION // 3
    big_figure, small_figure = charts.confusion_matrices({A: CONFUSION, B: small})
    assert np.max(big_figure.data[0].z) == 1
    assert np.max(small_figure.data[0].z) == pytest.approx(np.sqrt(30 / 90))
    assert {(f.data[0].zmin, f.data[0].zmax) for f in (big_figure, small_figure)} == {(0, 1)}


@pytest.mark.parametrize(("by", "cell"), [("count", "6"), ("true", "55"), ("predicted", "6")])
def test_cells_are_counts_or_shares_of_the_true_or_the_predicted_class(by: str, cell: str):
    # melanoma taken for nevus: 6 images, of 11 true melanomas, of 96 predicted nevi
    figure = charts.confusion_matrices({A: CONFUSION}, by)[0]
    found = {(a.x, a.y): a.text for a in figure.layout.annotations}
    assert found[(CODES.index("nv"), CODES.index("mel"))] == cell
    assert (CODES.index("mel"), CODES.index("nv")) not in found  # empty cells stay empty
    assert "6 of 11 true<br>6 of 96 predicted" in figure.data[0].customdata[0][3]


def test_the_most_frequent_error_is_said():
    confused, perfect = charts.confusion_matrices({A: CONFUSION, B: np.diag([1] * 7)})
    assert "Most frequent error: mel predicted as nv, 6 of 11" in text_of(confused)
    assert "No image is confused" in text_of(perfect)


def test_a_class_without_test_images_leaves_its_row_empty():
    empty = CONFUSION.copy()
    empty[6] = 0
    figure = charts.confusion_matrices({A: empty}, "true")[0]
    assert not np.isnan(figure.data[0].z.astype(float)).any()
    assert all(a.y != 6 for a in figure.layout.annotations)


def test_the_class_chart_names_where_runs_differ_most():
    figure = charts.per_class_scores({A: per_class([0.5] * 7), B: per_class([0.9, *[0.5] * 6])})
    assert "Recall differs most for mel: A 50 %, B 90 %" in text_of(figure)
    assert "10 images" in text_of(figure)


def test_the_class_chart_of_one_run_names_its_best_and_worst_class():
    figure = charts.per_class_scores({A: per_class([0.5, 0.4, 0.3, 0.9, 0.5, np.nan, 0.1])}, "f1")
    assert "F1 is highest for nv (90 %), lowest for df (10 %)" in text_of(figure)
    assert "Vascular lesion (vasc) –" in charts.alt_text(figure)


def test_areas_by_class_are_drawn_from_zero_to_one_and_not_as_percentages():
    figure = charts.per_class_scores({A: per_class([0.5, 0.4, 0.3, 0.9, 0.5, np.nan, 0.1])}, "auc")
    assert "AUC is highest for nv (0.90), lowest for df (0.10)" in text_of(figure)
    assert figure.data[0].x[3] == 0.9
    assert figure.layout.xaxis.range == (-0.05, 1.05)


# ------------------------------------------------------------- calibration, operating point


def test_a_reliability_diagram_shows_each_bin_with_its_interval_and_the_line_of_honesty():
    first, second = charts.reliability_diagrams({A: BINS, B: BINS}, {A: 0.2, B: 0.042})
    dots = first.data[0]
    assert (list(dots.x), list(dots.y)) == ([60, 90], [80, 70])
    assert list(dots.error_y.array) == pytest.approx([9, 11])
    assert list(dots.error_y.arrayminus) == pytest.approx([13, 14])
    line = first.layout.shapes[0]
    assert (line.x0, line.y0, line.x1, line.y1) == (0, 0, 100, 100)
    assert "Expected calibration error 20.0 points" in text_of(first)
    assert "Expected calibration error 4.2 points" in text_of(second)
    assert first.layout.xaxis.range == second.layout.xaxis.range
    assert second.data[0].marker.color == charts.run_style(1)[0]  # the colour B has elsewhere
    assert "says 60 %, correct in 80 % of 50" in charts.alt_text(first)
    assert dots.customdata[0] == "50 images<br>says 60 % on average<br>correct in 80 % (67 to 89)"


def test_sizes_of_sets_are_shares_of_the_images_up_to_the_largest_set():
    figure = charts.set_sizes({A: SETS})
    assert (list(figure.data[0].x), list(figure.data[0].y)) == ([1, 2], [0, 100])
    assert list(figure.data[0].customdata) == ["0 images, 0 %", "4 images, 100 %"]
    assert "The sets hold 2.0 classes on average" in text_of(figure)
    smaller = prediction_sets(
        np.array([0, 3]), np.array([[0.9, 0.1, 0, 0, 0, 0, 0]] * 2), np.arange(2), 0.5
    )
    assert "The sets of B are smallest: 1.0 classes on average" in text_of(
        charts.set_sizes({A: SETS, B: smaller})
    )


def test_coverage_names_the_class_that_is_covered_least_and_starts_with_all_classes():
    figure = charts.set_coverage({A: SETS, B: SETS})
    assert "Coverage is lowest for df: A 0 %, B 0 %" in text_of(figure)
    assert figure.layout.yaxis.ticktext[0].startswith("<b>All classes</b>")
    assert "4 images" in figure.layout.yaxis.ticktext[0]
    assert list(figure.data[0].x)[:2] == [50, 100]
    assert "Dermatofibroma (df) 0 % (0 to 66)" in charts.alt_text(figure)


def test_many_runs_are_covered_from_to_and_a_tie_names_no_smallest_sets():
    figure = charts.set_coverage({RunName(letter, "CNN"): SETS for letter in "ABCDEF"})
    assert figure.layout.title.text == "Coverage is lowest for df: 0 %"
    assert (
        charts.set_sizes({A: SETS, B: SETS}).layout.title.text
        == "The sets hold 2.0 classes on average"
    )


def test_no_run_is_called_best_where_areas_tie():
    figure = charts.malignant_roc_curves(
        {A: CURVE, B: CURVE}, {A: AREA, B: AREA}, {A: POINT, B: POINT}, {A: BY_CLASS, B: BY_CLASS}
    )
    assert figure.layout.title.text == "AUC 0.830 (0.790 to 0.870)"


def test_the_roc_curve_marks_the_chosen_point_filled_and_the_predicted_class_open():
    figure = charts.malignant_roc_curves(
        {A: CURVE, B: CURVE},
        {A: AREA, B: Interval(0.7, 0.6, 0.8)},
        {A: POINT, B: BY_CLASS},
        {A: BY_CLASS, B: BY_CLASS},
    )
    assert [list(trace.x) for trace in figure.data[:2]] == [[0, 25, 100]] * 2
    chosen, by_class = figure.data[2:4]
    assert (chosen.x, chosen.y, chosen.marker.symbol) == ((25,), (90,), "circle")
    assert (by_class.x, by_class.y, by_class.marker.symbol) == ((0,), (50,), "circle-open")
    assert "AUC is highest for A: 0.830 (0.790 to 0.870)" in text_of(figure)
    assert "AUC: A 0.83, B 0.70" in text_of(figure)
    assert "9 of 10 malignant images found, 2 of 8 benign ones called malignant" in charts.alt_text(
        figure
    )


def test_the_roc_curve_of_a_class_without_test_images_is_empty_and_not_an_error():
    figure = charts.class_roc_curves(
        CLASSES[6], {A: CURVE.iloc[:0]}, {A: np.nan}, {A: (0.0, np.nan)}
    )
    assert figure.layout.title.text == "AUC for df: –"
    json.loads(figure.to_json())


# ------------------------------------------------------------------------- recall by epoch


def recalls(**by_class: list[float]) -> pd.DataFrame:
    """Recalls by epoch; 0.5 throughout for a class that is not named."""
    n = len(next(iter(by_class.values())))
    return pd.DataFrame(
        {"epoch": np.arange(1, n + 1), **{f"recall_{c}": by_class.get(c, [0.5] * n) for c in CODES}}
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_recall_by_epoch_names_the_classes_recognised_best_and_worst(dark: bool):
    figure = recall_by_epoch(recalls(nv=[0.8, 0.97], mel=[0.4, 0.2]), dark=dark)
    assert "Epoch 2: recall is highest for nv (97 %), lowest for mel (20 %)" in text_of(figure)
    assert "Melanoma (mel) 20 %" in charts.alt_text(figure)
    assert figure.layout.template.layout.paper_bgcolor == (DARK if dark else LIGHT).ground
    assert figure.layout.xaxis.title.text
    json.loads(figure.to_json())


def test_malignant_classes_are_thick_lines_in_their_own_colours():
    lines = {trace.name: trace.line for trace in recall_by_epoch(recalls(nv=[0.8, 0.9])).data}
    assert {code: line.color for code, line in lines.items()} == charts.CLASS_COLORS
    assert {code for code, line in lines.items() if line.width > 3} == {
        c.code for c in CLASSES if c.malignant
    }


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_class_labels_of_lines_that_end_together_are_kept_apart_and_inside(value: float):
    places = sorted(
        a.y for a in recall_by_epoch(recalls(**{c: [0.5, value] for c in CODES})).layout.annotations
    )
    assert np.diff(places) == pytest.approx([7.0] * 6)
    assert places[0] >= 0
    assert places[-1] <= 100


def test_a_class_without_validation_images_has_no_line_and_no_epoch_is_said():
    assert len(recall_by_epoch(recalls(df=[np.nan, np.nan])).data) == 6
    assert "first epoch is not over" in text_of(recall_by_epoch(recalls(nv=[]), epochs=5))


# ------------------------------------------------------------------------- the data set


def test_ribbons_are_the_colours_themselves_and_classes_without_images_have_none():
    figure = charts.ribbon_chart(RIBBONS, MEDIANS)
    assert np.array_equal(figure.data[0].z, RIBBONS[:6])
    assert (figure.data[0].x0, figure.data[0].dx) == (12.5, 25)  # four steps of 25 %
    assert text_of(figure).startswith(
        "Melanoma (mel) is the darkest class, vascular lesion (vasc) the lightest"
    )
    one = np.where(np.arange(7) == 1, 80.0, np.nan)
    assert (
        charts.ribbon_chart(RIBBONS, one).layout.title.text
        == "The colours of basal cell carcinoma (bcc)"
    )


def test_channels_say_where_red_and_blue_differ_most():
    figure = charts.channel_chart(CHANNELS)
    title = figure.layout.title.text.replace("<br>", " ")
    assert title == "Red exceeds blue most in mel (50), least in nv (0)"
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    assert [(dot.name, list(dot.x)) for dot in dots] == [
        ("red", [150, 150]),
        ("green", [150, 150]),
        ("blue", [100, 150]),
    ]


POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 4.0]], dtype=np.float32)


def map_of(rows: list[int], marked: np.ndarray | None = None, dark: bool = False) -> go.Figure:
    labels, ids = np.array([0, 3, 3, 6]), np.array(["one", "two", "three", "four"])
    return charts.image_map(POINTS, labels, ids, np.array(rows), "A map", "A note", marked, dark)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_point_of_the_map_carries_its_row_and_the_rare_classes_lie_on_top(dark: bool):
    figure = map_of([0, 1, 2, 3], dark=dark)
    assert [trace.name for trace in figure.data] == ["nv", "mel", "df"]
    assert [list(trace.customdata) for trace in figure.data] == [[1, 2], [0], [3]]
    assert all(trace.type == "scattergl" and trace.selectedpoints is None for trace in figure.data)
    assert figure.layout.template.layout.paper_bgcolor == (DARK if dark else LIGHT).ground
    assert "4 images of the classes mel, nv, df" in charts.alt_text(figure)
    json.loads(figure.to_json())


def test_a_filtered_map_keeps_its_frame_and_marks_what_was_chosen_elsewhere():
    whole, part = map_of([0, 1, 2, 3]), map_of([1, 2], marked=np.array([2]))
    assert part.layout.xaxis.range == whole.layout.xaxis.range
    assert list(part.data[0].selectedpoints) == [1]


def test_the_rows_of_a_selection_are_read_in_order_and_once():
    points = [{"customdata": 7}, {"customdata": 2}, {"customdata": 7}, {"x": 1.0}]
    assert charts.selected_rows({"points": points}).tolist() == [2, 7]
    assert charts.selected_rows({}).tolist() == []


def test_the_map_can_be_chosen_from_and_moved_by_its_toolbar():
    removed = charts.map_config("svg")["modeBarButtonsToRemove"]
    assert not {"select2d", "lasso2d", "zoom2d", "pan2d"} & set(removed)
    assert charts.map_config("svg")["toImageButtonOptions"]["format"] == "svg"
    assert {"select2d", "lasso2d"} <= set(charts.PLOT_CONFIG["modeBarButtonsToRemove"])


def test_a_key_of_many_colours_breaks_where_a_phone_ends():
    key = _color_key({f"a name of twenty {i}": "#000000" for i in range(4)})
    assert key.count("■") == 4
    assert key.count("<br>") == 1
    assert _color_key({"<b>": "#000000"}).endswith("&lt;b&gt;")


# ------------------------------------------------------------------------- the quiz


def test_a_quiz_says_who_is_ahead_with_intervals():
    you, run = Interval(0.5, 0.2, 0.8), Interval(0.7, 0.4, 0.9)
    figure = charts.quiz_scores({"You": you, "CNN": run}, 10)
    assert figure.layout.title.text == "After 10 images: You behind the best model"
    assert "You: 50 % (20 to 80). CNN: 70 % (40 to 90)." in charts.alt_text(figure)
    assert figure.data[1].x == (70,)
    assert list(figure.data[0].error_x.array) == pytest.approx([30])
    even = charts.quiz_scores({"You": run, "CNN": run}, 1)
    assert even.layout.title.text == "After 1 image: You level with the best model"
    none = Interval(np.nan, np.nan, np.nan)
    assert charts.quiz_scores({"You": none, "CNN": none}, 0).layout.title.text == "0 images"


# ------------------------------------------------------------------------- explanations


def test_a_map_says_what_becomes_of_the_probability_and_what_by_chance():
    figure = charts.map_pair(PHOTOGRAPH, MAPS, FALLS, "Melanoma (mel)")
    assert "Melanoma (mel): −31 points without the map's brightest tenth" in text_of(figure)
    assert "A random tenth: 0 points." in text_of(figure)
    assert "−31 points" in figure.layout.xaxis.title.text
    assert "blank" in figure.layout.xaxis2.title.text
    alt = charts.alt_text(figure)
    assert "This run: strongest at the top left, 40.0 points" in alt
    assert "Random weights: blank." in alt


def test_maps_have_their_own_scales_white_at_zero_and_no_noise_in_full_colour():
    faint = [0.001 * MAPS[0], MAPS[0]]
    figure = charts.map_pair(PHOTOGRAPH, faint, FALLS, "Melanoma (mel)")
    first, second = figure.data
    assert (first.zmin, first.zmax) == (-1, 1)  # a point, however faint the map
    assert second.zmax == pytest.approx(40)
    assert first.colorscale[1][1].endswith(",0)")  # nothing over the photograph at zero
    relative = charts.map_pair(PHOTOGRAPH, MAPS, FALLS, "Melanoma (mel)", relative=True)
    assert (relative.data[0].zmin, relative.data[0].zmax) == (0, 1)


def test_the_photograph_lies_under_both_maps_in_its_own_shape():
    figure = charts.map_pair(PHOTOGRAPH, MAPS, FALLS, "Melanoma (mel)")
    assert [(i.xref, i.sizex, i.sizey) for i in figure.layout.images] == [
        ("x", 28, 28),
        ("x2", 28, 28),
    ]
    assert figure.layout.images[0].source.startswith("data:image/jpeg;base64,")
    assert figure.layout.yaxis.scaleratio == 60 / 80


def test_rows_are_bars_from_the_top_in_the_colours_of_for_and_against():
    rows = [np.where(np.arange(28) == 3, 0.2, -0.1), np.full(28, 0.01)]
    figure = charts.row_bars(PHOTOGRAPH, rows, (0.2, 0.0, 0.01), "Melanoma (mel)")
    bars = next(trace for trace in figure.data if trace.type == "bar")
    assert bars.x[3] == 20
    assert bars.marker.color[3] == LIGHT.diverging[-1][1]
    assert bars.marker.color[4] == LIGHT.diverging[0][1]
    assert figure.layout.yaxis.range == (28, 0)
    assert "−20 points without its three strongest rows" in text_of(figure)
    assert "hiding row 4 of 28 lowers the probability most, by 20.0" in charts.alt_text(figure)


def test_a_curve_marks_where_the_answer_changes_and_says_how_little_it_takes():
    figure = charts.slider_curve("Blur", " %", STEPS, 1, {A: TURNS, B: TURNS[:1].repeat(5, 0)}, 0)
    assert "A changes from mel to nv at blur 7.5 %" in text_of(figure)
    line, mark, still, none = figure.data
    assert list(line.y) == [90, 80, 70, 40, 10]
    assert [*mark.x, *mark.text] == [7.5, "nv"]
    assert set(still.y) == {90}
    assert not len(none.x)
    malignant = charts.slider_curve("Blur", " %", STEPS, 1, {A: TURNS[::-1]}, None)
    assert list(malignant.data[0].y) == [10, 40, 70, 80, 90]
    assert [*malignant.data[1].x, *malignant.data[1].text] == [5, "mel"]
    assert malignant.layout.yaxis.title.text == "Malignant, %"
    same = charts.slider_curve("Blur", " %", STEPS, 1, {A: TURNS[:1].repeat(5, 0)}, 0)
    assert "No blur in this range changes an answer" in text_of(same)


def test_what_is_better_in_a_difference_of_matrices_has_one_colour_and_what_is_worse_another():
    first, other = np.zeros((2, 7, 7), int)
    first[3, 3], first[3, 0], other[3, 3], other[3, 0], other[0, 3] = 50, 10, 56, 4, 3
    cells = matrix.difference_table("b", B, A, other, first).cells
    better, less_confused, worse, same = cells[3][3], cells[3][0], cells[0][3], cells[6][6]
    assert (better.text, less_confused.text, worse.text, same.text) == ("+6", "−6", "+3", "")
    assert better.ground == less_confused.ground != worse.ground
    assert same.ground == "#FFFFFF"
    assert worse.label.endswith("B 3, A 0 images; difference +3 images")
    shares = matrix.difference_table("b", B, A, other, first, by="true").cells
    assert shares[3][3].text == "+10"  # 50 of 60 and 56 of 60
    for row in cells:
        for cell in row:
            assert contrast(cell.ground, cell.ink) >= 4.5
