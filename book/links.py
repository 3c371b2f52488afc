"""Try every address that the book gives to the outside: ``python -m book.links``. It needs a connection.

A DOI is looked up in the register of DOIs, because publishers turn scripts away. An address that refuses a script (401,
403, 429, 503 ...) is told, and is no failure; one that does not exist is.
"""

from __future__ import annotations

import re
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parent.parent
DOI = re.compile(r"10\.\d{4,9}/\S+")
ARXIV = re.compile(r"\d{4}\.\d{4,5}")
ADDRESS = re.compile(r"https?://[^\s<>\"'`\]}\\]+")
REGISTER = "https://doi.org/api/handles/"  # answers 404 for a DOI that nobody registered
PRETENDED = re.compile(r"https?://(127\.|localhost|example\.|10\.|[^/]*\{)")  # addresses in examples
GONE = {404, 410}
TRIES, SECONDS, AT_A_TIME = 3, 20, 8


def addresses(root: Path = ROOT) -> dict[str, list[str]]:
    """Every outside address of the references, the pages, the notebooks and the credits -> where it stands."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for place, text in _texts(root):
        for address in ADDRESS.findall(text):
            if not PRETENDED.match(address):
                found[_trimmed(address)].append(place)
    for key, address in references(root / "book" / "references.bib"):
        found[address].append(f"references.bib: {key}")
    return dict(found)


def references(bib: Path) -> Iterator[tuple[str, str]]:
    """Each reference's key with each address that its entry gives."""
    for key, entry in parse_file(str(bib)).entries.items() if bib.is_file() else ():
        fields = entry.fields
        if "doi" in fields:
            yield key, REGISTER + fields["doi"]
        if "eprint" in fields:
            yield key, f"https://arxiv.org/abs/{fields['eprint']}"
        if "url" in fields:
            yield key, fields["url"]


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    pages = [*root.glob("*.md"), *root.glob("book/*.md"), *root.glob("helpers/pictures/*.md")]
    for path in sorted(pages):
        yield path.name, path.read_text(encoding="utf-8")
    for notebook in sorted(root.glob("notebooks/**/*.ipynb")):
        for cell in nbformat.read(notebook, as_version=4).cells:
            yield notebook.name, cell.source if cell.cell_type == "markdown" else ""


def _trimmed(address: str) -> str:
    """Without what belongs to the sentence: punctuation at the end, a bracket that was not opened, an anchor."""
    address = address.partition("#")[0].rstrip(".,;:!?*_")
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(".,;:!?*_")
    return address


def trouble(address: str, *, wait: float = 2.0) -> tuple[bool, str] | None:
    """Whether the address is gone, and what it answered; None if all is well. Others than "gone" are tried again."""
    answer = ""
    for attempt in range(TRIES):
        time.sleep(attempt * wait)
        request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0 (link check of a book)"})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS):
                return None
        except urllib.error.HTTPError as error:
            answer = f"{error.code} {error.reason}"
            if error.code in GONE:
                return True, answer
        except OSError as error:
            answer = str(getattr(error, "reason", error))
    return False, answer


def main(root: Path = ROOT) -> int:
    """Print what is gone and what refuses to answer; 1 if something is gone."""
    places = addresses(root)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        answers = dict(zip(places, pool.map(trouble, places), strict=True))
    bad = {address: answer for address, answer in answers.items() if answer}
    for address, (gone, answer) in sorted(bad.items(), key=lambda item: not item[1][0]):
        print(f"{'GONE' if gone else 'no answer'}: {address} ({answer}): {', '.join(sorted(set(places[address])))}")
    print(f"{len(places)} addresses tried, {sum(gone for gone, _ in bad.values())} gone.")
    return int(any(gone for gone, _ in bad.values()))


if __name__ == "__main__":
    sys.exit(main())
