"""Class images beside lucent's: the same categories, size, steps and network, each side with its own recipe.

lucent's recipe takes one view of the image at each step, ours four, so time alone would be an unfair measure: the
rows also say how sure a second network is of what each side drew.
"""

from __future__ import annotations

import torch
from lucent.optvis import objectives, param, render
from torch import Tensor

from benchmarks.gradients import Plain
from benchmarks.timing import Spread, seconds, spread
from helpers import ascent, dreams, images, networks

CATEGORIES = ("great white shark", "hourglass", "king penguin")
SIZE, STEPS = 224, 100


def lucents(network: Plain, neuron: int) -> Tensor:
    """lucent's image of a neuron: Fourier basis, decorrelated colors, its standard views, Adam."""
    torch.manual_seed(0)
    objective = objectives.channel("body_classifier", neuron)
    settings = {"preprocess": False, "progress": False, "show_image": False, "fixed_image_size": SIZE}
    drawn = render.render_vis(network, objective, lambda: param.image(SIZE), thresholds=(STEPS,), **settings)
    return torch.from_numpy(drawn[-1]).permute(0, 3, 1, 2).contiguous()


def bare_loop(network: networks.Network, neuron: int, steps: int) -> Tensor:
    """Our recipe in a plain loop with PyTorch's Adam."""
    generator = torch.Generator().manual_seed(0)
    score = dreams.class_score(network, neuron, bn_weight=12)
    waves = dreams.faint_waves(SIZE, generator).requires_grad_(True)
    adam = torch.optim.Adam([waves], lr=0.12, maximize=True)
    for step in range(steps):
        adam.zero_grad()
        finest = dreams.finest_at(step, STEPS, most=SIZE / 4)
        score(dreams.views(dreams.compose(waves, finest=finest), generator, count=4)).backward()
        adam.step()
    return waves.detach()


def looped(network: networks.Network, neuron: int, steps: int) -> Tensor:
    """The same through the book's loop."""
    generator = torch.Generator().manual_seed(0)
    score = dreams.class_score(network, neuron, bn_weight=12)

    def objective(waves: Tensor, done: int) -> Tensor:
        finest = dreams.finest_at(done, STEPS, most=SIZE / 4)
        return score(dreams.views(dreams.compose(waves, finest=finest), generator, count=4))

    start, rule = dreams.faint_waves(SIZE, generator), ascent.adam(0.12)
    return ascent.ascend(start, objective, steps=steps, rule=rule, scheduled=True)


def rows() -> dict[str, Spread]:
    """Ratios of times, and how sure a second network is of either side's images."""
    network, judge, plain = networks.load(device="cpu"), networks.load("efficientnet_lite1", device="cpu"), Plain()
    times, sure = [], {"ours": [], "lucent's": []}
    for category in CATEGORIES:
        neuron, drawn = network.index(category), {}

        def mine(category: str = category, drawn: dict = drawn) -> None:
            drawn["ours"] = dreams.visualize(network, category, size=SIZE, steps=STEPS)

        def theirs(neuron: int = neuron, drawn: dict = drawn) -> None:
            drawn["lucent's"] = lucents(plain, neuron)

        times.append(seconds(mine) / seconds(theirs))
        for side, picture in drawn.items():
            with torch.no_grad():
                sure[side].append(judge(images.quantize(picture)).softmax(1)[0, neuron].item())
    floor = [seconds(lambda: looped(network, 3, 6)) / seconds(lambda: bare_loop(network, 3, 6)) for _ in range(7)]
    views = "ours (4 views a step, which is why a second network agrees) / lucent (1 view)"
    return {
        f"class image, {STEPS} steps at {SIZE} px: {views}": spread(times),
        "a second network's probability for it: ours": spread(sure["ours"]),
        "a second network's probability for it: lucent": spread(sure["lucent's"]),
        "six steps of the same recipe: ours / bare loop": spread(floor[1:]),
    }
