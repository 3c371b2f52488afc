"""Stretches of ImageNet's list, against the names in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from torchvision.models import EfficientNet_B0_Weights

from helpers import categories

NAMES = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]  # as networks.load gives them


@pytest.mark.parametrize(
    ("numbers", "count", "before", "first", "last", "after"),
    [
        (categories.DOGS, 118, "sea lion", "Chihuahua", "Mexican hairless", "timber wolf"),
        (categories.HOUSE_CATS, 5, "grey fox", "tabby", "Egyptian cat", "cougar"),
        (categories.CATS, 13, "grey fox", "tabby", "cheetah", "brown bear"),
        (categories.LAND_MAMMALS[:149], 149, "sea lion", "Chihuahua", "meerkat", "tiger beetle"),
        (categories.LAND_MAMMALS[149:], 59, "sea cucumber", "wood rabbit", "giant panda", "barracouta"),
    ],
    ids=["dogs", "house cats", "cats", "flesh eaters", "other mammals"],
)
def test_a_stretch_begins_and_ends_where_its_family_does(
    numbers: Sequence[int], count: int, before: str, first: str, last: str, after: str
) -> None:
    assert len(numbers) == count
    assert list(numbers) == list(range(numbers[0], numbers[0] + count))
    assert [NAMES[i] for i in (numbers[0] - 1, numbers[0], numbers[-1], numbers[-1] + 1)] == [
        before,
        first,
        last,
        after,
    ]


def test_the_families_hold_the_names_that_belong_to_them() -> None:
    house_cats = ["tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"]
    assert [NAMES[i] for i in categories.HOUSE_CATS] == house_cats
    wild = ["cougar", "lynx", "leopard", "snow leopard", "jaguar", "lion", "tiger", "cheetah"]
    assert [NAMES[i] for i in categories.CATS] == house_cats + wild
    dogs = {NAMES[i] for i in categories.DOGS}
    assert {"beagle", "golden retriever", "Border collie", "pug", "Great Dane", "dalmatian", "basenji"} <= dogs
    for word in ("terrier", "retriever", "spaniel", "hound", "poodle", "collie", "schnauzer"):
        assert {name for name in NAMES if name.lower().endswith(word)} <= dogs, word
    mammals = {NAMES[i] for i in categories.LAND_MAMMALS}
    assert {"red fox", "ice bear", "hamster", "sorrel", "hippopotamus", "gorilla", "African elephant"} <= mammals
    assert not {"goldfish", "robin", "monarch", "starfish", "ostrich", "great white shark", "sea urchin"} & mammals
