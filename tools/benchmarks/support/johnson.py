"""The net of pytorch/examples' fast_neural_style in Python, as what style nets are measured against."""
import torch
from torch import nn
from torch.nn import functional


class Layer(nn.Module):
    """As that program makes them: padded by a module, enlarged by interpolate, a bias before each norm."""

    def __init__(self, inputs, outputs, kernel, stride=1, enlarged=None, norm=True):
        super().__init__()
        self.enlarged = enlarged
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride)
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if norm else None

    def forward(self, x):
        if self.enlarged:
            x = functional.interpolate(x, mode="nearest", scale_factor=self.enlarged)
        x = self.convolution(self.pad(x))
        return x if self.norm is None else self.norm(x)


class Transcription(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([Layer(3, 32, 9), Layer(32, 64, 3, 2), Layer(64, 128, 3, 2)])
        self.blocks = nn.ModuleList([nn.ModuleList([Layer(128, 128, 3), Layer(128, 128, 3)]) for _ in range(5)])
        self.up = nn.ModuleList([Layer(128, 64, 3, enlarged=2), Layer(64, 32, 3, enlarged=2)])
        self.last = Layer(32, 3, 9, norm=False)

    @torch.no_grad()
    def forward(self, x):
        for layer in self.down:
            x = layer(x).relu()
        for first, second in self.blocks:
            x = x + second(first(x).relu())
        for layer in self.up:
            x = layer(x).relu()
        return self.last(x)
