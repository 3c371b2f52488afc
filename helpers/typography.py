"""Numbers as they are written on paper."""

from __future__ import annotations

import math
import re

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# What is no running text, in HTML and in Markdown. An element that is never closed reaches to the end, as in a browser.
MARKUP = r"""
    (?P<fence>```|~~~) .*? (?: (?P=fence) | \Z )
  | (?P<ticks>(?<!`)`+(?!`)) .+? (?<!`) (?P=ticks) (?!`)
  | <(?P<name>code|pre|kbd|samp|var|script|style|textarea|svg|math)\b [^>]* > .*? (?: </(?P=name)\s*> | \Z )
  | <!-- .*? (?: --> | \Z )
  | </?[a-z] (?: [^<>"'] | "[^"]*" | '[^']*' )* >
  | &\#?\w+;
  | \]\( [^)\s]* \)                  # where a link leads
  | \b[a-z][a-z+.-]*:// [^\s<>"')\]]+
"""
# As Python writes small and large numbers: the exponent with its sign, which no color, hash or name has.
NUMBER = r"(?<![\w.\#-]) (?P<number>-? \d+ (?:\.\d+)? e [+-]\d{1,3}) (?! [\w-] | \.\d )"
MARKUP_OR_NUMBER = re.compile(f"{MARKUP} | {NUMBER}", re.VERBOSE | re.DOTALL | re.IGNORECASE)


def power_of_ten(number: float, *, digits: int = 1) -> str:
    """One number as on paper: ``power_of_ten(2e-7)`` is "2 × 10⁻⁷".

    Args:
        number: any real number, also a tensor or an array that holds one.
        digits: how many of its digits to write, from 1.

    Raises:
        ValueError: fewer digits than one.
    """
    if digits < 1:
        raise ValueError(f"digits is {digits}; a number has at least 1")
    value = float(number)
    if not math.isfinite(value):
        return f"{value}".replace("inf", "∞")
    return _on_paper(f"{value:.{digits - 1}e}")


def powers_of_ten(text: str) -> str:
    """A text with its numbers such as 2e-07 written as on paper: 2 × 10⁻⁷.

    The text may hold HTML or Markdown: tags, entities, comments, code, links and addresses stay as they are.
    """
    return MARKUP_OR_NUMBER.sub(lambda found: _on_paper(found["number"]) if found["number"] else found[0], text)


def _on_paper(number: str) -> str:
    """What Python writes as 2e-07."""
    factor, exponent = number.lower().split("e")
    if float(factor) == 0:
        return "0"
    if int(exponent) == 0:
        return factor
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return {"1": power, "-1": f"-{power}"}.get(factor, f"{factor} × {power}")
