"""The numbers of a chart as a table, checked against figures made by hand."""

import pickle

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from ham.charts import new_figure
from ham.charts.base import class_rows
from ham.charts.numbers import number_table


def test_a_row_of_names_comes_before_its_number_and_the_interval_is_written_out():
    figure = new_figure("Recall", "")
    class_rows(figure, ["n"] * 7, dark=False)
    error = {"array": [5], "arrayminus": [10]}
    figure.add_scatter(x=[80], y=[0.2], name="A", error_x=error)  # a run beside the row's middle
    figure.add_scatter(x=[90], y=[1], name="B")
    figure.add_scatter(x=[1, 2], y=[0, 1], hoverinfo="skip")  # a band
    figure.update_xaxes(title="Recall, %")
    table = number_table(figure)
    assert table.columns.tolist() == ["Series", "Row", "Recall, %", "From", "To"]
    assert table.iloc[0].tolist() == ["A", "Melanoma (mel) n", 80, 70, 85]
    assert table.iloc[1, :3].tolist() == ["B", "Basal cell carcinoma (bcc) n", 90]


def test_curves_heat_maps_and_pixels():
    curve = go.Figure(go.Scatter(x=[1, 2], y=[0.123456, 0.5])).update_xaxes(title="Epoch")
    assert number_table(curve).to_dict("list") == {"Epoch": [1, 2], "y": [0.1235, 0.5]}
    heat = go.Figure(go.Heatmap(z=[[1, 2], [3, 4]], x=["p", "q"], y=["s", "t"]))
    assert number_table(heat).iloc[1].to_dict() == {"Row": "s", "Column": "q", "Value": 2}
    assert number_table(go.Figure(go.Image(z=[[[1, 2, 3]]]))).empty


def one_chart():
    from ham.charts import new_figure
    from ham.ui.frame import chart

    chart(new_figure("Title", "In words").add_bar(x=["a"], y=[1]), "one")


def test_a_chart_has_its_table_where_the_visitor_wants_numbers():
    page = AppTest.from_function(one_chart).run()
    assert len(page.dataframe) == 0
    page.session_state["frame_numbers"] = True
    page.run()
    assert page.dataframe[0].value.to_dict("list") == {"Column": ["a"], "Value": [1]}


@pytest.mark.parametrize(
    "figure",
    [
        go.Figure(go.Scatter(x=np.arange(3), y=np.array([0.5, 1.5, 2.5]), name="a")),
        go.Figure(go.Heatmap(z=np.arange(6.0).reshape(2, 3))),
        go.Figure(
            go.Scatter(
                x=np.array([1.0, 2.0]),
                y=np.array([3.0, 4.0]),
                error_y={"array": np.array([0.1, 0.2]), "arrayminus": np.array([0.3, 0.4])},
            )
        ),
    ],
)
def test_a_figure_that_was_kept_between_two_runs_of_a_page_has_the_same_table(figure):
    kept = pickle.loads(pickle.dumps(figure))
    pd.testing.assert_frame_equal(number_table(kept), number_table(figure))
    assert len(number_table(figure)) > 1
