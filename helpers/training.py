"""Small networks on handwritten digits and on spirals: the data, the networks, and the training of many at once.

A network of a few thousand weights leaves a processor waiting for work, so networks of one architecture are
trained side by side, as one stack: ten seeds take about as long as four would one after the other.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from helpers import disturbance
from helpers.ascent import OnStep, Step, interruptible
from helpers.checks import require
from helpers.state import check_weights, usual_state

Net = TypeVar("Net", bound=nn.Module)
Loss = Callable[[Tensor, Tensor], Tensor]  # (outputs, targets) -> one number
TEST = 500  # digits kept for testing


@dataclass(frozen=True)
class Digits:
    """Handwritten digits: images as rows (n, 64) of 8 by 8 gray levels from 0 to 1, labels (n,) from 0 to 9."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor


@usual_state()
def digits(*, train: int | None = None, seed: int = 0) -> Digits:
    """The 1797 digits of Alpaydin and Kaynak (1998) that come with scikit-learn, shuffled and split in two.

    Args:
        train: how many to learn from, by default all 1297 that are not kept for testing. The 500 to test on depend
            on the seed alone.
        seed: of the shuffle.
    """
    pixels, labels = load_digits(return_X_y=True)
    most = len(labels) - TEST
    train = most if train is None else train
    if not 1 <= train <= most:
        raise ValueError(f"train is {train}; it must be from 1 to {most}, for {TEST} digits are kept for testing")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    x, y = torch.tensor(pixels, dtype=torch.float32)[order] / 16, torch.tensor(labels)[order]
    return Digits(x[TEST : TEST + train], y[TEST : TEST + train], x[:TEST], y[:TEST])


@usual_state()
def spirals(count: int, *, turns: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two intertwined spirals in the unit disk: points (count, 2), and to which of the two each belongs, 0.0 or 1.0."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.rand(count, generator=generator).sqrt()
    kind = torch.arange(count) % 2
    angle = 2 * torch.pi * turns * t + torch.pi * kind
    place = t[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    return place + 0.01 * torch.randn(count, 2, generator=generator), kind.float()


@usual_state()
def mlp(sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU, *, seed: int = 0) -> nn.Sequential:
    """A multilayer perceptron with PyTorch's default weights, in float32: a linear layer between each two sizes.

    Args:
        sizes: of the input, of each hidden layer, of the output; at least two.
        activation: makes what stands after each hidden layer, such as ``nn.ReLU``.
        seed: of the weights. The global random state stays as it was.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes is {list(sizes)}; give an input and an output size at least, each of them 1 or more")

    def make() -> nn.Sequential:
        layers: list[nn.Module] = []
        for i in range(len(sizes) - 1):
            layers += [nn.Linear(sizes[i], sizes[i + 1]), activation()]
        return nn.Sequential(*layers[:-1])

    return seeded(make, seed=seed)


def seeded(make: Callable[[], Net], *, seed: int = 0) -> Net:
    """The network that `make` builds, with the random first weights of this seed; the global random state stays."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed a GPU as well
        network = make()
    disturbance.disturb(network.parameters())
    return network


@usual_state()
def train(
    networks: Sequence[nn.Module],
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    batch: int = 64,
    rate: float = 1e-3,
    decay: float = 0.0,
    loss: Loss = cross_entropy,
    examples: Tensor | None = None,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Tensor:
    """Train networks of one architecture side by side, each as if it were alone; an interrupt keeps what is learned.

    Args:
        networks: trained in place; they may differ in their weights only, and have no batch norm.
        x: inputs (n, ...).
        y: targets (n, ...).
        steps: how many batches each network sees.
        batch: examples in a batch, drawn without replacement.
        rate: learning rate of Adam (Kingma and Ba 2015).
        decay: weight decay, decoupled from the rate as in AdamW (Loshchilov and Hutter 2019).
        loss: of (outputs, targets), averaged over the batch.
        examples: (len(networks), m), which of the inputs each network may see; by default all.
        seed: of the batches, which differ from network to network, and of dropout on a CPU.
        on_step: called with a `Step` after each one, without an image.

    Returns:
        (steps, len(networks)): the loss of each batch before its step; NaN for steps that an interrupt cut off.
    """
    examples = torch.arange(len(x)).expand(len(networks), -1) if examples is None else examples
    _check(networks, x, y, steps=steps, batch=batch, examples=examples)
    weights, _ = stack_module_state(list(networks))
    losses_of = _losses(copy.deepcopy(networks[0]).train(), loss)
    optimizer = torch.optim.AdamW(weights.values(), lr=rate, weight_decay=decay, fused=True)
    history = torch.full((steps, len(networks)), float("nan"))
    with interruptible(on_step), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for step in range(1, steps + 1):
            chosen = _drawn(examples, batch)
            losses = losses_of(weights, x[chosen], y[chosen])
            optimizer.zero_grad()
            losses.sum().backward()  # a network's weights occur in its own loss alone
            optimizer.step()
            history[step - 1] = losses.detach()
            if on_step is not None:
                on_step(Step(step, steps, losses.mean().item()))
    _hand_back(weights, networks)
    return history


def _losses(skeleton: nn.Module, loss: Loss) -> Callable[..., Tensor]:
    """What gives, for stacked weights and each network's batch, the loss of each network."""

    def batch_loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        outputs = functional_call(skeleton, weights, (x,))
        one = "the network has one output, and the cross-entropy of a single category is always 0; give it two"
        require(loss is not cross_entropy or outputs.dim() < 2 or outputs.shape[1] > 1, one)
        return loss(outputs, y)

    return vmap(batch_loss, randomness="different")


@torch.no_grad()
def _hand_back(weights: dict[str, Tensor], networks: Sequence[nn.Module]) -> None:
    """Each network's own row of the stacked weights."""
    for i, network in enumerate(networks):
        for name, weight in network.named_parameters():
            weight.copy_(weights[name][i])


@usual_state()
def separate(network: Net, points: Tensor, kind: Tensor, *, steps: int = 900, batch: int = 200, seed: int = 0) -> Net:
    """The network, of one output, trained in place to be above 0 for points of kind 1 and below for those of kind 0.

    AdamW at a rate of 0.01 that follows half a cosine down to 0.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = torch.randperm(len(points), generator=generator)[:batch]
        loss = binary_cross_entropy_with_logits(network(points[chosen])[:, 0], kind[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


def _drawn(examples: Tensor, batch: int) -> Tensor:
    """For each network (row) so many of its examples, none twice: (networks, batch)."""
    order = torch.stack([torch.randperm(examples.shape[1])[:batch] for _ in examples])
    return examples.gather(1, order)


def _check(networks: Sequence[nn.Module], x: Tensor, y: Tensor, *, steps: int, batch: int, examples: Tensor) -> None:
    if not networks:
        raise ValueError("there are no networks to train")
    for i, network in enumerate(networks):
        if repr(network) != repr(networks[0]):
            raise ValueError(f"network {i} is {network}, and network 0 {networks[0]}; only their weights may differ")
        check_weights(network)
        _check_kind(x, network, i)
        if not all(weight.requires_grad for weight in network.parameters()):
            raise ValueError(f"network {i} has frozen weights, and all would be trained; call requires_grad_() first")
    if any(True for _ in networks[0].buffers()):
        raise ValueError("the networks have buffers, as batch norms do, and these would mix; use nn.LayerNorm instead")
    if len(x) != len(y):
        raise ValueError(f"there are {len(x)} inputs and {len(y)} targets; each input needs one")
    if steps < 0:
        raise ValueError(f"steps is {steps}; it must be 0 or more")
    if examples.dim() != 2 or len(examples) != len(networks):
        raise ValueError(f"examples has the shape {tuple(examples.shape)}; it needs a row for each of {len(networks)}")
    if len(set(map(id, networks))) < len(networks):
        raise ValueError("a network is listed twice; make a copy with copy.deepcopy")
    if not 1 <= batch <= examples.shape[1]:
        raise ValueError(f"batch is {batch}; with {examples.shape[1]} examples it must be from 1 to that many")


def _check_kind(x: Tensor, network: nn.Module, i: int) -> None:
    for weight in network.parameters():
        same = weight.device == x.device and (weight.dtype == x.dtype or not x.is_floating_point())
        given = f"the inputs are {x.dtype} on {x.device}, weights of network {i} {weight.dtype} on {weight.device}"
        require(same, f"{given}; bring both to the same with .to()")


@usual_state()
@torch.no_grad()
def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of inputs (n, ...) whose largest output is the label (n,), with dropout switched off."""
    if y.shape != (len(x),):
        raise ValueError(f"the labels have the shape {tuple(y.shape)}; {len(x)} inputs need {(len(x),)}")
    with _evaluating(network):
        outputs = network(x)
    one = f"the network gives the shape {tuple(outputs.shape)}; to name a category it needs (n, 2 or more)"
    require(outputs.dim() == 2 and outputs.shape[1] > 1, one)
    return (outputs.argmax(1) == y).float().mean().item()


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, and then each module in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        network.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training
