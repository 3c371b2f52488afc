"""The patchwork against arithmetic, automatic differentiation, dense scans, and a splitter that knows no mesh."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
import torch
from cells import written
from torch import nn

from helpers import patchwork, training

SQUARE = (-1.0, 1.0, -1.0, 1.0)


def linear(weight, bias):
    layer = nn.Linear(len(weight[0]), len(weight)).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight, dtype=torch.float64))
        layer.bias.copy_(torch.tensor(bias, dtype=torch.float64))
    return layer


def area(polygon):
    """By the shoelace formula; positive when counterclockwise."""
    x, y = (polygon - polygon.mean(0)).T
    return ((x * y.roll(-1) - y * x.roll(-1)).sum() / 2).item()


def folding(pieces, layers):
    """Each layer folds the unit square like paper: `pieces` strips along each axis, laid on one another."""
    steps = range(pieces)
    up = [[pieces * (axis == 0), pieces * (axis == 1)] for axis in range(2) for _ in steps]
    back = [1 if k == 0 else 2 * (-1) ** k for k in steps]
    fold = [linear(up, [-k for _ in range(2) for k in steps]), nn.ReLU()]
    fold.append(linear([back + [0] * pieces, [0] * pieces + back], [0, 0]))
    return nn.Sequential(*(fold * layers))


def assert_is_a_patchwork(network, bounds, found):
    """What must hold of every patchwork, whatever its network: see the comments."""
    left, right, bottom, top = bounds
    areas = [area(patch.polygon) for patch in found]
    assert min(areas) > 0  # counterclockwise and not empty
    assert sum(areas) == pytest.approx((right - left) * (top - bottom), rel=1e-12)  # no gap, no overlap
    assert len({tuple(patch.lit.tolist()) for patch in found}) == len(found)  # each lit set once
    network = network.double()
    middle = torch.stack([patch.polygon.mean(0) for patch in found])
    assert torch.equal(patchwork.lit(network, middle), torch.stack([patch.lit for patch in found]))
    ours = torch.stack([patch.weight @ x + patch.bias for patch, x in zip(found, middle, strict=True)])
    torch.testing.assert_close(ours, network(middle).detach(), rtol=1e-10, atol=1e-10)
    corners = defaultdict(list)
    sides = defaultdict(int)
    for patch in found:
        ring = [tuple(corner) for corner in patch.polygon.tolist()]
        for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
            corners[a].append(patch.weight @ torch.tensor(a, dtype=torch.float64) + patch.bias)
            sides[a, b] += 1
    for (a, b), count in sides.items():  # each side belongs to a neighbor too, or lies on the frame
        on_the_frame = any(a[i] == b[i] and a[i] in bounds[2 * i : 2 * i + 2] for i in range(2))
        assert count == 1
        assert ((b, a) in sides) != on_the_frame
    for corner, values in corners.items():  # neighbors agree where they meet
        spread = torch.stack(values).amax(0) - torch.stack(values).amin(0)
        assert spread.max() <= 1e-12 * (1 + max(map(abs, corner)))


# --- one input: the local map -----------------------------------------------------------------------------------------


def test_the_local_map_of_two_neurons_by_arithmetic():
    """relu(x + 2y) and relu(x - 1), of which the first is lit at (0, 1): 3 (x + 2y) + 4."""
    network = nn.Sequential(linear([[1, 2], [1, 0]], [0, -1]), nn.ReLU(), linear([[3, 5]], [4]))
    weight, bias = patchwork.local_map(network, torch.tensor([0.0, 1.0]))
    assert weight.tolist() == [[3, 6]]
    assert bias.tolist() == [4]
    assert patchwork.lit(network, torch.tensor([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])).tolist() == [
        [True, False],
        [True, True],
        [False, False],  # a sum of exactly zero is dark
    ]


@pytest.mark.parametrize("sizes", [[64, 20, 10], [5, 9, 8, 7, 3], [3, 4, 1]])
def test_the_local_map_is_the_slope_that_automatic_differentiation_finds(sizes):
    network, x = training.mlp(sizes, seed=2).double(), torch.randn(sizes[0], generator=torch.Generator().manual_seed(0))
    x = x.double()
    weight, bias = patchwork.local_map(network, x)
    torch.testing.assert_close(weight, torch.autograd.functional.jacobian(network, x))
    torch.testing.assert_close(weight @ x + bias, network(x).detach())


def test_the_local_map_comes_in_the_precision_of_the_input():
    network = training.mlp([4, 6, 2])
    for dtype in (torch.float32, torch.float64):
        assert {part.dtype for part in patchwork.local_map(network, torch.ones(4, dtype=dtype))} == {dtype}


def test_the_lit_set_is_what_the_relus_let_through():
    network, seen = training.mlp([6, 9, 7, 2], seed=1), []
    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    for module in network:
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _module, _inputs, output: seen.append(output > 0))
    network(x)
    assert torch.equal(patchwork.lit(network, x), torch.cat(seen, dim=1))


def test_linear_layers_in_a_row_and_a_closing_relu_are_read_too():
    network = nn.Sequential(
        linear([[1, 1], [1, -1]], [1, 0]),
        linear([[2, 0], [0, 1]], [0, 3]),
        nn.ReLU(),
        linear([[1, -1]], [0]),
        nn.ReLU(),
    )
    weight, bias = patchwork.local_map(network, torch.tensor([2.0, 1.0]))
    assert weight.tolist() == [[1, 3]]  # 2 (x + y + 1) - (x - y + 3)
    assert bias.tolist() == [-1]
    assert_is_a_patchwork(network, (-5, 5, -4, 6), patchwork.patches(network, (-5, 5, -4, 6)))


def test_a_move_brings_its_neuron_to_its_switch_by_the_shortest_way():
    """relu(3x + 4y - 10) is 2 from (0, 0), along (3, 4); relu(its output - 1) switches where 3x + 4y = 11."""
    network = nn.Sequential(linear([[3, 4]], [-10]), nn.ReLU(), linear([[1]], [-1]), nn.ReLU(), linear([[1]], [0]))
    near, far = patchwork.moves(network, torch.tensor([3.0, 4.0]))
    assert near.tolist() == pytest.approx([-1.8, -2.4])
    assert far.tolist() == pytest.approx([-1.68, -2.24])
    near, never = patchwork.moves(network, torch.zeros(2))  # dark, the first neuron feeds the second nothing
    assert near.tolist() == pytest.approx([1.2, 1.6])
    assert never.isinf().all()


def test_the_nearest_move_crosses_one_seam_and_comes_in_the_precision_of_the_input():
    network, x = training.mlp([5, 8, 8, 3], seed=1).double(), torch.linspace(-1, 1, 5, dtype=torch.float64)
    moves = patchwork.moves(network, x)
    assert (moves.shape, moves.dtype) == ((16, 5), torch.float64)
    nearest = moves[moves.norm(dim=1).argmin()]
    before, after = patchwork.lit(network, x + torch.stack([0.999 * nearest, 1.001 * nearest]))
    assert torch.equal(before, patchwork.lit(network, x[None])[0])
    assert (before != after).sum() == 1
    assert patchwork.moves(network.float(), x.float()).dtype == torch.float32


# --- a line: breakpoints ----------------------------------------------------------------------------------------------


def test_breakpoints_by_arithmetic():
    """|x| - 1 folds at 0; the ReLU after it at -1 and 1: on the way from -2 to 2 at 1/4, 1/2 and 3/4."""
    network = nn.Sequential(
        linear([[1], [-1]], [0, 0]), nn.ReLU(), linear([[1, 1]], [-1]), nn.ReLU(), linear([[1]], [0])
    )
    ends = torch.tensor([-2.0]), torch.tensor([2.0])
    assert patchwork.breakpoints(network, *ends).tolist() == [0.25, 0.5, 0.75]


def test_no_breakpoint_where_nothing_switches():
    network = nn.Sequential(linear([[1, 0]], [5]), nn.ReLU(), linear([[1]], [0]))
    assert len(patchwork.breakpoints(network, torch.zeros(2), torch.ones(2))) == 0


@pytest.mark.parametrize("seed", range(4))
def test_breakpoints_are_where_a_dense_scan_sees_the_lit_set_change(seed):
    network = training.mlp([8, 16, 16, 16, 3], seed=seed).double()
    generator = torch.Generator().manual_seed(seed)
    start, end = 3 * torch.randn(2, 8, generator=generator, dtype=torch.float64)
    found = patchwork.breakpoints(network, start, end)
    t = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    states = patchwork.lit(network, start + t[:, None] * (end - start))
    changes = (states[1:] != states[:-1]).any(1).nonzero().flatten()
    assert len(found) == (states[1:] != states[:-1]).sum()
    seen = torch.bucketize(found, t) - 1
    assert set(seen.tolist()) == set(changes.tolist())
    middle = torch.cat([torch.zeros(1), found, torch.ones(1)]).double()
    middle = (middle[1:] + middle[:-1]) / 2
    pieces = patchwork.lit(network, start + middle[:, None] * (end - start))
    assert ((pieces[1:] != pieces[:-1]).sum(1) == 1).all()  # one neuron at a time


# --- a rectangle: patches ---------------------------------------------------------------------------------------------


def test_one_neuron_cuts_a_square_along_its_diagonal():
    network = nn.Sequential(linear([[1, -1]], [0]), nn.ReLU(), linear([[2]], [1]))
    dark, lit = sorted(patchwork.patches(network, (0, 1, 0, 1)), key=lambda patch: patch.lit.tolist())
    assert sorted(dark.polygon.tolist()) == [[0, 0], [0, 1], [1, 1]]
    assert sorted(lit.polygon.tolist()) == [[0, 0], [1, 0], [1, 1]]
    assert (dark.weight.tolist(), dark.bias.tolist()) == ([[0, 0]], [1])
    assert (lit.weight.tolist(), lit.bias.tolist()) == ([[2, -2]], [1])
    assert [area(patch.polygon) for patch in (dark, lit)] == [0.5, 0.5]


def crossings(weight, bias, bounds):
    """How many pairs of lines cross inside of the rectangle, and how many lines pass through it."""
    left, right, bottom, top = bounds
    inside = 0
    for i, j in itertools.combinations(range(len(weight)), 2):
        x, y = np.linalg.solve(weight[[i, j]], -bias[[i, j]])
        inside += left < x < right and bottom < y < top
    frame = np.array([[left, bottom], [right, bottom], [right, top], [left, top]])
    through = (np.ptp(np.sign(frame @ weight.T + bias), axis=0) == 2).sum()
    return inside, through


@pytest.mark.parametrize("seed", range(6))
def test_lines_in_general_position_make_one_plus_lines_plus_crossings(seed):
    network = training.mlp([2, 25, 1], seed=seed).double()
    weight, bias = (parameter.detach().numpy() for parameter in network[0].parameters())
    inside, through = crossings(weight, bias, SQUARE)
    assert len(patchwork.patches(network, SQUARE)) == 1 + through + inside
    everything = patchwork.patches(network, (-1e6, 1e6, -1e6, 1e6))
    assert len(everything) == 1 + 25 + 25 * 24 // 2  # Zaslavsky: all lines cross somewhere


@pytest.mark.parametrize(
    ("sizes", "bounds"),
    [
        ([2, 8, 8, 8, 1], (-3, 3, -2, 5)),
        ([2, 6, 3], SQUARE),
        ([2, 16, 16, 16, 16, 16, 1], (-50, 50, -50, 50)),
        ([2, 12, 12, 1], (-1e6, 1e6, -1e6, 1e6)),
        ([2, 12, 12, 1], (1e-9, 2e-9, 0, 1e6)),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_the_patches_are_a_patchwork(sizes, bounds, seed):
    network = training.mlp(sizes, seed=seed)
    assert_is_a_patchwork(network, bounds, patchwork.patches(network, bounds))


def test_a_dense_grid_meets_no_lit_set_that_is_not_there_and_misses_none_but_the_small():
    network = training.mlp([2, 14, 14, 1], seed=3).double()
    found = {tuple(p.lit.tolist()): area(p.polygon) for p in patchwork.patches(network, (-4, 4, -4, 4))}
    axis = torch.linspace(-4, 4, 401, dtype=torch.float64)
    seen = set(map(tuple, patchwork.lit(network, torch.cartesian_prod(axis, axis)).unique(dim=0).tolist()))
    assert seen <= set(found)
    assert len(seen) > 0.8 * len(found)
    assert all(found[missed] < 0.02 for missed in set(found) - seen)


@pytest.mark.parametrize(("width", "count"), [(16, 572), (32, 2268)])
def test_the_counts_that_other_exact_solvers_give(width, count):
    network = training.mlp([2, width, width, 1], seed=0)
    assert len(patchwork.patches(network, (-1e6, 1e6, -1e6, 1e6))) == count


@pytest.mark.parametrize(("pieces", "layers"), [(2, 4), (3, 3), (5, 2), (7, 2)])
def test_folded_paper_has_all_the_patches_of_its_creases(pieces, layers):
    """Every crease runs through corners that are there already, and all patches are equal squares."""
    network = folding(pieces, layers)
    found = patchwork.patches(network, (0, 1, 0, 1))
    assert len(found) == pieces ** (2 * layers)
    assert_is_a_patchwork(network, (0, 1, 0, 1), found)
    assert [area(patch.polygon) for patch in found] == pytest.approx([1 / len(found)] * len(found))
    slopes = torch.stack([patch.weight for patch in found]).abs()
    torch.testing.assert_close(slopes, (pieces**layers * torch.eye(2).double()).expand_as(slopes))


@pytest.mark.parametrize("bounds", [SQUARE, (-1e6, 1e6, -1e6, 1e6), (-0.1, 1, -0.3, 1)])
def test_lines_that_all_meet_in_one_point(bounds):
    """Without biases all zero lines are rays from the origin, through corners of what is there already."""
    network = training.mlp([2, 9, 9, 9, 1], seed=3)
    for module in network[::2]:
        nn.init.zeros_(module.bias)
    found = patchwork.patches(network, bounds)
    assert_is_a_patchwork(network, bounds, found)
    angle = torch.linspace(0, 2 * torch.pi, 100_001, dtype=torch.float64)
    around = torch.stack([angle.cos(), angle.sin()], dim=1)
    assert len(found) == len(patchwork.lit(network, around).unique(dim=0))


def test_neurons_that_never_switch_or_switch_together_cut_nothing_twice():
    network = training.mlp([2, 8, 6, 1], seed=4).double()
    single = len(patchwork.patches(nn.Sequential(*network[:2]), SQUARE))
    with torch.no_grad():
        twin, constant, silent = network[0].weight, network[0].weight, network[0].bias
        twin[5], silent[5] = 0.5 * twin[2], 0.5 * silent[2]  # the same line
        twin[6], silent[6] = -4 * twin[3], -4 * silent[3]  # the same line, turned around
        constant[0], silent[0] = 0, 0  # its sum is zero everywhere
    network[2].weight.data[4], network[2].bias.data[4] = 0, 1  # always lit
    found = patchwork.patches(network, SQUARE)
    assert_is_a_patchwork(network, SQUARE, found)
    assert not any(patch.lit[0] for patch in found)
    assert all(patch.lit[8 + 4] for patch in found)
    weight, bias = (parameter[[1, 2, 3, 4, 7]].detach().numpy() for parameter in network[0].parameters())
    inside, through = crossings(weight, bias, SQUARE)
    fewer = len(patchwork.patches(nn.Sequential(*network[:2]), SQUARE))
    assert fewer == 1 + through + inside < single


def test_across_each_seam_one_neuron_switches_and_both_patches_agree():
    network = training.mlp([2, 7, 6, 1], seed=2).double()
    found = patchwork.patches(network, SQUARE)
    ends, pairs = patchwork.seams(found)
    assert (ends.shape, pairs.shape) == ((len(pairs), 2, 2), (len(ends), 2))
    sides = sum(len(patch.polygon) for patch in found)
    on_the_frame = sides - 2 * len(ends)
    assert 4 <= on_the_frame < sides
    for places, (i, j) in zip(ends, pairs.tolist(), strict=True):
        one, other = found[i], found[j]
        assert (one.lit != other.lit).sum() == 1
        torch.testing.assert_close(places @ one.weight[0] + one.bias, places @ other.weight[0] + other.bias)


def test_a_network_that_switches_nowhere_is_one_patch():
    network = nn.Sequential(linear([[1, 1]], [9]), nn.ReLU(), linear([[1]], [0]))
    (patch,) = patchwork.patches(network, SQUARE)
    assert sorted(patch.polygon.tolist()) == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    ends, pairs = patchwork.seams([patch])
    assert (ends.shape, pairs.shape) == ((0, 2, 2), (0, 2))


def test_the_network_is_left_as_it_was():
    network = training.mlp([2, 5, 1])
    before = [parameter.clone() for parameter in network.parameters()]
    patchwork.patches(network, SQUARE)
    patchwork.local_map(network, torch.ones(2))
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.dtype == torch.float32
        assert new.requires_grad


# --- by hand, as the notebook does it ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notebook():
    """What the chapter and its evidence write by hand."""
    room: dict = {"torch": torch, "nn": nn, "patchwork": patchwork, "relu": torch.relu}
    for name in ("freeze", "fold", "folded"):
        room = written("02_relu_patchworks", name, **room)
    for name in ("cut", "by_hand", "folder", "lit_paths"):
        room = written("evidence/02_relu_patchworks", name, **room)
    return room


@pytest.mark.parametrize("seed", range(3))
def test_the_splitter_by_hand_finds_the_same_patches(notebook, seed):
    network = training.mlp([2, 7, 6, 2], seed=seed).double()
    square = torch.tensor([[-2.0, -2], [2, -2], [2, 2], [-2, 2]]).double()
    by_hand = notebook["by_hand"](network, square)
    helper = patchwork.patches(network, (-2, 2, -2, 2))
    assert len(by_hand) == len(helper)
    ours = {patch.polygon.mean(0).sum().item(): patch for patch in helper}
    for polygon, map_ in by_hand:
        patch = ours[min(ours, key=lambda place: abs(place - polygon.mean(0).sum().item()))]
        assert area(patch.polygon) == pytest.approx(area(polygon), abs=1e-12)
        torch.testing.assert_close(torch.cat([patch.weight, patch.bias[:, None]], dim=1), map_)


def test_freezing_by_hand_gives_the_same_local_map_and_the_lit_set(notebook):
    network, x = training.mlp([5, 8, 8, 3], seed=1), torch.linspace(-1, 1, 5)
    weight, bias, lit = notebook["freeze"](network, x)
    torch.testing.assert_close((weight, bias), patchwork.local_map(network, x))
    assert torch.equal(lit, patchwork.lit(network, x[None])[0])


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_folding_a_square_by_hand_makes_all_the_patches_that_it_promises(notebook, layers):
    network = notebook["folded"](layers)
    assert len(patchwork.patches(network, (-4, 4, -4, 4))) == 4**layers
    x, y = (torch.rand(2, 50, generator=torch.Generator().manual_seed(0)) * 8) - 4
    folds = [x / 8 + 0.5, y / 8 + 0.5]
    for _ in range(layers):
        folds = [notebook["fold"](one) for one in folds]
    torch.testing.assert_close(network(torch.stack([x, y], dim=1))[:, 0], sum(folds))


def test_folding_in_two_by_strips_is_the_fold_of_two_neurons(notebook):
    x = torch.linspace(0, 1, 101)
    twice = notebook["folder"](2, 2)(torch.stack([x, x.flip(0)], dim=1))[:, 0]
    torch.testing.assert_close(notebook["fold"](notebook["fold"](x)), twice)


def test_lit_paths_by_hand_are_all_products_of_lit_neurons(notebook):
    network, x = training.mlp([3, 5, 4, 2], seed=1), torch.tensor([0.5, -1.0, 2.0])
    first, second = patchwork.lit(network, x[None])[0].split([5, 4])
    assert notebook["lit_paths"](network, x) == 3 * first.sum() * second.sum() * 2
    with torch.no_grad():
        network[2].weight[second.nonzero()[0, 0], first.nonzero()[0, 0]] = 0  # closes 3 * 2 paths
    assert notebook["lit_paths"](network, x) == 3 * first.sum() * second.sum() * 2 - 6


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(2, 1), "the network is a Linear; .* nn.Sequential"),
        (training.mlp([2, 3, 1], nn.Sigmoid), "layer '1' is a Sigmoid; .* nn.Linear stands before each nn.ReLU"),
        (nn.Sequential(nn.ReLU(), nn.Linear(2, 1)), "layer '0' is a ReLU; .* nn.Linear stands before each nn.ReLU"),
        (nn.Sequential(nn.Linear(2, 1)), "has no nn.ReLU"),
    ],
)
def test_a_network_of_other_layers_is_refused(network, message):
    for call in (
        lambda: patchwork.patches(network, SQUARE),
        lambda: patchwork.local_map(network, torch.ones(2)),
        lambda: patchwork.moves(network, torch.ones(2)),
        lambda: patchwork.breakpoints(network, torch.zeros(2), torch.ones(2)),
        lambda: patchwork.lit(network, torch.ones(1, 2)),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    "bounds", [(1, -1, 0, 1), (0, 1, 2, 2), (0, 1, 2), (0, float("inf"), 0, 1), (0, float("nan"), 0, 1)]
)
def test_bounds_that_make_no_rectangle_are_refused(bounds):
    with pytest.raises(ValueError, match=r"bounds is \(.*\); it must be \(xmin, xmax, ymin, ymax\)"):
        patchwork.patches(training.mlp([2, 3, 1]), bounds)


def test_inputs_of_another_number_are_refused():
    network = training.mlp([64, 3, 1])
    with pytest.raises(ValueError, match=r"the network has 64 inputs; .* of 2"):
        patchwork.patches(network, SQUARE)
    with pytest.raises(ValueError, match=r"shape \(1, 8\); this network takes 64 numbers"):
        patchwork.local_map(network, torch.ones(8))
    with pytest.raises(ValueError, match=r"shape \(64,\); this network takes 64 numbers"):
        patchwork.lit(network, torch.ones(64))


@pytest.mark.parametrize(
    "x", [torch.tensor([1, 2]), torch.tensor([1.0, float("nan")]), torch.tensor([float("inf"), 0])]
)
def test_points_that_are_whole_numbers_or_not_finite_are_refused(x):
    with pytest.raises(ValueError, match="finite floating-point numbers"):
        patchwork.local_map(training.mlp([2, 4, 1]), x)


def test_a_network_that_runs_in_its_own_way_or_is_not_finite_is_refused():
    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    with pytest.raises(ValueError, match="is a Residual"):
        patchwork.patches(Residual(nn.Linear(2, 2), nn.ReLU()), (0, 1, 0, 1))
    broken = training.mlp([2, 4, 1])
    with torch.no_grad():
        broken[0].weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        patchwork.patches(broken, (0, 1, 0, 1))


def test_a_layer_that_runs_in_its_own_way_is_refused():
    class Negated(nn.Linear):
        def forward(self, x):
            return -super().forward(x)

    with pytest.raises(ValueError, match="layer '0' is a Negated"):
        patchwork.local_map(nn.Sequential(Negated(2, 3), nn.ReLU(), nn.Linear(3, 1)), torch.zeros(2))


def test_neurons_that_switch_at_one_place_are_one_breakpoint():
    network = training.mlp([2, 4, 1]).double()
    with torch.no_grad():
        direction = torch.tensor([[1, 0.3]]).double()
        for row, factor in enumerate((1, 3, 7, -0.7)):
            network[0].weight[row], network[0].bias[row] = factor * direction[0], 0.1 * factor
    found = patchwork.breakpoints(network, torch.tensor([-1.0, -1.0]), torch.tensor([1.0, 2.0]))
    # -1 + 2t + 0.3 (-1 + 3t) + 0.1 = 0
    assert found.tolist() == pytest.approx([1.2 / 2.9])


def test_a_rectangle_too_small_for_its_distance_from_zero_is_refused():
    with pytest.raises(ValueError, match="rounding would win"):
        patchwork.patches(training.mlp([2, 4, 1]), (1, 1 + 1e-12, 0, 1))


def test_nested_sequentials_are_read_as_one_network():
    first, last = linear([[1, 2], [1, 0]], [0, -1]), linear([[3, 5]], [4])
    plain, nested = nn.Sequential(first, nn.ReLU(), last), nn.Sequential(nn.Sequential(first, nn.ReLU()), last)
    x = torch.tensor([0.5, 1.5])
    for one, other in zip(patchwork.local_map(plain, x), patchwork.local_map(nested, x), strict=True):
        assert torch.equal(one, other)
