"""EfficientNet-Lite written down in PyTorch from its definition: the reference for the C++ graph.

MBConv blocks without squeeze-and-excitation, ReLU6, batch norm with eps 1e-3, TensorFlow's SAME padding (the odd row
and column go to the end), the key names of the `efficientnet_liteN_pytorch` checkpoints. Input: (255 x - 127) / 128.
Lite0 is the family's measure; stem, head, and the depth of the first and the last stage are alike in all of them.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

# kernel, stride, expansion, channels out, repeats
STAGES = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
]
SCALES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite1": (1.0, 1.1), "efficientnet_lite2": (1.1, 1.2)}


def round_channels(channels: float, divisor: int = 8) -> int:
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class SameConv2d(nn.Conv2d):
    """A bias-free convolution with TensorFlow's SAME padding, computed from the size of its input."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(channels_in, channels_out, kernel, stride, groups=groups, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


def batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    def __init__(self, kernel: int, stride: int, expansion: int, channels_in: int, channels_out: int):
        super().__init__()
        middle = channels_in * expansion
        self.expands = expansion != 1
        self.skips = stride == 1 and channels_in == channels_out
        if self.expands:
            self._expand_conv = SameConv2d(channels_in, middle, 1)
            self._bn0 = batch_norm(middle)
        self._depthwise_conv = SameConv2d(middle, middle, kernel, stride, groups=middle)
        self._bn1 = batch_norm(middle)
        self._project_conv = SameConv2d(middle, channels_out, 1)
        self._bn2 = batch_norm(channels_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skips else y


class EfficientNetLite(nn.Module):
    def __init__(self, name: str = "efficientnet_lite0", classes: int = 1000):
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, 2)
        self._bn0 = batch_norm(32)
        self._blocks = nn.ModuleList()
        width, depth = SCALES[name]
        channels = 32
        for index, (kernel, stride, expansion, out, repeats) in enumerate(STAGES):
            out = round_channels(out * width)
            if 0 < index < len(STAGES) - 1:
                repeats = math.ceil(repeats * depth)
            for repeat in range(repeats):
                self._blocks.append(Block(kernel, stride if repeat == 0 else 1, expansion, channels, out))
                channels = out
        self._conv_head = SameConv2d(channels, 1280, 1)
        self._bn1 = batch_norm(1280)
        self._fc = nn.Linear(1280, classes)

    def taps(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Every tap of a normalised input, in order: stem, blocks, head, logits."""
        result = {}
        x = result["_conv_stem"] = F.relu6(self._bn0(self._conv_stem(x)))
        for number, block in enumerate(self._blocks):
            x = result[f"_blocks.{number}"] = block(x)
        x = result["_conv_head"] = F.relu6(self._bn1(self._conv_head(x)))
        result["_fc"] = self._fc(x.mean((2, 3)))
        return result

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.taps(x)["_fc"]
