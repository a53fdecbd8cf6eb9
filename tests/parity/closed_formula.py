"""Closed formulas that fill every tensor of the parity tests; the C++ tests repeat them bit for bit.

uniform(NAME, i) = splitmix64 output number i (from 0) of the stream seeded with the FNV-1a 64-bit hash of NAME's UTF-8
bytes, its upper 53 bits times 2^-53. All of it is integer arithmetic, and no product is followed by a rounding sum, so
neither the compiler's contraction to fused multiply-add nor the platform's libm changes a bit of a weight.

With u = uniform(NAME, i), i the flat (row-major) index, in float64 and rounded once to float32 at the end:

    weight of >= 2 dimensions      (2u - 1) * sqrt(6 / fan_in), fan_in = product of shape[1:]   (variance 2 / fan_in)
    bias of a convolution, linear  (2u - 1) * 0.1
    batch, instance norm weight    0.75 + 0.5 u
    batch, instance norm bias      (2u - 1) * 0.2
    batch norm running_mean        (2u - 1) * 0.2
    batch norm running_var         0.5 + u
    num_batches_tracked            0

The input image, RGB in [0, 1], channel c, row y, column x, NOISE the name of its noise:

    0.5 + 0.25 sin(0.37 x + 0.11 y + 1.3 c) + 0.15 sin(0.05 x - 0.23 y + 0.7 c) + 0.2 (uniform(NOISE, i) - 0.5)

with i = (c * H + y) * W + x, in float64, rounded to float32. It stays within [0, 1] without clamping.
"""

import numpy as np
import torch
from torch import nn

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def fnv1a64(name: str) -> int:
    """FNV-1a, 64 bits, of the name's UTF-8 bytes."""
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def uniform(name: str, count: int) -> np.ndarray:
    """The first `count` numbers in [0, 1) of the stream called `name`, float64."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a64(name)) + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def fill(model: nn.Module) -> nn.Module:
    """Overwrites every parameter and buffer of a float32 model with its formula, in place."""
    for path, module in model.named_modules():
        norm = isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d)
        tensors = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
        for leaf, tensor in tensors.items():
            if leaf == "num_batches_tracked":
                tensor.zero_()
                continue
            u = uniform(f"{path}.{leaf}", tensor.numel())
            if leaf == "weight" and tensor.dim() >= 2:
                values = (2 * u - 1) * np.sqrt(6.0 / np.prod(tensor.shape[1:]))
            elif norm:
                values = {
                    "weight": lambda: 0.75 + 0.5 * u,
                    "bias": lambda: (2 * u - 1) * 0.2,
                    "running_mean": lambda: (2 * u - 1) * 0.2,
                    "running_var": lambda: 0.5 + u,
                }[leaf]()
            elif leaf == "bias":
                values = (2 * u - 1) * 0.1
            else:
                raise ValueError(f"no formula for {path}.{leaf}")
            with torch.no_grad():
                tensor.copy_(torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape))
    return model


def image(height: int, width: int, noise: str) -> torch.Tensor:
    """The input image, float32 [1, 3, height, width], RGB in [0, 1]."""
    c, y, x = np.meshgrid(np.arange(3.0), np.arange(float(height)), np.arange(float(width)), indexing="ij")
    value = (
        0.5
        + 0.25 * np.sin(0.37 * x + 0.11 * y + 1.3 * c)
        + 0.15 * np.sin(0.05 * x - 0.23 * y + 0.7 * c)
        + 0.2 * (uniform(noise, c.size).reshape(c.shape) - 0.5)
    )
    return torch.from_numpy(value.astype(np.float32))[None]
