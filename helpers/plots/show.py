"""A figure, a picture or a file with its number, caption and alternative text."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from helpers import images, typography
from helpers.figure import Picture
from helpers.plots.palette import styled


@styled
def show(
    source: Figure | Tensor | Path, number: str, *, caption: str = "", alt: str = "", quality: int = 88
) -> Picture:
    """Dress a matplotlib figure, an image (1, 3, H, W) or a picture file for notebook and page.

    Words that are the same in every run stand in the notebook's Markdown below the figure, which begins with
    ``**Figure 5.3.**`` and ends with ``<!-- alt 5.3: ... -->``; here stand only words that quote the run.

    Args:
        source: what to show.
        number: such as "5.3", chapter and place, or "E5.3" in the chapter's evidence.
        caption: says what to look at; may hold inline HTML such as ``<em>``. None if the Markdown has it.
        alt: says what a reader who cannot see the picture needs to know; together with the caption.
        quality: of the WebP compression, 0 to 100.

    Raises:
        ValueError: a caption without an alternative text, or the other way around.
    """
    if bool(caption.strip()) != bool(alt.strip()):
        raise ValueError(f"figure {number} needs a caption and an alternative text, or both in the Markdown below it")
    caption = typography.powers_of_ten(caption)
    if isinstance(source, Path):
        kind = source.suffix.lstrip(".").lower()
        return Picture(number, caption, alt, source.read_bytes(), "jpeg" if kind == "jpg" else kind)
    buffer, settings = io.BytesIO(), {"quality": quality, "method": 6}
    if isinstance(source, Figure):
        source.savefig(buffer, format="webp", dpi=220, bbox_inches="tight", pad_inches=0.06, pil_kwargs=settings)
    else:
        images.to_pil(source).save(buffer, "WEBP", **settings)
    return Picture(number, caption, alt, buffer.getvalue(), "webp")
