"""Writes references/style_net.json and style_net.pth: what the net of PyTorch's examples/fast_neural_style paints.

    python3 make_style_net_references.py

Made with torch 2.15.0, in float64. The net is written down from its description (Johnson et al. 2016 with instance norm,
reflection padding and nearest enlargement; RGB from 0 to 255 in and out) under the names that its files use, with
weights by closed_formula.py. "full" has the channels of the published files; "small" is in style_net.pth as torch.save
writes it, with the running means that files of older versions hold. Pictures are told in [0, 1]: the upper left part of
the net's own result, which is larger where sides are no multiple of 4.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import closed_formula
import reference_tensors

HERE = Path(__file__).parent
SIZES = [(36, 52), (41, 51), (8, 9)]


class Convolution(nn.Module):
    """Mirrored at the border, after an enlargement by nearest pixels."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, enlarged: int = 1):
        super().__init__()
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)
        self.enlarged = enlarged

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.enlarged > 1:
            x = F.interpolate(x, scale_factor=self.enlarged, mode="nearest")
        return self.conv2d(F.pad(x, [self.conv2d.kernel_size[0] // 2] * 4, "reflect"))


def norm(channels: int) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(channels, affine=True)


class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv1, self.in1 = Convolution(channels, channels, 3), norm(channels)
        self.conv2, self.in2 = Convolution(channels, channels, 3), norm(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.in2(self.conv2(self.in1(self.conv1(x)).relu()))


class Net(nn.Module):
    def __init__(self, full: int, half: int, quarter: int, ends: int, blocks: int):
        super().__init__()
        self.conv1, self.in1 = Convolution(3, full, ends), norm(full)
        self.conv2, self.in2 = Convolution(full, half, 3, stride=2), norm(half)
        self.conv3, self.in3 = Convolution(half, quarter, 3, stride=2), norm(quarter)
        self.blocks = [f"res{i + 1}" for i in range(blocks)]
        for name in self.blocks:
            setattr(self, name, Block(quarter))
        self.deconv1, self.in4 = Convolution(quarter, half, 3, enlarged=2), norm(half)
        self.deconv2, self.in5 = Convolution(half, full, 3, enlarged=2), norm(full)
        self.deconv3 = Convolution(full, 3, ends)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i in "123":
            x = getattr(self, f"in{i}")(getattr(self, f"conv{i}")(x)).relu()
        for name in self.blocks:
            x = getattr(self, name)(x)
        x = self.in4(self.deconv1(x)).relu()
        x = self.in5(self.deconv2(x)).relu()
        return self.deconv3(x)


def main() -> None:
    """Write both files."""
    nets = {"full": (32, 64, 128, 9, 5), "small": (8, 8, 8, 5, 1)}
    groups = {}
    for name, shape in nets.items():
        torch.set_default_dtype(torch.float32)
        net = closed_formula.fill(Net(*shape))
        if name == "small":
            arrays = net.state_dict()
            for norm_name in [key.removesuffix(".weight") for key in arrays if ".in" in f".{key}" and key.endswith(".weight")]:
                arrays[f"{norm_name}.running_mean"] = torch.zeros_like(arrays[f"{norm_name}.weight"])
                arrays[f"{norm_name}.running_var"] = torch.ones_like(arrays[f"{norm_name}.weight"])
            torch.save(arrays, HERE / "references" / "style_net.pth")
        net.double()
        groups[name] = {}
        for height, width in SIZES:
            photo = closed_formula.image(height, width, "style").double()
            with torch.no_grad():
                picture = net(255 * photo)[:, :, :height, :width] / 255
            groups[name][f"{width}x{height}"] = reference_tensors.probes(picture[0])
    reference_tensors.write(HERE / "references" / "style_net.json", groups)


if __name__ == "__main__":
    main()
