"""Two sides timed in turn in one run, and their ratio with its spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

Spread = tuple[float, float, float]  # median, and the ends of the middle half


def seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spread(values: Sequence[float]) -> Spread:
    """The median and the middle half of some values; of a single one, itself."""
    if len(values) == 1:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def ratio(mine: Callable[[], object], theirs: Callable[[], object], *, rounds: int = 15, warm_up: int = 2) -> Spread:
    """My time divided by theirs, over rounds in which both sides run in turn; below 1 mine is faster."""
    for _ in range(warm_up):
        mine()
        theirs()
    return spread([seconds(mine) / seconds(theirs) for _ in range(rounds)])
