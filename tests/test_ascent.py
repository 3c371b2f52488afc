"""The one loop, on a hill whose every step can be worked out by hand: f(x) = -|x - a|^2."""

from __future__ import annotations

import math

import pytest
import torch

from helpers import ascent

TOP = torch.tensor([[3.0, 4.0]])  # of the hill
RULES = {"normalized": ascent.normalized, "signed": ascent.signed, "adam": ascent.adam}


def hill(x):
    return -(x - TOP).square().flatten(1).sum(dim=1)


def start():
    return torch.zeros(1, 2)


def interrupt_at(step):
    def on_step(told):
        if told.step == step:
            raise KeyboardInterrupt

    return on_step


def test_enough_is_enough():
    told, x = [], start()
    # Both values rise by 1 a step: the scores are -25, -13, -5, and -5 is enough.
    ascent.ascend(x, hill, steps=9, rule=ascent.signed(1), enough=-10, inplace=True, on_step=told.append)
    assert x.tolist() == [[2, 2]]
    assert [(step.step, step.total, step.score) for step in told] == [(1, 9, -25), (2, 9, -13), (9, 9, -5)]


# --- Rules ------------------------------------------------------------------------------------------------------------


def test_normalized_goes_along_the_gradient_over_its_root_mean_square():
    # At 0 the gradient is (6, 8), its root mean square sqrt((36 + 64) / 2) = 7.0711.
    found = ascent.ascend(start(), hill, steps=1, rule=ascent.normalized(0.1))
    assert found[0].tolist() == pytest.approx([0.6 / math.sqrt(50), 0.8 / math.sqrt(50)], rel=1e-5)


def test_normalized_does_not_care_for_the_size_of_the_gradient():
    for factor in (1e-3, 1e3):
        found = ascent.ascend(start(), lambda x, f=factor: f * hill(x), steps=1, rule=ascent.normalized(0.1))
        assert found[0].tolist() == pytest.approx([0.6 / math.sqrt(50), 0.8 / math.sqrt(50)], rel=1e-4)


def test_signed_moves_every_value_by_the_same_amount():
    found = ascent.ascend(torch.tensor([[0.0, 9.0]]), hill, steps=3, rule=ascent.signed(0.25))
    assert found.tolist() == [[0.75, 8.25]]


def test_signed_stays_where_the_slope_is_zero():
    assert ascent.ascend(TOP, hill, steps=3, rule=ascent.signed(0.25)).tolist() == TOP.tolist()


@pytest.mark.parametrize("rule", [ascent.normalized, ascent.adam])
def test_no_slope_means_no_step_and_no_nan(rule):
    assert ascent.ascend(TOP, hill, steps=2, rule=rule(0.1)).tolist() == TOP.tolist()


def test_adam_is_pytorchs_adam():
    plain = torch.nn.Parameter(start())
    optimizer = torch.optim.Adam([plain], lr=0.3, maximize=True)
    for _ in range(25):
        optimizer.zero_grad()
        hill(plain).sum().backward()
        optimizer.step()
    found = ascent.ascend(start(), hill, steps=25, rule=ascent.adam(0.3))
    torch.testing.assert_close(found, plain.detach(), rtol=0, atol=1e-6)
    assert hill(found) > hill(start())


@pytest.mark.parametrize("cool_over", [None, 5])
def test_adam_starts_afresh_with_another_image(cool_over):
    def climbed(rule):
        return ascent.ascend(start(), hill, steps=5, rule=rule)

    used = ascent.adam(0.3, cool_over=cool_over)
    assert climbed(used).tolist() == climbed(used).tolist() == climbed(ascent.adam(0.3, cool_over=cool_over)).tolist()


# --- The loop ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_images_of_a_batch_climb_independently(rule, noise):
    pixels = noise(2, 3, 4, 5)
    pixels[1] *= 100  # a far larger gradient

    def score(x):
        return -(x - 0.7).pow(2).mean(dim=(1, 2, 3))

    def climbed(x):
        return ascent.ascend(x, score, steps=4, rule=rule(0.05))

    torch.testing.assert_close(climbed(pixels), torch.cat([climbed(pixels[:1]), climbed(pixels[1:])]))


def test_a_rule_of_ones_own_and_one_score_for_all_will_do():
    def newton(x, gradient):
        x.add_(gradient / 2)

    found = ascent.ascend(start(), lambda x: hill(x).sum(), steps=1, rule=newton)
    assert found.tolist() == TOP.tolist()


def test_the_constraint_holds_after_every_step():
    seen = []
    found = ascent.ascend(
        start(),
        hill,
        steps=5,
        rule=ascent.signed(0.4),
        constraint=ascent.unit_range,
        on_step=lambda step: seen.append(step.image.tolist()),
    )
    assert found.tolist() == [[1.0, 1.0]]
    assert [image[0][0] for image in seen] == pytest.approx([0.4, 0.8, 1.0, 1.0, 1.0])


def test_unit_range_clips_both_ends():
    x = torch.tensor([-0.5, 0.0, 0.25, 1.0, 1.5])
    ascent.unit_range(x)
    assert x.tolist() == [0.0, 0.0, 0.25, 1.0, 1.0]


def test_on_step_is_told_the_step_the_total_the_score_before_and_the_image_after():
    told = []
    ascent.ascend(
        start(),
        hill,
        steps=3,
        rule=ascent.signed(1.0),
        on_step=lambda s: told.append((s.step, s.total, s.score, s.image.tolist())),
    )
    assert told == [
        (1, 3, -25.0, [[1.0, 1.0]]),
        (2, 3, -13.0, [[2.0, 2.0]]),
        (3, 3, -5.0, [[3.0, 3.0]]),
    ]


def test_no_steps_return_an_equal_copy():
    pixels = start()
    found = ascent.ascend(pixels, lambda _: pytest.fail("scored"), steps=0, rule=ascent.signed(1.0))
    assert torch.equal(found, pixels)
    assert found.data_ptr() != pixels.data_ptr()


def test_fewer_than_no_steps_are_refused():
    with pytest.raises(ValueError, match="steps is -1; it must be 0 or more"):
        ascent.ascend(start(), hill, steps=-1, rule=ascent.signed(1.0))


def test_ascend_leaves_its_input_alone_unless_it_works_in_place():
    pixels = start()
    ascent.ascend(pixels, hill, steps=2, rule=ascent.signed(1.0))
    assert pixels.tolist() == [[0.0, 0.0]]
    ascent.ascend(pixels, hill, steps=2, rule=ascent.signed(1.0), inplace=True)
    assert pixels.tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_no_gradient_state_is_left(rule):
    pixels, seen = start().requires_grad_(), []
    found = ascent.ascend(pixels, hill, steps=2, rule=rule(0.1), on_step=lambda s: seen.append(s.image.requires_grad))
    assert not found.requires_grad
    assert found.grad is None
    assert pixels.grad is None
    assert seen == [False, False]
    assert torch.is_grad_enabled()


def test_no_gradient_state_is_left_by_an_objective_that_fails():
    def fail(_):
        raise ZeroDivisionError

    pixels = start()
    with pytest.raises(ZeroDivisionError):
        ascent.ascend(pixels, fail, steps=1, rule=ascent.signed(1.0), inplace=True)
    assert not pixels.requires_grad


def test_the_loop_works_where_gradients_are_switched_off():
    with torch.no_grad():
        found = ascent.ascend(start(), hill, steps=2, rule=ascent.signed(1.0))
        assert not torch.is_grad_enabled()
    assert found.tolist() == [[2.0, 2.0]]


# --- Interrupts -------------------------------------------------------------------------------------------------------


def test_an_interrupt_in_on_step_returns_the_image_so_far():
    found = ascent.ascend(start(), hill, steps=9, rule=ascent.signed(0.5), on_step=interrupt_at(3))
    assert found.tolist() == [[1.5, 1.5]]
    assert not found.requires_grad


def test_an_interrupt_in_the_objective_returns_the_image_so_far():
    calls = []

    def interrupted(x):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return hill(x)

    found = ascent.ascend(start(), interrupted, steps=9, rule=ascent.signed(0.5))
    assert found.tolist() == [[1.0, 1.0]]
    assert not found.requires_grad


def test_work_in_place_lets_an_interrupt_through_and_keeps_the_image_so_far():
    pixels = start()
    with pytest.raises(KeyboardInterrupt):
        ascent.ascend(pixels, hill, steps=9, rule=ascent.signed(0.5), inplace=True, on_step=interrupt_at(3))
    assert pixels.tolist() == [[1.5, 1.5]]
    assert not pixels.requires_grad


def test_an_error_in_on_step_is_not_swallowed():
    def fail(_):
        raise RuntimeError("preview failed")

    with pytest.raises(RuntimeError, match="preview failed"):
        ascent.ascend(start(), hill, steps=2, rule=ascent.signed(0.5), on_step=fail)


def test_an_interrupt_within_a_step_leaves_a_legal_image():
    def rule(x, _gradient):
        x.add_(9)
        raise KeyboardInterrupt

    found = ascent.ascend(start(), hill, steps=3, rule=rule, constraint=ascent.unit_range)
    assert found.tolist() == [[1, 1]]


def test_steps_that_have_cooled_down_stay_cool():
    x, rule = start(), ascent.adam(0.1, cool_over=5)
    ascent.ascend(x, hill, steps=5, rule=rule, inplace=True)
    cooled = x.clone()
    ascent.ascend(x, hill, steps=5, rule=rule, inplace=True)
    torch.testing.assert_close(x, cooled)


def test_an_interrupt_within_the_constraint_leaves_a_legal_image():
    calls = []

    def constraint(x):
        calls.append(x)
        if len(calls) == 2:
            raise KeyboardInterrupt
        ascent.unit_range(x)

    found = ascent.ascend(start(), hill, steps=9, rule=lambda x, _: x.add_(9), constraint=constraint)
    assert found.tolist() == [[1, 1]]
    assert len(calls) == 3


def test_no_step_changes_nothing():
    x = start() + 5
    assert torch.equal(ascent.ascend(x, hill, steps=0, rule=ascent.signed(1), constraint=ascent.unit_range), x)


# --- What is told, and who is told ------------------------------------------------------------------------------------


def test_a_scheduled_objective_is_told_the_steps_done():
    told = []

    def objective(x, done):
        told.append(done)
        return (x * (-1) ** done).sum()

    found = ascent.ascend(start(), objective, steps=3, rule=ascent.signed(1.0), scheduled=True)
    assert told == [0, 1, 2]
    assert found.tolist() == [[1.0, 1.0]]  # up, down, up


class Told(list):
    """An `on_step` that remembers, can interrupt, and knows that it was closed."""

    closed = False

    def __call__(self, step):
        self.append((step.step, step.total, None if step.image is None else step.image.sum().item()))
        if step.step == 2:
            raise KeyboardInterrupt

    def close(self):
        self.closed = True


def test_work_that_ends_early_closes_its_on_step_and_work_that_ends_does_not():
    told = Told()
    assert ascent.ascend(start(), hill, steps=3, rule=ascent.signed(0.5), on_step=told).tolist() == [[1, 1]]
    assert told.closed
    told = Told()
    ascent.ascend(start(), hill, steps=1, rule=ascent.signed(0.5), on_step=told)
    assert not told.closed
    with pytest.raises(ValueError, match="score is nan"):
        ascent.ascend(start(), lambda x: x.sum() * math.nan, steps=1, rule=ascent.signed(0.5), on_step=told)
    assert told.closed


def test_interruptible_passes_an_interrupt_on_as_long_as_there_is_nothing_to_hand_back():
    with ascent.interruptible():
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), ascent.interruptible(ready=lambda: False):
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), ascent.interruptible():
        raise ZeroDivisionError


def test_offset_progress_adds_the_steps_of_earlier_stages_and_passes_on_that_the_work_has_ended():
    told = Told()
    report = ascent.offset_progress(told, 3, 9, lambda image: 2 * image)
    report(ascent.Step(1, 3, 0.0, torch.ones(2)))
    report(ascent.Step(3, 3, 0.0))
    assert told == [(4, 9, 4.0), (6, 9, None)]
    report.close()
    assert told.closed
    assert ascent.offset_progress(None, 3, 9) is None


def test_octaves_shrink_by_their_scale():
    assert ascent.octave_scales(octaves=3, octave_scale=2) == [1, 0.5, 0.25]
    assert ascent.octave_scales(octaves=10_000, octave_scale=2)[-1] == 0
    with pytest.raises(ValueError, match="octaves is 0; it must be 1 or more"):
        ascent.octave_scales(octaves=0, octave_scale=2)
    with pytest.raises(ValueError, match="octave_scale is 1; it must be above 1"):
        ascent.octave_scales(octaves=1, octave_scale=1)


# --- Nothing is done in silence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (lambda x: x.detach().sum(), r"does not depend on the image; look for detach\(\)"),
        (lambda x: torch.ones(1, requires_grad=True) + 0 * x.detach().sum(), "does not depend on the image"),
        (lambda x: (x * math.nan).sum(), "the score is nan at step 1"),
        (lambda x: x.sqrt().sum(), "the slope is not finite at step 1"),
    ],
)
def test_an_objective_that_cannot_be_climbed_is_refused(objective, message):
    x = start()
    with pytest.raises(ValueError, match=message):
        ascent.ascend(x, objective, steps=2, rule=ascent.signed(1.0), inplace=True)
    assert x.tolist() == [[0, 0]]
    assert not x.requires_grad


def test_whole_numbers_have_no_slopes():
    with pytest.raises(ValueError, match=r"pixels are torch\.int64.* use pixels\.float\(\)"):
        ascent.ascend(torch.zeros(1, 2, dtype=torch.long), hill, steps=1, rule=ascent.signed(1.0))


def test_an_image_without_any_slope_at_the_first_step_is_named():
    x = torch.cat([start(), TOP])
    with pytest.raises(ValueError, match="image 1 has no slope, and would never change; go elsewhere"):
        ascent.ascend(x, hill, steps=2, rule=ascent.with_slope(ascent.signed(1.0), "go elsewhere"))
    rule = ascent.with_slope(ascent.signed(1.0), "go elsewhere")
    found = ascent.ascend(TOP - 1, hill, steps=3, rule=rule)  # at the top after one step, which is no fault
    assert found.tolist() == TOP.tolist()


def test_an_interrupted_adam_leaves_no_gradient(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)
    assert ascent.ascend(start(), hill, steps=2, rule=ascent.adam(0.1)).grad is None
