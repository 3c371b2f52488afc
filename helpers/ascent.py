"""The one loop of this book: hold the weights, move the image.

Attacks, fooling images, class images and dreams all call it. They differ in the objective, in the rule that
turns a gradient into a step, in the constraint on the image, and in the image that they start from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Objective = Callable[[Tensor], Tensor]  # image -> score of each image (N,), or one score
Rule = Callable[[Tensor, Tensor], None]  # (x, gradient): moves x in place, uphill
Constraint = Callable[[Tensor], None]  # puts x back where it may be, in place
OnStep = Callable[["Step"], None]


@dataclass(frozen=True)
class Step:
    """What `on_step` is told after each step: steps done, steps in all, the score before it, the image after it.

    The score is summed over the images of a batch.

    The image is the live tensor, which the next step moves: clone it to keep it.
    """

    step: int
    total: int
    score: float
    image: Tensor


def ascend(
    pixels: Tensor,
    objective: Objective,
    *,
    steps: int,
    rule: Rule,
    constraint: Constraint | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Move a copy of `pixels` so that `objective` grows; an interrupt hands back the image so far.

    Args:
        pixels: where to start; any shape that the objective takes.
        objective: what to raise; every image of a batch climbs by itself when it returns one score each.
        steps: how many times to follow the gradient.
        rule: how to step: `steepest`, `signed`, `adam` or a function of one's own.
        constraint: keeps the image legal after each step, such as `unit_range`.
        on_step: called with a `Step` after each one, for progress bars and previews.
    """
    x = pixels.detach().clone()
    with suppress(KeyboardInterrupt):
        climb(x, objective, steps=steps, rule=rule, constraint=constraint, on_step=on_step)
    return x


def climb(
    x: Tensor,
    objective: Objective,
    *,
    steps: int,
    rule: Rule,
    constraint: Constraint | None = None,
    enough: float = math.inf,
    on_step: OnStep | None = None,
) -> None:
    """The loop itself: like `ascend`, but moves `x` in place, lets an interrupt through, and stops at `enough`.

    A score of `enough` belongs to the `x` that stays; the last `Step` then says that all steps are done.
    """
    if steps < 0:
        raise ValueError(f"steps is {steps}; it must be 0 or more")
    legalize: Constraint = constraint or (lambda _: None)
    for step in range(1, steps + 1):
        try:
            x.requires_grad_(True)
            with torch.enable_grad():
                score = objective(x).sum()
            (gradient,) = torch.autograd.grad(score, x)
        finally:
            x.requires_grad_(False)
        done = score.item() >= enough
        if not done:
            try:
                rule(x, gradient)
                legalize(x)
            except BaseException:  # an interrupt, wherever it comes, must not leave an image that is not legal
                legalize(x)
                raise
        if on_step is not None:
            on_step(Step(steps if done else step, steps, score.item(), x))
        if done:
            return


def later(
    on_step: OnStep | None, done: int, total: int, show: Callable[[Tensor], Tensor] = lambda image: image
) -> OnStep | None:
    """An `on_step` for one stage of several: it adds the `done` steps of earlier stages, and knows the `total`."""
    if on_step is None:
        return None
    return lambda step: on_step(replace(step, step=done + step.step, total=total, image=show(step.image)))


def steepest(step_size: float) -> Rule:
    """Step along the gradient divided by its root mean square, image by image, so that its size does not matter."""

    def rule(x: Tensor, gradient: Tensor) -> None:
        size = gradient.square().mean(dim=tuple(range(1, gradient.dim())), keepdim=True).sqrt()
        x.add_(gradient / (size + 1e-12), alpha=step_size)

    return rule


def signed(step_size: float | Tensor) -> Rule:
    """Move every pixel by `step_size`, up or down: the steepest ascent when the largest change is what counts."""

    def rule(x: Tensor, gradient: Tensor) -> None:
        x.add_(gradient.sign() * step_size)

    return rule


def adam(step_size: float, *, cool_over: int | None = None) -> Rule:
    """PyTorch's Adam (Kingma and Ba 2015), turned uphill; it starts afresh when it is given another `x`.

    Args:
        step_size: its learning rate.
        cool_over: if given, the steps shrink to nothing over so many of them, along a cosine.
    """
    made: tuple[Tensor, torch.optim.Adam, torch.optim.lr_scheduler.LRScheduler] | None = None

    def rule(x: Tensor, gradient: Tensor) -> None:
        nonlocal made
        if made is None or made[0] is not x:
            optimizer = torch.optim.Adam([x], lr=step_size, maximize=True)
            made = x, optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, cool_over or 1)
        _, optimizer, schedule = made
        x.grad = gradient
        optimizer.step()
        x.grad = None
        if cool_over and schedule.last_epoch < cool_over:  # the cosine would rise again
            schedule.step()

    return rule


def unit_range(x: Tensor) -> None:
    """Clip to [0, 1]."""
    x.clamp_(0, 1)
