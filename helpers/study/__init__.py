"""Everything for a reader who studies alone: checks that say what is wrong with an answer."""

from helpers.study.checks import Check, Verdict

__all__ = ["Check", "Verdict"]
