"""Seen in a browser only, on the Dataset page: removed filters stay removed, tiles and classes
open by keyboard, pixels stay crisp, every view and the pairs of the leakage lab are drawn."""

from playwright.sync_api import expect


def test_a_filter_removed_by_its_chip_or_cleared_does_not_come_back(shared, visit, small_folder):
    page = visit(shared(small_folder), "dataset")

    def add(*names: str) -> None:
        page.press("Filters")
        for name in names:
            page.page.get_by_test_id("stPopoverBody").get_by_text(name, exact=True).first.click()
            page.page.get_by_test_id("stMain").get_by_role("button", name=name).first.wait_for()
        page.page.keyboard.press("Escape")

    add("Melanoma (mel)", "Male")
    page.page.locator(".st-key-dataset_chip_sexes_male button").first.click()
    page.sees("24 images of 12 lesions")
    # a run with what the browser holds of the closed popover
    page.press("Looks", "tab")
    page.sees("The mean image of each class")
    assert "24 images of 12 lesions" in page.text
    page.press("Clear filters")
    page.sees("the whole data set")
    page.press("Map", "tab")
    page.sees("Map by")
    page.wait()
    assert "150 images of 75 lesions, the whole data set" in page.text
    page.check()


def test_a_tile_opens_by_keyboard_and_its_pixels_are_not_smoothed(shared, visit, small_folder):
    page = visit(shared(small_folder), "dataset", dark=True)
    page.page.locator(".st-key-dataset_grid [data-press]").first.focus()
    page.page.keyboard.press("Enter")
    dialog = page.page.get_by_role("dialog")
    page.sees("Nearest images of other lesions", within=dialog)
    smoothed = page.page.evaluate(
        "[...document.querySelectorAll('figure img')].filter(i => i.naturalWidth < i.clientWidth "
        "&& "
        "getComputedStyle(i).imageRendering != 'pixelated').length"
    )
    assert smoothed == 0
    muted = dialog.locator("th").first.evaluate("e => getComputedStyle(e).color")
    # the dark theme's text, faded, and not the light theme's grey
    assert muted == "rgb(230, 233, 237)"
    page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.page.locator(".st-key-dataset_grid [data-press]").first).to_be_focused()
    filters = page.page.get_by_role("button", name="Filters").first
    filters.press("Enter")
    popover = page.page.get_by_test_id("stPopoverBody")
    popover.locator(":focus").wait_for()  # it does not wait until Tab has been over all the page
    page.page.keyboard.press("Escape")
    expect(popover).to_have_count(0)
    expect(filters).to_be_focused()
    page.wait()  # a run that overtakes the dialog's dismissal would open it again
    dermatofibroma = page.page.locator("[data-press=df]")
    dermatofibroma.press("Enter")  # a class of the balance becomes the filter
    page.sees("All are dermatofibroma (df)")
    page.page.locator(".st-key-dataset_chip_classes_df button").first.wait_for()
    expect(dermatofibroma).to_be_focused()
    page.check()


def test_every_view_of_the_demo_data_is_drawn_and_fits_a_narrow_window(shared, visit):
    server = shared()
    for dark in (False, True):
        page = visit(server, "dataset", width=420 if dark else 1440, dark=dark)
        for view, words in (
            ("Looks", "The mean image of each class"),
            ("Map", "Map by"),
            ("Data quality", "The way of diagnosis gives the diagnosis away"),
            ("Classes and patients", "The numbers as tables"),
        ):
            page.press(view, "tab")
            page.sees(words)
            page.wait()
            page.fits(view)
        pairs = page.page.locator(".ham-pairs figure")
        expect(pairs).to_have_count(3)
        before = pairs.first.inner_text()
        page.press("Show other pairs")
        page.page.wait_for_function(
            "text => document.querySelector('.ham-pairs figure').innerText != text", arg=before
        )
        page.check()
        page.leave()
