"""How often a random start pleases: ``python -m benchmarks.restarts``, two tables in book/peers.md, twenty minutes.

Paintings: twenty categories drawn by lot, at chapter 4's size and steps. Drawings: the chapter's three families, larger
and with longer searches than there.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import statistics
from collections.abc import Sequence

import torch

from benchmarks.__main__ import ROOT, place, write
from helpers import illusions, networks
from helpers.illusions import patterns

CATEGORIES, RESTARTS, SURE = 20, 10, 0.99
SIZE, STEPS = 112, 100
FAMILIES = {
    "baseball": ("five columns of red stitches", patterns.STITCHES),
    "king penguin": ("black, gray and orange ripples", patterns.RIPPLES),
    "remote control": ("a grid of rectangles", patterns.RECTANGLES),
}
TRIES = 1760

Job = tuple[str, str, int]  # "painting" or "drawing", category, seed
Outcome = tuple[float, float, int]  # the network's probability, the judge's, drawings tried


@functools.cache
def loaded(name: str) -> networks.Network:
    """A network, once for each process."""
    return networks.load(name, device="cpu")


@torch.no_grad()
def outcome(job: Job) -> Outcome:
    """What one painting or drawing, rounded to 8 bits, gets from the network and from the judge."""
    torch.set_num_threads(1)
    kind, category, seed = job
    network, judge = loaded("efficientnet_lite0"), loaded("efficientnet_lite1")
    if kind == "painting":
        picture, tried = illusions.paint(network, category, size=SIZE, steps=STEPS, seed=seed), 0
    else:
        found = patterns.search(network, category, FAMILIES[category][1], seed=seed, tries=TRIES, enough=SURE)
        picture, tried = found.picture, found.history[-1][0]
    own, other = (n(picture).softmax(1)[0, n.index(category)].item() for n in (network, judge))
    return own, other, tried


def paintings_table(found: dict[str, list[Outcome]]) -> str:
    """Probabilities of all restarts by category as Markdown, the luckiest categories first."""
    lines = [f"| category | restarts at {SURE} or more | median | best |", "|---|--:|--:|--:|"]
    likeness = {name: [own for own, *_ in outcomes] for name, outcomes in found.items()}
    for name, shares in sorted(likeness.items(), key=lambda item: -_sure(item[1])):
        median = statistics.median(shares)
        lines.append(f"| {name} | {_sure(shares)} of {len(shares)} | {median:.3f} | {max(shares):.3f} |")
    every = [share for shares in likeness.values() for share in shares]
    reached = sum(max(shares) >= SURE for shares in likeness.values())
    half = sum(share > 0.5 for share in every)
    said = (
        f"Of {len(every)} paintings {_sure(every)} reach {SURE} after rounding to 8 bits, and {half} get more than "
        "half of the probability; "
        f"{reached} of the {len(found)} categories are reached at {SURE} by at least one painter."
    )
    return "\n".join([*lines, "", said, "", place()])


def drawings_table(found: dict[str, list[Outcome]]) -> str:
    """Probabilities of all restarts by family as Markdown, with the drawings that they took."""
    head = f"| drawing | taken for | restarts at {SURE} | lowest | median | drawings tried | the judge, median |"
    lines = [head, "|---|---|--:|--:|--:|--:|--:|"]
    for name, outcomes in found.items():
        own, other, tried = zip(*outcomes, strict=True)
        count, spent = f"{_sure(own)} of {len(own)}", f"{min(tried):,} to {max(tried):,}"
        figures = f"{min(own):.3f} | {statistics.median(own):.3f} | {spent} | {statistics.median(other):.2f}"
        lines.append(f"| {FAMILIES[name][0]} | {name} | {count} | {figures} |")
    return "\n".join([*lines, "", place()])


def _sure(shares: Sequence[float]) -> int:
    return sum(share >= SURE for share in shares)


def main() -> None:
    """Paint and draw all of them, a process for each core, and put the tables where readers look."""
    names = networks.load(device="cpu").categories or ()
    lot = [names[i] for i in torch.randperm(1000, generator=torch.Generator().manual_seed(4))[:CATEGORIES].tolist()]
    for kind, categories, table in (("drawing", [*FAMILIES], drawings_table), ("painting", lot, paintings_table)):
        jobs = [(kind, category, seed) for category in categories for seed in range(RESTARTS)]
        found: dict[str, list[Outcome]] = {category: [] for category in categories}
        with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
            for done, (job, result) in enumerate(zip(jobs, pool.imap(outcome, jobs), strict=True), start=1):
                found[job[1]].append(result)
                print(f"{done} of {len(jobs)} {kind}s", end="\r", flush=True)
        write(ROOT / "book" / "peers.md", f"{kind}s", table(found))
        print("\n" + table(found))


if __name__ == "__main__":
    main()
