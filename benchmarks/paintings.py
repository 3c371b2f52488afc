"""How often a random painter pleases: ``python -m benchmarks.paintings``, some ten minutes, one table in book/peers.md.

Twenty categories drawn by lot, the first six of them chapter 4's own, and ten restarts each, with the size and the
steps of the chapter's named paintings.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics

import torch

from benchmarks.__main__ import ROOT, place, write
from helpers import illusions, networks

CATEGORIES, RESTARTS, SURE = 20, 10, 0.99
SIZE, STEPS = 112, 100


def likeness(job: tuple[int, int]) -> float:
    """The network's probability for one painting of a category (index), from one seed."""
    torch.set_num_threads(1)
    index, seed = job
    network = networks.load(device="cpu")
    with torch.no_grad():
        return network(illusions.paint(network, index, size=SIZE, steps=STEPS, seed=seed)).softmax(1)[0, index].item()


def table(found: dict[str, list[float]]) -> str:
    """Probabilities of all restarts by category as Markdown, the luckiest categories first."""
    lines = [f"| category | restarts at {SURE} or more | median | best |", "|---|--:|--:|--:|"]
    for name, shares in sorted(found.items(), key=lambda item: -sum(share >= SURE for share in item[1])):
        sure, median = sum(share >= SURE for share in shares), statistics.median(shares)
        lines.append(f"| {name} | {sure} of {len(shares)} | {median:.3f} | {max(shares):.3f} |")
    every = [share for shares in found.values() for share in shares]
    reached = sum(max(shares) >= SURE for shares in found.values())
    sure = sum(share >= SURE for share in every)
    half = sum(share > 0.5 for share in every)
    said = (
        f"Of {len(every)} paintings {sure} reach {SURE} after rounding to 8 bits, and {half} get more than half of the "
        f"probability; {reached} of the {len(found)} categories are reached at {SURE} by at least one painter."
    )
    return "\n".join([*lines, "", said, "", place()])


def main() -> None:
    """Paint all of them, a process for each core, and put the table where readers look."""
    lot = torch.randperm(1000, generator=torch.Generator().manual_seed(4))[:CATEGORIES].tolist()
    jobs = [(index, seed) for index in lot for seed in range(RESTARTS)]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        shares = []
        for share in pool.imap(likeness, jobs):
            shares.append(share)
            print(f"{len(shares)} of {len(jobs)} paintings", end="\r", flush=True)
    names = networks.load(device="cpu").categories or ()
    found = {names[index]: shares[i * RESTARTS : (i + 1) * RESTARTS] for i, index in enumerate(lot)}
    write(ROOT / "book" / "peers.md", "paintings", table(found))
    print("\n" + table(found))


if __name__ == "__main__":
    main()
