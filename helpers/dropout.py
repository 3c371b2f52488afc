"""Dropout as averaging: masks, the networks that they leave, and what these answer together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from helpers import training
from helpers.checks import layers_in_order
from helpers.state import usual_state

MOST, CHUNK = 16, 1024  # neurons whose masks are tried one and all; masks in work at a time
TRAIN_MODE_LAYERS = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd, nn.RReLU)  # others in training
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Sigmoid, nn.Tanh)
ROW_BY_ROW = {kind.forward for kind in (nn.Linear, nn.Identity, *ACTIVATIONS)}  # work on the last dimension alone


def drop(x: Tensor, p: float, *, generator: torch.Generator) -> Tensor:
    """Each number of `x` becomes 0 with chance `p`, from 0 to below 1, or else is divided by 1 - p: its mean stays.

    What `torch.nn.Dropout` does in training (Srivastava et al. 2014), with a random generator of one's own.
    """
    _check_chance(p)
    keep = torch.rand(x.shape, generator=generator, device=generator.device).to(x.device) >= p
    return x * keep / (1 - p)


def trained(
    sizes: Sequence[int],
    x: Tensor,
    y: Tensor,
    *,
    p: float = 0.5,
    activation: Callable[[], nn.Module] = nn.Tanh,
    seeds: int = 1,
    steps: int = 700,
    batch: int = 32,
    rate: float = 0.01,
    examples: Tensor | None = None,
) -> list[nn.Sequential]:
    """Networks with dropout behind each hidden layer, trained side by side and handed over in evaluation mode.

    Args:
        sizes: of the input, of each hidden layer, of the output.
        x: inputs (n, ...).
        y: categories (n,).
        p: the chance that a hidden neuron is suppressed; 0 for training without dropout.
        activation: makes what stands between each hidden layer and its dropout.
        seeds: how many networks, with the first weights of the seeds 0, 1, 2, ...
        steps, batch, rate, examples: as for `training.train`.
    """
    _check_chance(p)
    networks = [training.mlp(sizes, lambda: nn.Sequential(activation(), nn.Dropout(p)), seed=s) for s in range(seeds)]
    training.train(networks, x, y, steps=steps, batch=batch, rate=rate, examples=examples)
    return [network.eval() for network in networks]


@usual_state()
def masks(n: int) -> Tensor:
    """All 2**n masks of `n` neurons, (2**n, n) of 0 and 1: row i is i in binary, so row 0 leaves no neuron."""
    if not 1 <= n <= MOST:
        raise ValueError(f"n is {n}; it must be from 1 to {MOST}, for there are 2**n masks. Draw some with samples=")
    return (torch.arange(2**n)[:, None] >> torch.arange(n - 1, -1, -1)) % 2.0


def chances(masks: Tensor, *, p: float = 0.5) -> Tensor:
    """How likely dropout is to draw each of the masks (M, n) of 0 and 1: (M,). All 2**n together give 1."""
    _check_chance(p)
    kept = masks.double().sum(1)
    return ((1 - p) ** kept * p ** (masks.shape[1] - kept)).to(
        masks if masks.is_floating_point() else torch.get_default_dtype()
    )


@usual_state()
@torch.no_grad()
def subnetworks(
    network: nn.Sequential,
    x: Tensor,
    *,
    p: float = 0.5,
    samples: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The outputs of the networks that dropout makes of one, each as it was in training: (M, N, outputs).

    Args:
        network: layers one after the other; each `nn.Dropout` marks the neurons in front of it as those that may be
            suppressed, n in all. Every other layer is given (N, ...), whatever stands before it, once for each mask.
        x: inputs (N, ...).
        p: the chance that a neuron is suppressed, the same as in the network's own dropout layers.
        samples: how many masks to draw with `generator`; by default all 2**n are tried in the order of `masks(n)`,
            which for another `p` than 0.5 are not equally likely: see `chances`.

    Raises:
        ValueError: no dropout layers, another `p` than theirs, or more neurons than all masks can be tried of.
    """
    layers, n = _layers(network, x, p)
    if samples is None and n > MOST:
        many = f"{n} neurons may be suppressed, and 2**{n} networks are too many to ask; up to {MOST} neurons all"
        raise ValueError(f"{many} masks are tried. Give samples= and generator= to draw some")
    if samples is not None and (samples < 1 or generator is None):
        raise ValueError(f"samples is {samples}, generator is {generator}; give 1 or more, and a torch.Generator")
    if samples is None and generator is not None:
        raise ValueError("a generator is given, and nothing to draw with it; say how many masks with samples=")
    if samples is None or generator is None:
        kept = masks(n)
    else:
        kept = (torch.rand(samples, n, generator=generator, device=generator.device) >= p).float()
    return torch.cat([_masked(layers, x.clone(), chunk.to(x) / (1 - p)) for chunk in kept.split(CHUNK)])


def _layers(network: nn.Sequential, x: Tensor, p: float) -> tuple[list[nn.Module], int]:
    """The layers in order, those of nested Sequentials too, and how many neurons stand before dropout layers."""
    _check_chance(p)
    layers = [layer for _, layer in layers_in_order(network)]
    own = [layer.p for layer in layers if isinstance(layer, nn.Dropout)]
    if not own or any(other != p for other in own):
        raise ValueError(f"p is {p}, and the dropout layers of the network have {own}; there must be some, all with p")
    n, x = 0, x[:1].clone()
    for layer in layers:
        if not isinstance(layer, nn.Dropout):
            if isinstance(layer, TRAIN_MODE_LAYERS) and layer.training:
                raise ValueError(f"{layer} learns or acts at random in training mode; call network.eval() first")
            x = layer(x)
        elif x.dim() == 2:
            n += x.shape[1]
        else:
            raise ValueError(
                f"a dropout layer is given the shape {tuple(x.shape)}, not (N, neurons); flatten before it"
            )
    return layers, n


def _masked(layers: list[nn.Module], x: Tensor, scaled: Tensor) -> Tensor:
    """The outputs (M, N, ...) under masks (M, n) of 0 and 1 / (1 - p)."""
    masked = False
    for layer in layers:
        if isinstance(layer, nn.Dropout):
            mask, scaled = scaled.split([x.shape[-1], scaled.shape[1] - x.shape[-1]], dim=1)
            x, masked = x * mask[:, None], True  # (N, width) at the first dropout layer, (M, N, width) from there on
        else:
            x = _each(layer, x) if masked else layer(x)
    return x


def _each(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer's outputs (M, N, ...) for inputs (M, N, ...), as if it were given the M batches one by one."""
    if type(layer).forward in ROW_BY_ROW:
        return layer(x)
    return torch.stack([layer(batch) for batch in x])


def arithmetic_mean(logits: Tensor, chances: Tensor | None = None) -> Tensor:
    """The mean of the networks' probabilities: logits (M, N, K) to (N, K), each network weighted by its chance."""
    return _mean(logits.softmax(-1), chances)


def geometric_mean(logits: Tensor, chances: Tensor | None = None) -> Tensor:
    """The normalized geometric mean of the networks' probabilities: logits (M, N, K) to (N, K)."""
    return _mean(logits.log_softmax(-1), chances).softmax(-1)


def _mean(values: Tensor, chances: Tensor | None) -> Tensor:
    return (
        values.mean(0) if chances is None else torch.einsum("m,mnk->nk", (chances / chances.sum()).to(values), values)
    )


def _check_chance(p: float) -> None:
    if not 0 <= p < 1:
        raise ValueError(f"p is {p}; the chance to be suppressed must be at least 0 and less than 1")
