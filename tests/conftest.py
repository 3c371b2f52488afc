"""Shared by all tests: the packaged networks, loaded once, and independent answers to compare them with.

What is large is imported where it is needed: pytest-xdist's first process reads this file and runs no test.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from book.browser import chromium, find, served

if TYPE_CHECKING:
    from torch import Tensor

    from helpers.networks import Network

    Features = Callable[..., dict[str, Tensor]]

# jsonschema, which nbformat reads notebooks with, would build grammars for addresses at its import, for seconds.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # as if it were not installed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once, in one line, why tests were skipped."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted(reasons):
        terminalreporter.write_line(reason)


def loaded(name: str) -> Network:
    from helpers import networks

    return networks.load(name, device="cpu")


@pytest.fixture(scope="session")
def lite0() -> Network:
    return loaded("efficientnet_lite0")


@pytest.fixture(scope="session")
def lite1() -> Network:
    return loaded("efficientnet_lite1")


@pytest.fixture(scope="session")
def lite2() -> Network:
    return loaded("efficientnet_lite2")


@pytest.fixture(scope="session")
def vgg19() -> Network:
    return loaded("vgg19")


@pytest.fixture(scope="session")
def packaged_file() -> Callable[[str], Path]:
    """Where the installed package keeps the file of a network."""

    from helpers import networks

    def path(name: str) -> Path:
        file = networks.PACKAGED[name]
        spec = importlib.util.find_spec(file.package)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).parent / file.path

    return path


@pytest.fixture(scope="session")
def plain_vgg(packaged_file: Callable[[str], Path]) -> Features:
    """VGG-19 as Simonyan and Zisserman's Caffe file wants it, straight from the packaged file, by functions alone."""
    import torch
    from torch.nn.functional import conv2d, max_pool2d

    weights = torch.load(packaged_file("vgg19"), weights_only=True)

    def features(pixels: Tensor, until: str = "pool5") -> dict[str, Tensor]:
        red, green, blue = (255 * pixels[:, c] for c in range(3))
        x = torch.stack([blue - 103.939, green - 116.779, red - 123.68], dim=1)
        found: dict[str, Tensor] = {}
        for block, depth in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 4)):
            for i in range(1, depth + 1):
                key = f"block{block}_conv{i}"
                codes, table = weights[f"{key}_W_q"], weights[f"{key}_W_table"]
                kernel = table.index_select(0, codes.flatten().int()).view(codes.shape)
                x = found[f"conv{block}_{i}"] = conv2d(x, kernel, weights[f"{key}_b"], padding=1)
                x = found[f"relu{block}_{i}"] = x.clamp(min=0)
                if until in found:
                    return found
            x = found[f"pool{block}"] = max_pool2d(x, 2)
            if until in found:
                return found
        raise AssertionError(until)

    return features


@pytest.fixture(scope="session")
def photo() -> Tensor:
    """The cat, at 64 by 64."""
    from helpers import images

    return images.square(images.sample("cat"), 64)


@pytest.fixture
def noise() -> Callable[..., Tensor]:
    """Uniform noise of a shape, the same in every run."""
    import torch

    def draw(*shape: int, seed: int = 0) -> Tensor:
        return torch.rand(shape, generator=torch.Generator().manual_seed(seed))

    return draw


@pytest.fixture
def tiny() -> Network:
    """A network of two small layers with random weights; it sees pixels * 2 - 1."""
    import torch
    from torch import nn

    from helpers import networks

    generator = torch.Generator().manual_seed(5)
    body = nn.Sequential(
        OrderedDict(
            first=nn.Conv2d(3, 6, 3, padding=1),
            relu=nn.ReLU(inplace=True),
            second=nn.Conv2d(6, 4, 3, stride=2, padding=1),
            pool=nn.AvgPool2d(2),
        )
    )
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return networks.Network(body, name="tiny", scale=[2.0] * 3, shift=[-1.0] * 3)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser of its own for each module of tests, and for each worker."""
    if find() is None:
        pytest.skip("no Chromium found: the pages were not tried in a browser")
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the rendered book is served."""
    from book import run

    with served(run.BOOK.pages) as address:
        yield address
