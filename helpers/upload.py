"""A button that brings a file of the reader's from the browser to Python, however large, up to a stated limit.

Jupyter's server closes the connection, without a word, on any message over 10 MB, and ipywidgets' own button sends a
file as one message. This one sends it in parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

LARGEST_UPLOAD = 100_000_000  # bytes
PART = 1_000_000  # bytes in a message


class Upload(anywidget.AnyWidget):
    """Like `ipywidgets.FileUpload` for one file.

    Attributes:
        description: what the button says.
        accept: the kinds of files that the browser offers, such as "image/*".
        disabled: whether the button is off.
        value: the file in the form of ipywidgets 8, ``({"name": ..., "type": ..., "size": ..., "content": ...},)``, or
            () before there is one.
        problem: why a file was not taken; "" if none was refused.
    """

    _esm = Path(__file__).with_name("upload.js")
    description = traitlets.Unicode("Upload").tag(sync=True)
    accept = traitlets.Unicode("").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    part = traitlets.Int(PART).tag(sync=True)
    limit = traitlets.Int(LARGEST_UPLOAD).tag(sync=True)
    value = traitlets.Any(())
    problem = traitlets.Unicode("")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._file: dict[str, Any] = {}
        self._content = bytearray()
        self.on_msg(self._receive)

    def _receive(self, _widget: Any, message: Any, buffers: Any) -> None:
        """Messages of the page: {"begin": file}, then {"part": the file's id} one by one, or {"failed": why}."""
        match message:
            case {"begin": {"name": str(name), "size": int(size)} as file}:
                self.value, self.problem = (), ""  # so that the same file, or problem, is news again
                self._file, self._content = dict(file), bytearray()
                if size > self.limit:
                    self._file, self.problem = {}, too_large(name, size)
                elif size == 0:
                    self._finish()
            case {"part": number} if self._file and number == self._file.get("id"):  # not of a file chosen before
                self._content += buffers[0]
                if len(self._content) >= self._file["size"]:
                    self._finish()
            case {"failed": str(why)}:
                self._file, self.problem = {}, ""
                self.problem = f"the browser could not read the file ({why}); choose it again"

    def _finish(self) -> None:
        file, self._file = self._file, {}
        self.value = ({**file, "content": memoryview(bytes(self._content))},)


def first_file(value: Any) -> tuple[str, bytes] | None:
    """Name and content of the first file in the value of an upload button, as ipywidgets 8 or as 7 gives it."""
    if not value:
        return None
    if isinstance(value, Mapping):  # ipywidgets 7: name -> {"metadata": ..., "content": ...}
        name, file = next(iter(value.items()))
    else:  # ipywidgets 8: a tuple of {"name": ..., "content": ..., ...}
        file = value[0]
        name = file["name"]
    return name, bytes(file["content"])


def too_large(name: str, size: int) -> str:
    """What to say of a file over the limit."""
    return f"{name} has {size / 1e6:.0f} MB; the most is {LARGEST_UPLOAD / 1e6:.0f} MB: make the picture smaller first"
