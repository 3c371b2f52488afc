"""The walk over layers on the smallest nested networks, states of neurons, and PyTorch's state around a call."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import torch
from torch import Tensor, nn

from helpers import ascent, checks, dreams, dropout, illusions, networks, squashing, state, style, training
from helpers.illusions import patterns

STYLE = {"content_layer": "relu", "style_layers": ("first",)}


def test_require_raises_its_message_unless_the_condition_holds():
    checks.require(True, "never")
    with pytest.raises(ValueError, match="size is 3"):
        checks.require(False, "size is 3")


def test_layers_come_with_their_names_in_running_order_and_twice_if_they_run_twice():
    shared, first, last = nn.Tanh(), nn.Linear(1, 1), nn.Linear(1, 1)
    network = nn.Sequential(OrderedDict(one=first, two=nn.Sequential(shared, nn.Sequential(last)), three=shared))
    found = list(checks.layers_in_order(network))
    assert [name for name, _ in found] == ["one", "two.0", "two.1.0", "three"]
    assert [layer for _, layer in found] == [first, shared, last, shared]


def test_what_runs_in_a_way_of_its_own_is_one_layer():
    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    residual, single = Residual(nn.Linear(1, 1)), nn.Linear(1, 1)
    assert list(checks.layers_in_order(nn.Sequential(residual))) == [("0", residual)]
    assert list(checks.layers_in_order(single)) == [("", single)]
    assert list(checks.layers_in_order(nn.Sequential())) == []


def test_neurons_are_dark_lit_or_full():
    outputs = nn.ReLU6()(torch.tensor([-1.0, 0.0, 0.5, 6.0, 9.0]))
    assert checks.relu6_states(outputs).tolist() == [0, 0, 1, 2, 2]


# --- The state of PyTorch ---------------------------------------------------------------------------------------------


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


STATES: dict[str, Callable[[], AbstractContextManager]] = {
    "inference mode": torch.inference_mode,
    "no grad": torch.no_grad,
    "double": lambda: default_dtype(torch.float64),
    "half": lambda: default_dtype(torch.float16),
    "another device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


def present() -> tuple[object, ...]:
    modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")
    return torch.get_default_dtype(), torch.get_default_device(), modes


@pytest.fixture
def classifier() -> networks.Network:
    """Two categories, by the mean color."""
    body = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 2, 1), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten()))
    with torch.no_grad():
        body.conv.weight.copy_(torch.tensor([[1.0, -2, 3], [-3, 2, 1]])[:, :, None, None])
    return networks.Network(body, name="pair", scale=[1.0] * 3, shift=[0.0] * 3, categories=["a", "b"], size=64)


def learned() -> Tensor:
    d, twins = training.digits(train=64), [training.mlp([64, 4, 10], seed=seed) for seed in range(2)]
    history = training.train(twins, d.train_x, d.train_y, steps=2)
    return history + training.accuracy(twins[0], d.test_x, d.test_y)


def sent_back() -> Tensor:
    network = squashing.orthogonal(training.mlp([2, 3, 2], nn.Identity))
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float32, device="cpu")
    (message, _) = squashing.preactivation_gradients(network, x, torch.zeros(1, dtype=torch.long, device="cpu"))
    return torch.cat([message.flatten(), squashing.collapse(network).weight.flatten().detach()])


def averaged() -> Tensor:
    network = nn.Sequential(training.mlp([64, 3]), nn.Dropout(), training.mlp([3, 2]))
    return dropout.subnetworks(network, training.digits(train=2).train_x)


WORK: dict[str, Callable[..., Tensor]] = {
    "dream": lambda _, tiny, photo: dreams.deep_dream(tiny, photo, "second", octaves=2, octave_scale=1.5, steps=1),
    "guided dream": lambda _, tiny, photo: dreams.deep_dream(
        tiny, photo, "second", octaves=1, steps=1, guide=photo.flip(2)
    ),
    "class image": lambda pair, _, __: dreams.visualize(pair, "a", size=32, steps=2),
    "attack": lambda pair, _, photo: illusions.pgd(
        pair, photo, torch.zeros(1, dtype=torch.long, device="cpu"), epsilon=0.1, steps=2, seed=0
    ),
    "least epsilon": lambda pair, _, photo: illusions.least_epsilon(pair, photo, "a", steps=1, halvings=1),
    "prediction": lambda pair, _, photo: illusions.predicted_change(pair, photo, 0.1 * photo),
    "painting": lambda pair, _, __: illusions.paint(pair, "a", size=64, steps=2),
    "drawing": lambda pair, _, __: (
        patterns.search(pair, "a", patterns.RIPPLES, size=16, tries=18, population=2, enough=2).picture
    ),
    "transfer": lambda _, tiny, photo: style.transfer(tiny, photo, photo.flip(2), size=64, steps=1, noise=0.1, **STYLE),
    "training": lambda *_: learned(),
    "messages": lambda *_: sent_back(),
    "subnetworks": lambda *_: averaged(),
}


@pytest.mark.parametrize("around", STATES)
@pytest.mark.parametrize("work", WORK)
def test_whatever_is_set_around_a_call_its_result_is_the_same_and_the_setting_stays(
    work: str, around: str, classifier: networks.Network, tiny: networks.Network, photo: Tensor
) -> None:
    plain = WORK[work](classifier, tiny, photo)
    with STATES[around]():
        before = present()
        found = WORK[work](classifier, tiny, photo.clone())
        assert present() == before
    assert found.dtype == plain.dtype
    assert torch.equal(found.cpu(), plain)


def test_the_usual_state_is_left_as_it_was_found_by_an_error_too():
    with torch.device("meta"), default_dtype(torch.float64):
        before = present()
        with state.usual_state():
            usual = torch.zeros(1)
        with pytest.raises(ZeroDivisionError), state.usual_state():
            raise ZeroDivisionError
        assert (usual.device.type, usual.dtype) == ("cpu", torch.float32)
        assert present() == before


def test_the_loop_climbs_in_inference_mode():
    with torch.inference_mode():
        found = ascent.ascend(torch.zeros(1, 2), lambda x: x.sum(), steps=2, rule=ascent.signed(1.0))
    assert found.tolist() == [[2.0, 2.0]]


def test_weights_made_in_inference_mode_are_refused_before_any_work(photo: Tensor) -> None:
    with torch.inference_mode():
        layer = nn.Conv2d(3, 2, 1)
    body = nn.Sequential(OrderedDict(conv=layer, pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten()))
    for attempt in (
        lambda: illusions.fgsm(body, photo, 0, epsilon=0.1),
        lambda: squashing.preactivation_gradients(body, photo, torch.zeros(1, dtype=torch.long)),
        lambda: training.train([body], photo, torch.zeros(1, dtype=torch.long), steps=1, batch=1),
    ):
        with pytest.raises(ValueError, match=r"made under torch\.inference_mode\(\).* make or load it outside"):
            attempt()
