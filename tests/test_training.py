"""Training many networks at once against training each alone, and the digits against scikit-learn's own."""

from __future__ import annotations

import copy

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from helpers import training
from helpers.ascent import Step


def test_digits_are_scikit_learns_split_in_two() -> None:
    d = training.digits()
    pixels, labels = load_digits(return_X_y=True)
    assert d.train_x.shape == (1297, 64)
    assert d.test_x.shape == (500, 64)
    both = sorted(
        map(
            tuple,
            torch.cat([torch.cat([d.train_x, d.test_x]) * 16, torch.cat([d.train_y, d.test_y])[:, None]], 1).tolist(),
        )
    )
    assert both == sorted((*map(float, row), float(label)) for row, label in zip(pixels, labels, strict=True))


def test_fewer_digits_are_the_first_of_more_and_the_test_stays() -> None:
    few, many = training.digits(train=50, seed=3), training.digits(seed=3)
    assert torch.equal(few.train_x, many.train_x[:50])
    assert torch.equal(few.test_y, many.test_y)
    assert not torch.equal(many.test_y, training.digits(seed=4).test_y)


@pytest.mark.parametrize("train", [0, 1298])
def test_an_impossible_number_of_digits(train: int) -> None:
    with pytest.raises(ValueError, match=f"train is {train}; it must be from 1 to 1297"):
        training.digits(train=train)


def test_spirals_are_two_in_a_disk_and_the_same_at_each_call() -> None:
    points, kind = training.spirals(200, turns=1.5)
    assert (points.shape, kind.shape) == ((200, 2), (200,))
    assert kind.tolist() == [0.0, 1.0] * 100
    assert points.norm(dim=1).max() < 1.05
    again, _ = training.spirals(200, turns=1.5)
    assert torch.equal(points, again)
    turned = -points[kind == 1]  # the one spiral is the other, turned by half a turn
    assert torch.cdist(turned, points[kind == 0]).amin(1).max() < 0.2


def test_separate_puts_two_kinds_on_two_sides_and_says_so_by_the_sign() -> None:
    points, kind = training.spirals(200, turns=0.5)
    network = training.mlp([2, 16, 1], seed=0)
    state = torch.get_rng_state()
    assert training.separate(network, points, kind, steps=200, batch=100) is network
    assert torch.equal(state, torch.get_rng_state())
    assert ((network(points)[:, 0] > 0) == (kind > 0.5)).float().mean() > 0.97


def test_mlp_is_what_pytorch_makes_after_the_seed() -> None:
    torch.manual_seed(5)
    expected = [nn.Linear(2, 3), nn.Linear(3, 4), nn.Linear(4, 1)]
    state = torch.random.get_rng_state()
    network = training.mlp([2, 3, 4, 1], nn.Sigmoid, seed=5)
    assert [type(layer) for layer in network] == [nn.Linear, nn.Sigmoid, nn.Linear, nn.Sigmoid, nn.Linear]
    for layer, other in zip(network[::2], expected, strict=True):
        assert torch.equal(layer.weight, other.weight)
        assert torch.equal(layer.bias, other.bias)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_mlp_needs_two_sizes() -> None:
    with pytest.raises(ValueError, match=r"sizes is \[3\]; give an input and an output"):
        training.mlp([3])


def alone(network: nn.Module, x: torch.Tensor, y: torch.Tensor, *, batches: list[torch.Tensor]) -> list[float]:
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=0.1)
    losses = []
    for chosen in batches:
        loss = cross_entropy(network(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_side_by_side_is_the_same_as_each_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(20, 3, generator=generator, dtype=torch.float64), torch.arange(20) % 2
    examples = torch.tensor([[0, 3, 4, 7, 8, 9], [19, 2, 5, 11, 1, 6]])
    together = [training.mlp([3, 5, 2], seed=seed).double() for seed in range(2)]
    apart = [training.mlp([3, 5, 2], seed=seed).double() for seed in range(2)]
    history = training.train(together, x, y, steps=4, batch=3, rate=0.01, decay=0.1, examples=examples, seed=7)
    assert not history.requires_grad
    torch.manual_seed(7)
    orders = [[torch.randperm(6)[:3] for _ in range(2)] for _ in range(4)]
    for i in range(2):
        expected = alone(apart[i], x, y, batches=[examples[i][order[i]] for order in orders])
        torch.testing.assert_close(history[:, i], torch.tensor(expected))
        for mine, other in zip(together[i].parameters(), apart[i].parameters(), strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


def test_another_loss_and_the_global_random_state_untouched() -> None:
    x = torch.linspace(-1, 1, 32)[:, None]
    network = training.mlp([1, 16, 1], nn.Tanh)
    state = torch.random.get_rng_state()
    history = training.train([network], x, x, steps=300, batch=32, rate=0.01, loss=mse_loss)
    assert history[-1] < 1e-3 < history[0]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_dropout_differs_between_networks_and_is_off_for_accuracy() -> None:
    x, y = torch.ones(8, 4), torch.zeros(8, dtype=torch.long)
    twins = [nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.5), nn.Linear(50, 2)) for _ in range(2)]
    twins[1].load_state_dict(twins[0].state_dict())
    history = training.train(twins, x, y, steps=1, batch=8)
    assert history[0, 0] != history[0, 1]
    network = nn.Sequential(nn.Dropout(0.99), nn.Linear(4, 2, bias=False)).train()
    network[1].weight.data = torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, 0]])
    assert training.accuracy(network, x, torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])) == 0.75
    assert network.training


def test_an_interrupt_keeps_what_was_learned() -> None:
    d = training.digits(train=64)

    def stop(step: Step) -> None:
        if step.step == 3:
            raise KeyboardInterrupt

    cut, three = training.mlp([64, 8, 10]), training.mlp([64, 8, 10])
    history = training.train([cut], d.train_x, d.train_y, steps=9, on_step=stop)
    assert torch.equal(history[:3], training.train([three], d.train_x, d.train_y, steps=3))
    assert history[3:].isnan().all()
    assert torch.equal(cut[0].weight, three[0].weight)


def test_bad_input_is_refused_before_any_work() -> None:
    x, y, network = torch.zeros(5, 2), torch.zeros(5, dtype=torch.long), training.mlp([2, 2])
    with pytest.raises(ValueError, match="no networks"):
        training.train([], x, y, steps=1)
    with pytest.raises(ValueError, match="5 inputs and 4 targets"):
        training.train([network], x, y[:4], steps=1)
    with pytest.raises(ValueError, match="batch is 64; with 5 examples"):
        training.train([network], x, y, steps=1)
    with pytest.raises(ValueError, match="steps is -1"):
        training.train([network], x, y, steps=-1, batch=5)
    with pytest.raises(ValueError, match=r"nn\.LayerNorm instead"):
        training.train([nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))], x, y, steps=1, batch=5)
    with pytest.raises(ValueError, match=r"shape \(1, 5\); it needs a row for each of 2"):
        training.train([network, network], x, y, steps=1, batch=5, examples=torch.arange(5)[None])


def test_accuracy_of_labels_of_another_shape_is_refused():
    network, x, y = training.mlp([2, 3]), torch.zeros(4, 2), torch.zeros(4, dtype=torch.long)
    for labels in (y[:, None], y[:1]):
        with pytest.raises(ValueError, match=r"4 inputs need \(4,\)"):
            training.accuracy(network, x, labels)


def test_a_network_that_cannot_answer_is_left_as_it_was():
    network = training.mlp([2, 3]).train()
    with pytest.raises(RuntimeError):
        training.accuracy(network, torch.zeros(4, 5), torch.zeros(4, dtype=torch.long))
    assert network.training


def test_networks_that_differ_in_more_than_weights_or_are_frozen_are_refused():
    x, y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.long)
    settings = {"steps": 1, "batch": 2}
    with pytest.raises(ValueError, match="only their weights may differ"):
        training.train([training.mlp([2, 3, 2]), training.mlp([2, 3, 2], nn.Tanh)], x, y, **settings)
    with pytest.raises(ValueError, match="network 0 has frozen weights"):
        training.train([training.mlp([2, 3]).requires_grad_(False)], x, y, **settings)


def test_a_layer_that_runs_twice_learns_in_every_network():
    x, y = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(8, dtype=torch.long)

    def tied(seed):
        shared = training.mlp([4, 4], seed=seed)[0]
        return nn.Sequential(shared, nn.ReLU(), shared, nn.ReLU(), training.mlp([4, 2], seed=seed)[0])

    both, alone = [tied(0), tied(1)], tied(1)
    before = copy.deepcopy(alone[0].weight)
    training.train(both, x, y, steps=3, batch=8)
    training.train([alone], x, y, steps=3, batch=8)  # the batch is everything, so the order does not matter
    assert not torch.equal(alone[0].weight, before)
    torch.testing.assert_close(both[1][0].weight, alone[0].weight)
    assert both[1][2] is both[1][0]


def test_the_same_network_twice_is_refused():
    network = training.mlp([2, 2])
    with pytest.raises(ValueError, match="listed twice"):
        training.train([network, network], torch.zeros(4, 2), torch.zeros(4, dtype=torch.long), steps=1, batch=2)


def test_one_output_teaches_nothing_by_cross_entropy_and_names_no_category():
    x, y, network = torch.rand(4, 2), torch.zeros(4, dtype=torch.long), training.mlp([2, 1])
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(ValueError, match="cross-entropy of a single category is always 0; give it two"):
        training.train([network], x, y, steps=1, batch=2)
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
    with pytest.raises(ValueError, match=r"gives the shape \(4, 1\); .* 2 or more"):
        training.accuracy(network, x, y)


@pytest.mark.parametrize("network", [training.mlp([2, 2]).double(), training.mlp([2, 2]).to("meta")])
def test_inputs_of_another_kind_than_the_weights_are_refused(network):
    with pytest.raises(ValueError, match=r"the inputs are torch.float32 on cpu, weights of network 0 .* with \.to\(\)"):
        training.train([network], torch.zeros(4, 2), torch.zeros(4, dtype=torch.long), steps=1, batch=2)


def test_accuracy_leaves_each_layer_in_its_own_mode():
    network = nn.Sequential(nn.Dropout(), nn.Linear(2, 2)).train()
    network[0].eval()
    training.accuracy(network, torch.zeros(4, 2), torch.zeros(4, dtype=torch.long))
    assert (network.training, network[0].training, network[1].training) == (True, False, True)


def test_training_shows_no_image():
    told = []
    training.train(
        [training.mlp([2, 2])],
        torch.zeros(4, 2),
        torch.zeros(4, dtype=torch.long),
        steps=1,
        batch=2,
        on_step=told.append,
    )
    assert [step.image for step in told] == [None]
