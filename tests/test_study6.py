"""The checks of chapter 6: an empty answer, right ones, and the mistakes that they are made for."""

from __future__ import annotations

import pytest
import torch
import torchvision
from cells import without_helpers
from torch import nn

from helpers import images, networks, style
from helpers.study import chapter6


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_answer_is_neither_right_nor_wrong(number):
    assert getattr(chapter6, f"check_{number}")(...).right is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (images.recolor, "Right"),
        (lambda painted, photo: photo + images.luminance(painted) - images.luminance(photo), "Right"),
        (lambda painted, _: painted, "Red minus green"),
        (lambda _, photo: photo, "as light"),
        (lambda painted, _: painted[0], "the shape"),
    ],
)
def test_the_photos_colors(answer, said):
    assert said in chapter6.check_1(answer).message


def test_two_painters(vgg19, monkeypatch):
    monkeypatch.setattr(networks, "load", {"vgg19": vgg19}.__getitem__)  # the check loads it as well
    vgg = networks.average_pooling(vgg19)
    cat = images.resize(images.sample("cat"), (64, 96))
    models = [images.resize(images.sample(name), (87, 70)) for name in ("cafe_terrace", "cartoon")]
    content = style.errors(vgg, content=cat)
    both = [style.errors(vgg, painting=model) for model in models]
    mixed = style.descend(cat, lambda x: content(x)[0] + sum(5 * find(x)[1] for find in both), steps=10)
    assert chapter6.check_2(mixed).right
    assert "café" in chapter6.check_2(cat).message
    assert "64 by 96" in chapter6.check_2(mixed[0]).message
    assert chapter6.check_2(images.resize(images.sample("cafe_terrace"), (64, 96))).right is False


def shifted(features, places):
    width = features.shape[3] - places
    here, there = features[..., :width].flatten(2), features[..., places:].flatten(2)
    return here @ there.transpose(1, 2) / here[0].numel()


def test_the_shifted_gram_matrix():
    assert chapter6.check_3(shifted).right
    assert "shape" in chapter6.check_3(lambda features, _: features).message
    assert "style.gram" in chapter6.check_3(lambda *_: torch.zeros(1, 3, 3)).message
    assert "places to the right" in chapter6.check_3(lambda features, _: style.gram(features)).message
    other_way = chapter6.check_3(lambda features, places: shifted(features, places).transpose(1, 2))
    assert "the other way" in other_way.message


def test_without_our_helpers_the_layers_are_those_named(monkeypatch):
    """The block of the chapter, on a thin VGG-19 of random weights that torchvision itself lays out."""
    thin = [one if one == "M" else one // 32 for one in torchvision.models.vgg.cfgs["E"]]
    layout = torchvision.models.vgg.make_layers(thin)
    whole = nn.Module()
    whole.features = layout
    asked = []
    monkeypatch.setattr(torchvision.models, "vgg19", lambda weights: asked.append(weights) or whole)
    block = without_helpers("06_style_transfer")
    assert len([line for line in block.splitlines() if line]) <= 12
    space = {"torch": torch}
    exec(block, space)
    assert asked == [torchvision.models.VGG19_Weights.DEFAULT]

    picture = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    x, expected, number, convolution = (picture - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)), {}, 1, 0
    x = x / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    for module in layout:
        if isinstance(module, nn.MaxPool2d):
            x, number, convolution = nn.functional.avg_pool2d(x, 2), number + 1, 0
        elif isinstance(module, nn.Conv2d):
            x, convolution = module(x), convolution + 1
        else:
            x = x.relu()
            expected[f"relu{number}_{convolution}"] = x
    layers = [*style.STYLE_LAYERS, style.CONTENT_LAYER]
    picture.requires_grad_(True)
    found = space["features"](picture, layers)
    assert [*found] == layers
    for layer in layers:
        torch.testing.assert_close(found[layer], expected[layer])
    sum(values.square().mean() for values in found.values()).backward()
    assert picture.grad.abs().max() > 0
    assert not any(parameter.requires_grad for parameter in layout.parameters())
