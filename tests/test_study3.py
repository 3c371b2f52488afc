"""The checks of chapter 3: an empty, a right and a wrong answer to each exercise."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers import dropout, study, training
from helpers.study import chapter3


def one_mask(x: torch.Tensor, p: float) -> torch.Tensor:
    return x * (torch.rand(1, x.shape[1]) >= p) / (1 - p)


@pytest.mark.parametrize("check", [chapter3.check_1, chapter3.check_2, chapter3.check_3, chapter3.check_4])
def test_no_answer_is_neither_right_nor_wrong(check: study.Check) -> None:
    assert check(...).right is None


@pytest.mark.parametrize(
    ("answer", "right", "words"),
    [
        (2**20 * (1 - (1 - 2**-20) ** 50_000), True, "one in forty"),
        (60_000, False, "more masks than were drawn"),
        (50_000, False, "no mask ever came twice"),
        (30_000, False, "Too few"),
    ],
)
def test_the_number_of_different_masks(answer: float, right: bool, words: str) -> None:
    verdict = chapter3.check_1(answer)
    assert verdict.right is right
    assert words in verdict.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (one_mask, "one mask for all pictures"),
        (lambda x, p: x[:, :3] * p, "shape of x"),
        (lambda x, p: x * (torch.rand(x.shape) >= p) / (1 - p), "different masks"),
        (lambda x, p: one_mask(x, 1 - p), "about a quarter"),
        (lambda x, p: one_mask(x, p) * (1 - p), "turned up by 1 / (1 - p)"),
        (lambda x, p: x * (torch.arange(x.shape[1]) % 4 > 0) / (1 - p), "new coins"),
        (lambda x, p: 1 / 0, "ZeroDivisionError"),  # noqa: ARG005
    ],
)
def test_one_mask_for_the_batch(answer, words) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        verdict = chapter3.check_2(answer)
    assert words in verdict.message
    assert verdict.right is (answer is one_mask)


@pytest.fixture(scope="module")
def small() -> None:
    """Short trainings: the checks do not depend on how well the networks read."""
    chapter3._network.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        long = dropout.trained
        patch.setattr(dropout, "trained", lambda *args, **settings: long(*args, steps=60, **settings))
        yield
    chapter3._network.cache_clear()


@pytest.mark.usefixtures("small")
def test_the_mean_of_unlikely_masks() -> None:
    digits = training.digits()
    twin = training.mlp([64, 14, 10], lambda: nn.Sequential(nn.Tanh(), nn.Dropout(0.2)))
    twin.load_state_dict(chapter3._network(14, nn.Tanh, 0.01).state_dict())
    logits = dropout.subnetworks(twin, digits.test_x[:100], p=0.2)
    right = dropout.geometric_mean(logits, dropout.chances(dropout.masks(14), p=0.2))
    assert chapter3.check_3(right).right
    for wrong, words in (
        (right[:5], "shape"),
        (right * 2, "add up to one"),
        (chapter3._answers(), "whole network itself"),
        (chapter3._plain(), "one half"),
        (dropout.geometric_mean(logits), "as much as it is likely"),
    ):
        verdict = chapter3.check_3(wrong)
        assert verdict.right is False
        assert words in verdict.message


@pytest.mark.usefixtures("small")
def test_doubt_finds_mistakes() -> None:
    digits = training.digits()
    outputs = chapter3._network(64, nn.ReLU, 5e-3)(digits.test_x)
    doubt = 1 - outputs.softmax(1).max(1).values
    assert chapter3.check_4(doubt).right
    assert "Turn it around" in chapter3.check_4(-doubt).message
    assert "500" in chapter3.check_4(doubt[:10]).message
    assert "few of the mistakes" in chapter3.check_4(doubt > 2).message


def test_the_quiz_has_questions_with_wrong_answers() -> None:
    questions = study.questions(3)
    assert 4 <= len(questions) <= 6
    assert all(question.wrong for question in questions)
