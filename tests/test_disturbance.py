"""Weights disturbed to stand for another machine: off by default, small, and enough to change a dream."""

from __future__ import annotations

import pytest
import torch

from helpers import disturbance, dreams, illusions, networks, squashing, training


def test_it_is_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(disturbance.SEED, raising=False)
    weights = torch.ones(1000)
    disturbance.disturb([weights])
    assert torch.equal(weights, torch.ones(1000))


def test_the_noise_has_the_size_that_it_says_and_depends_on_the_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for seed in ("1", "2"):
        monkeypatch.setenv(disturbance.SEED, seed)
        first, again = torch.full((100_000,), 3.0, dtype=torch.float64), torch.full((100_000,), 3.0).double()
        disturbance.disturb([first])
        disturbance.disturb([again])
        assert torch.equal(first, again)
        assert (first / 3 - 1).std().item() == pytest.approx(1e-6, rel=0.02)
        found[seed] = first
    assert not torch.equal(found["1"], found["2"])


def test_whole_numbers_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disturbance.SEED, "1")
    codes = torch.arange(10)
    disturbance.disturb([codes])
    assert torch.equal(codes, torch.arange(10))


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", " "])
def test_a_seed_that_is_no_whole_number_is_refused(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disturbance.SEED, seed)
    with pytest.raises(ValueError, match="set it to a whole number"):
        disturbance.disturb([torch.ones(1)])


@pytest.mark.parametrize(
    "make",
    [
        lambda: next(networks.load("efficientnet_lite0", device="cpu").parameters()),
        lambda: training.mlp([3, 4, 2])[0].weight,
        lambda: training.seeded(lambda: torch.nn.Conv2d(3, 4, 3)).weight,
        lambda: squashing.orthogonal(training.mlp([3, 4, 2]))[0].weight,
        lambda: illusions.init_cppn(torch.Generator().manual_seed(0)),
    ],
)
def test_every_network_starts_a_little_elsewhere_when_it_is_on(make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(disturbance.SEED, raising=False)
    plain = make()
    assert torch.equal(make(), plain)
    monkeypatch.setenv(disturbance.SEED, "1")
    elsewhere = make()
    assert not torch.equal(elsewhere, plain)
    torch.testing.assert_close(elsewhere, plain, rtol=1e-5, atol=0)


def test_a_dream_changes_when_it_is_on(monkeypatch: pytest.MonkeyPatch, photo: torch.Tensor) -> None:
    def dream() -> torch.Tensor:
        network = networks.load("efficientnet_lite0", device="cpu")
        return dreams.deep_dream(network, photo, "blocks.3.0", octaves=1, steps=5)

    monkeypatch.delenv(disturbance.SEED, raising=False)
    plain = dream()
    assert torch.equal(dream(), plain)
    monkeypatch.setenv(disturbance.SEED, "7")
    elsewhere = dream()
    assert not torch.equal(elsewhere, plain)
    assert (elsewhere - plain).abs().max() < 0.5
