"""Pages that open quickly: pictures lie in files beside the page, with their sizes, and come as the reader comes near.

A notebook carries its pictures in itself, as it should: it is one file that is handed on. A page need not. What a cell
put into the page as a ``data:`` address, in an image or among the pages of an explorable, is written once under
``_images`` by what it holds, and the page gives its place. From the disk this works as over http: browsers load
images from there, and no explorable reads pixels back.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import tinycss2
from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont
from PIL import Image

FOLDER = "_images"  # where Sphinx, too, puts pictures
PHONE = 800  # pixels across, of the twin of a wide picture
SIZES = "(max-width: 720px) 100vw, {}px"  # a wide screen takes the whole picture, whatever its pixels
SMALL = 2000  # bytes below which a picture stays in the page: a request would cost more
DATA = re.compile(r"data:image/(png|jpeg|webp|gif);base64,([A-Za-z0-9+/]+=*)")
SCRIPT = re.compile(r"(<script\b.*?</script>)", re.DOTALL)
IMAGE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'\ssrc="([^"]*)"')
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

Find = Callable[[str], Path | None]


def lighten(body: str, out: Path, up: str, find: Find = lambda _: None) -> str:
    """The body of a page with its pictures in files.

    Args:
        body: HTML.
        out: the folder of all pages.
        up: from the page to there, such as ``../``.
        find: where a picture lies whose address leads to no file below `out` yet.

    Raises:
        ValueError: a picture's size cannot be known.
    """

    seen = 0

    def find_all(address: str) -> Path | None:
        below = out / address.removeprefix(up)
        return below if address.startswith(up) and below.is_file() else find(address)

    def with_size(tag: str) -> str:
        nonlocal seen
        seen += 1
        return image(tag, find_all, lazy=seen > 1, folder=out / FOLDER)

    body = DATA.sub(lambda match: _laid_out(match, out, up), body)
    parts = SCRIPT.split(body)
    for place in range(0, len(parts), 2):  # between the scripts
        parts[place] = IMAGE.sub(lambda match: with_size(match[0]), parts[place])
    return "".join(parts)


def _laid_out(match: re.Match[str], out: Path, up: str) -> str:
    """The address of a picture after it was written, unless it is small."""
    content = base64.b64decode(match[2], validate=True)
    if len(content) < SMALL:
        return match[0]
    name = f"{hashlib.sha256(content).hexdigest()[:20]}.{match[1].replace('jpeg', 'jpg')}"
    path = out / FOLDER / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return f"{up}{FOLDER}/{name}"


def image(tag: str, find: Find, *, lazy: bool, folder: Path) -> str:
    """An image's tag with its width and height, so that nothing jumps when it comes, and how it is to be loaded.

    Args:
        tag: as it was.
        find: the file of an address.
        lazy: whether it waits until the reader is near; the first picture of a page does not.
        folder: of the pictures; one that lies there gets a smaller twin for phones.
    """
    source = SOURCE.search(tag)
    if source is None:
        raise ValueError(f"{tag[:100]} names no picture")
    address = html.unescape(source[1])
    said = {"decoding": "async"} | ({"loading": "lazy"} if lazy else {"fetchpriority": "high"})
    if not re.search(r"\s(width|height)=", tag):
        width, height = size(address, find)
        said = {"width": str(width), "height": str(height)} | said
        path = find(unquote(address))
        if path and path.parent == folder and (small := for_phones(path)):
            beside = f"{address.rpartition('/')[0]}/{small.name}"
            said |= {"srcset": f"{beside} {PHONE}w, {address} {width}w", "sizes": SIZES.format(width)}
    more = "".join(f' {name}="{value}"' for name, value in said.items() if f" {name}=" not in tag)
    return f"{tag.removesuffix('>').removesuffix('/').rstrip()}{more}>"


def for_phones(path: Path) -> Path | None:
    """A picture once more at the width of a phone, written beside it, where that spares half of its bytes."""
    small = path.with_name(f"{path.stem}-{PHONE}.webp")
    if small.is_file():
        return small
    with Image.open(path) as shown:
        if shown.width < 1.5 * PHONE or getattr(shown, "is_animated", False):
            return None
        narrow = shown.convert("RGBA" if shown.has_transparency_data else "RGB")
        narrow = narrow.resize((PHONE, round(shown.height * PHONE / shown.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    narrow.save(buffer, "WEBP", quality=80)
    if 2 * len(buffer.getvalue()) > path.stat().st_size:
        return None
    small.write_bytes(buffer.getvalue())
    return small


def size(address: str, find: Find) -> tuple[int, int]:
    """Width and height of a picture in pixels."""
    if data := DATA.fullmatch(address):
        with Image.open(io.BytesIO(base64.b64decode(data[2]))) as shown:
            return shown.size
    path = find(unquote(address))
    if path is None:
        raise ValueError(f"there is no picture at {address[:100]}, so its size cannot be known")
    with Image.open(path) as shown:
        return shown.size


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
