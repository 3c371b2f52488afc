"""Messages against the chain rule and nudges, starts against their promises, collapse against running the network."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from cells import written
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from helpers import squashing, training
from helpers.squashing import preactivation_gradients

ACTIVATIONS = [nn.Sigmoid, nn.Identity, nn.ReLU]


@pytest.fixture(scope="module")
def by_hand() -> dict[str, Any]:
    """What the notebook's own cells define."""
    space: dict[str, Any] = {"torch": torch, "nn": nn}
    for names in (["sigmoid"], ["backward"], ["SLOPES", "send_back"], ["collapse"]):
        space = written("01_squashing_functions", *names, **space)
    return space


@pytest.fixture
def some() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(5, 4, generator=generator, dtype=torch.float64), torch.tensor([0, 2, 1, 2, 0])


def small(activation: Any = nn.Sigmoid, seed: int = 0) -> nn.Sequential:
    return training.mlp([4, 6, 5, 3], activation, seed=seed).double()


# --- the notebook's neuron --------------------------------------------------------------------------------------------


def test_the_notebooks_functions_and_slope_are_pytorchs(by_hand: dict[str, Any]) -> None:
    z = torch.linspace(-30, 30, 301, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(by_hand["sigmoid"](z), torch.sigmoid(z))
    torch.testing.assert_close(by_hand["relu"](z), torch.relu(z))
    (slope,) = torch.autograd.grad(torch.sigmoid(z).sum(), z)
    torch.testing.assert_close(by_hand["sigmoid_slope"](z.detach()), slope)


def test_the_notebooks_neuron_adds_and_squashes(by_hand: dict[str, Any]) -> None:
    inputs, weights = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5, -1.0, 2.0])
    assert by_hand["neuron"](inputs, weights, torch.tensor(-1.0), by_hand["identity"]).item() == 3.5
    assert by_hand["neuron"](inputs, weights, torch.tensor(-6.0), by_hand["relu"]).item() == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_notebooks_chain_sends_back_what_autograd_does(by_hand: dict[str, Any], seed: int) -> None:
    weights = torch.randn(6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).tolist()
    start = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    sums = by_hand["forward"](start, weights, torch.sigmoid)
    expected = torch.autograd.grad(sums[-1], sums)
    found = by_hand["backward"]([z.detach() for z in sums], weights, by_hand["sigmoid_slope"])
    assert [float(m) for m in found] == pytest.approx([m.item() for m in expected])


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_messages_are_those_of_the_notebook(by_hand: dict[str, Any], activation: Any, some: Any) -> None:
    network = small(activation)
    mine, theirs = preactivation_gradients(network, *some), by_hand["send_back"](network, *some)
    assert [tuple(message.shape) for message in mine] == [(5, 6), (5, 5), (5, 3)]
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_a_message_predicts_what_a_nudge_of_the_sums_does(some: Any) -> None:
    """A nudge of a bias is a nudge of that neuron's sum for all inputs at once."""
    network, (x, y) = small(), some
    for layer, message in zip(network[::2], preactivation_gradients(network, x, y), strict=True):
        for neuron in range(layer.out_features):
            wrong = []
            for nudge in (1e-6, -2e-6):
                with torch.no_grad():
                    layer.bias[neuron] += nudge
                    wrong.append(cross_entropy(network(x), y).item())
            with torch.no_grad():
                layer.bias[neuron] += 1e-6
            assert message[:, neuron].sum().item() == pytest.approx((wrong[0] - wrong[1]) / 2e-6, abs=1e-8)


def test_a_chain_of_single_neurons_multiplies_weights_and_slopes() -> None:
    chain = training.mlp([1, 1, 1, 1], nn.Sigmoid, seed=3).double()
    x = torch.tensor([[0.7]], dtype=torch.float64)
    first, second, third = preactivation_gradients(chain, x, torch.zeros(1, 1).double(), loss=lambda out, _: out.sum())
    one = torch.sigmoid(chain[0](x))
    two = torch.sigmoid(chain[2](one))
    assert third.item() == 1
    assert second.item() == pytest.approx((chain[4].weight * two * (1 - two)).item())
    assert first.item() == pytest.approx((second * chain[2].weight * one * (1 - one)).item())


def test_messages_reach_frozen_weights_and_any_architecture(some: Any) -> None:
    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = nn.Linear(4, 4).double()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.relu(self.inside(x))

    network = nn.Sequential(Around(), nn.LayerNorm(4).double(), nn.Linear(4, 3).double()).requires_grad_(False)
    with torch.enable_grad():
        found = preactivation_gradients(network, *some)
    assert [tuple(message.shape) for message in found] == [(5, 4), (5, 3)]
    x, y = some
    expected = (network(x).softmax(1) - nn.functional.one_hot(y, 3)) / 5
    torch.testing.assert_close(found[1], expected)
    assert not network[0].inside._forward_hooks


def test_messages_of_another_loss_and_no_hook_left_after_an_error(some: Any) -> None:
    network = small(nn.Identity)
    x, _ = some
    target = torch.zeros(5, 3, dtype=torch.float64)
    torch.testing.assert_close(preactivation_gradients(network, x, target, loss=mse_loss)[-1], 2 * network(x) / 15)
    with pytest.raises(RuntimeError):
        preactivation_gradients(network, x[:, :2], target)
    assert not any(layer._forward_hooks for layer in network)


@pytest.mark.parametrize("function", [squashing.collapse, squashing.orthogonal])
def test_a_network_without_linear_layers_is_refused(function: Any) -> None:
    with pytest.raises(ValueError, match=r"has no nn\.Linear"):
        function(nn.Sequential(nn.Identity()))


# --- starts -----------------------------------------------------------------------------------------------------------


def test_orthogonal_weights_keep_lengths_times_the_gain() -> None:
    network = squashing.orthogonal(training.mlp([8, 8, 8], nn.Identity), gain=3, seed=4)
    for layer in network[::2]:
        torch.testing.assert_close(layer.weight @ layer.weight.T, 9 * torch.eye(8), atol=1e-5, rtol=0)
        assert not layer.bias.any()


def test_the_same_seed_gives_the_same_weights_and_the_global_state_is_untouched() -> None:
    state = torch.random.get_rng_state()
    one, same, other = (squashing.orthogonal(training.mlp([4, 4, 2]), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one[0].weight, same[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_centered_sigmoid_network_answers_zero_to_zero_at_any_depth() -> None:
    network = squashing.orthogonal(training.mlp([6] * 12, nn.Sigmoid), gain=4, center=0.5)
    assert network(torch.zeros(1, 6)).abs().max() < 1e-5
    assert network[0].bias.abs().max() == 0
    off_center = squashing.orthogonal(training.mlp([6] * 12, nn.Sigmoid), gain=4)
    assert off_center(torch.zeros(1, 6)).abs().max() > 0.1


def test_a_layer_without_a_bias_is_no_obstacle() -> None:
    layer = squashing.orthogonal(nn.Sequential(nn.Linear(3, 3, bias=False)))
    torch.testing.assert_close(layer[0].weight.T @ layer[0].weight, torch.eye(3))


@pytest.mark.parametrize("seed", range(3))
def test_a_sigmoid_takes_three_quarters_of_a_message_or_more(seed: int) -> None:
    network = squashing.orthogonal(training.mlp([8] * 6, nn.Sigmoid), seed=seed).double()
    x = torch.randn(20, 8, generator=torch.Generator().manual_seed(seed)).double()
    lengths = [message.norm() for message in preactivation_gradients(network, x, torch.arange(20) % 8)]
    assert all(earlier <= 0.25 * later * (1 + 1e-6) for earlier, later in itertools.pairwise(lengths))


# --- things to look at and to learn ---------------------------------------------------------------------------------


def test_the_map_shows_the_sizes_of_the_messages_about_a_three() -> None:
    found = squashing.message_map(nn.Sigmoid, layers=3, width=5)
    network = squashing.orthogonal(training.mlp([64, 5, 5, 5, 10], nn.Sigmoid))
    digits = training.digits()
    place = digits.test_y.tolist().index(3)
    expected = preactivation_gradients(network, digits.test_x[place : place + 1], torch.tensor([3]))
    torch.testing.assert_close(found, torch.cat(expected[:3]).abs())


def test_the_symbol_is_white_and_black_where_everyone_knows_it() -> None:
    white, black = [(-0.7, 0.0), (0.3, 0.5), (0.0, -0.5)], [(0.7, 0.0), (-0.3, -0.5), (0.0, 0.5)]
    assert squashing.yin_yang(torch.tensor(white)).tolist() == [1, 1, 1]
    assert squashing.yin_yang(torch.tensor(black)).tolist() == [0, 0, 0]
    points = squashing.disc_points(4000)
    turned = squashing.yin_yang(-points)  # half a turn changes the colors, but for points on a border
    assert (turned == 1 - squashing.yin_yang(points)).float().mean() > 0.99


def test_points_fill_the_disc_evenly_and_the_grid_starts_at_the_upper_left() -> None:
    points = squashing.disc_points(4000, seed=2)
    assert points.norm(dim=1).max() <= 1
    assert (points.norm(dim=1) < 0.5**0.5).float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert points.mean(0).abs().max() < 0.05
    assert squashing.square_grid(2).tolist() == [[-1, 1], [1, 1], [-1, -1], [1, -1]]


def test_the_skyline_has_houses_a_dome_and_spires_above_the_ground() -> None:
    heights = squashing.skyline(torch.tensor([0.05, 0.59, 0.245, 0.515]))
    assert heights.tolist() == pytest.approx([0.3, 0.06 + 0.05 * math.sin(5 * 0.59), 0.95, 0.66], abs=1e-5)
    assert squashing.skyline(torch.linspace(0, 1, 500)).min() > 0


# --- collapse ---------------------------------------------------------------------------------------------------------


def test_two_layers_multiplied_out_on_paper() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        network[0].bias.copy_(torch.tensor([5.0, 6.0]))
        network[1].weight.copy_(torch.tensor([[7.0, 8.0]]))
        network[1].bias.copy_(torch.tensor([9.0]))
    single = squashing.collapse(network)
    assert single.weight.tolist() == [[31.0, 46.0]]  # 7 * 1 + 8 * 3, 7 * 2 + 8 * 4
    assert single.bias.tolist() == [92.0]  # 7 * 5 + 8 * 6 + 9


@pytest.mark.parametrize(("dtype", "largest"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_thirty_layers_are_one(dtype: torch.dtype, largest: float) -> None:
    network = squashing.orthogonal(training.mlp([8] + [24] * 29 + [3], nn.Identity)).to(dtype)
    with torch.no_grad():
        for layer in network[::2]:
            layer.bias.uniform_(-0.1, 0.1, generator=torch.Generator().manual_seed(0))
    single = squashing.collapse(network)
    x = torch.rand(100, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert single.weight.dtype == dtype
    assert (single(x) - network(x)).abs().max() < largest


def test_collapse_is_the_notebooks(by_hand: dict[str, Any]) -> None:
    network = small(nn.Identity)
    weight, bias = by_hand["collapse"](network)
    single = squashing.collapse(network)
    torch.testing.assert_close(single.weight.data, weight)
    torch.testing.assert_close(single.bias.data, bias)


def test_nested_layers_layers_without_bias_and_a_layer_used_twice() -> None:
    square = nn.Linear(3, 3)
    inner = nn.Sequential(square, nn.Identity(), nn.Linear(3, 3, bias=False))
    network = nn.Sequential(nn.Linear(2, 3), inner, square)
    x = torch.rand(7, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(squashing.collapse(network)(x), network(x))
    torch.testing.assert_close(squashing.collapse(square)(x.new_ones(1, 3)), square(x.new_ones(1, 3)))


def test_the_network_itself_is_left_alone() -> None:
    network = nn.Sequential(nn.Linear(2, 2))
    single = squashing.collapse(network)
    with torch.no_grad():
        single.weight.zero_()
    assert network[0].weight.any()


def test_a_bend_is_named_with_its_remedy() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 1))
    with pytest.raises(ValueError, match=r"layer '1\.1' is a ReLU.*nn\.Identity\(\) in its place"):
        squashing.collapse(network)


def test_a_container_that_runs_in_a_way_of_its_own_is_refused() -> None:
    class Residual(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + super().forward(x)

    with pytest.raises(ValueError, match="layer '0' is a Residual"):
        squashing.collapse(nn.Sequential(Residual(nn.Linear(2, 2))))


def test_an_in_place_relu_does_not_overwrite_the_sums():
    network = training.mlp([3, 4, 2], lambda: nn.ReLU(inplace=True))
    plain = training.mlp([3, 4, 2])
    x, y = torch.rand(5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 0, 1, 1])
    with torch.no_grad():  # the message needs slopes wherever it is asked for
        found = preactivation_gradients(network, x, y)
    for ours, theirs in zip(found, preactivation_gradients(plain, x, y), strict=True):
        assert torch.equal(ours, theirs)


def test_collapsing_leaves_the_global_random_state_alone():
    network, state = training.mlp([3, 4, 2], nn.Identity), torch.get_rng_state()
    squashing.collapse(network)
    assert torch.equal(torch.get_rng_state(), state)
