"""A comparison as one HTML file that needs nothing else: what the page shows, to be sent or kept.

sections   the sections, one declaration each: a title and a function of the comparison
parts      charts, pictures and what is folded away, beside the parts of `ham.report.content`
page       the file: templates/, with Plotly's script in it once

It is drawn light or dark as the reader's browser is, and light on paper. Nothing is loaded from
anywhere: a policy in the file forbids it.
"""

from ham.document.page import comparison_html
from ham.document.parts import Subject
from ham.document.sections import SECTIONS

__all__ = ["SECTIONS", "Subject", "comparison_html"]
