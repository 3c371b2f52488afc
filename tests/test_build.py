"""What the build does to the text: links to the glossary, small pictures, tables."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from book import build

GLOSSARY = """# Glossary

```{glossary}
ReLU
  A switch.

hidden layer
  Between
  the ends.

layer
  One stage.
```
"""


def test_terms_are_the_lines_above_indented_ones() -> None:
    assert build.terms(GLOSSARY) == ["ReLU", "hidden layer", "layer"]


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("A layer, a layer.", "A {term}`layer <layer>`, a layer."),
        ("Layers of ReLUs", "{term}`Layers <layer>` of {term}`ReLUs <ReLU>`"),
        ("*layers* matter", "*{term}`layers <layer>`* matter"),
        ("a hidden layer, a layer", "a {term}`hidden layer <hidden layer>`, a {term}`layer <layer>`"),
        ("multilayer layer-wise layered", "multilayer layer-wise layered"),
        ("# A layer\n\n`layer` $layer$ [layer](x)", "# A layer\n\n`layer` $layer$ [layer](x)"),
        ("{cite:p}`layer` <b id='layer'>", "{cite:p}`layer` <b id='layer'>"),
        ("```{admonition} layer\nlayer\n```\n", "```{admonition} layer\nlayer\n```\n"),
        ("<div>\nlayer\n</div>\n\nlayer", "<div>\nlayer\n</div>\n\n{term}`layer <layer>`"),
        ("**layer** layer", "**layer** {term}`layer <layer>`"),
        ("Patches, a patch", "Patches, a {term}`patch <patch (of a network)>`"),
    ],
)
def test_the_first_mention_in_the_prose_becomes_a_link(text: str, linked: str) -> None:
    assert build.link_terms(text, {"ReLU", "hidden layer", "layer", "patch (of a network)"}) == linked


def test_a_term_is_linked_once_over_several_texts() -> None:
    wanted = {"layer"}
    assert build.link_terms("layer", wanted) == "{term}`layer <layer>`"
    assert build.link_terms("layer", wanted) == "layer"


def test_a_thumbnail_is_the_figures_picture_made_small() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1280, 320), "red").save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    figure = f'<figure><img alt="All red." src="data:image/png;base64,{data}"></figure>'
    small = build._placed("thumbnail", figure)
    assert small.startswith('<img alt="All red."')
    with Image.open(io.BytesIO(base64.b64decode(small.split("base64,")[1].rstrip('">')))) as picture:
        assert picture.size == (640, 160)
    assert build._placed("figure", figure) == figure


def test_a_figure_may_be_shown_with_another_caption() -> None:
    figure = '<figure><img alt="a" src="b"><figcaption><b>Figure 6.1.</b> A cat.</figcaption></figure>'
    placed = build._placed("figure", figure, "Four cats.")
    assert placed == '<figure><img alt="a" src="b"><figcaption>Four cats.</figcaption></figure>'
    assert build.FIGURE.fullmatch("<!-- figure 6.1: Four\ncats. -->").groups() == ("figure", "6.1", "Four\ncats.")
    assert build.FIGURE.fullmatch("<!-- thumbnail 1.4 -->").groups() == ("thumbnail", "1.4", None)
