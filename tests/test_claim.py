"""The CLAIM checklist, of runs that ship and of one's own."""

from __future__ import annotations

from ham.config import TrainConfig
from ham.report import (
    Comparison,
    RunReport,
    claim_checklist,
    claim_in_words,
    claim_rows,
    run_names,
)
from ham.report.claim import TO_FILL_IN
from ham.store import Run
from tests.run_factory import DATA, finished_run

#: What no record of a run can know, of real data that is HAM10000.
AUTHORS = {2, 3, 4, 11, 13, 15, 18, 30, 31, 34, 36, 44}


def compared(runs: list[Run]) -> Comparison:
    return Comparison(
        run_names(runs, {run.id: run.short_title for run in runs}), [RunReport(r) for r in runs]
    )


def test_the_record_answers_what_it_can_and_leaves_the_rest_to_the_author(
    shipped: list[Run],
) -> None:
    items = claim_checklist(compared(shipped))
    assert [item.number for item in items] == list(range(1, 45))
    by_number = {item.number: item.answer for item in items}
    assert {number for number, answer in by_number.items() if not answer} >= AUTHORS
    assert "neural networks (LSTM, CNN)" in by_number[1]
    assert "150 images of 75 lesions" in by_number[7]
    assert "The lesion: all images of one are in one part." in by_number[20]
    assert by_number[24] == "At random, from seed 0; nothing pre-trained."
    assert "A: accuracy" in by_number[37]
    assert "B: accuracy" in by_number[37]
    known = sum(bool(item.answer) for item in items)
    assert f"answers {known} of the 44 items" in claim_in_words(items)
    table = claim_rows(items).table
    assert (table["What the record says"] == TO_FILL_IN).sum() == 44 - known


def test_an_own_run_on_the_real_data_a_leaking_one_and_one_on_unknown_data() -> None:
    real = finished_run(data=DATA | {"name": "HAM10000"})
    by_number = {item.number: item.answer for item in claim_checklist(compared([real]))}
    assert by_number[5] == "Retrospective: a public collection."
    assert by_number[14].startswith("Pathology for more than half")
    assert "CC BY-NC 4.0" in by_number[7]
    leaking = finished_run(TrainConfig(split="image"))
    by_number = {item.number: item.answer for item in claim_checklist(compared([leaking]))}
    assert by_number[20].endswith("This split leaks.")
    assert by_number[5] == by_number[14] == by_number[35] == ""
