"""Our attacks beside torchattacks' and foolbox's: the same pictures, epsilon, steps and numbers, side by side.

Every side attacks the plain network (timm's, nothing folded); the last rows set ours on the book's own network.
"""

from __future__ import annotations

from collections.abc import Callable

import foolbox
import torch
import torchattacks
from torch import Tensor

from benchmarks.gradients import Plain
from benchmarks.timing import Spread, ratio
from helpers import illusions, images, networks

EPSILON, STEPS = 2 / 255, 10
STEP_SIZE = EPSILON / 4
TOLERANCE = 1e-9
ASKED = " (ours asks a plain function once more, for the number of its categories, so that a wrong label is refused)"


def peers(plain: Plain, pixels: Tensor, labels: Tensor) -> dict[str, tuple[Callable, Callable]]:
    """Each peer's fast gradient sign method and projected gradient descent, without a random start."""
    fast = torchattacks.FGSM(plain, eps=EPSILON)
    slow = torchattacks.PGD(plain, eps=EPSILON, alpha=STEP_SIZE, steps=STEPS, random_start=False)
    model = foolbox.PyTorchModel(plain, bounds=(0, 1))
    step = foolbox.attacks.LinfFastGradientAttack()
    walk = foolbox.attacks.LinfPGD(abs_stepsize=STEP_SIZE, steps=STEPS, random_start=False)
    return {
        "torchattacks": (lambda: fast(pixels, labels), lambda: slow(pixels, labels)),
        "foolbox": (
            lambda: step(model, pixels, labels, epsilons=EPSILON)[1],
            lambda: walk(model, pixels, labels, epsilons=EPSILON)[1],
        ),
    }


def check(plain: Plain, pixels: Tensor, labels: Tensor) -> None:
    """Stop unless all sides give the same pictures, in double precision.

    In single precision they do so for the first steps only: where a slope is almost zero, rounding decides its sign,
    and every later step starts from there.
    """
    plain.double()
    pixels = pixels.double()
    mine = (
        illusions.fgsm(plain, pixels, labels, epsilon=EPSILON),
        illusions.pgd(plain, pixels, labels, epsilon=EPSILON, step_size=STEP_SIZE, steps=STEPS),
    )
    for peer, attacks in peers(plain, pixels, labels).items():
        gap = max((ours - attack()).abs().max().item() for ours, attack in zip(mine, attacks, strict=True))
        if gap > TOLERANCE:
            raise RuntimeError(f"the pictures of {peer} differ by up to {gap:.1e}: not the same work")
    plain.float()


def rows() -> dict[str, Spread]:
    """Ratios of times, for each attack and each peer, on the plain network and on the book's."""
    network, plain, found = networks.load(device="cpu"), Plain(), {}
    pixels = torch.cat([images.square(images.sample(name)) for name in ("cat", "coffee")])
    with torch.no_grad():
        labels = plain(pixels).argmax(1)
    check(plain, pixels, labels)

    def fgsm(classifier: illusions.Classifier) -> Tensor:
        return illusions.fgsm(classifier, pixels, labels, epsilon=EPSILON)

    def pgd(classifier: illusions.Classifier) -> Tensor:
        return illusions.pgd(classifier, pixels, labels, epsilon=EPSILON, step_size=STEP_SIZE, steps=STEPS)

    for peer, (fast, slow) in peers(plain, pixels, labels).items():
        found[f"FGSM, two pictures, plain network{ASKED}: ours / {peer}"] = ratio(lambda: fgsm(plain), fast)
        found[f"FGSM: ours on our network / {peer} on the plain one"] = ratio(lambda: fgsm(network), fast)
        found[f"PGD, {STEPS} steps, plain network: ours / {peer}"] = ratio(
            lambda: pgd(plain), slow, rounds=5, warm_up=1
        )
        found[f"PGD, {STEPS} steps: ours on our network / {peer} on the plain one"] = ratio(
            lambda: pgd(network), slow, rounds=5, warm_up=1
        )
    return found
