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
ALIKE = 0.99  # share of pixels that must agree: where a slope is almost zero, rounding decides its sign


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


def agree(name: str, mine: Tensor, theirs: Tensor) -> None:
    """Stop unless nearly every pixel went the same way."""
    share = ((mine - theirs).abs() < 1e-5).float().mean().item()
    if share < ALIKE:
        raise RuntimeError(f"{name}: only {share:.1%} of the pixels agree; not the same work")


def rows() -> dict[str, Spread]:
    """Ratios of times, for each attack and each peer, on the plain network and on the book's."""
    network, plain, found = networks.load(device="cpu"), Plain(), {}
    names = ("cat", "coffee", "rocket", "astronaut", "cafe_terrace", "church_at_auvers")
    pixels = torch.cat([images.square(images.sample(name)) for name in names])
    with torch.no_grad():
        labels = plain(pixels).argmax(1)

    def fgsm(classifier: illusions.Classifier) -> Tensor:
        return illusions.fgsm(classifier, pixels, labels, epsilon=EPSILON)

    def pgd(classifier: illusions.Classifier) -> Tensor:
        return illusions.pgd(classifier, pixels, labels, epsilon=EPSILON, step_size=STEP_SIZE, steps=STEPS)

    for peer, (fast, slow) in peers(plain, pixels, labels).items():
        agree(f"FGSM of {peer}", fgsm(plain), fast())
        agree(f"PGD of {peer}", pgd(plain), slow())
        found[f"FGSM, six pictures, plain network: ours / {peer}"] = ratio(lambda: fgsm(plain), fast)
        found[f"PGD, {STEPS} steps, plain network: ours / {peer}"] = ratio(
            lambda: pgd(plain), slow, rounds=5, warm_up=1
        )
        found[f"PGD, {STEPS} steps: ours on our network / {peer} on the plain one"] = ratio(
            lambda: pgd(network), slow, rounds=5, warm_up=1
        )
    return found
