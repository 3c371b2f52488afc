"""What a figure of the book is: a picture with its number, its caption and its alternative text."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIME = "application/vnd.under-the-hood.figure+json"


@dataclass(frozen=True)
class Picture:
    """A picture with its number, caption and alternative text; notebooks and pages show it as one HTML figure.

    Attributes:
        number: such as "5.3": chapter and place.
        caption: inline HTML; empty where it stands in the Markdown below the figure.
        alt: plain text, for readers who cannot see the picture; empty likewise.
        content: the bytes of the picture's file.
        kind: of the file, as browsers call it: "webp", "png", "jpeg", ...
    """

    number: str
    caption: str
    alt: str
    content: bytes
    kind: str

    @classmethod
    def of(cls, bundle: Mapping[str, Any]) -> Picture:
        """The picture in a notebook's output: what `_repr_mimebundle_` gave, as it was or as a notebook file has it."""
        record, page = bundle[MIME], "".join(bundle["text/html"])
        words = {name: record[name] for name in ("number", "caption", "alt", "kind")}
        return cls(**words, content=base64.b64decode(page[slice(*record["span"])], validate=True))

    @property
    def anchor(self) -> str:
        """The id of the figure on its page."""
        return "figure-" + re.sub(r"[^\w]+", "-", self.number)

    def record(self) -> dict[str, Any]:
        """The picture as plain data: number, caption (HTML), alt (plain text), kind, and span.

        The span, [start, stop], says where in the HTML the picture's file stands, as base64: storing it once more
        would double the size of every notebook.
        """
        words = {name: getattr(self, name) for name in ("number", "caption", "alt", "kind")}
        data, page = base64.b64encode(self.content).decode(), self.html()
        start = page.index(f";base64,{data}") + len(";base64,")
        return {**words, "span": [start, start + len(data)]}

    def image(self) -> str:
        """The picture alone as HTML that needs nothing from outside."""
        data, alt = base64.b64encode(self.content).decode(), self.alt or f"Figure {self.number}, described below."
        return f'<img alt="{html.escape(alt)}" src="data:image/{self.kind};base64,{data}" style="max-width:100%">'

    def html(self, *, numbered: bool = True) -> str:
        """The whole figure as HTML that needs nothing from outside, with or without its number before the caption."""
        number = f"<b>Figure {html.escape(self.number)}.</b> " * numbered
        caption = f"<figcaption>{number}{self.caption}</figcaption>" * bool(self.caption)
        return f'<figure class="picture" id="{self.anchor}" style="margin:1em 0">{self.image()}{caption}</figure>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.html(), MIME: self.record(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Figure {self.number}. {self.caption}".strip()
