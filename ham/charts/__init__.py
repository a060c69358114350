"""Evaluation, tables -> Plotly figures, one palette; no Streamlit.

Every figure function takes `dark: bool = False` and returns a `plotly.graph_objects.Figure`
whose title says the finding or the question and whose alternative text `alt_text` reads.
"""

from ham.charts.base import (
    CLASS_COLORS,
    CLASS_TITLES,
    PLOT_CONFIG,
    Palette,
    alt_text,
    new_figure,
    palette,
    plot_config,
    run_style,
    short_name,
    template,
)
from ham.charts.comparison import (
    HEADLINE,
    MATRIX_BY,
    confusion_matrices,
    headline_scores,
    per_class_scores,
    score_differences,
)
from ham.charts.dataset import age_chart, class_balance_chart, sex_chart, site_chart
from ham.charts.prediction import probability_bars
from ham.charts.training import CURVES, learning_curves

__all__ = [
    "CLASS_COLORS",
    "CLASS_TITLES",
    "CURVES",
    "HEADLINE",
    "MATRIX_BY",
    "PLOT_CONFIG",
    "Palette",
    "age_chart",
    "alt_text",
    "class_balance_chart",
    "confusion_matrices",
    "headline_scores",
    "learning_curves",
    "new_figure",
    "palette",
    "per_class_scores",
    "plot_config",
    "probability_bars",
    "run_style",
    "score_differences",
    "sex_chart",
    "short_name",
    "site_chart",
    "template",
]
