"""Everything for a reader who studies alone: checks that say what is wrong with an answer, and the quizzes.

A chapter's own checks are in the module of its number, such as `helpers.study.chapter5`; its quiz is the data beside
it.
"""

from helpers.study.checks import Check, Verdict
from helpers.study.quizzes import questions, quiz

__all__ = ["Check", "Verdict", "questions", "quiz"]
