"""Dropout against PyTorch's own, every subnetwork against one built by hand, means against exact arithmetic."""

from __future__ import annotations

import itertools

import pytest
import torch
from cells import written
from torch import nn

from helpers import dropout, training

NOTEBOOK = "03_dropout_averaging"


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(*sizes: int, p: float = 0.5, seed: int = 0) -> nn.Sequential:
    return training.mlp(sizes, lambda: nn.Sequential(nn.Tanh(), nn.Dropout(p)), seed=seed).double()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(3, 4, generator=random(), dtype=torch.float64)


# --- drop -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 0.9])
def test_drop_zeroes_a_share_of_p_and_keeps_the_mean_and_spreads_as_it_should(p: float) -> None:
    n = 200_000
    dropped = dropout.drop(torch.ones(n), p, generator=random())
    assert dropped[dropped > 0].unique().tolist() == pytest.approx([1 / (1 - p)])
    assert (dropped == 0).float().mean().item() == pytest.approx(p, abs=5 * (p * (1 - p) / n) ** 0.5)
    assert dropped.mean().item() == pytest.approx(1, abs=5 * (p / (1 - p) / n) ** 0.5)
    assert dropped.var().item() == pytest.approx(p / (1 - p), abs=0.02 * (1 + p / (1 - p) ** 2))


def test_drop_draws_each_of_the_patterns_of_four_neurons_equally_often() -> None:
    """Independence: all 16 patterns, as counts that differ by chance alone (chi-square, 15 degrees of freedom)."""
    rows = dropout.drop(torch.ones(80_000, 4), 0.5, generator=random(1)) > 0
    counts = (rows * torch.tensor([8, 4, 2, 1])).sum(1).bincount(minlength=16)
    assert ((counts - 5000) ** 2 / 5000).sum() < 37.7  # exceeded once in a thousand


def test_drop_is_pytorchs_dropout_given_the_same_mask(x: torch.Tensor) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = nn.functional.dropout(x, 0.3)
    ours = dropout.drop(x, 0.3, generator=random())
    for dropped in (ours, theirs):
        torch.testing.assert_close(dropped, (dropped != 0) * x / 0.7, rtol=0, atol=1e-12)


def test_drop_leaves_the_global_random_state_and_repeats_with_its_generator(x: torch.Tensor) -> None:
    state = torch.random.get_rng_state()
    assert torch.equal(dropout.drop(x, 0.5, generator=random(4)), dropout.drop(x, 0.5, generator=random(4)))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_gradient_of_what_is_dropped_is_zero(x: torch.Tensor) -> None:
    x.requires_grad_(True)
    dropped = dropout.drop(x, 0.5, generator=random())
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, (dropped != 0) * 2.0)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
def test_an_impossible_chance_is_refused_everywhere(p: float, x: torch.Tensor) -> None:
    for call in (
        lambda: dropout.drop(x, p, generator=random()),
        lambda: dropout.chances(dropout.masks(2), p=p),
        lambda: dropout.subnetworks(small(4, 3, 2), x, p=p),
        lambda: dropout.trained([4, 3, 2], x.float(), torch.zeros(3, dtype=torch.long), p=p),
    ):
        with pytest.raises(ValueError, match=rf"p is {p}; the chance to be suppressed must be at least 0 and less"):
            call()


def test_the_hand_of_the_notebook_agrees_with_the_helper(x: torch.Tensor) -> None:
    drop_by_hand = written(NOTEBOOK, "drop_by_hand", torch=torch)["drop_by_hand"]
    with torch.random.fork_rng():
        torch.manual_seed(7)
        by_hand = drop_by_hand(x, 0.3)
    assert torch.equal(by_hand, dropout.drop(x, 0.3, generator=random(7)))


def test_the_notebooks_four_lines_ask_every_subnetwork() -> None:
    digits, network = training.digits(), training.mlp([64, 14, 10], lambda: nn.Sequential(nn.Tanh(), nn.Dropout(0.5)))
    room: dict = {"torch": torch, "dropout": dropout, "digits": digits, "network": network, "tricky": [1, 2, 3]}
    room = written(NOTEBOOK, "masks", "first", "last", "hidden", "opinions", **room)
    torch.testing.assert_close(room["opinions"], dropout.subnetworks(network, digits.test_x[[1, 2, 3]]))


def test_trained_networks_are_those_of_training_by_itself() -> None:
    digits = training.digits(train=60)
    rows = torch.stack([torch.arange(40), torch.arange(20, 60)])
    settings = {"steps": 5, "batch": 8, "rate": 0.02, "examples": rows}
    found = dropout.trained([64, 5, 10], digits.train_x, digits.train_y, p=0.25, seeds=2, **settings)
    alone = [training.mlp([64, 5, 10], lambda: nn.Sequential(nn.Tanh(), nn.Dropout(0.25)), seed=s) for s in range(2)]
    training.train(alone, digits.train_x, digits.train_y, **settings)
    for network, other in zip(found, alone, strict=True):
        assert not network.training
        assert repr(network) == repr(other)
        assert all(map(torch.equal, network.state_dict().values(), other.state_dict().values()))


# --- masks and their chances ------------------------------------------------------------------------------------------


def test_masks_are_all_rows_of_zeros_and_ones_in_binary_order() -> None:
    assert dropout.masks(3).tolist() == [list(map(float, row)) for row in itertools.product((0, 1), repeat=3)]


@pytest.mark.parametrize("n", [0, 17])
def test_too_few_or_too_many_masks(n: int) -> None:
    with pytest.raises(ValueError, match=rf"n is {n}; it must be from 1 to 16"):
        dropout.masks(n)


def test_chances_are_products_and_add_up_to_one() -> None:
    masks = dropout.masks(5)
    found = dropout.chances(masks, p=0.2)
    expected = [0.8**kept * 0.2 ** (5 - kept) for kept in masks.sum(1).tolist()]
    assert found.tolist() == pytest.approx(expected)
    assert found.sum().item() == pytest.approx(1)
    assert dropout.chances(masks).tolist() == pytest.approx([1 / 32] * 32)


# --- subnetworks ------------------------------------------------------------------------------------------------------


def by_hand(network: nn.Sequential, x: torch.Tensor, mask: tuple[int, ...], p: float) -> torch.Tensor:
    """One masked network, written out: tanh of a weighted sum, masked and scaled, layer after layer."""
    linears = [module for module in network.modules() if isinstance(module, nn.Linear)]
    left = list(mask)
    for linear in linears[:-1]:
        keep = torch.tensor([left.pop(0) for _ in range(linear.out_features)], dtype=x.dtype)
        x = torch.tanh(x @ linear.weight.T + linear.bias) * keep / (1 - p)
    return x @ linears[-1].weight.T + linears[-1].bias


@pytest.mark.parametrize("p", [0.5, 0.25])
@pytest.mark.parametrize("hidden", [(5,), (3, 2), (2, 1, 2)])
def test_every_subnetwork_is_the_one_built_by_hand(hidden: tuple[int, ...], p: float, x: torch.Tensor) -> None:
    network = small(4, *hidden, 2, p=p)
    outputs = dropout.subnetworks(network, x, p=p)
    assert outputs.shape == (32, 3, 2)
    assert not outputs.requires_grad
    for found, mask in zip(outputs, itertools.product((0, 1), repeat=5), strict=True):
        torch.testing.assert_close(found, by_hand(network, x, mask, p), rtol=0, atol=1e-12)


def test_masks_in_several_chunks_come_in_order(x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dropout.subnetworks(small(4, 6, 2), x)
    monkeypatch.setattr(dropout, "CHUNK", 7)
    torch.testing.assert_close(dropout.subnetworks(small(4, 6, 2), x), whole)


def test_samples_are_subnetworks_drawn_with_chance_p(x: torch.Tensor) -> None:
    network = small(4, 3, 2, p=0.25)
    everyone = dropout.subnetworks(network, x, p=0.25)
    drawn = dropout.subnetworks(network, x, p=0.25, samples=4000, generator=random())
    assert drawn.shape == (4000, 3, 2)
    which = (drawn[:, None] - everyone).abs().amax((2, 3)).argmin(1)
    torch.testing.assert_close(drawn, everyone[which])
    shares = which.bincount(minlength=8) / 4000
    torch.testing.assert_close(shares, dropout.chances(dropout.masks(3), p=0.25), rtol=0, atol=0.04)


def test_a_sample_is_what_training_computes(x: torch.Tensor) -> None:
    """PyTorch's own dropout in training gives one of the subnetworks, for each input."""
    network = small(4, 3, 2).train()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        trained = network(x)
    gaps = (dropout.subnetworks(network, x) - trained).abs().amax(2)  # (8, 3)
    assert gaps.amin(0).max() < 1e-12


def test_convolutions_may_come_before_the_first_dropout() -> None:
    pictures = torch.randn(2, 1, 4, 4, generator=random())
    body = nn.Sequential(nn.Conv2d(1, 2, 4), nn.Flatten())
    network = nn.Sequential(body, nn.Dropout(0.5), nn.Linear(2, 3))
    outputs = dropout.subnetworks(network, pictures)
    assert outputs.shape == (4, 2, 3)
    expected = (body(pictures) * torch.tensor([2.0, 0.0])) @ network[2].weight.T + network[2].bias
    torch.testing.assert_close(outputs[2], expected.detach())


def test_too_many_neurons_name_their_number_the_limit_and_the_remedy(x: torch.Tensor) -> None:
    network = small(4, 10, 7, 2)
    with pytest.raises(ValueError, match=r"17 neurons .* up to 16 neurons all masks are tried\. Give samples="):
        dropout.subnetworks(network, x)
    assert dropout.subnetworks(network, x, samples=5, generator=random()).shape == (5, 3, 2)


@pytest.mark.parametrize(
    ("network", "settings", "message"),
    [
        (training.mlp([4, 3, 2]).double(), {}, r"p is 0\.5, and the dropout layers of the network have \[\]"),
        (small(4, 3, 2, p=0.2), {}, r"p is 0\.5, and the dropout layers of the network have \[0\.2\]"),
        (small(4, 3, 2), {"samples": 0, "generator": random()}, "samples is 0"),
        (small(4, 3, 2), {"samples": 3}, "generator is None; give 1 or more, and a torch.Generator"),
    ],
)
def test_bad_input_is_refused(network: nn.Sequential, settings: dict, message: str, x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=message):
        dropout.subnetworks(network, x, **settings)


# --- means ------------------------------------------------------------------------------------------------------------


def test_means_of_two_networks_written_out() -> None:
    probabilities = torch.tensor([[[0.5, 0.5]], [[0.9, 0.1]]], dtype=torch.float64)
    logits = probabilities.log() + torch.tensor([3.0, -2.0])[:, None, None]  # logits are known up to a constant
    assert dropout.arithmetic_mean(logits)[0].tolist() == pytest.approx([0.7, 0.3])
    roots = [(0.5 * 0.9) ** 0.5, (0.5 * 0.1) ** 0.5]
    assert dropout.geometric_mean(logits)[0].tolist() == pytest.approx([roots[0] / sum(roots), roots[1] / sum(roots)])
    chances = torch.tensor([0.75, 0.25], dtype=torch.float64)
    assert dropout.arithmetic_mean(logits, chances)[0].tolist() == pytest.approx([0.6, 0.4])
    roots = [0.5**0.75 * 0.9**0.25, 0.5**0.75 * 0.1**0.25]
    assert dropout.geometric_mean(logits, chances)[0, 0].item() == pytest.approx(roots[0] / sum(roots))


@pytest.mark.parametrize("p", [0.5, 0.3])
def test_one_hidden_layer_scaled_is_the_geometric_mean_and_not_the_arithmetic(p: float, x: torch.Tensor) -> None:
    network = small(4, 6, 3, p=p).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 4
        scaled = network(x).softmax(1)
    logits, chances = dropout.subnetworks(network, x, p=p), dropout.chances(dropout.masks(6).double(), p=p)
    torch.testing.assert_close(dropout.geometric_mean(logits, chances), scaled, rtol=0, atol=1e-12)
    assert (dropout.arithmetic_mean(logits, chances) - scaled).abs().max() > 0.01


def test_two_hidden_layers_scaled_is_not_quite_the_geometric_mean(x: torch.Tensor) -> None:
    network = small(4, 3, 3, 2).eval()
    with torch.no_grad():
        gap = (dropout.geometric_mean(dropout.subnetworks(network, x)) - network(x).softmax(1)).abs().max()
    assert 1e-6 < gap < 0.1


def test_a_layer_that_runs_twice_is_run_twice():
    shared, first = nn.Tanh(), nn.Linear(3, 2)
    network = nn.Sequential(first, shared, nn.Dropout(0.5), shared)
    x = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    found = dropout.subnetworks(network, x)[-1]  # every neuron kept, each twice as loud
    torch.testing.assert_close(found, torch.tanh(2 * torch.tanh(first(x))).detach())


def test_chances_of_whole_numbers_and_truth_values_are_no_whole_numbers():
    # The first mask keeps one of two neurons, the second both: 0.75 * 0.25 and 0.75 ** 2 at p = 0.25.
    whole = torch.tensor([[1, 0], [1, 1]])
    for masks in (whole, whole.bool(), whole.double()):
        assert dropout.chances(masks, p=0.25).tolist() == [0.1875, 0.5625]


def test_means_of_double_logits_take_single_chances():
    logits = torch.zeros(2, 1, 2, dtype=torch.float64)
    assert dropout.arithmetic_mean(logits, torch.tensor([0.25, 0.75])).tolist() == [[0.5, 0.5]]


def test_dropout_on_more_than_a_row_of_neurons_is_refused():
    network = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 3))
    with pytest.raises(ValueError, match=r"shape \(1, 2, 4\), not \(N, neurons\); flatten before it"):
        dropout.subnetworks(network, torch.rand(16, 2, 4))


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.RReLU(), nn.AlphaDropout(0.5)])
def test_a_layer_that_acts_at_random_or_learns_is_refused(layer):
    network = nn.Sequential(nn.Linear(4, 4), layer, nn.Dropout(0.5), nn.Linear(4, 3))
    with pytest.raises(ValueError, match=r"in training mode; call network\.eval\(\) first"):
        dropout.subnetworks(network, torch.rand(5, 4))
    assert dropout.subnetworks(network.eval(), torch.rand(5, 4)).shape == (16, 5, 3)


def test_an_in_place_relu_leaves_the_inputs_as_they_were():
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    dropout.subnetworks(nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2), nn.Dropout(0.5)), x)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Softmax(dim=1),
        nn.Softmax(dim=0),
        nn.LogSoftmax(dim=1),
        nn.Flatten(),
        nn.LayerNorm(6),
        nn.BatchNorm1d(6).eval(),
        nn.Sequential(nn.Unflatten(1, (2, 3)), nn.Conv1d(2, 4, 2), nn.ReLU(inplace=True), nn.Flatten()),
        nn.Sequential(nn.Unflatten(1, (1, 2, 3)), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_behind_dropout_sees_what_it_sees_in_a_network_of_its_own(layer: nn.Module) -> None:
    first, x = nn.Linear(5, 6), torch.rand(4, 5, generator=random())
    found = dropout.subnetworks(nn.Sequential(first, nn.Dropout(), layer), x)
    with torch.no_grad():
        alone = torch.stack([layer(first(x) * mask * 2) for mask in dropout.masks(6)])
    torch.testing.assert_close(found, alone)


def test_probabilities_behind_dropout_add_up_to_1() -> None:
    network = nn.Sequential(nn.Linear(5, 4), nn.Dropout(), nn.Linear(4, 3), nn.Softmax(dim=1))
    rows = dropout.subnetworks(network, torch.rand(4, 5, generator=random())).sum(2)
    torch.testing.assert_close(rows, torch.ones(16, 4))


def test_a_generator_that_would_draw_nothing_is_refused(x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="say how many masks with samples="):
        dropout.subnetworks(small(4, 3, 2), x, generator=random())
