"""Pictures in and out: every image is a float32 tensor (N, 3, H, W), RGB, from 0 to 1."""

from __future__ import annotations

import difflib
import os
import uuid
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from helpers.checks import require

PICTURES = Path(__file__).parent / "pictures"
SMALLEST_SIDE, LARGEST_SIDE = 8, 10_000  # pixels
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MOVING_FORMATS = {".webp": "WEBP", ".gif": "GIF"}
SLOWEST, FASTEST = 0.1, 100  # frames a second; GIF counts in hundredths of a second


def check(pixels: Tensor) -> None:
    """Raise a ValueError that says what is wrong unless `pixels` is a batch of images as this book means it."""
    if not isinstance(pixels, Tensor):
        raise ValueError(f"an image is a torch.Tensor, not a {type(pixels).__name__}; images.load makes one")
    if pixels.dim() != 4 or pixels.shape[1] != 3:
        raise ValueError(f"an image has shape (N, 3, H, W), not {tuple(pixels.shape)}")
    if pixels.dtype != torch.float32:
        raise ValueError(f"an image has dtype torch.float32, not {pixels.dtype}; for 0 to 255 use pixels.float() / 255")
    if 0 in pixels.shape:
        raise ValueError(f"an image of shape {tuple(pixels.shape)} holds no pixels")
    low, high = (bound.item() for bound in pixels.detach().aminmax())
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # false for NaN too
        raise ValueError(f"pixels lie in [0, 1], not in [{low:.3g}, {high:.3g}]; networks normalize by themselves")


def load(path: str | os.PathLike[str] | IO[bytes], *, size: int | None = None) -> Tensor:
    """Read a picture file, or an open one, as (1, 3, H, W).

    Turned upright by its EXIF tag; transparency is laid on white.

    Args:
        path: anything that Pillow reads.
        size: the longer side in pixels after scaling; None keeps the picture's own.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a picture, cut short, too small, or more pixels than Pillow deems safe.
    """
    _check_size(size)
    name = path if isinstance(path, (str, os.PathLike)) else getattr(path, "name", None) or "the picture"
    try:
        picture, (width, height) = _decode(path, size)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = Image.MAX_IMAGE_PIXELS
        raise ValueError(f"{name} is over the limit of {limit:,} pixels; make it smaller first") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} is not a picture that Pillow can read; save it as PNG or JPEG") from error
    except Exception as error:  # there is no end to what an altered file makes the decoders raise
        raise ValueError(f"{name} is cut short or damaged ({error}); fetch or save it again") from error
    if min(width, height) < SMALLEST_SIDE:
        raise ValueError(f"{name} is {width} x {height} pixels; the shorter side needs at least {SMALLEST_SIDE}")
    if size is not None and min(width, height) * size < SMALLEST_SIDE * max(width, height):
        raise ValueError(f"{name} is {width} x {height} pixels, too narrow for size {size}; crop it or raise the size")
    return from_pil(picture if size is None else _fit(picture, size, (width, height)))


def save(pixels: Tensor, path: str | os.PathLike[str]) -> None:
    """Write one image (1, 3, H, W) as PNG, JPEG or WebP, by the path's suffix; whole or not at all."""
    picture, target = to_pil(pixels), Path(path)
    kind = _format(target, FORMATS)
    _write_atomically(target, lambda file: picture.save(file, kind, quality=92))


def animate(frames: Iterable[Tensor], path: str | os.PathLike[str], *, fps: float = 12, quality: int = 70) -> None:
    """Write images (1, 3, H, W) as a looping WebP or GIF of `fps` frames a second; whole or not at all."""
    target = Path(path)
    kind = _format(target, MOVING_FORMATS)
    if not SLOWEST <= fps <= FASTEST:
        raise ValueError(f"fps is {fps}; it must be from {SLOWEST} to {FASTEST}")
    pictures = [to_pil(frame) for frame in frames]
    if not pictures:
        raise ValueError("there are no frames to animate")
    if len(sizes := {picture.size for picture in pictures}) > 1:
        raise ValueError("frames differ in size: " + ", ".join(f"{w} x {h}" for w, h in sorted(sizes)))
    duration = 10 * round(100 / fps) if kind == "GIF" else round(1000 / fps)  # milliseconds; a GIF counts in tens
    settings = {"duration": duration, "loop": 0, "quality": quality, "method": 4}
    _write_atomically(
        target, lambda file: pictures[0].save(file, kind, save_all=True, append_images=pictures[1:], **settings)
    )


def sample(name: str, *, size: int | None = None) -> Tensor:
    """One of the book's own pictures, (1, 3, H, W): see `samples()` for their names; `size` as in `load`."""
    from helpers import drawings

    drawn = {"clouds": drawings.clouds, "cartoon": drawings.cartoon}
    _check_size(size)
    if name in drawn:
        if size is None:
            return drawn[name]()
        picture = to_pil(drawn[name](size=max(size, drawings.SMALLEST_SIZE)))  # at least as large as asked for
        return from_pil(_fit(picture, size, picture.size))
    if name not in samples():
        near = difflib.get_close_matches(name, samples(), n=1, cutoff=0.4) or samples()
        raise ValueError(f"there is no sample {name!r}; did you mean {' or '.join(map(repr, near))}?")
    return load(PICTURES / f"{name}.jpg", size=size)


def samples() -> tuple[str, ...]:
    """The names that `sample` knows."""
    return ("cartoon", "clouds", *sorted(path.stem for path in PICTURES.glob("*.jpg")))


def resize(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale images to (height, width) by smoothed bicubic interpolation, kept within [0, 1].

    Images that have this size already come back as they are, not as a copy.
    """
    if tuple(pixels.shape[2:]) == tuple(size):
        return pixels
    return torch.nn.functional.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(0, 1)


def square(pixels: Tensor, side: int = 224) -> Tensor:
    """The middle square of images, scaled to `side` pixels: the view in which the classifiers were trained."""
    height, width = pixels.shape[2:]
    cut = min(height, width)
    top, left = (height - cut) // 2, (width - cut) // 2
    return resize(pixels[:, :, top : top + cut, left : left + cut], (side, side))


def luminance(pixels: Tensor) -> Tensor:
    """The gray picture (N, 3, H, W): how light each place is to the eye, three times over."""
    weights = pixels.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # of television (ITU-R BT.601)
    return (pixels * weights).sum(1, keepdim=True).expand_as(pixels)


def recolor(pixels: Tensor, colors: Tensor) -> Tensor:
    """The light and dark of `pixels` with the color of another picture, which is scaled to its size."""
    colors = resize(colors, (pixels.shape[2], pixels.shape[3]))
    return (colors + luminance(pixels) - luminance(colors)).clamp(0, 1)


def rounded(pixels: Tensor) -> Tensor:
    """The pixels as a file of 8 bits a channel keeps them."""
    return (pixels * 255).round() / 255


def to_pil(pixels: Tensor) -> Image.Image:
    """One image (1, 3, H, W) as a Pillow picture of 8 bits a channel."""
    check(pixels)
    if len(pixels) != 1:
        raise ValueError(f"this takes one image of shape (1, 3, H, W), not a batch of {len(pixels)}")
    bytes_ = (pixels[0].detach().clamp(0, 1) * 255).round().byte()
    return Image.fromarray(bytes_.permute(1, 2, 0).cpu().numpy())


def from_pil(picture: Image.Image) -> Tensor:
    """A Pillow picture as (1, 3, H, W)."""
    return (
        torch.from_numpy(np.array(picture.convert("RGB"), dtype=np.float32) / 255).permute(2, 0, 1)[None].contiguous()
    )


def _check_size(size: int | None) -> None:
    limits = f"size is {size} pixels; the least is {SMALLEST_SIDE}, the most {LARGEST_SIDE}"
    require(size is None or SMALLEST_SIDE <= size <= LARGEST_SIDE, limits)


def _decode(path: str | os.PathLike[str] | IO[bytes], size: int | None) -> tuple[Image.Image, tuple[int, int]]:
    """The picture, upright, perhaps scaled down but to no less than `size`; and the width and height it came with."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as file:
            width, height = file.size
            if size is not None:
                file.draft("RGB", (size, size))  # a JPEG is scaled down while it is decoded
            file.load()  # turns a TIFF upright and takes its tag away
            if file.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8):  # it lies on its side
                width, height = height, width
            return _to_rgb(ImageOps.exif_transpose(file)), (width, height)


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits a pixel: convert("RGB") would clip, not scale
        values = np.asarray(picture, dtype=np.float64)
        values, deep = np.nan_to_num(values), picture.mode.startswith("I;16")
        whites = (65535,) if deep else (1, 255, 65535)  # a float picture may overshoot its white a little
        top = next((white for white in whites if values.max() <= 1.1 * white), values.max())
        picture = Image.fromarray((values.clip(0, top) / top * 255).round().astype(np.uint8))
    if "A" in picture.mode or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _fit(picture: Image.Image, size: int, full: tuple[int, int]) -> Image.Image:
    ratio = size / max(full)
    width, height = (max(1, round(side * ratio)) for side in full)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _format(path: Path, known: dict[str, str]) -> str:
    if path.suffix.lower() not in known:
        raise ValueError(f"{path.name!r} ends in {path.suffix!r}; use one of {', '.join(known)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    return known[path.suffix.lower()]


def _write_atomically(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            write(file)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
