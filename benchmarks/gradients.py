"""Our network and our loop beside the plain ones and beside captum: the gradient to the image, and the loop's cost."""

from __future__ import annotations

from collections.abc import Callable

import timm
import torch
from captum.attr import Saliency
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmarks.timing import Spread, ratio
from helpers import ascent, images, networks


class Plain(nn.Module):
    """timm's network with the same weights, nothing folded, and its normalization in front."""

    def __init__(self) -> None:
        super().__init__()
        self.body = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        tensors = networks.read_weights(networks.PACKAGED["efficientnet_lite0"]).values()
        self.body.load_state_dict(dict(zip(self.body.state_dict(), tensors, strict=True)))
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] to logits (N, 1000)."""
        return self.body((pixels - 0.5) / 0.5)


def folded() -> Plain:
    """The same, channels last, with each batch norm folded into the convolution before it, and nothing else."""
    plain, convolution = Plain(), ""
    for name, module in list(plain.body.named_modules()):
        if isinstance(module, nn.Conv2d):
            convolution = name
        elif isinstance(module, nn.BatchNorm2d):
            plain.body.set_submodule(convolution, fuse_conv_bn_eval(plain.body.get_submodule(convolution), module))
            plain.body.set_submodule(name, module.act)
    return plain.to(memory_format=torch.channels_last)


def gradient(network: Callable[[Tensor], Tensor], pixels: Tensor, neuron: int) -> Tensor:
    """The gradient of one logit with respect to the image."""
    x = pixels.clone().requires_grad_(True)
    return torch.autograd.grad(network(x)[:, neuron].sum(), x)[0]


def bare_loop(network: networks.Network, pixels: Tensor, steps: int) -> Tensor:
    """Forward, backward and update, and nothing else."""
    x = pixels.clone()
    for _ in range(steps):
        x.requires_grad_(True)
        (slope,) = torch.autograd.grad(network(x)[:, 0].sum(), x)
        x.requires_grad_(False)
        x.add_(slope.sign(), alpha=0.001).clamp_(0, 1)
    return x


def ours(network: networks.Network, pixels: Tensor, steps: int) -> Tensor:
    """The same work through the book's loop."""
    return ascent.ascend(
        pixels, lambda x: network(x)[:, 0], steps=steps, rule=ascent.signed(0.001), constraint=ascent.unit_range
    )


def rows() -> dict[str, Spread]:
    """Each comparison's ratio of times."""
    network, plain, norms_folded = networks.load(device="cpu"), Plain(), folded()
    cat, found = images.square(images.sample("cat")), {}
    peer = Saliency(plain)
    theirs = peer.attribute(cat, target=285, abs=False)
    if (gap := (gradient(network, cat, 285) - theirs).abs().max() / theirs.abs().max()) > 1e-3:
        raise RuntimeError(f"the gradients differ by {gap:.1e} of the largest: not the same work")
    found["gradient of a category to the image: ours / captum's Saliency"] = ratio(
        lambda: gradient(network, cat, 285), lambda: peer.attribute(cat, target=285, abs=False)
    )
    for batch in (1, 6):
        pixels = cat.expand(batch, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        for peer_name, other in (("plain timm", plain), ("timm with its norms folded", norms_folded)):
            found[f"the same for {batch} image{'s' * (batch > 1)}: ours / {peer_name}"] = ratio(
                lambda x=pixels: gradient(network, x, 285), lambda x=pixels, other=other: gradient(other, x, 285)
            )
    found["four steps of the loop: ours / bare loop"] = ratio(
        lambda: ours(network, cat, 4), lambda: bare_loop(network, cat, 4)
    )
    return found
