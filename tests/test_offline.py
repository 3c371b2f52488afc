"""The packaged networks and a dream need no connection."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import socket

class NoConnection(Exception):
    pass

class Blocked(socket.socket):
    def __init__(self, *_, **__):
        raise NoConnection

def blocked(*_, **__):
    raise NoConnection

socket.socket = Blocked
socket.create_connection = socket.getaddrinfo = blocked

import urllib.request
try:
    urllib.request.urlopen("http://127.0.0.1:9")
except NoConnection:
    pass
else:
    raise AssertionError("the block does not work")

import torch
from helpers import dreams, images, networks

photo = images.square(images.sample("cat"), 64)
for name in networks.PACKAGED:
    network = networks.load(name)
    layer = network.layers[5]
    dream = dreams.deep_dream(network, photo, layer, octaves=1, steps=2)
    assert dream.shape == photo.shape and not torch.equal(dream.cpu(), photo)
print("dreamt", len(networks.PACKAGED))
"""


def test_the_packaged_networks_load_and_dream_without_a_connection(tmp_path):
    environment = {**os.environ, "TORCH_HOME": str(tmp_path), "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "dreamt 4\n"
    assert list(tmp_path.iterdir()) == []
