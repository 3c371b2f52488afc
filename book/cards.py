"""The picture that a link to a page shows where it is shared: the page's title on a ground of the book's colors."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont, ImageOps

SIZE = (1200, 630)  # what those who show such pictures ask for
GROUND, INK, FAINT = "#10151c", "#ffffff", "#b9c4cf"
STRIPES = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7")  # one for each chapter
MARGIN, PICTURE = 72, 500
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def card(title: str, line: str = "", picture: bytes | None = None) -> bytes:
    """A card as JPEG.

    Args:
        title: of the page.
        line: a sentence below it.
        picture: an image file that stands beside the words; its middle, if it is much wider than high.
    """
    image = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(image)
    width = SIZE[0] - 2 * MARGIN
    if picture:
        with Image.open(io.BytesIO(picture)) as shown:
            beside = _fitted(shown.convert("RGB"))
            image.paste(beside, (SIZE[0] - PICTURE - 65, (SIZE[1] - beside.height) // 2))
        width -= PICTURE + 30
    for place, color in enumerate(STRIPES):
        draw.rectangle((MARGIN + 44 * place, 70, MARGIN + 44 * place + 34, 78), fill=color)
    draw.text((MARGIN, 100), "Under the Hood", font=_font(30), fill=FAINT)
    y = 190
    for words, size, color, bold in ((title, 62, INK, True), (line, 32, FAINT, False)):
        font = _font(size, bold=bold)
        for text in _wrapped(words, width, font)[: 4 if bold else 5]:
            draw.text((MARGIN, y), text, font=font, fill=color)
            y += round(size * 1.25)
        y += 24
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88, optimize=True)
    return buffer.getvalue()


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)


def _fitted(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    if max(width, height) > 1.7 * min(width, height):
        return ImageOps.fit(picture, (PICTURE, PICTURE))
    return ImageOps.contain(picture, (PICTURE, PICTURE))


def _wrapped(words: str, width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
