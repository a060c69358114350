"""Whether a picture looks like those the models learned from, before any class is named.

looking   the gate: an answer with its reason
plain     what needs no network: flat, even, grey
network   the features that the rest is told from
"""

from ham.prediction.likeness.looking import FILE, REASONS, Gate, Likeness, gate

__all__ = ["FILE", "REASONS", "Gate", "Likeness", "gate"]
