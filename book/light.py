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
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

FOLDER = "_images"  # where Sphinx, too, puts pictures
SMALL = 2000  # bytes below which a picture stays in the page: a request would cost more
DATA = re.compile(r"data:image/(png|jpeg|webp|gif);base64,([A-Za-z0-9+/]+=*)")
SCRIPT = re.compile(r"(<script\b.*?</script>)", re.DOTALL)
IMAGE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'\ssrc="([^"]*)"')
SEARCH = re.compile(r'[ \t]*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>\n?')
# In Font Awesome's script, name:[width,height,[other names],"code","outline"]; in its style sheet, a rule for each.
_ICON = r'(?:"[\w-]+"|[\w$]+):\[\d+,\d+,\[[^\]]*\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\]'
ICON, ICONS = re.compile(_ICON), re.compile(f"{_ICON}(?:,{_ICON})*")
NAME = re.compile(r"[a-z][a-z0-9-]*")
ICON_NAME = re.compile(r"\bfa-([a-z][a-z0-9-]*)")
ICON_RULE = re.compile(r'(?<=\})(?:\.fa-[\w-]+:{1,2}before,?)+\{content:"[^"]*"\}')

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

    def find_all(address: str) -> Path | None:
        below = out / address.removeprefix(up)
        return below if address.startswith(up) and below.is_file() else find(address)

    body = DATA.sub(lambda match: _laid_out(match, out, up), body)
    parts, seen = SCRIPT.split(body), 0
    for place in range(0, len(parts), 2):  # between the scripts
        count = len(IMAGE.findall(parts[place]))
        ordinals = iter(range(seen, seen + count))
        parts[place] = IMAGE.sub(lambda match, n=ordinals: image(match[0], find_all, lazy=next(n) > 0), parts[place])
        seen += count
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


def image(tag: str, find: Find, *, lazy: bool) -> str:
    """An image's tag with its width and height, so that nothing jumps when it comes, and how it is to be loaded.

    Args:
        tag: as it was.
        find: the file of an address.
        lazy: whether it waits until the reader is near; the first picture of a page does not.
    """
    source = SOURCE.search(tag)
    if source is None:
        raise ValueError(f"{tag[:100]} names no picture")
    said = {"decoding": "async"} | ({"loading": "lazy"} if lazy else {})
    if not re.search(r"\s(width|height)=", tag):
        width, height = size(html.unescape(source[1]), find)
        said = {"width": str(width), "height": str(height)} | said
    more = "".join(f' {name}="{value}"' for name, value in said.items() if f" {name}=" not in tag)
    return f"{tag.removesuffix('>').removesuffix('/').rstrip()}{more}>"


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
    """Take from rendered pages what their theme brings and they do not use: most of its icons, and a search of its own.

    The theme loads the index of the whole book into every page, for a search as one types that this book does not
    have; the page of the search keeps it.
    """
    pages = [path for path in out.rglob("*.html") if "_static" not in path.parts]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        if page.name != "search.html" and (lighter := SEARCH.sub("", text)) != text:
            page.write_text(lighter, encoding="utf-8")
    icons = out / "_static" / "scripts" / "fontawesome.js"
    users = [*pages, *(path for path in (out / "_static").rglob("*.js") if path != icons)]
    used = {name for path in users for name in ICON_NAME.findall(path.read_text(encoding="utf-8"))}
    for path, drop in ((icons, without_icons), (out / "_static/styles/pydata-sphinx-theme.css", without_icon_rules)):
        if path.is_file():
            path.write_text(drop(path.read_text(encoding="utf-8"), used), encoding="utf-8")


def without_icons(script: str, used: set[str]) -> str:
    """Font Awesome's script with the icons of these names alone."""

    def kept(run: re.Match[str]) -> str:
        return ",".join(icon[0] for icon in ICON.finditer(run[0]) if used & set(NAME.findall(icon[0])))

    return ICONS.sub(kept, script)


def without_icon_rules(sheet: str, used: set[str]) -> str:
    """A style sheet without its rules for icons of other names."""
    return ICON_RULE.sub(lambda rule: rule[0] if used & set(ICON_NAME.findall(rule[0])) else "", sheet)
