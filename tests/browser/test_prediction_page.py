"""An image on the Prediction page: dropped, pasted or clicked, answered and looked at closer."""

import base64
import io

from PIL import Image, ImageDraw
from playwright.sync_api import expect

from ham.data import DEMO_SOURCE, open_dataset

from .conftest import Visit
from .test_uploads import drop, image


def lesion() -> bytes:
    """An image of the demo data, as a file."""
    file = io.BytesIO()
    Image.fromarray(open_dataset(DEMO_SOURCE).images[40]).save(file, "PNG")
    return file.getvalue()


def page_of_text() -> bytes:
    file, page = io.BytesIO(), Image.new("RGB", (400, 300), "white")
    for line in range(14):
        words = "The quick brown fox jumps over the lazy dog, again and again."
        ImageDraw.Draw(page).text((12, 10 + 20 * line), words, fill="black")
    page.save(file, "PNG")
    return file.getvalue()


def test_an_image_is_answered_explained_and_changed_and_text_is_stopped(shared, visit):
    page = visit(shared(), "prediction")
    drop(page, ("lesion.png", lesion()), ("text.png", page_of_text()))
    page.sees("2 images, 3 models")
    page.sees("learned from: it looks like text, a drawing or a screenshot")  # the last one is open
    table = page.page.locator(".ham-answer")
    expect(table).to_have_count(0)
    page.sees("Show the answer all the same").click()
    expect(table).to_have_count(1)
    page.press("Remove", exact=True)
    page.sees("28 x 28 pixels")
    expect(table).to_have_count(1)
    page.headings_are_in_order()

    page.sees("Why").click()
    page.page.locator("[class*=st-key-prediction_occlusion] .js-plotly-plot").first.wait_for()
    page.sees("Random weights")
    page.sees("What if").click()
    expect(table).to_have_count(2)
    before = table.nth(1).inner_text()
    slider = page.page.get_by_role("slider").first
    slider.focus()
    for _ in range(6):
        slider.press("ArrowLeft")
    expect(table.nth(1)).not_to_have_text(before, use_inner_text=True)
    assert table.nth(0).inner_text() == before  # the image itself has not changed
    page.fits("what if")
    page.check()


def paste(page: Visit, content: bytes) -> None:
    page.page.evaluate(
        """content => {
          const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
          const pasted = new ClipboardEvent("paste", { clipboardData, bubbles: true });
          document.body.dispatchEvent(pasted);
        }""",
        base64.b64encode(content).decode(),
    )


def test_a_picture_in_the_clipboard_is_pasted_and_an_example_is_one_click(shared, visit):
    page = visit(shared(), "prediction")
    page.page.wait_for_function("window.hamPaste")
    paste(page, image((150, 90, 90)))
    page.sees("pasted.png")
    page.page.locator("[class*=st-key-prediction_example_] button").first.click()
    page.sees("2 images, 3 models")
    page.sees("True class:")
    page.check()
