"""The charts of classes, ages, sexes, sites and ways of diagnosis: HTML whose titles say the
finding and whose rows say the numbers.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from ham.charts import palette
from ham.charts.base import contrast
from ham.charts.distribution import (
    _tick_step,
    age_boxes,
    class_bars,
    method_bars,
    sex_bars,
    site_table,
)
from ham.config import CLASSES, CODES
from ham.data import age_by_class, class_balance, count_by_class

TABLE = pd.DataFrame(
    {
        "lesion_id": ["a", "a", "b", "c", "d"],
        "dx": ["mel", "mel", "nv", "nv", "nv"],
        "age": [50.0, 60.0, 0.0, 40.0, None],
        "sex": ["male", "male", "female", "unknown", "male"],
        "localization": ["back", "back", "face", "back", "ear"],
    }
)
METHODS = pd.DataFrame(
    [[3, 0, 0, 2, 0, 0, 0], [0, 0, 0, 5, 0, 0, 0]], index=["histo", "follow_up"], columns=CODES
)
#: Both bars of every class within and without; shares from nothing to all.
EVERY_CLASS = pd.DataFrame(
    {"images": range(100, 800, 100), "lesions": range(700, 0, -100)}, index=list(CODES)
)


class Shape(HTMLParser):
    """Every element is closed, and by its own name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def said(drawn: str) -> str:
    """What can be read, the parts of a row apart."""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", drawn)).split())


def finding(drawn: str) -> str:
    return html.unescape(re.search("<figcaption><b>(.*?)</b>", drawn)[1])


def note(drawn: str) -> str:
    return said(re.search("<figcaption>.*?</b>(.*?)</figcaption>", drawn)[1])


def every_chart(table: pd.DataFrame, dark: bool) -> list[str]:
    return [
        class_bars(class_balance(table), dark),
        age_boxes(age_by_class(table), int(table["age"].isna().sum()), 0, dark),
        sex_bars(count_by_class(table, "sex"), dark),
        site_table(count_by_class(table, "localization"), dark),
        method_bars(METHODS, dark=dark),
    ]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("rows", [slice(None), slice(2), slice(4, 5)])
def test_charts_are_drawn_of_many_classes_of_one_and_of_one_image_without_age(rows, dark):
    for drawn in every_chart(TABLE.iloc[rows], dark):
        assert finding(drawn)
        assert Shape(drawn).open == []
        assert f"--ham-muted:{palette(dark).muted}" in drawn
        assert "nan" not in drawn
        named = re.findall(r'<(?:ul|table)[^>]* aria-label="(.*?)"', drawn)
        assert len(named) == 1 or finding(drawn) == "No age is known"


def test_chart_titles_say_the_finding():
    balance = class_bars(class_balance(TABLE))
    assert finding(balance) == "60.0 % of images are melanocytic nevus (nv)"
    assert note(balance) == "Dashed: always predicting nv is correct for 60.0 %"
    ages = age_boxes(age_by_class(TABLE), missing=1, zero=1)
    assert finding(ages) == "Median age: from 20 years (nv) to 55 (mel)"
    assert note(ages) == "Middle half and 5 to 95 %; 1 unknown, 1 given as 0"
    sexes, sites = (count_by_class(TABLE, column) for column in ("sex", "localization"))
    assert finding(sex_bars(sexes)) == "60.0 % of the images are of male patients"
    assert finding(site_table(sites)) == "The most frequent site: back (60.0 %)"
    one = class_bars(class_balance(TABLE.iloc[:2]))
    assert finding(one) == "All are melanoma (mel)"
    assert "<s " not in one  # no dashed line


def test_bars_of_images_and_lesions_have_the_class_colours_and_the_line_ends_at_the_longest():
    drawn = class_bars(class_balance(TABLE))
    assert re.findall("<em [^>]*>(.*?)</em>", drawn) == [
        *("2 images (40.0 %)", "1 lesion"),
        *("3 images (60.0 %)", "3 lesions"),
    ]
    bars = re.findall(r'<u style="width:([\d.]+)%;background:(#\w+)"', drawn)
    assert [float(width) for width, _ in bars] == pytest.approx(
        [100 * n / 3.09 for n in (2, 1, 3, 3)], abs=0.01
    )
    colors = {c.code: c.color for c in CLASSES}
    assert [bars[0][1], bars[2][1]] == [colors["mel"], colors["nv"]]
    assert float(re.search(r'<s style="left:([\d.]+)%', drawn)[1]) == pytest.approx(
        100 / 1.03, abs=0.01
    )
    assert re.findall(r"<i [^>]*><span>(.*?)</span>", drawn) == ["0", "1", "2", "3"]
    pressable = class_bars(class_balance(TABLE), pressable=True)
    assert re.findall('<button [^>]*data-press="(.*?)"', pressable) == ["mel", "nv"]
    assert said(pressable) == said(drawn)


@pytest.mark.parametrize(
    ("end", "step"), [(1.03, 1), (6.2, 2), (6906, 2000), (30, 5), (103000, 20000)]
)
def test_ticks_of_counts_are_round_and_at_most_six_steps(end, step):
    assert _tick_step(end) == step


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_on_bars_and_cells_can_be_read(dark):
    counts = pd.DataFrame([range(7), range(7, 0, -1), [9, 0, 3, 5, 2, 8, 1]], columns=CODES)
    counts.index = ["male", "female", "unknown"]
    ways = counts.set_axis(["histo", "follow_up", "consensus"])
    drawn = sex_bars(counts, dark) + site_table(counts, dark) + method_bars(ways, dark=dark)
    pairs = re.findall(r"background:(#\w+);color:(#\w+)", drawn)
    assert len(pairs) > 50
    assert min(contrast(*pair) for pair in pairs) >= 4.5
    bars = re.findall(
        r'background:(#\w+)"></u><em style="left:0;color:(#\w+)', class_bars(EVERY_CLASS, dark)
    )
    assert len(bars) == 8
    assert min(contrast(*pair) for pair in bars) >= 4.5


def test_ages_are_boxes_from_quartile_to_quartile_over_whiskers_and_each_is_read_out():
    drawn = age_boxes(age_by_class(TABLE), missing=0, zero=0)
    mel = "median 55 years, middle half 52.5 to 57.5, 5 to 95 %: 50.5 to 59.5; 2 images"
    assert f'role="img" aria-label="{mel}"' in drawn
    assert f'title="Melanoma (mel): {mel}"' in drawn
    places = re.findall(r'<[iub] style="left:([\d.]+)%(?:;width:([\d.]+)%)?', drawn)
    boxes = [[float(part or 0) for part in place] for place in places if place[1]]
    years = [[part * 60 / 100 for part in place] for place in boxes]  # the axis ends at 60
    assert years[0] == pytest.approx([50.5, 9], abs=0.01)
    assert years[1] == pytest.approx([52.5, 5], abs=0.01)
    assert note(drawn) == "Middle half and 5 to 95 %"
    assert "Age in years" in said(drawn)
    nothing = age_boxes(age_by_class(TABLE.iloc[4:]), missing=1, zero=0)
    assert (finding(nothing), note(nothing)) == ("No age is known", "1 unknown")
    same = age_boxes(age_by_class(TABLE.iloc[:1]), missing=0, zero=0)
    assert finding(same) == "The median age is 50 years"


def test_shares_are_read_out_with_their_names_and_narrow_parts_have_no_number():
    drawn = sex_bars(count_by_class(TABLE, "sex"))
    labels = re.findall('class="ham-shares" role="img" aria-label="(.*?)"', drawn)
    assert labels == [
        "0.0 % female, 100 % male, 0.0 % unknown",
        "33.3 % female, 33.3 % male, 33.3 % unknown",
    ]
    assert note(drawn) == "Female Male Unknown"
    assert 'title="Melanoma (mel): Male, 2 images, 100 %"' in drawn
    narrow = pd.DataFrame({code: [0, 0] for code in CODES}, index=["female", "male"])
    narrow["mel"] = [1, 9]
    assert re.findall(r"\d+ %(?=</span>)", sex_bars(narrow)) == ["90 %"]


def test_a_way_of_diagnosis_that_one_class_has_is_called_a_leak_and_colours_stay_with_the_ways():
    def colors(drawn: str) -> dict[str, str]:
        found = re.findall(r'ham-key"><i style="background:(.*?)"></i>(.*?)<', drawn)
        return {name: color for color, name in found}

    drawn = method_bars(METHODS)
    assert finding(drawn) == "Follow_up means nv: the label leaks"
    mixed = METHODS.copy()
    mixed.loc["follow_up", "mel"] = 1
    assert finding(method_bars(mixed)) == "54.5 % diagnosed by follow_up"
    assert colors(drawn) == colors(method_bars(METHODS.iloc[::-1]))
    assert len(set(colors(drawn).values())) == 2


def test_sites_are_a_table_with_heads_and_what_a_file_says_is_text():
    counts = pd.DataFrame(0, index=["b<i>ack", "face"], columns=CODES)
    counts["mel"], counts["nv"] = [300, 1], [0, 4]
    drawn = site_table(counts)
    assert re.findall('<th scope="col"><abbr title="(.*?)">', drawn) == [
        "Melanoma (mel)",
        "Melanocytic nevus (nv)",
    ]
    assert re.findall('<th scope="row">(.*?)</th>', drawn) == ["B&lt;i&gt;ack", "Face"]
    assert re.findall("<td style=[^>]*>(.*?)</td>", drawn) == ["100", "", "&lt;1", "100"]
    assert 'title="Melanoma (mel): Face, 1 image, 0.3 %"' in drawn
    assert "b&lt;i&gt;ack (98.4 %)" in drawn
    assert "<i>" not in drawn + method_bars(counts) + sex_bars(counts)
