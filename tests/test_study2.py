"""The exercises of chapter 2: an answer that is empty, right, or wrong in one of the ways that are told apart."""

from __future__ import annotations

import pytest

from helpers import patchwork, study
from helpers.study import chapter2

BUMP = [(1.0, 1.0), (-2.0, 2.0), (1.0, 3.0)]


def first_layer(network, x):
    return patchwork.moves(network, x)[:8].norm(dim=1).min().item()


def nearest(network, x):
    return patchwork.moves(network, x).norm(dim=1).min()


@pytest.mark.parametrize("check", [chapter2.check_1, chapter2.check_2, chapter2.check_3, chapter2.check_4])
def test_no_answer_yet(check):
    assert check(...).right is None


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (chapter2.check_1, BUMP),
        (chapter2.check_2, (56, 968)),
        (chapter2.check_3, nearest),
        (chapter2.check_4, [144, 512, 1296, 4096, 4096]),
    ],
)
def test_right(check, answer):
    verdict = check(answer)
    assert verdict.right
    assert verdict.message.startswith("Right")


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (chapter2.check_1, [(1.0, 0.0)], "before 1"),
        (chapter2.check_1, [(2.0, 1.0)], "At x = 2"),
        (chapter2.check_1, BUMP[:1], "At x = 3"),
        (chapter2.check_1, BUMP[:2], "one more neuron"),
        (chapter2.check_2, 56, "cannot be used"),
        (chapter2.check_2, (101, 923), "crosses once"),
        (chapter2.check_2, (55, 969), "plus the lines"),
        (chapter2.check_2, (56, 1024), "pattern of its own"),
        (chapter2.check_3, 3.0, "should be a function"),
        (chapter2.check_3, lambda network, x: nearest(network, x) ** 2, "the square"),
        (chapter2.check_3, first_layer, "first layer only"),
        (chapter2.check_3, lambda *_: 1.0, "not right"),
        (chapter2.check_4, [24, 24, 24, 24, 24], "Layers multiply"),
        (chapter2.check_4, [145, 513, 1297, 4097, 4097], "whole line"),
        (chapter2.check_4, [144, 512, 1296, 4096, 1], "multiplies by p"),
        (chapter2.check_4, [144], "five"),
    ],
)
def test_wrong(check, answer, message):
    verdict = check(answer)
    assert verdict.right is False
    assert message in verdict.message


def test_the_quiz_asks_about_ideas():
    assert 4 <= len(study.questions(2)) <= 6
