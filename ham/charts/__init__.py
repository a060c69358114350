"""Reports, tables -> Plotly figures, one palette; no Streamlit. Runs are named by `report.RunName`.

Every figure function takes `dark: bool = False` and returns a `plotly.graph_objects.Figure`
whose title says the finding or the question and whose alternative text `alt_text` reads.
"""

from ham.charts.base import (
    CLASS_COLORS,
    CLASS_TITLES,
    PLOT_CONFIG,
    Palette,
    alt_text,
    figure_json,
    new_figure,
    palette,
    plot_config,
    plotly_script,
    run_style,
    template,
)
from ham.charts.calibration import reliability_diagrams, set_coverage, set_sizes
from ham.charts.comparison import (
    HEADLINE,
    confusion_matrices,
    headline_scores,
    per_class_scores,
    score_differences,
)
from ham.charts.dataset import (
    channel_chart,
    charts_html,
    ribbon_chart,
)
from ham.charts.explanation import map_pair, row_bars, slider_curve
from ham.charts.leakage import KINDS, SEEN, SeenShares, leak_scores, seen_colors, seen_waffle
from ham.charts.map import image_map, map_config, selected_rows
from ham.charts.matrix import MATRIX_BY
from ham.charts.operating import class_roc_curves, malignant_roc_curves
from ham.charts.quiz import quiz_scores
from ham.charts.training import CURVES, learning_curves, loss_picture

__all__ = [
    "CLASS_COLORS",
    "CLASS_TITLES",
    "CURVES",
    "HEADLINE",
    "KINDS",
    "MATRIX_BY",
    "PLOT_CONFIG",
    "SEEN",
    "Palette",
    "SeenShares",
    "alt_text",
    "channel_chart",
    "charts_html",
    "class_roc_curves",
    "confusion_matrices",
    "figure_json",
    "headline_scores",
    "image_map",
    "leak_scores",
    "learning_curves",
    "loss_picture",
    "malignant_roc_curves",
    "map_config",
    "map_pair",
    "new_figure",
    "palette",
    "per_class_scores",
    "plot_config",
    "plotly_script",
    "quiz_scores",
    "reliability_diagrams",
    "ribbon_chart",
    "row_bars",
    "run_style",
    "score_differences",
    "seen_colors",
    "seen_waffle",
    "selected_rows",
    "set_coverage",
    "set_sizes",
    "slider_curve",
    "template",
]
