"""Seen in a browser only, on the Dataset page: removed filters stay removed, tiles open by
keyboard and stay crisp, every view and the pairs of the leakage lab are drawn."""


def test_a_filter_removed_by_its_chip_or_cleared_does_not_come_back(serve, visit, small_folder):
    page = visit(serve(small_folder), "dataset")

    def add(*names: str) -> None:
        page.page.get_by_role("button", name="Filters").first.click()
        for name in names:
            page.page.get_by_test_id("stPopoverBody").get_by_text(name, exact=True).click()
            page.page.get_by_test_id("stMain").get_by_role("button", name=name).first.wait_for()
        page.page.keyboard.press("Escape")

    add("Melanoma (mel)", "Male")
    page.page.locator(".st-key-dataset_chip_sexes_male button").first.click()
    page.page.get_by_text("24 images of 12 lesions").wait_for()
    # a run with what the browser holds of the closed popover
    page.page.get_by_role("tab", name="Looks").click()
    page.page.get_by_text("The mean image of each class").wait_for()
    assert "24 images of 12 lesions" in page.text
    page.page.get_by_role("button", name="Clear filters").click()
    page.page.get_by_text("all there are").wait_for()
    page.page.get_by_role("tab", name="Map").click()
    page.page.get_by_text("Map by").wait_for()
    page.wait()
    assert "150 images of 75 lesions, all there are" in page.text
    page.check()


def test_a_tile_opens_by_keyboard_and_its_pixels_are_not_smoothed(serve, visit, small_folder):
    page = visit(serve(small_folder), "dataset", dark=True)
    page.page.locator(".st-key-dataset_grid_tile_0 button").focus()
    page.page.keyboard.press("Enter")
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_text("Nearest images of other lesions").wait_for()
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
    dialog.wait_for(state="detached")
    page.check()


def test_every_view_of_the_demo_data_is_drawn_and_fits_a_narrow_window(serve, visit):
    server = serve()
    for dark in (False, True):
        page = visit(server, "dataset", width=420 if dark else 1440, dark=dark)
        for view, words in (
            ("Looks", "The mean image of each class"),
            ("Map", "Map by"),
            ("Data quality", "The way of diagnosis gives the diagnosis away"),
            ("Classes and patients", "The numbers as tables"),
        ):
            page.page.get_by_role("tab", name=view).click()
            page.page.get_by_text(words).first.wait_for()
            page.wait()
            wide = page.page.evaluate(
                "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
            )
            assert wide <= 0, f"{view} scrolls sideways by {wide} pixels"
        pairs = page.page.locator(".ham-pairs figure")
        assert pairs.count() == 3
        before = pairs.first.inner_text()
        page.page.get_by_role("button", name="Show other pairs").click()
        page.page.wait_for_function(
            "text => document.querySelector('.ham-pairs figure').innerText != text", arg=before
        )
        page.check()
