"""Checks of the exercises of chapter 3; networks are trained when an answer first needs them."""

from __future__ import annotations

import functools
from typing import Any

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from helpers import dropout, training
from helpers.study.checks import Check


@functools.cache
def _network(width: int, activation: type[nn.Module], rate: float) -> nn.Sequential:
    """A network of the chapter: `network` with 14 hidden neurons, `dropper` with 64."""
    digits = training.digits()
    (network,) = dropout.trained([64, width, 10], digits.train_x, digits.train_y, activation=activation, rate=rate)
    return network.requires_grad_(False)


def _answers() -> Tensor:
    """What `network` answers to the first hundred test digits, (100, 10)."""
    return _network(14, nn.Tanh, 0.01)(training.digits().test_x[:100]).softmax(1)


def _plain() -> Tensor:
    """The mean over its masks in which each counts as much as any other, (100, 10)."""
    return dropout.geometric_mean(dropout.subnetworks(_network(14, nn.Tanh, 0.01), training.digits().test_x[:100]))


def _found(doubt: Any) -> float:
    """How often one of `dropper`'s mistakes has a larger doubt (500,) than one of its right answers."""
    digits = training.digits()
    mistaken = _network(64, nn.ReLU, 5e-3)(digits.test_x).argmax(1) != digits.test_y
    return float(roc_auc_score(mistaken.numpy(), torch.as_tensor(doubt).numpy()))


def _kept(answer: Any) -> Tensor:
    """Which of fifty pictures and four hundred neurons a function (x, p) lets through at one quarter, (50, 400)."""
    return answer(torch.ones(50, 400), 0.25) != 0


def _turned_up(answer: Any) -> bool:
    """Whether what a function (x, p) lets through at one quarter has become four thirds of itself."""
    dropped = answer(torch.ones(50, 400), 0.25)
    return bool(((dropped - 4 / 3).abs() < 1e-5)[dropped != 0].all())


check_1 = Check(
    {
        "That is more masks than were drawn.": lambda a: a > 50_000,
        "That would be so if no mask ever came twice. Some do.": lambda a: a > 49_500,
        "Too few: there are about a million masks, so repetitions are rare.": lambda a: a < 48_000,
    },
    "Right: about one in forty draws meets a mask that was there before.",
)

check_2 = Check(
    {
        "The result should have the shape of x.": lambda a: _kept(a).shape != (50, 400),
        "Two pictures of the batch had different masks.": lambda a: _kept(a).float().std(0).max() > 0,
        "With p at one quarter, about a quarter of the neurons should be silent.": lambda a: (
            abs(_kept(a).float().mean() - 0.75) > 0.12
        ),
        "The mean did not stay: are those that are left turned up by 1 / (1 - p)?": lambda a: not _turned_up(a),
        "Two calls silenced the same neurons. Toss new coins each time.": lambda a: torch.equal(_kept(a), _kept(a)),
    },
    "Right: one mask for all pictures of the batch.",
)

check_3 = Check(
    {
        "The shape should be (100, 10): a probability for each digit and category.": lambda a: a.shape != (100, 10),
        "Each row should add up to one.": lambda a: (a.sum(1) - 1).abs().max() > 1e-4,
        "That is the whole network itself. Ask the subnetworks.": lambda a: torch.equal(a, _answers()),
        "That is the mean for p at one half.": lambda a: torch.equal(a, _plain()),
        "This is not the whole network's answer. Did every mask count as much as it is likely?": lambda a: (
            (a - _answers()).abs().max() > 1e-4
        ),
    },
    "Right: weighted by their chances, the subnetworks average to the whole network again.",
)

check_4 = Check(
    {
        "One number for each of the 500 digits, please.": lambda a: tuple(a.shape) != (500,),
        "Your doubt is smaller on the mistakes than on the rest. Turn it around?": lambda a: _found(a) < 0.5,
        "Your doubt finds few of the mistakes: a mistake should have a larger number than a right answer in at "
        "least four of five comparisons.": lambda a: _found(a) < 0.8,
    },
    "Right: the subnetworks quarrel where the whole network is wrong.",
)
