"""From the first click to two answers: train a CNN and an LSTM from the page, compare them, drop
a JPEG.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.conftest import write_kaggle_folder

TRAINED_MS = 300_000  # an engine that starts cold, two epochs and the evaluation, on two busy cores


def set_number(page: Page, label: str, value: int) -> None:
    field = page.get_by_role("spinbutton", name=label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def start(page: Page, model: str, epochs: int) -> None:
    page.get_by_role("radio", name=model).click()
    expect(page.get_by_text("parameters · ")).to_contain_text(
        {"CNN": "59,005", "LSTM": "171,111"}[model]
    )
    set_number(page, "Epochs", epochs)
    page.get_by_role("button", name="Start training").click()


def test_train_both_models_compare_them_and_ask_both_about_a_dropped_jpeg(
    serve, visit, tmp_path: Path
) -> None:
    folder = write_kaggle_folder(tmp_path / "data", jpegs=True)
    server = serve(folder, home=tmp_path / "home")

    training = visit(server, "training")
    start(training.page, "CNN", epochs=2)
    training.page.get_by_text(re.compile("CNN, as described, seed 0")).first.wait_for()
    training.page.reload()  # the run does not mind
    training.wait()
    training.check()
    second = visit(server, "training", width=420, dark=True)
    for page in (training.page, second.page):
        page.get_by_text("Last run: CNN, as described, seed 0").wait_for(timeout=TRAINED_MS)
        expect(page.get_by_text("Test accuracy").first).to_be_visible()
    second.check()

    start(training.page, "LSTM", epochs=2)
    training.page.get_by_text("Last run: LSTM, as described, seed 0").wait_for(timeout=TRAINED_MS)
    training.check()

    training.page.get_by_test_id("stMain").get_by_role("link", name="Compare").click()
    training.page.get_by_role("heading", name="Comparison", exact=True).wait_for()
    training.page.get_by_role("heading", name="Scores on the test images").wait_for()
    training.wait()
    training.check()
    assert "CNN, as described, seed 0" in training.text
    assert "LSTM, as described, seed 0" in training.text

    prediction = visit(server, "prediction")
    image = next((folder / "HAM10000_images_part_1").glob("*.jpg"))
    prediction.page.locator("input[type=file]").set_input_files(
        [
            {"name": "lesion.jpg", "mimeType": "image/jpeg", "buffer": image.read_bytes()},
            {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"not an image at all"},
        ]
    )
    prediction.page.get_by_role("heading", name="Answers").wait_for(timeout=TRAINED_MS)
    prediction.wait()
    prediction.check()
    assert "not a diagnosis" in prediction.text.lower()
    assert "notes.jpg" in prediction.text  # refused with its reason, while the other is answered
    answers = prediction.page.get_by_text(re.compile(r"^(CNN|LSTM), as described, seed 0"))
    assert {answers.nth(i).inner_text()[:3] for i in range(answers.count())} >= {"CNN", "LST"}
