"""The exact patchwork of a ReLU network: its local maps, its kinks along a line, and all patches of a rectangle.

With every neuron's switch frozen, a ReLU network is one linear layer. So where the layers before a neuron keep their
states its sum is an affine function, and the place where it switches is a straight line that cuts a patch in two.
All arithmetic is in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from helpers.checks import layers_in_order

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Layer = tuple[Array, Array]  # weight (out, in), bias (out,)
ROUNDING = 1e-12  # a sum this small beside its own terms is zero
NARROWEST = 1e-9  # side of a rectangle, in units of its largest coordinate


@dataclass(eq=False, slots=True)
class Patch:
    """A part of the plane in which no neuron switches.

    Attributes:
        polygon: its corners (k, 2), counterclockwise.
        lit: which hidden neurons are lit, layer after layer, (neurons,).
        weight, bias: the network inside the patch is ``weight @ x + bias``, (out, 2) and (out,).
    """

    polygon: Tensor
    lit: Tensor
    weight: Tensor
    bias: Tensor


def lit(network: nn.Sequential, x: Tensor) -> Tensor:
    """The lit set of each input (N, in): which hidden neurons have a positive sum, layer after layer, (N, neurons)."""
    hidden, _ = _layers(network)
    return torch.from_numpy(np.concatenate([sums for _, sums in _forward(hidden, _points(x, hidden))], axis=1) > 0)


def local_map(network: nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor]:
    """The single-layer network in force at `x` (in,): weight (out, in) and bias (out,), in the precision of `x`."""
    hidden, last = _layers(network)
    point = _points(x[None], hidden)
    maps = np.eye(len(x) + 1, len(x))[None]
    for layer in hidden:
        sums = _through(layer, maps)
        maps = sums * (_at(sums, point) > 0)[:, None]
    out = _through(last, maps)[0]
    return torch.from_numpy(out[:-1].T).to(x), torch.from_numpy(out[-1]).to(x)


def moves(network: nn.Sequential, x: Tensor) -> Tensor:
    """For each hidden neuron the shortest move of `x` (in,) to where it switches if no other does, (neurons, in).

    Infinite for a neuron whose sum does not depend on the input there.
    """
    hidden, _ = _layers(network)
    point, found = _points(x[None], hidden), []
    maps = np.eye(len(x) + 1, len(x))[None]
    for layer in hidden:
        sums = _through(layer, maps)
        value, slopes = _at(sums, point)[0], sums[0, :-1].T
        square = np.square(slopes).sum(axis=1)
        found.append(np.full(slopes.shape, np.inf))
        found[-1][square > 0] = (slopes * -value[:, None])[square > 0] / square[square > 0, None]
        maps = sums * (value > 0)
    return torch.from_numpy(np.concatenate(found)).to(x)


def breakpoints(network: nn.Sequential, start: Tensor, end: Tensor) -> Tensor:
    """Every t in (0, 1), sorted, at which a neuron switches on the way ``start + t * (end - start)``; both (in,).

    Exact up to rounding: between neighboring breakpoints of the layers before it a neuron's sum is affine, so where
    it changes its sign follows from its values at the two.
    """
    hidden, _ = _layers(network)
    a, b = _points(torch.stack([start, end]), hidden)
    t = np.array([0.0, 1.0])
    for depth, (weight, bias) in enumerate(hidden, start=1):
        *_, (x, sums) = _forward(hidden[:depth], a + t[:, None] * (b - a))
        sums[np.abs(sums) <= ROUNDING * (np.abs(x) @ np.abs(weight.T) + np.abs(bias))] = 0
        i, j = np.nonzero(sums[:-1] * sums[1:] < 0)
        share = sums[i, j] / (sums[i, j] - sums[i + 1, j])
        t = np.unique(np.concatenate([t, t[i] + share * (t[i + 1] - t[i])]))
    apart = np.diff(t[:-1]) > 2e-15  # neurons that switch at one place switch once
    return torch.from_numpy(t[1:-1][apart])


def patches(network: nn.Sequential, bounds: Sequence[float]) -> list[Patch]:
    """All patches of a rectangle, exactly: the polygons in which no hidden neuron switches.

    One neuron after the other cuts every polygon that it crosses. The polygons form a mesh and share their corners,
    so they fit together without gap or overlap.

    Args:
        network: linear layers and ReLUs in turn, with two inputs.
        bounds: (xmin, xmax, ymin, ymax).

    Raises:
        ValueError: a network of other layers or of another number of inputs, or bounds that do not increase.
    """
    hidden, last = _layers(network)
    box = tuple(float(bound) for bound in bounds)
    if len(box) != 4 or not np.isfinite(box).all() or not (box[0] < box[1] and box[2] < box[3]):
        raise ValueError(
            f"bounds is {tuple(bounds)}; it must be (xmin, xmax, ymin, ymax), finite, xmin < xmax, ymin < ymax"
        )
    for low, high in (box[:2], box[2:]):
        if high - low < NARROWEST * max(-low, high):
            raise ValueError(
                f"bounds go from {low} to {high}; with less than {NARROWEST:g} of that, rounding would win"
            )
    if (inputs := hidden[0][0].shape[1]) != 2:
        raise ValueError(f"the network has {inputs} inputs; a patchwork is drawn for networks of 2")
    mesh = _Mesh(box)
    outputs = _Outputs(np.eye(3, 2)[None], np.zeros(2, dtype=np.intp), np.array([[False], [True]]))
    states = [np.zeros((2, 0), dtype=bool)]
    for layer in hidden:
        outputs = mesh.cut(outputs, layer)
        states = [state[outputs.of] for state in states] + [outputs.lit]
    out = torch.from_numpy(outputs.through(last)[1:])
    lits = torch.from_numpy(np.concatenate(states, axis=1)[1:])
    return list(map(Patch, mesh.polygons(), lits.unbind(), out[:, :2].mT.unbind(), out[:, 2].unbind()))


def seams(found: Sequence[Patch]) -> tuple[Tensor, Tensor]:
    """Where patches meet: the two ends of each seam (seams, 2, 2), and the two patches that it joins (seams, 2)."""
    waiting: dict[Any, int] = {}
    ends, joined = [], []
    for i, patch in enumerate(found):
        ring = list(map(tuple, patch.polygon.tolist()))
        for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
            if (b, a) in waiting:
                ends.append((a, b))
                joined.append((waiting.pop((b, a)), i))
            else:
                waiting[a, b] = i
    return torch.tensor(ends, dtype=torch.float64).view(-1, 2, 2), torch.tensor(joined).view(-1, 2)


@dataclass
class _Outputs:
    """A layer's outputs in each face as affine maps (faces, 3, neurons), made only where they are asked for.

    Attributes:
        sums: before the ReLU, in each face that the layer found.
        of: the face that each of the present faces was then part of; `lit`: who is lit in it, (faces, neurons).
    """

    sums: Array
    of: Index
    lit: NDArray[np.bool_]

    def __getitem__(self, faces: Index) -> Array:
        return self.sums[self.of[faces]] * self.lit[faces][:, None]

    def through(self, layer: Layer) -> Array:
        """The sums of the next layer, a cacheful of faces at a time."""
        parts = np.array_split(np.arange(len(self.of)), 1 + len(self.of) // 512)
        return np.concatenate([_through(layer, self[part]) for part in parts])


class _Mesh:
    """A rectangle cut into convex faces, kept as half-edges: one for each side of each face, run counterclockwise.

    Attributes:
        point: the corners (V, 2).
        start, follow, twin, face: of each half-edge the corner that it starts at, the next half-edge around its
            face, the one that runs the other way, and the face on its left, 0 for the outside.
        wall: the line that each half-edge lies on, a row of `lines`: (a, b, c) for a x + b y + c = 0.
        faces: how many, the outside included.
        of, home: while a layer cuts, the face before its first cut that holds each face, and each corner.
    """

    def __init__(self, box: Sequence[float]) -> None:
        left, right, bottom, top = box
        self.point = np.array([[left, bottom], [right, bottom], [right, top], [left, top]])
        self.lines = np.array([[0, 1, -bottom], [1, 0, -right], [0, 1, -top], [1, 0, -left]])
        self.room = np.empty((5, 8), dtype=np.intp)
        self.start, self.faces, sides = self.room[0, :0], 2, np.arange(4)
        self._add(sides, [1, 2, 3, 0], sides + 4, 1, sides)
        self._add([1, 2, 3, 0], [7, 4, 5, 6], sides, 0, sides)

    def cut(self, inputs: _Outputs, layer: Layer) -> _Outputs:
        """Cut the faces along the zero lines of a layer's neurons; the layer's outputs from the outputs before it."""
        sums = inputs.through(layer)
        self.of = np.arange(self.faces)
        self.home = np.empty(len(self.point), dtype=np.intp)
        inside = self.face > 0
        self.home[self.start[inside]] = self.face[inside]
        largest = np.append(np.abs(self.point).max(axis=0), 1) @ np.abs(inputs.sums).max(axis=0)
        bright, splits = [], []
        for line, weight, bias in zip(np.ascontiguousarray(sums.transpose(2, 0, 1)), *map(np.abs, layer), strict=True):
            value = _at(line[self.home], self.point)
            near = np.flatnonzero(np.abs(value) <= ROUNDING * (weight @ largest + bias))
            size = _at(np.abs(inputs[self.home[near]]) @ weight, np.abs(self.point[near])) + bias
            value[near[np.abs(value[near]) <= ROUNDING * size]] = 0
            side = np.sign(value)
            side = np.append(side, np.zeros(self._split_edges(side, line)))
            splits.append(self._split_faces(side, line))
            bright.append(np.bincount(self.face, weights=side[self.start], minlength=self.faces) > 0)
        lit, face = np.empty((self.faces, len(bright)), dtype=bool), np.arange(self.faces)
        for j in reversed(range(len(bright))):  # back through the cuts: who was bright in what each face was part of
            lit[:, j] = bright[j][face]
            old = len(bright[j]) - len(splits[j])
            face = np.where(face < old, face, splits[j][np.maximum(face - old, 0)]) if len(splits[j]) else face
        lit[0] = False
        return _Outputs(sums, self.of, lit)

    def _split_edges(self, side: Array, lines: Array) -> int:
        """A new corner on every edge whose ends lie on different sides of the line in force there; how many."""
        here = side[self.start]
        cut = np.flatnonzero(here * here[self.follow] < 0)
        cut = cut[cut < self.twin[cut]]
        back = self.twin[cut]
        home = self.of[np.maximum(self.face[cut], self.face[back])]  # never the outside
        # Two lines cross exactly near the origin too, however far from it are the corners that the edge connects.
        (p, q, r), (u, v, w) = self.lines[self.wall[cut]].T, lines[home].T
        corner = np.stack([q * w - r * v, r * u - p * w], axis=1) / (p * v - q * u)[:, None]
        ends = self.point[self.start[cut]], self.point[self.start[back]]
        new, k = len(self.point) + np.arange(len(cut)), len(cut)
        self.point = np.concatenate([self.point, corner.clip(np.minimum(*ends), np.maximum(*ends))])
        self.home = np.concatenate([self.home, home])
        both = np.concatenate([cut, back])
        on = len(self.start) + np.arange(2 * k)  # from the new corners on: first forward, then backward
        self._add(np.concatenate([new, new]), self.follow[both], self.twin[both], self.face[both], self.wall[both])
        self.follow[both] = on
        self.twin[cut], self.twin[back] = on[k:], on[:k]
        return k

    def _split_faces(self, side: Array, lines: Array) -> Index:
        """An edge through every face that has corners on both sides of the line; the faces that were split."""
        here = side[self.start]
        there = here[self.follow]
        leave = np.flatnonzero((here == 0) & (there != 0) & (self.face > 0))
        up, down = leave[there[leave] > 0], leave[there[leave] < 0]
        split, i, j = np.intersect1d(self.face[up], self.face[down], return_indices=True)
        up, down, k = up[i], down[j], len(split)
        last = np.flatnonzero(there == 0)
        before = np.empty_like(self.follow)
        before[self.follow[last]] = last
        self.follow[before[down]] = u = len(self.start) + np.arange(k)
        self.follow[before[up]] = v = u + k
        wall = len(self.lines) + np.arange(k)
        self.lines = np.concatenate([self.lines, lines[self.of[split]]])
        self._add(self.start[down], up, v, split, wall)
        self._add(self.start[up], down, u, split, wall)
        at, name = down, self.faces + np.arange(k)
        while len(at):
            self.face[at] = name
            at = self.follow[at]
            going = self.face[at] != name
            at, name = at[going], name[going]
        self.faces += k
        self.of = np.concatenate([self.of, self.of[split]])
        return split

    def _add(self, start: Index | Sequence[int], *others: Index | Sequence[int] | int) -> None:
        """Append half-edges: start, follow, twin, face, wall. The room is doubled when it is full."""
        old, new = len(self.start), len(self.start) + len(start)
        if new > self.room.shape[1]:
            self.room = np.concatenate([self.room, np.empty_like(self.room)], axis=1)
        for row, values in zip(self.room, (start, *others), strict=True):
            row[old:new] = values
        self.start, self.follow, self.twin, self.face, self.wall = self.room[:, :new]

    def polygons(self) -> tuple[Tensor, ...]:
        """The corners of each face but the outside, (k, 2), counterclockwise."""
        corners = np.bincount(self.face)
        corners[0] = 0
        place = np.cumsum(corners) - corners
        order, first = np.empty(corners.sum(), dtype=np.intp), np.empty(self.faces, dtype=np.intp)
        first[self.face] = np.arange(len(self.face))
        at, face = first[1:], np.arange(1, self.faces)
        for step in range(corners.max()):
            order[place[face] + step] = self.start[at]
            going = corners[face] > step + 1
            at, face = self.follow[at[going]], face[going]
        return torch.from_numpy(self.point[order]).split(corners[1:].tolist())


def _at(maps: Array, points: Array) -> Array:
    """Affine maps (N, d + 1, ...) at points (N, d): (N, ...)."""
    return np.einsum("nd...,nd->n...", maps[:, :-1], points) + maps[:, -1]


def _through(layer: Layer, maps: Array) -> Array:
    """Affine maps (N, d + 1, in) sent through a linear layer: (N, d + 1, out)."""
    weight, bias = layer
    out = maps @ weight.T
    out[:, -1] += bias
    return out


def _forward(hidden: Sequence[Layer], x: Array) -> Iterator[tuple[Array, Array]]:
    """Of each hidden layer what goes in, (N, in), and the sums before its ReLU, (N, out)."""
    for weight, bias in hidden:
        sums = x @ weight.T + bias
        yield x, sums
        x = sums.clip(min=0)


def _points(x: Tensor, hidden: Sequence[Layer]) -> Array:
    width = hidden[0][0].shape[1]
    if x.dim() != 2 or x.shape[1] != width:
        raise ValueError(f"the points have the shape {tuple(x.shape)}; this network takes {width} numbers for each")
    if not x.is_floating_point() or not x.isfinite().all():
        raise ValueError(f"the points are {x.dtype} and must be finite floating-point numbers; use x.float()")
    return x.detach().double().cpu().numpy()


def _layers(network: nn.Module) -> tuple[list[Layer], Layer]:
    """The hidden layers, each with a ReLU after it, and the linear map after the last ReLU."""
    remedy = "a patchwork is read from an nn.Sequential in which an nn.Linear stands before each nn.ReLU"
    if type(network).forward is not nn.Sequential.forward:  # a subclass may run in a way of its own
        raise ValueError(f"the network is a {type(network).__name__}; {remedy}")
    if not all(weight.isfinite().all() for weight in network.parameters()):
        raise ValueError("the network has weights that are not finite; train it anew with a lower rate")
    hidden: list[Layer] = []
    waiting: Layer | None = None
    module: Any
    for name, module in layers_in_order(network):
        if type(module).forward is nn.Linear.forward:  # a subclass may run in a way of its own here too
            weight = module.weight.detach().double().cpu().numpy()
            bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().double().cpu().numpy()
            waiting = (weight, bias) if waiting is None else (weight @ waiting[0], weight @ waiting[1] + bias)
        elif type(module).forward is nn.ReLU.forward and waiting is not None:
            hidden.append(waiting)
            waiting = None
        else:
            raise ValueError(f"layer {name!r} is a {type(module).__name__}; {remedy}")
    if not hidden:
        raise ValueError(f"the network has no nn.ReLU; {remedy}")
    outs = len(hidden[-1][0])
    return hidden, waiting or (np.eye(outs), np.zeros(outs))
