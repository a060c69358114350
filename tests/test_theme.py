"""Text of both themes is readable (WCAG 2.2 AA), and charts stand on the same ground as the
pages.
"""

import re
import tomllib
from pathlib import Path

import pytest

from ham.charts import palette
from ham.charts.base import contrast
from ham.config import CLASSES
from ham.ui import visit

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
SHEETS = sorted((ROOT / "ham/ui").glob("*.css"))
STYLE = "".join(sheet.read_text() for sheet in SHEETS)
THEMES = ("light", "dark")
TEXT, LARGE = 4.5, 3.0  # least contrast of text, and of large text, icons and borders of fields


def css_color(name: str, theme: str) -> str:
    """The colour that the rule for this selector gives in this theme."""
    rule = next(rule for rule in STYLE.split("}") if name in rule and "light-dark(" in rule)
    return re.search(r"light-dark\((#\w{6}), (#\w{6})\)", rule).group(1 + THEMES.index(theme))


def grounds(theme: str) -> dict[str, str]:
    colors = CONFIG["theme"][theme]
    return {
        "page": colors["backgroundColor"],
        "field": colors["secondaryBackgroundColor"],
        "sidebar": colors["sidebar"]["backgroundColor"],
        "sidebar field": colors["sidebar"]["secondaryBackgroundColor"],
    }


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("role", ["textColor", "grayTextColor", "linkColor", "greenTextColor"])
def test_text_is_readable_on_every_ground(theme, role):
    color = CONFIG["theme"][theme][role]
    too_faint = {
        name: round(contrast(color, ground), 2)
        for name, ground in grounds(theme).items()
        if contrast(color, ground) < TEXT
    }
    assert too_faint == {}


@pytest.mark.parametrize("theme", THEMES)
def test_captions_are_readable_on_every_ground(theme):
    caption = css_color("stCaptionContainer", theme)
    assert caption == CONFIG["theme"][theme]["grayTextColor"] == palette(theme == "dark").muted
    assert min(contrast(caption, ground) for ground in grounds(theme).values()) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
def test_text_on_the_accent_is_readable(theme):
    assert (
        contrast(css_color("stBaseButton-primary", theme), CONFIG["theme"][theme]["primaryColor"])
        >= TEXT
    )


@pytest.mark.parametrize("theme", THEMES)
def test_the_accent_stands_out_from_every_ground(theme):
    assert (
        min(
            contrast(CONFIG["theme"][theme]["primaryColor"], ground)
            for ground in grounds(theme).values()
        )
        >= LARGE
    )


@pytest.mark.parametrize("theme", THEMES)
def test_success_text_is_readable_on_its_own_ground(theme):
    colors = CONFIG["theme"][theme]
    assert contrast(colors["greenTextColor"], colors["greenBackgroundColor"]) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
def test_charts_share_ground_text_and_accent_with_the_page(theme):
    colors, chart = CONFIG["theme"][theme], palette(theme == "dark")
    assert (chart.ground, chart.text, chart.accent) == (
        colors["backgroundColor"],
        colors["textColor"],
        colors["primaryColor"],
    )


@pytest.mark.parametrize("theme", THEMES)
def test_streamlits_own_charts_use_the_class_colours(theme):
    assert CONFIG["theme"][theme]["chartCategoricalColors"] == [c.color for c in CLASSES]


def test_contrast_of_black_on_white_is_21_and_of_a_colour_on_itself_1():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)


def test_no_style_looks_into_what_it_styles():
    """With one `:has()` on the page the browser took 90 ms for each word that Plotly measures,
    and 0.3 without.
    """
    looking = [
        path.name
        for path in [*sorted((ROOT / "ham").rglob("*.py")), *SHEETS]
        if re.search(r":has\([^)]", path.read_text())
    ]
    assert looking == []


def test_starting_asks_nothing_sends_nothing_and_serves_this_computer_only():
    assert CONFIG["server"]["showEmailPrompt"] is False
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["server"]["address"] == "localhost"
    assert CONFIG["server"]["maxUploadSize"] == visit.MAX_UPLOAD_MB + 1  # the form around a file
    assert CONFIG["client"]["showSidebarNavigation"] is False


@pytest.mark.parametrize(
    "images",
    [
        ".ham-cell img",
        ".ham-pairs .ham-small",
        ".ham-means img",
        ".ham-pictures .ham-small",
        ".ham-batch img",
        ".ham-large .ham-pixels img",
        ".ham-two .ham-pixels img",
        ".ham-band .pixels img",
        ".ham-seen-as img",
        ".ham-augmented img",
    ],
)
def test_enlarged_images_show_their_pixels(images):
    rules = [rule.partition("{") for rule in STYLE.split("}")]
    assert any(images in names and "image-rendering: pixelated" in rule for names, _, rule in rules)
