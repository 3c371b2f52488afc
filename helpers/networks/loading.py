"""Networks by name: architecture, weights and normalization put together."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from helpers import disturbance
from helpers.networks.names import unknown
from helpers.networks.network import Network
from helpers.networks.weights import PACKAGED, download, read_weights


def load(name: str = "efficientnet_lite0", *, device: str | torch.device | None = None) -> Network:
    """A pretrained network by name, frozen, in evaluation mode, on a GPU if there is one.

    Args:
        name: "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "vgg19" (Gatys' weights, no
            classifier), or any torchvision classifier, which torchvision downloads once.
        device: where to put it; by default the GPU when PyTorch finds one, else the CPU.

    Raises:
        ValueError: an unknown name.
        RuntimeError: a weights file that is missing, cut short or altered, or a download that fails.
    """
    # Libraries draw first weights, which the packaged ones replace; and they would make them as the caller's PyTorch
    # happens to be set: on another device, or such that they can never take part in a gradient.
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.device("cpu"):
        if name == "vgg19":
            network = _vgg19()
        elif name in PACKAGED:
            network = _efficientnet_lite(name)
        else:
            network = _torchvision(name)
        disturbance.disturb(network.body.parameters())
        return network.float().to(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def _efficientnet_lite(name: str) -> Network:
    import timm
    from torchvision.models import EfficientNet_B0_Weights

    body = timm.create_model(f"tf_{name}", pretrained=False)
    # The file's tensors are timm's under other names, in the same order.
    tensors = read_weights(PACKAGED[name]).values()
    body.load_state_dict(dict(zip(body.state_dict(), tensors, strict=True)))
    categories = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    return Network(body, name=name, scale=[2.0] * 3, shift=[-1.0] * 3, categories=categories)


def _vgg19() -> Network:
    weights = read_weights(PACKAGED["vgg19"])
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for block, convolutions in enumerate((2, 2, 4, 4, 4), start=1):
        for i in range(1, convolutions + 1):
            key = f"block{block}_conv{i}"
            kernel = weights[f"{key}_W_table"][weights[f"{key}_W_q"].long()]  # (out, in, 3, 3)
            layer = torch.nn.utils.skip_init(nn.Conv2d, kernel.shape[1], kernel.shape[0], 3, padding=1)
            layer.load_state_dict({"weight": kernel, "bias": weights[f"{key}_b"]})
            layers[f"conv{block}_{i}"] = layer
            layers[f"relu{block}_{i}"] = nn.ReLU()
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    blue_green_red = [-103.939, -116.779, -123.68]
    shift = blue_green_red[::-1]  # the channels are turned around after the shift
    return Network(nn.Sequential(layers), name="vgg19", scale=[255.0] * 3, shift=shift, bgr=True)


def _torchvision(name: str) -> Network:
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        unknown("network", name, [*PACKAGED, *known])
    weights = torchvision.models.get_model_weights(name).DEFAULT
    body = torchvision.models.get_model(name)
    if hasattr(body, "transform_input"):
        body.transform_input = True  # as torchvision does when it loads the weights by itself
    body.load_state_dict(download(name, weights))
    preset = weights.transforms()
    scale = [1 / s for s in preset.std]
    shift = [-m / s for m, s in zip(preset.mean, preset.std, strict=True)]
    size = preset.crop_size[0]
    return Network(body, name=name, scale=scale, shift=shift, categories=weights.meta["categories"], size=size)
