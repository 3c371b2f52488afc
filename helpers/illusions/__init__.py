"""Chapter 4: pictures that a network takes for what no person would see in them.

`attacks` change a photo where nobody sees it, `paintings` and `patterns` contain nothing and convince all the same;
`views` show a thing as people still know it.
"""

from helpers.illusions import patterns, views
from helpers.illusions.attacks import (
    Classifier,
    Labels,
    fgsm,
    least_epsilon,
    linf_ball,
    pgd,
    predicted_change,
    switched,
)
from helpers.illusions.paintings import cppn, init_cppn, paint

__all__ = [
    "Classifier",
    "Labels",
    "cppn",
    "fgsm",
    "init_cppn",
    "least_epsilon",
    "linf_ball",
    "paint",
    "patterns",
    "pgd",
    "predicted_change",
    "switched",
    "views",
]
