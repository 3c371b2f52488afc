"""The checks of chapter 1's exercises: an empty, a right and a wrong answer each, and what the wrong one is told."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from cells import without_helpers
from torch import nn

from helpers import squashing, training
from helpers.study import chapter1, questions


def painter(share: float) -> nn.Module:
    """A network of 29 sigmoids (in name) that reads this share of the symbol right and the rest wrong."""

    class Painter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.ModuleList(nn.Sigmoid() for _ in range(29))

        def forward(self, points: torch.Tensor) -> torch.Tensor:
            said = squashing.yin_yang(points)
            wrong = torch.arange(len(said)) >= share * len(said)
            return nn.functional.one_hot(torch.where(wrong, 1 - said, said), 2).float()

    return Painter()


SIGMA = 1 / (1 + math.exp(12))
ANSWERS: list[tuple[Any, Any, list[tuple[Any, str]]]] = [
    (
        chapter1.check_1,
        (1 + math.exp(2)) * (1 + math.exp(-2)),
        [(4, "at sum 0"), (0.105, "That is the slope"), (7, "")],
    ),
    (chapter1.check_2, chapter1._kept_by_tanh(), [(1.5, "identity"), (1e-9, "nn.Tanh"), (0.9, "last of the lengths")]),
    (
        chapter1.check_3,
        (2 * (SIGMA - 1) * SIGMA * (1 - SIGMA), SIGMA - 1),
        [((1,), "two messages"), ((1, -1), "negative"), ((-1, -1), "squared"), ((-1.2288e-5, -0.5), "cross-entropy")],
    ),
    (
        chapter1.check_4,
        painter(0.9),
        [(0.9, "the network itself"), (nn.Linear(2, 2), "nn.Sigmoid"), (painter(0.5), "a coin")],
    ),
]


@pytest.mark.parametrize(("check", "right", "wrong"), ANSWERS, ids=["1", "2", "3", "4"])
def test_a_right_answer_is_praised_a_wrong_one_is_told_why(check: Any, right: Any, wrong: Any) -> None:
    assert check(...).right is None
    assert check(right).right
    for answer, why in wrong:
        verdict = check(answer)
        assert verdict.right is False
        assert why in verdict.message


def test_tanh_keeps_a_good_part_of_the_message() -> None:
    assert 0.01 < chapter1._kept_by_tanh() < 1


def test_the_quiz_has_an_idea_in_each_question() -> None:
    assert len(questions(1)) == 5
    assert all(len(question.wrong) == 3 for question in questions(1))


def test_the_way_without_helpers_builds_and_starts_the_same_networks():
    room: dict[str, Any] = {"torch": torch, "nn": nn}
    exec(without_helpers("01_squashing_functions"), room)
    sizes = [6, 5, 5, 3]
    by_hand, ours = room["mlp"](sizes, nn.Sigmoid), training.mlp(sizes, nn.Sigmoid)
    assert repr(by_hand) == repr(ours)
    for network in (room["orthogonal"](by_hand, gain=4, center=0.5), squashing.orthogonal(ours, gain=4, center=0.5)):
        for i, layer in enumerate(network[::2]):
            rows = layer.weight @ layer.weight.T
            torch.testing.assert_close(rows, 16 * torch.eye(len(rows)), atol=1e-4, rtol=0)
            torch.testing.assert_close(layer.bias, -0.5 * (i > 0) * layer.weight.sum(1))
        sums = network(torch.zeros(1, 6))  # all sigmoids put out one half, and the biases take it away again
        torch.testing.assert_close(sums, torch.zeros(1, 3), atol=1e-5, rtol=0)
