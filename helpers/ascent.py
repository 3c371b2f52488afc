"""The one loop of this book: hold the weights, move the image.

Attacks, fooling images, class images and dreams all call it. They differ in the objective, in the rule that
turns a gradient into a step, in the constraint on the image, and in the image that they start from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from helpers.checks import require
from helpers.state import usual_state

Objective = Callable[..., Tensor]  # image -> score of each image (N,), or one score
Rule = Callable[[Tensor, Tensor], None]  # (x, gradient): moves x in place, uphill
Constraint = Callable[[Tensor], None]  # puts x back where it may be, in place
OnStep = Callable[["Step"], None]  # if it has a method `close`, that is called when the work ends early


@dataclass(frozen=True)
class Step:
    """What `on_step` is told after each step: steps done, steps in all, the score before it, the image after it.

    The score is summed over the images of a batch.

    The image is the live tensor, which the next step moves: clone it to keep it. Work that moves no image has none.
    """

    step: int
    total: int
    score: float
    image: Tensor | None = None


def ascend(
    pixels: Tensor,
    objective: Objective,
    *,
    steps: int,
    rule: Rule,
    constraint: Constraint | None = None,
    enough: float = math.inf,
    scheduled: bool = False,
    inplace: bool = False,
    on_step: OnStep | None = None,
) -> Tensor:
    """Move a copy of `pixels` so that `objective` grows; an interrupt hands back the image so far.

    Args:
        pixels: where to start; any shape that the objective takes.
        objective: what to raise; every image of a batch climbs by itself when it returns one score each.
        steps: how many times to follow the gradient.
        rule: how to step: `normalized`, `signed`, `adam` or a function of one's own.
        constraint: keeps the image legal after each step, such as `unit_range`.
        enough: a score at which to stop. It belongs to the image that is handed back; the last `Step` then says that
            all steps are done.
        scheduled: whether the objective changes on the way: it is called as ``objective(x, steps_done)``.
        inplace: move `pixels` themselves. An interrupt is then passed on, for the caller holds the image so far.
        on_step: called with a `Step` after each one, for progress bars and previews.

    Raises:
        ValueError: fewer than 0 steps, pixels that are no floating-point numbers, an objective that does not depend
            on the image or whose score or slope is not finite.
    """
    require(steps >= 0, f"steps is {steps}; it must be 0 or more")
    require(pixels.is_floating_point(), f"pixels are {pixels.dtype}, which has no slopes; use pixels.float()")
    with usual_state():
        x = pixels if inplace else pixels.detach().clone()
        with nullcontext() if inplace else interruptible(on_step):
            for done in range(steps):
                score, gradient = _slope(objective, x, done, scheduled)
                if score < enough:
                    _move(x, gradient, rule, constraint)
                if on_step is not None:
                    on_step(Step(done + 1 if score < enough else steps, steps, score, x))
                if score >= enough:
                    break
    return x


def _slope(objective: Objective, x: Tensor, done: int, scheduled: bool) -> tuple[float, Tensor]:
    """The score, summed over the batch, and its gradient; `x` is left as it was."""
    try:
        x.requires_grad_(True)
        with torch.enable_grad():
            score = (objective(x, done) if scheduled else objective(x)).sum()
        gradient = torch.autograd.grad(score, x, allow_unused=True)[0] if score.requires_grad else None
    finally:
        x.requires_grad_(False)
    if gradient is None:
        raise ValueError("the objective does not depend on the image; look for detach(), no_grad() or rounding in it")
    height = score.item()
    if math.isnan(height) or not gradient.isfinite().all():
        what = f"the score is {height}" if math.isnan(height) else "the slope is not finite"
        raise ValueError(f"{what} at step {done + 1}; look for 0 / 0, log(0) or sqrt(0) in the objective")
    return height, gradient


def _move(x: Tensor, gradient: Tensor, rule: Rule, constraint: Constraint | None) -> None:
    legalize: Constraint = constraint or (lambda _: None)
    try:
        rule(x, gradient)
        legalize(x)
    except BaseException:  # an interrupt, wherever it comes, must not leave an image that is not legal
        legalize(x)
        raise


@contextmanager
def interruptible(on_step: OnStep | None = None, ready: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Work that an interrupt ends early, without an error: whoever started it hands back what there is.

    Args:
        on_step: has its method `close` called, if there is one, whenever the work ends early.
        ready: whether there is something to hand back; as long as there is not, the interrupt is passed on.
    """
    try:
        yield
    except BaseException as error:
        getattr(on_step, "close", lambda: None)()
        if not isinstance(error, KeyboardInterrupt) or not ready():
            raise


@dataclass(frozen=True)
class _Offset:
    on_step: OnStep
    done: int
    total: int
    show: Callable[[Tensor], Tensor]

    def __call__(self, step: Step) -> None:
        image = None if step.image is None else self.show(step.image)
        self.on_step(replace(step, step=self.done + step.step, total=self.total, image=image))

    def close(self) -> None:
        getattr(self.on_step, "close", lambda: None)()


def offset_progress(
    on_step: OnStep | None, done: int, total: int, show: Callable[[Tensor], Tensor] = lambda image: image
) -> OnStep | None:
    """An `on_step` for one stage of several: it adds the `done` steps of earlier stages, and knows the `total`."""
    return None if on_step is None else _Offset(on_step, done, total, show)


def octave_scales(*, octaves: int, octave_scale: float) -> list[float]:
    """How large each octave is beside the full size, largest first: 1, 1 / octave_scale, and so on.

    Raises:
        ValueError: fewer than one octave, or octaves that do not shrink.
    """
    require(octaves >= 1, f"octaves is {octaves}; it must be 1 or more")
    require(octave_scale > 1, f"octave_scale is {octave_scale}; it must be above 1")
    return [octave_scale**-octave for octave in range(octaves)]


def with_slope(rule: Rule, remedy: str) -> Rule:
    """The same rule, but an image (N, ...) that has no slope at all at the first step is a ValueError.

    Such an image would come back unchanged, and nobody would know why. The remedy ends the message.
    """
    begun = False

    def checked(x: Tensor, gradient: Tensor) -> None:
        nonlocal begun
        if not begun:
            flat = (gradient.reshape(len(gradient), -1) == 0).all(dim=1).nonzero().flatten().tolist()
            require(not flat, f"image {next(iter(flat), 0)} has no slope, and would never change; {remedy}")
        begun = True
        rule(x, gradient)

    return checked


def normalized(step_size: float) -> Rule:
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
        try:
            x.grad = gradient
            optimizer.step()
        finally:
            x.grad = None
        if cool_over and schedule.last_epoch < cool_over:  # the cosine would rise again
            schedule.step()

    return rule


def unit_range(x: Tensor) -> None:
    """Clip to [0, 1]."""
    x.clamp_(0, 1)
