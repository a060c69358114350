"""What is said of an image, in words and as HTML, without a page."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ham.config import CODES, ImageError
from ham.evaluation import Interval, OperatingPoint
from ham.images import CheckedImage
from ham.prediction import (
    Answer,
    Likeness,
    Prediction,
    Question,
    answer_table,
    as_html,
    as_record,
    as_table,
    doubt_in_words,
    explained,
    set_in_words,
    verdict,
)
from ham.report import DecisionRule

PIXELS = np.arange(28 * 28 * 3, dtype=np.uint8).reshape(28, 28, 3)
IMAGE = CheckedImage("<a> & b.png", PIXELS, PIXELS, (28, 28))
NAMES = {"r0": "CNN", "r1": "LSTM", "r2": "ResNet"}
POINT = OperatingPoint(
    0.25, Interval(0.92, 0.87, 0.96), Interval(0.78, 0.75, 0.81), 100, 8, 400, 88
)


def prediction(
    run_id: str, top: str = "nv", share: float = 0.7, threshold: float | None = 0.25
) -> Prediction:
    """`share` for one class, the rest evenly; malignant from `threshold` on."""
    proba = np.full(7, (1 - share) / 6)
    proba[CODES.index(top)] = share
    rule = DecisionRule(
        run_id,
        temperature=1.25,
        set_threshold=0.9,
        malignant_threshold=threshold,
        point=POINT if threshold is not None else None,
        missing=() if threshold is not None else ("No malignant validation image.",),
    )
    return Prediction(IMAGE, run_id, proba, proba.astype(np.float32), rule)


def answer(*said: Prediction, truth: int | None = None) -> Answer:
    return Answer(Question(IMAGE, truth), said)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([("r0", "nv", 0.9)], "CNN says melanocytic nevus and calls it benign."),
        ([("r0", "nv", 0.4)], "CNN says melanocytic nevus and calls it malignant."),
        (
            [("r0", "nv", 0.9), ("r1", "nv", 0.8)],
            "Both models say melanocytic nevus. None calls it malignant.",
        ),
        (
            [("r0", "mel", 0.9), ("r1", "bcc", 0.8), ("r2", "mel", 0.6)],
            "The models disagree: CNN and ResNet melanoma; LSTM basal cell carcinoma. All 3 call "
            "it malignant.",
        ),
        (
            [("r0", "mel", 0.9), ("r1", "nv", 0.9), ("r2", "nv", 0.95)],
            "The models disagree: CNN melanoma; LSTM and ResNet melanocytic nevus. Split on "
            "malignant: CNN calls it malignant, LSTM and ResNet do not.",
        ),
        (
            [("r0", "nv", 0.4), ("r1", "nv", 0.9)],
            "Both models say melanocytic nevus. Split on malignant: CNN calls it malignant, LSTM "
            "does not.",
        ),
    ],
)
def test_the_verdict_says_who_agrees_and_who_is_split_on_malignant(said, words):
    assert verdict(answer(*(prediction(*entry) for entry in said)), NAMES) == words


def test_without_a_threshold_the_predicted_class_decides():
    assert verdict(answer(prediction("r0", "mel", 0.3, None)), NAMES).endswith("it malignant.")


def test_sets_in_words():
    assert set_in_words(["mel", "nv"]) == "melanoma or melanocytic nevus"
    assert set_in_words(["nv"]) == "melanocytic nevus"
    assert set_in_words(CODES) == "any of the seven classes"
    assert set_in_words(None) == "–"


def test_what_a_threshold_costs_is_said_with_its_intervals():
    words = explained(prediction("r0"))
    assert "temperature of 1.25" in words
    assert "sensitivity is 92" in words
    assert "88 of 400 benign images are called malignant" in words
    assert explained(Prediction(IMAGE, "r", *[np.full(7, 1 / 7)] * 2, DecisionRule("r"))) == ""


class Balanced(HTMLParser):
    """Every element that is opened is closed."""

    VOID = frozenset({"img", "meta"})

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open += [] if tag in self.VOID else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_table_has_a_row_a_class_and_a_column_a_run():
    table = answer_table([prediction("r0"), prediction("r1", "mel", 0.5, None)], NAMES)
    assert Balanced(table).open == []
    assert re.findall(r'scope="col">(.*?)<', table) == ["Class", "CNN", "LSTM"]
    assert len(re.findall(r'scope="row"', table)) == 7 + 3
    assert table.count('class="ham-said"') == 2
    assert 'title="70.0 % calibrated, 70.0 % as the model gives it"' in table
    # 5 % is less than the 10 % that the set of 0.9 asks for
    assert table.count("outside the 90 % set") == 6 + 6
    assert "No malignant validation image." in table


def test_one_file_holds_all_answers_with_their_pictures_and_runs_nothing():
    text = as_html(
        [answer(prediction("r0"), truth=CODES.index("mel")), answer(prediction("r0"))],
        NAMES,
        [ImageError("<b>.gif", "it moves.", "Stop it.")],
        {1: "<p>More of the second.</p>"},
    )
    assert Balanced(text).open == []
    assert text.count('src="data:image/png;base64,') == 2
    assert "&lt;a&gt; &amp; b.png" in text
    assert "<a> &" not in text
    assert "true class: Melanoma" in text
    assert "&lt;b&gt;.gif" in text
    assert text.index("More of the second") > text.rindex("<section>")
    assert "not a diagnosis" in text
    for outside in ("<script", "http://", "https://", " href=", "@import"):
        assert outside not in text


def test_a_doubted_image_has_its_reason_first_and_its_answer_behind():
    like = Likeness(False, "it is grey; the models learned from colour images", -1.0)
    doubted = Answer(Question(IMAGE), (prediction("r0"),), like)
    assert doubt_in_words(doubted).endswith(f"learned from: {like.reason}.")
    assert doubt_in_words(answer(prediction("r0"))) == ""
    text = as_html([doubted], NAMES)
    assert Balanced(text).open == []
    assert (
        text.index(like.reason)
        < text.index("<details><summary>Show the answer")
        < (text.index('<table class="ham-answer"'))
    )
    assert "CNN says" not in text
    assert as_record(prediction("r0"), None, like)["like_training"] == {
        "ok": False,
        "reason": like.reason,
    }
    assert as_table([doubted], {"r0": "CNN"})["not_like_training"].tolist() == [like.reason]


def test_a_record_hangs_together():
    record = as_record(prediction("r0", "nv", 0.4))
    assert record["like_training"] is None  # nobody looked
    assert record["prediction_set"] == ["nv", "mel", "bcc", "akiec", "bkl", "vasc", "df"] or (
        record["prediction_set"] == ["nv"]
    )
    assert record["malignant"] == {"probability": 0.3, "threshold": 0.25, "call": "malignant"}
    assert sum(record["probabilities"][code] for code in ("mel", "bcc", "akiec")) == pytest.approx(
        record["malignant"]["probability"]
    )
    bare = as_record(Prediction(IMAGE, "r", *[np.full(7, 1 / 7)] * 2, DecisionRule("r")))
    assert bare["prediction_set"] is None
    assert bare["malignant"]["threshold"] is bare["malignant"]["call"] is None


def test_the_csv_has_what_the_record_has():
    table = as_table([answer(prediction("r0", "nv", 0.7))], {"r0": "CNN, seed 0"})
    row = table.iloc[0]
    assert (row["label"], row["prediction_set"], row["call"]) == ("nv", "nv", "benign")
    assert (row["p_malignant"], row["malignant_threshold"]) == (0.15, 0.25)
    assert row["raw_nv"] == pytest.approx(0.7)
