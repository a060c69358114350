"""The images of a data set that the gate stops: looked for once, kept, read again, told of."""

import dataclasses
import json
import threading

import numpy as np
import pytest

from ham import cli, config, io, prediction
from ham.data import LesionDataset
from ham.prediction import Likeness, kept_marks, marks, unlike_training

GREY, TEXT = (prediction.likeness.REASONS[kind] for kind in ("grey", "drawing"))


class PickyGate:
    """Stops the third and the fifth picture that it is shown, the fifth more clearly."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def look(self, pictures: list[np.ndarray]) -> list[Likeness]:
        stopped = {2: Likeness(False, GREY, -1.0), 4: Likeness(False, TEXT, -2.5)}
        found = [
            stopped.get(len(self.shapes) + i, Likeness(True, None, 1.0))
            for i in range(len(pictures))
        ]
        self.shapes += [picture.shape for picture in pictures]
        return found


def never() -> None:
    raise AssertionError("the gate is asked again")


def test_every_photograph_is_looked_at_once_and_the_stopped_are_kept(small_dataset: LesionDataset):
    gate, steps = PickyGate(), []
    assert kept_marks(small_dataset) is None
    found = unlike_training(small_dataset, gate, lambda *step: steps.append(step[:2]))
    assert gate.shapes == [(30, 40, 3)] * 150  # the photographs, not their 28x28 pixels
    assert steps == [(0, 150), (32, 150), (64, 150), (96, 150), (128, 150)]
    assert found.rows.tolist() == [4, 2]
    again = kept_marks(small_dataset)
    assert again.rows.tolist() == [4, 2]
    assert again.reasons == found.reasons == (TEXT, GREY)
    assert again.scores.tolist() == [-2.5, -1.0]


def test_other_content_other_photographs_and_another_gate_are_looked_at_anew(
    small_dataset: LesionDataset, monkeypatch
):
    unlike_training(small_dataset, PickyGate())
    without = dataclasses.replace(small_dataset, originals={})
    assert kept_marks(without) is None
    gate = PickyGate()
    unlike_training(without, gate)
    assert set(gate.shapes) == {(28, 28, 3)}
    assert kept_marks(dataclasses.replace(small_dataset, fingerprint="e" * 64)) is None
    assert kept_marks(small_dataset) is not None
    monkeypatch.setattr(marks, "_gate_sha256", lambda: "f" * 64)
    assert kept_marks(small_dataset) is None


@pytest.mark.parametrize(
    "change",
    [
        {"rows": np.array([4, 150])},
        {"rows": np.array([4, 4])},
        {"reasons": np.array([1, 200], np.uint8)},
        {"scores": np.array([-1.0, np.nan], np.float32)},
        {"scores": np.array([-1.0], np.float32)},
    ],
)
def test_what_is_kept_but_cannot_be_meant_counts_as_none(small_dataset, change):
    unlike_training(small_dataset, PickyGate())
    file = marks.marks_file(small_dataset)
    io.write_arrays(file, {**io.read_arrays(file), **change})
    assert kept_marks(small_dataset) is None


def test_a_damaged_file_counts_as_none(small_dataset):
    unlike_training(small_dataset, PickyGate())
    file = marks.marks_file(small_dataset)
    file.write_bytes(file.read_bytes()[:-30])
    assert kept_marks(small_dataset) is None


def test_the_search_stops_when_asked_and_keeps_nothing(small_dataset: LesionDataset):
    stop, gate = threading.Event(), PickyGate()

    def second(done: int, total: int, what: str) -> None:
        if done == 32:
            stop.set()

    with pytest.raises(io.Stopped):
        unlike_training(small_dataset, gate, second, stop)
    assert len(gate.shapes) == 64
    assert kept_marks(small_dataset) is None


def test_the_finding_counts_the_reasons_and_none_is_no_finding(small_dataset: LesionDataset):
    finding = unlike_training(small_dataset, PickyGate()).finding()
    assert finding.title == "2 images do not look like dermatoscopic photographs"
    assert f"{TEXT} (1); {GREY} (1)." in finding.why
    assert finding.rows.tolist() == [4, 2]
    nothing = marks.Marks(np.empty(0, np.int64), (), np.empty(0, np.float32))
    assert nothing.finding() is None


# ------------------------------------------------------------------------- command line


def test_data_looks_when_asked_and_says_what_is_kept_from_then_on(
    small_folder, monkeypatch, capsys
):
    arguments = ["data", "--data", str(small_folder), "--json"]
    assert cli.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["unlike_training"] is None
    monkeypatch.setattr(prediction, "gate", PickyGate)
    assert cli.main([*arguments, "--gate"]) == 0
    said = capsys.readouterr()
    expected = {"n": 2, "images": {"TEST_00004": TEXT, "TEST_00002": GREY}}
    assert json.loads(said.out)["unlike_training"] == expected
    assert "Looking at the images" in said.err
    monkeypatch.setattr(prediction, "gate", never)
    for again in (arguments, [*arguments, "--gate"]):
        assert cli.main(again) == 0
        assert json.loads(capsys.readouterr().out)["unlike_training"] == expected
    assert cli.main(arguments[:-1]) == 0
    line = f"2 images do not look like dermatoscopic photographs: {TEXT} (1); {GREY} (1).\n"
    assert line in capsys.readouterr().out


def test_data_where_all_images_pass_says_so(small_folder, capsys):
    assert cli.main(["data", "--data", str(small_folder), "--gate"]) == 0
    assert "All 150 images look like dermatoscopic photographs." in capsys.readouterr().out


def test_a_damaged_gate_is_an_error_of_the_search(small_folder, monkeypatch, capsys):
    def damaged() -> None:
        raise config.StoreError("The gate's file", "it is damaged.", "Install HAM Lab again.")

    monkeypatch.setattr(prediction, "gate", damaged)
    assert cli.main(["data", "--data", str(small_folder), "--gate"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "The gate's file: it is damaged." in said.err
