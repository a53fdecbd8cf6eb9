"""What the references of trainable nets are made of: images, weights by name, and tensors told in a few numbers."""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import closed_formula

torch.set_default_dtype(torch.float64)
PROBES = 8


def digits(value: torch.Tensor) -> float:
    return float(f"{value.item():.12g}")


def probes(tensor: torch.Tensor) -> dict:
    """A few of the numbers, and all of them in two."""
    flat = tensor.detach().reshape(-1)
    signs = torch.from_numpy(2 * closed_formula.uniform("projection", flat.numel()) - 1)
    at = [(k * flat.numel()) // PROBES for k in range(PROBES)]
    return {
        "shape": list(tensor.shape),
        "norm": digits(flat.norm()),
        "projection": digits(flat.dot(signs) / flat.numel() ** 0.5),
        "values": [digits(flat[i]) for i in at],
    }


def images(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    """8-bit images with black and white pixels among them."""
    pictures = [closed_formula.image(height, width, f"vae{i}")[:, :channels] for i in range(count)]
    return torch.round(255 * (1.8 * torch.cat(pictures).double() - 0.4).clamp(0, 1)) / 255


def weight(name: str, *shape: int) -> torch.Tensor:
    """The formula of closed_formula.fill, by name and shape alone."""
    u = closed_formula.uniform(name, int(np.prod(shape)))
    values = (2 * u - 1) * (np.sqrt(6.0 / np.prod(shape[1:])) if len(shape) > 1 else 0.1)
    return torch.from_numpy(values.astype(np.float32)).double().reshape(shape)


class Weights(dict):
    """Made when first asked for; the same tensor ever after, so that gradients gather in it. Those of several
    dimensions are `factor` times their formula."""

    def __init__(self, factor: float = 1.0):
        super().__init__()
        self.factor = factor

    def get(self, name: str, *shape: int) -> torch.Tensor:
        if name not in self:
            self[name] = (weight(name, *shape) * (self.factor if len(shape) > 1 else 1)).requires_grad_()
        return self[name]

    def convolve(self, name: str, x: torch.Tensor, out: int, kernel: int, stride: int = 1) -> torch.Tensor:
        w = self.get(f"{name}.weight", out, x.shape[1], kernel, kernel)
        return F.conv2d(x, w, self.get(f"{name}.bias", out), stride, kernel // 2)

    def linear(self, name: str, x: torch.Tensor, out: int) -> torch.Tensor:
        return F.linear(x, self.get(f"{name}.weight", out, x.shape[1]), self.get(f"{name}.bias", out))


def write(path: Path, groups: dict) -> None:
    """One entry a line."""
    lines = []
    for group, entries in groups.items():
        inner = ",\n".join(f'  {json.dumps(name)}: {json.dumps(entry, allow_nan=False)}' for name, entry in entries.items())
        lines.append(f'"{group}": {{\n{inner}\n}}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    json.loads(path.read_text(encoding="utf-8"))
