"""Rendered pages without what their theme brings and they do not use: most of its icons, styles and scripts.

The theme is made for any site. Of its two megabytes a page of this book needs a fifth.
"""

from __future__ import annotations

import io
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import tinycss2
from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont

BLOCKING = re.compile(r'<script (?=src="[^"]*_static/)(?![^>]*documentation_options)')
# For running code in the page, which the pages do not offer; the theme names its settings twice, which is an error.
THEBE = re.compile(
    r"[ \t]*(?:<script>const THEBE_JS_URL.*?</script>|<script [^>]*sphinx-thebe\.js[^>]*></script>"
    r"|<link [^>]*sphinx-thebe\.css[^>]*>)\n?"
)
SEARCH = re.compile(r'[ \t]*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>\n?')
# In Font Awesome's script, an icon is name:[width,height,[other names],"code","outline"].
_ICON = r'(?:"[\w-]+"|[\w$]+):\[\d+,\d+,\[[^\]]*\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\]'
ICON, ICONS = re.compile(_ICON), re.compile(f"{_ICON}(?:,{_ICON})*")
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
WORD = re.compile(r"[\w-]+")
SYMBOL = re.compile(r"\\([ef][0-9a-f]{3})\b|([\ue000-\uf8ff])")  # an icon in a style sheet: its code, or itself
TWO_FONTS = re.compile(r'url\([^()]*\.woff2\) format\("woff2"\),\s*(url\([^()]*\.ttf\) format\("truetype"\))')
LARGE = 20_000  # bytes from which a style sheet is worth the trimming


def trim(out: Path) -> None:
    """Take from rendered pages what their theme brings and they do not use.

    These are most of its icons, twice, the rules of its style sheets for what no page has, and the index of the whole
    book in every page, for a search as one types that this book does not have; the page of the search keeps it. And
    the other scripts wait until the page is read.
    """
    static = out / "_static"
    pages = [path for path in out.rglob("*.html") if static not in path.parents]
    for page in pages:
        text = THEBE.sub("", page.read_text(encoding="utf-8"))
        if page.name != "search.html":
            text = BLOCKING.sub("<script defer ", SEARCH.sub("", text))
        page.write_text(text, encoding="utf-8")
    icons = static / "scripts" / "fontawesome.js"
    speak = [*pages, *(path for path in static.rglob("*.js") if path != icons)]
    words = {word for path in speak for word in WORD.findall(path.read_text(encoding="utf-8"))}
    if icons.is_file():
        icons.write_text(without_icons(icons.read_text(encoding="utf-8"), words), encoding="utf-8")
    for path in sorted(static.rglob("*.css")):
        if path.stat().st_size > LARGE:
            lighter = without_rules(path.read_text(encoding="utf-8"), words)
            path.write_text(f'@charset "utf-8";{lighter}', encoding="utf-8")
    shown = {code for path in static.rglob("*.css") for code in symbols(path.read_text(encoding="utf-8"))}
    for sheet in static.glob("styles/*.css"):
        sheet.write_text(TWO_FONTS.sub(r"\1", sheet.read_text(encoding="utf-8")), encoding="utf-8")
    for font in static.glob("vendor/fontawesome/webfonts/*.ttf"):
        font.write_bytes(subset(font.read_bytes(), shown))
        font.with_suffix(".woff2").unlink(missing_ok=True)


def without_icons(script: str, words: set[str]) -> str:
    """Font Awesome's script with the icons alone of which some ``fa-name`` is among the words."""

    def kept(run: re.Match[str]) -> str:
        return ",".join(icon[0] for icon in ICON.finditer(run[0]) if words & _classes_of(icon[0]))

    return ICONS.sub(kept, script)


def _classes_of(icon: str) -> set[str]:
    return {f"fa-{name}" for name in NAME.findall(icon.partition('],"')[0])}


def symbols(sheet: str) -> set[int]:
    """The code points of the icons that a style sheet shows, which lie where no writing has its letters."""
    return {int(code, 16) if code else ord(itself) for code, itself in SYMBOL.findall(sheet)}


def without_rules(sheet: str, words: set[str]) -> str:
    """A style sheet without the rules for classes that are not among the words."""
    return "".join(_kept(rule, words) for rule in tinycss2.parse_stylesheet(sheet, skip_comments=False))


def _kept(rule: Any, words: set[str]) -> str:
    if rule.type == "qualified-rule":
        alive = [one for one in _selectors(rule.prelude) if _classes(one) <= words]
        shown = ",".join(tinycss2.serialize(one).strip() for one in alive)
        return f"{shown}{{{tinycss2.serialize(rule.content)}}}" if alive else ""
    if rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports") and rule.content is not None:
        inside = "".join(_kept(one, words) for one in tinycss2.parse_rule_list(rule.content))
        return f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inside}}}" if inside.strip() else ""
    return rule.serialize()


def _selectors(prelude: list[Any]) -> list[list[Any]]:
    found: list[list[Any]] = [[]]
    for token in prelude:
        if token == ",":
            found.append([])
        else:
            found[-1].append(token)
    return found


def _classes(selector: list[Any]) -> set[str]:
    """The classes without which a selector finds nothing; what stands in brackets, as after :not, is not among them."""
    return {name.value for dot, name in pairwise(selector) if dot == "." and name.type == "ident"}


def subset(font: bytes, codes: set[int]) -> bytes:
    """A font with the glyphs of these code points alone."""
    with TTFont(io.BytesIO(font)) as whole:
        subsetter = Subsetter()
        subsetter.populate(unicodes=codes)
        subsetter.subset(whole)
        buffer = io.BytesIO()
        whole.save(buffer)
    return buffer.getvalue()
