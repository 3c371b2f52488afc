"""Views of one thing, made by rule, that people still name: turned, cropped, recolored, cut out, or a mere shadow."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from helpers import images

SIDE = 224  # pixels of every view
Shape = Callable[[Tensor, Tensor], Tensor]  # x, y from -1 to 1, to the right and down -> where the thing is


def view(photo: Tensor, x: float, y: float, side: float, turn: float = 0.0) -> Tensor:
    """The square of `side` pixels around (x, y) of a photo (1, 3, H, W), turned by `turn` degrees, (1, 3, 224, 224)."""
    height, width = photo.shape[2:]
    angle = torch.deg2rad(torch.tensor(float(turn)))
    a, b = (side * angle.cos()).item(), (side * angle.sin()).item()
    place = [[a / width, -b / width, 2 * x / width - 1], [b / height, a / height, 2 * y / height - 1]]
    grid = affine_grid(torch.tensor([place]), [1, 3, SIDE, SIDE], align_corners=False)
    return grid_sample(photo, grid, padding_mode="reflection", align_corners=False)


def jpeg(pictures: Tensor, quality: int) -> Tensor:
    """Pictures (N, 3, H, W) as they come back from JPEG files of this quality, 1 to 100."""
    files = [io.BytesIO() for _ in pictures]
    for picture, file in zip(pictures, files, strict=True):
        images.to_pil(picture[None]).save(file, "JPEG", quality=quality)
    return torch.cat([images.load(file) for file in files])


def sitting_cat(x: Tensor, y: Tensor) -> Tensor:
    """Where a sitting cat is: head, ears, body and tail."""
    ears = ((x.abs() - 0.2).abs() < 0.35 * (y + 0.85)) & (y < -0.4)
    tail = ((torch.hypot(x - 0.5, y - 0.6) - 0.3).abs() < 0.06) & ((x > 0.5) | (y > 0.6))
    return ears | tail | (torch.hypot(x, y + 0.3) < 0.32) | (torch.hypot(x / 0.38, (y - 0.4) / 0.6) < 1)


def mug(x: Tensor, y: Tensor) -> Tensor:
    """Where a mug with a handle is."""
    handle = ((torch.hypot((x - 0.45) / 0.35, y / 0.38) - 0.85).abs() < 0.17) & (x > 0.4)
    return handle | (x.abs() < 0.45) & (y.abs() < 0.6)


def shadows(shape: Shape) -> list[Tensor]:
    """Twelve silhouettes of a shape: three sizes, to the left and to the right, dark on light and light on dark."""
    along = torch.linspace(-1, 1, SIDE)
    found = []
    for zoom, aside in itertools.product((0.9, 1.2, 1.5), (-0.15, 0.15)):
        inside = shape((along[None, :] - aside) * zoom, along[:, None] * zoom).expand(1, 3, -1, -1)
        found += [torch.where(inside == dark, 0.05, 0.95) for dark in (True, False)]
    return found


def pasted(picture: Tensor, grounds: Sequence[Tensor]) -> list[Tensor]:
    """A disk cut out of a picture (1, 3, H, W), laid twice on each of the grounds (1, 3, 224, 224): large and small."""
    found = []
    for ground, (side, left) in itertools.product(grounds, ((123, 20), (90, 110))):
        line, laid = torch.linspace(-1, 1, side), ground.clone()
        place, disk = laid[:, :, 90 : 90 + side, left : left + side], torch.hypot(line[:, None], line) < 1
        place.copy_(torch.where(disk, images.resize(picture, (side, side)), place))
        found.append(laid)
    return found


def variations(
    photo: Tensor, x: float, y: float, side: float, shape: Shape, grounds: Sequence[Tensor]
) -> dict[str, list[Tensor]]:
    """Views of the thing at (x, y) of a photo, `side` pixels large, by kind of change: twelve of each.

    Args:
        photo: (1, 3, H, W).
        x, y, side: where the thing is and how large, in pixels of the photo.
        shape: of its silhouette.
        grounds: six other pictures (1, 3, 224, 224), to lay it on.
    """
    near = view(photo, x, y, 1.1 * side)
    light = images.luminance(near)
    orders = [near[:, list(order)] for order in itertools.permutations(range(3))]
    tones = [(light > light.flatten().quantile(q)).float() for q in torch.linspace(0.25, 0.75, 6)]
    moves = itertools.product((0.5, 0.7), (-0.25, 0, 0.25), (-0.2, 0.2))
    return {
        "turned": [view(photo, x, y, side, turn) for turn in range(15, 360, 30)],
        "cropped": [view(photo, x + dx * side, y + dy * side, zoom * side) for zoom, dx, dy in moves],
        "other colors": orders + [1 - p for p in orders],
        "two tones": tones + [1 - p for p in tones],
        "pasted": pasted(near, grounds),
        "silhouette": shadows(shape),
    }
