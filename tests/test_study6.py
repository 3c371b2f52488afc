"""The checks of chapter 6: an empty answer, right ones, and the mistakes that they are made for."""

from __future__ import annotations

import pytest
import torch

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


def test_two_painters():
    vgg = networks.average_pooling(networks.load("vgg19"))
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
