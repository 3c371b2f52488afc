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
PHONE = 800  # pixels across, of the twin of a wide picture
SIZES = "(max-width: 720px) 100vw, {}px"  # a wide screen takes the whole picture, whatever its pixels
SMALL = 2000  # bytes below which a picture stays in the page: a request would cost more
DATA = re.compile(r"data:image/(png|jpeg|webp|gif);base64,([A-Za-z0-9+/]+=*)")
SCRIPT = re.compile(r"(<script\b.*?</script>)", re.DOTALL)
IMAGE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'\ssrc="([^"]*)"')

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
