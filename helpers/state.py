"""The state of PyTorch around a call: what a helper needs is set while it works, and put back when it is done."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from helpers.checks import require


@contextmanager
def usual_state() -> Iterator[None]:
    """PyTorch as it starts: no inference mode, no autocast, new tensors float32 on the CPU; also as a decorator.

    Whatever was set around it is back in force afterward. Gradients switched off by `torch.no_grad` stay off, except
    within `torch.inference_mode`, which is left altogether.
    """
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if (dtype := torch.get_default_dtype()) != torch.float32:
            stack.callback(torch.set_default_dtype, dtype)
            torch.set_default_dtype(torch.float32)
        yield


def check_weights(network: object) -> None:
    """Raise a ValueError if no slope can be sent through a network, for its weights were made in inference mode."""
    if isinstance(network, nn.Module):
        weights = itertools.chain(network.parameters(), network.buffers())
        made = "weights of the network were made under torch.inference_mode(), and no slope passes through such tensors"
        require(not any(weight.is_inference() for weight in weights), f"{made}; make or load it outside of that block")
