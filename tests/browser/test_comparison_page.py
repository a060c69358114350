"""The Comparison page in a real browser: a cell of a matrix, the address, the choice of runs."""

from playwright.sync_api import expect


def test_a_click_on_a_matrix_opens_the_cell_and_the_address_leads_back_to_it(shared, visit):
    server = shared()
    page = visit(server, "comparison")
    page.sees("Bars: 95 % intervals")
    page.check()
    matrix = page.page.get_by_role("table", name="Confusion matrix of A").first
    cell = matrix.get_by_role("button", name="Melanoma (mel) predicted as Melanocytic nevus (nv)")
    cell.click()
    expect(cell).to_have_attribute("aria-current", "true")
    page.sees("Predicted class")
    cell.press("ArrowDown")  # a row below, by keyboard
    page.page.keyboard.press("Enter")
    below = matrix.get_by_role("button", name="Basal cell carcinoma (bcc) predicted as Melanocytic")
    expect(below).to_have_attribute("aria-current", "true")
    expect(below).to_be_focused()
    page.wait()
    page.press("Probabilities", "tab")
    page.wait()
    address = page.page.url
    assert "cell=cnn-described.bcc.nv" in address
    assert "tab=Probabilities" in address

    other = visit(server, address.rsplit("/", 1)[1])
    there = other.page.get_by_role("table", name="Confusion matrix of A").first
    cell = there.get_by_role("button", name="Basal cell carcinoma (bcc) predicted as Melanocytic")
    expect(cell).to_have_attribute("aria-current", "true")
    tab = other.page.get_by_role("tab", name="Probabilities")
    expect(tab).to_have_attribute("aria-selected", "true")
    other.check()

    other.press("All runs")
    other.sees("3 rows ticked")
    other.page.get_by_role("combobox", name="Baseline").last.click()
    other.page.get_by_role("option", name="ResNet, improved").click()
    other.page.get_by_role("button", name="Compare", exact=True).click()
    expect(other.page.get_by_role("table", name="Confusion matrix of A · ResNet")).to_be_visible()
    other.wait()
    assert "runs=resnet-improved%2Ccnn-described" in other.page.url
    other.check()
