"""What to say about a name that nothing has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NoReturn


def unknown(kind: str, name: object, known: Iterable[str], *, owner: str = "") -> NoReturn:
    """Raise a ValueError that names up to three near misses."""
    near = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.5)
    where = f" is not in {owner}" if owner else " is unknown"
    hint = "; did you mean " + " or ".join(map(repr, near)) + "?" if near else ""
    raise ValueError(f"{kind} {name!r}{where}{hint}")
