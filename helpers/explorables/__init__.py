"""Figures that stay alive in the static page: each a Python class and a small JavaScript module beside it."""

from helpers.explorables.base import Explorable
from helpers.explorables.divider import Divider
from helpers.explorables.flipbook import Flipbook
from helpers.explorables.kinks import Kinks
from helpers.explorables.masks import Masks
from helpers.explorables.message import Message
from helpers.explorables.patchwork import Patchwork
from helpers.explorables.quiz import Question, Quiz

__all__ = ["Divider", "Explorable", "Flipbook", "Kinks", "Masks", "Message", "Patchwork", "Question", "Quiz"]
