"""From the first click to two answers: train a CNN and an LSTM from the page, compare them, drop
a JPEG.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.conftest import write_kaggle_folder

from .conftest import Visit, know_costs

TRAINED_MS = 300_000  # an engine that starts cold, two trainings and evaluations, two busy cores


def start(training: Visit, model: str, parameters: str, epochs: int) -> None:
    training.press(model, "radio")
    training.sees(re.compile(f"{parameters} *parameters · "))
    field = training.page.get_by_role("spinbutton", name="Epochs", exact=True).first
    optimisation = training.page.get_by_text("Optimisation", exact=True)
    if not field.is_visible():
        optimisation.click()
    field.fill(str(epochs))
    field.press("Enter")
    training.wait()
    for _ in range(2):  # closed, it is not drawn, and opened again it says the same
        optimisation.click()
        training.wait()
    expect(field).to_have_value(str(epochs))
    training.press("Start training")
    # where the eye is: below the button, which is seen without scrolling
    shown = training.sees(re.compile(f"{model}, as described, seed 0")).bounding_box()
    assert shown is not None
    assert shown["y"] < 900


def test_train_both_models_compare_them_and_ask_both_about_a_dropped_jpeg(
    serve, visit, tmp_path: Path
) -> None:
    folder = write_kaggle_folder(tmp_path / "data", jpegs=True)
    know_costs(tmp_path / "home", folder)
    server = serve(folder, home=tmp_path / "home")

    training = visit(server, "training")
    start(training, "CNN", "59,005", epochs=2)
    start(training, "LSTM", "171,111", epochs=2)  # waits for the first
    training.page.reload()  # the runs do not mind
    training.wait()
    training.check()
    second = visit(server, "training", width=420, dark=True)
    for page in (training, second):
        ended = page.page.get_by_text("Last run: LSTM, as described, seed 0").first
        ended.wait_for(timeout=TRAINED_MS)
        page.sees("Test accuracy")
        page.check()

    training.press("Compare", "link")
    training.page.get_by_role("heading", name="Comparison", exact=True).first.wait_for()
    training.sees("Bars: 95 % intervals")
    training.wait()
    training.check()
    for model in ("CNN", "LSTM"):
        training.sees(f"{model}, as described, seed 0")

    second.leave()
    prediction = training
    prediction.go("Prediction")
    image = next((folder / "HAM10000_images_part_1").glob("*.jpg"))
    prediction.page.locator("input[type=file]").first.set_input_files(
        [
            {"name": "lesion.jpg", "mimeType": "image/jpeg", "buffer": image.read_bytes()},
            {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"not an image at all"},
        ]
    )
    # the invented photographs of this data are coloured noise, and are taken for that
    doubt = prediction.page.get_by_text("This does not look like a dermatoscopic photograph").first
    doubt.wait_for(timeout=TRAINED_MS)
    prediction.sees("Show the answer all the same").click()
    answered = prediction.page.locator(".ham-answer").first
    prediction.wait()
    prediction.check()
    assert "not a diagnosis" in prediction.text.lower()
    assert "notes.jpg" in prediction.text  # refused with its reason, while the other is answered
    assert answered.locator("thead").inner_text().split() == ["Class", "LSTM", "CNN"]
