"""Images from elsewhere on the Comparison page: a test that is kept, a drop that is refused."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import expect

from ham import config, io
from ham.store import (
    External,
    ExternalRecord,
    Predictions,
    external,
    folder,
    read_predictions,
)
from tests.run_factory import zipped

from .test_uploads import drop, image

RUNS = ("cnn-described", "resnet-improved")


def keep_a_test(home) -> None:
    """As `evaluate --keep` does, of what the runs answered on sixty of their own validation
    images."""
    for run_id in RUNS:
        run = folder.read_folder(config.reference_folder() / run_id, alive=False)
        own = read_predictions(run)["validation"]
        part = Predictions(*(array[:60] for array in vars(own).values()))
        record = ExternalRecord(
            name="clinic-x",
            title="Clinic X",
            images="/clinic",
            labels="labels.csv",
            content="c",
            model=run.record.model.sha256,
            made=1.7e9,
            code_version="0.1",
            n_labelled=len(part.y_true),
        )
        found = External(record, part, np.arange(len(part.y_true), dtype=np.uint64))
        path = home / "external" / run_id / "clinic-x.npz"
        io.write_arrays(path, external._arrays(found))


def test_a_kept_test_is_shown_a_drop_without_labels_refused_and_the_test_removed(shared, visit):
    server = shared()
    keep_a_test(server.home)
    page = visit(server, f"comparison?tab=Robustness&runs={','.join(RUNS)}")
    page.sees("/clinic: ")
    page.sees("of these images are known")
    matrices = page.page.locator("[class*=external_matrix] .js-plotly-plot")
    expect(matrices).to_have_count(2)
    page.fits("an external test")
    page.sees("Evaluate on other images").click()
    page.sees("Drop files").click()
    page.wait()
    drop(page, ("images.zip", zipped({"a.png": image((90, 60, 50))})))
    page.sees("images.zip")
    name = page.page.get_by_role("textbox", name="Name of the test")
    name.fill("Another one")
    name.press("Tab")
    page.wait()
    page.press("Ask the 2 runs")
    page.sees("there is no CSV with the labels in it")
    expect(matrices).to_have_count(2)
    assert [path.name for path in server.home.glob("external/*/*")] == 2 * ["clinic-x.npz"]
    assert not (server.home / "cache/handed").exists()
    page.page.locator("[class*=comparison_external_box] button").first.click()
    page.sees("Remove for good").click()
    page.sees("images of another clinic")
    assert not list(server.home.glob("external/*/*"))
    page.check()
