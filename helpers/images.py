"""Pictures in and out: every image is a float32 tensor (N, 3, H, W), RGB, from 0 to 1."""

from __future__ import annotations

import difflib
import errno
import io
import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from numbers import Integral
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError
from torch import Tensor

from helpers.checks import require

PICTURES = Path(__file__).parent / "pictures"
SMALLEST_SIDE, LARGEST_SIDE = 8, 10_000  # pixels
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MOVING_FORMATS = {".webp": "WEBP", ".gif": "GIF"}
SLOWEST, FASTEST = 0.1, 100  # frames a second; GIF counts in hundredths of a second
OTHER_TYPES = {  # what else one might hand to `load`, and what to do with it
    "Tensor": "a tensor is loaded already, and images.check says whether it is an image",
    "ndarray": "for an array (H, W, 3) of bytes give Image.fromarray(array)",
    "bytes": "for the bytes of a file give io.BytesIO(bytes)",
}
Source = str | os.PathLike[str] | IO[bytes] | Image.Image


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


def load(path: Source, *, size: int | None = None) -> Tensor:
    """Read a picture file, an open one or a Pillow picture as (1, 3, H, W).

    Turned upright by its EXIF tag; transparency is laid on white. In a picture of floats, white is 1, 255 or 65535,
    whichever the pixels mean but for their brightest hundredth: a few hot ones are clipped.

    Args:
        path: of anything that Pillow reads; or a file opened with "rb"; or a Pillow picture, which is not changed.
        size: the longer side in pixels after scaling; None keeps the picture's own.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: there is no file that could be read.
        TypeError: something else than a path, a file or a Pillow picture.
        ValueError: not a picture, cut short, too small, or more pixels than Pillow deems safe.
    """
    _check_size(size)
    with _opened(path) as file:
        picture, (width, height) = _decode(file, _name(path), size)
    if min(width, height) < SMALLEST_SIDE:
        raise ValueError(f"{_name(path)} is {width} x {height} pixels; the shorter side needs at least {SMALLEST_SIDE}")
    if size is not None and min(width, height) * size < SMALLEST_SIDE * max(width, height):
        shape = f"{width} x {height} pixels, too narrow for size {size}"
        raise ValueError(f"{_name(path)} is {shape}; crop it or raise the size")
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
    """One of the book's own pictures, (1, 3, H, W); `size` as in `load`.

    Args:
        name: of an animal ("cat", "otter", "raccoon"), a landscape ("cypresses", "lake", "mountains", "sky", "valley",
            "volcano"), another photo ("astronaut", "coffee", "rocket"), a painting ("cafe_terrace",
            "church_at_auvers") or a drawing ("cartoon", "clouds"). `samples()` lists them, pictures/CREDITS.md tells
            whose they are.
    """
    if name not in samples():
        near = difflib.get_close_matches(str(name), samples(), n=1, cutoff=0.4) or samples()
        raise ValueError(f"there is no sample {name!r}; did you mean {' or '.join(map(repr, near))}?")
    return load(_pictures()[name], size=size)


def samples() -> tuple[str, ...]:
    """The names that `sample` knows."""
    return tuple(_pictures())


def _pictures() -> dict[str, Path]:
    return {path.stem: path for path in sorted(PICTURES.iterdir()) if path.suffix in FORMATS}


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


def quantize(pixels: Tensor) -> Tensor:
    """The pixels rounded to 8 bits a channel, as a file keeps them."""
    return (pixels * 255).round() / 255


def to_pil(pixels: Tensor) -> Image.Image:
    """One image (1, 3, H, W) as a Pillow picture of 8 bits a channel."""
    check(pixels)
    if len(pixels) != 1:
        raise ValueError(f"this takes one image of shape (1, 3, H, W), not a batch of {len(pixels)}")
    bytes_ = (pixels[0].detach().clamp(0, 1) * 255).round().byte()
    return Image.fromarray(bytes_.permute(1, 2, 0).cpu().numpy())


def from_pil(picture: Image.Image) -> Tensor:
    """A Pillow picture of any mode as (1, 3, H, W), as it stands; `load` also turns and scales it."""
    values = np.array(_to_rgb(picture), dtype=np.float32) / 255
    return torch.from_numpy(values).permute(2, 0, 1)[None].contiguous()


def _check_size(size: int | None) -> None:
    if size is not None and not isinstance(size, Integral):
        raise TypeError(f"size is {size!r}; it is one whole number, the longer side in pixels")
    limits = f"size is {size} pixels; the least is {SMALLEST_SIDE}, the most {LARGEST_SIDE}"
    require(size is None or SMALLEST_SIDE <= size <= LARGEST_SIDE, limits)


def _name(source: Source) -> str:
    name = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None)
    return str(name or "the picture")


def _opened(source: Source) -> AbstractContextManager[IO[bytes] | Image.Image]:
    """What can be decoded. Errors here are about the file's name or the kind of object, not about a picture."""
    if isinstance(source, (str, os.PathLike)):
        if os.path.isdir(source):
            raise IsADirectoryError(f"{source} is a folder; images.load reads one picture file")
        return open(source, "rb")  # the caller closes it
    if isinstance(source, ImageFile.ImageFile) and source.tile and source.fp is None:
        raise ValueError("the picture was closed before it was read; load it while it is open")
    if isinstance(source, Image.Image):
        return nullcontext(source)
    if isinstance(source, io.TextIOBase):
        raise TypeError(f'{_name(source)} was opened as text; open it with "rb"')
    if not hasattr(source, "read"):
        kind = type(source).__name__
        hint = f"; {OTHER_TYPES[kind]}" if kind in OTHER_TYPES else ""
        raise TypeError(f'images.load takes a path, a file opened with "rb" or a Pillow picture, not a {kind}{hint}')
    if getattr(source, "closed", False):
        raise ValueError(f"{_name(source)} is closed; load it while it is open")
    return nullcontext(source)


def _decode(file: IO[bytes] | Image.Image, name: str, size: int | None) -> tuple[Image.Image, tuple[int, int]]:
    """The picture, upright, perhaps scaled down but to no less than `size`; and the width and height it came with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if isinstance(file, Image.Image):
                return _upright(file.copy())
            with Image.open(file) as picture:
                full = picture.size
                if size is not None:
                    picture.draft("RGB", (size, size))  # a JPEG is scaled down while it is decoded
                return _upright(picture, full)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = Image.MAX_IMAGE_PIXELS
        raise ValueError(f"{name} is over the limit of {limit:,} pixels; make it smaller first") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} is not a picture that Pillow can read; save it as PNG or JPEG") from error
    except MemoryError as error:
        raise ValueError(f"{name} is too large for the memory of this machine; make it smaller first") from error
    except Exception as error:  # there is no end to what an altered file makes the decoders raise
        raise ValueError(f"{name} is cut short or damaged ({error}); fetch or save it again") from error


def _upright(picture: Image.Image, full: tuple[int, int] | None = None) -> tuple[Image.Image, tuple[int, int]]:
    """The picture as RGB and upright, and its width and height, or those of the full picture, turned like it."""
    width, height = full or picture.size
    picture.load()  # turns a TIFF upright and takes its tag away
    if picture.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8):  # it lies on its side
        width, height = height, width
    return _to_rgb(ImageOps.exif_transpose(picture)), (width, height)


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        picture = _shallow(picture)
    if "A" in picture.mode or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _shallow(picture: Image.Image) -> Image.Image:
    """A picture of 16 or 32 bits a pixel as one of 8 bits; convert("RGB") would clip it, not scale it."""
    values = np.asarray(picture, dtype=np.float64)
    white = 65535 if picture.mode.startswith("I;16") else _white(values)
    values = np.nan_to_num(values, nan=0, posinf=white, neginf=0).clip(0, white)
    return Image.fromarray((values / white * 255).round().astype(np.uint8))


def _white(values: np.ndarray) -> float:
    """What white is in a picture of floats: 1, 255 or 65535, which it may overshoot a little; else its own brightest.

    The brightest hundredth, and at least one pixel, has no say, for a single hot pixel would make all others black.
    """
    finite = values[np.isfinite(values)]
    rank = finite.size - 1 - max(1, finite.size // 100)
    usual = float(np.partition(finite, rank)[rank]) if rank >= 0 else 0.0
    return next((white for white in (1.0, 255.0, 65535.0) if usual <= 1.1 * white), usual)


def _fit(picture: Image.Image, size: int, full: tuple[int, int]) -> Image.Image:
    ratio = size / max(full)
    width, height = (max(1, round(side * ratio)) for side in full)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _format(path: Path, known: dict[str, str]) -> str:
    if path.suffix.lower() not in known:
        raise ValueError(f"{path.name!r} ends in {path.suffix!r}; use one of {', '.join(known)}")
    folder = Path(os.path.realpath(path)).parent  # a link's target may lie elsewhere
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    return known[path.suffix.lower()]


def _write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a whole file or none; through a link, onto what the link leads to, with the permissions that it has."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, "this link leads back to itself", str(path))
    temporary = target.with_name(f".{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            write(file)
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
