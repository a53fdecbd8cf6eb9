"""A projected GAN's two nets (Sauer et al. 2021) written down in PyTorch: the reference for the C++ nets, and what the
benchmark trains. The generator is the lite one of Liu et al. (2021), cut to any size.

All weights but those of norms are spectrally normed (Miyato et al. 2018). Parameters have the names of our files.
"""

import torch
import torch.nn.functional as F
from torch import nn

LEAST_SIDE = 4  # of the smallest maps of either net
MOST_WIDTHS = 8  # the widest maps have that many times the channels of the finest
SEEN = [64, 64, 128, 256]  # channels of the projected maps, whose cells are 2, 4, 8 and 16 pixels
LABEL_WIDTH = 64


class Spectral(nn.Module):
    """A weight over u^T W v, W its first dimension against all others; u and v are constants to the gradient."""

    def __init__(self, *shape: int, bias: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))
        self.register_parameter("bias", nn.Parameter(torch.zeros(shape[0])) if bias else None)
        self.register_buffer("u", torch.zeros(shape[0]))
        self.register_buffer("v", torch.zeros(self.weight.numel() // shape[0]))

    def matrix(self) -> torch.Tensor:
        """Its columns, and so v, in the order of memory: a channels-last weight need not be copied for it."""
        weight = self.weight
        if weight.dim() == 4 and weight.is_contiguous(memory_format=torch.channels_last):
            weight = weight.permute(0, 2, 3, 1)
        return weight.flatten(1)

    @torch.no_grad()
    def advance(self) -> None:
        """One power iteration: v from u, then u from v."""
        matrix = self.matrix()
        self.v.copy_(F.normalize(matrix.T @ self.u, dim=0))
        self.u.copy_(F.normalize(matrix @ self.v, dim=0))

    def normed(self) -> torch.Tensor:
        # A product's gradient costs less than a quotient's.
        return self.weight * torch.dot(self.u, self.matrix() @ self.v).reciprocal()

    def forward(self, x: torch.Tensor, stride: int = 1, padding: int = 0) -> torch.Tensor:
        return F.conv2d(x, self.normed(), self.bias, stride, padding)


def advance_norms(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, Spectral):
            module.advance()


def pyramid(size: tuple[int, int]) -> list[tuple[int, int]]:
    """The size and its halves, rounded up, while the shorter side stays long enough."""
    sizes = [size]
    while min(half := tuple((side + 1) // 2 for side in sizes[-1])) >= LEAST_SIDE:
        sizes.append(half)
    return sizes


# ---- the generator ---------------------------------------------------------------------------------------------------


class ConditionalNorm(nn.BatchNorm2d):
    """y -> y (1 + scale) + shift, of each label's own, after batch norm."""

    def __init__(self, channels: int, classes: int):
        super().__init__(channels)
        if classes:
            self.scales, self.shifts = (nn.Embedding(classes, channels) for _ in range(2))
            nn.init.zeros_(self.scales.weight)
            nn.init.zeros_(self.shifts.weight)
        self.classes = classes

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        x = super().forward(x)
        if not self.classes:
            return x
        return x * (1 + self.scales(labels)[:, :, None, None]) + self.shifts(labels)[:, :, None, None]


class Stage(Spectral):
    """Enlarged twice, convolved, cut to size, normed, and half of the channels gated by the other half."""

    def __init__(self, channels_in: int, channels_out: int, size: tuple[int, int], classes: int):
        super().__init__(2 * channels_out, channels_in, 3, 3)
        self.norm = ConditionalNorm(2 * channels_out, classes)
        self.size = size

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        x = super().forward(F.interpolate(x, scale_factor=2, mode="nearest"), padding=1)
        return F.glu(self.norm(x[:, :, : self.size[0], : self.size[1]], labels), dim=1)


class Excitation(nn.Module):
    """Coarse maps say which channels of fine ones matter."""

    def __init__(self, coarse: int, fine: int):
        super().__init__()
        self.squeeze = Spectral(fine, coarse, 4, 4)
        self.excite = Spectral(fine, fine, 1, 1)

    def forward(self, coarse: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.excite(F.silu(self.squeeze(F.adaptive_avg_pool2d(coarse, 4)))))


class Generator(nn.Module):
    def __init__(self, size: tuple[int, int], channels: int, latent: int, width: int, classes: int = 0):
        super().__init__()
        sizes = pyramid(size)
        self.base = len(sizes) - 1
        widths = [width] + [min(2**level, MOST_WIDTHS) * width for level in range(self.base)]
        self.shape = (2 * widths[self.base], *sizes[self.base])
        self.stem = Spectral(self.shape[0] * self.shape[1] * self.shape[2], latent)
        self.norm = ConditionalNorm(2 * widths[self.base], classes)
        self.stages = nn.ModuleList(
            Stage(widths[level + 1], widths[level], sizes[level], classes) for level in reversed(range(self.base))
        )
        self.excitations = nn.ModuleList(
            Excitation(widths[low], widths[low - 4]) for low in range(self.base, max(self.base - 3, 3), -1)
        )
        self.head = Spectral(channels, width, 3, 3, bias=True)

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        z = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
        x = F.linear(z, self.stem.normed()).view(-1, *self.shape)
        if self.head.weight.is_contiguous(memory_format=torch.channels_last):
            x = x.contiguous(memory_format=torch.channels_last)
        maps = {self.base: F.glu(self.norm(x, labels), dim=1)}
        for level, stage in zip(reversed(range(self.base)), self.stages):
            maps[level] = stage(maps[level + 1], labels)
            k = self.base - 4 - level
            if 0 <= k < len(self.excitations):
                maps[level] = maps[level] * self.excitations[k](maps[level + 4])
        return torch.tanh(self.head(maps[0], padding=1))


# ---- the discriminator -----------------------------------------------------------------------------------------------


class Scale(nn.Module):
    """Logits of every place of maps of so many channels, halved so many times; the first halving makes 2**first widths
    of them. Without batch norms its windows have biases."""

    def __init__(self, channels_in: int, first: int, stages: int, width: int, classes: int, normed: bool = True):
        super().__init__()
        channels = [channels_in] + [min(2**after, MOST_WIDTHS) * width for after in range(first, first + stages)]
        self.stages = nn.ModuleList(Spectral(o, i, 4, 4, bias=not normed) for i, o in zip(channels, channels[1:]))
        if normed:
            self.norms = nn.ModuleList(nn.BatchNorm2d(out) for out in channels[1:])
        self.head = Spectral(1, channels[-1], 4, 4)
        if classes:
            self.label = Spectral(LABEL_WIDTH, channels[-1], 4, 4)
            self.embedding = Spectral(classes, LABEL_WIDTH)
        self.classes, self.normed = classes, normed

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        for i, stage in enumerate(self.stages):
            x = stage(x, stride=2, padding=1)
            x = F.leaky_relu(self.norms[i](x) if self.normed else x, 0.2)
        logits = self.head(x)[:, 0]
        if self.classes:
            wanted = self.embedding.normed()[labels]
            logits = logits + (wanted[:, :, None, None] * self.label(x)).sum(1) / LABEL_WIDTH**0.5
        return logits.flatten(1)


class Discriminator(nn.Module):
    """Of maps of an image of `seen` pixels, whose sides are multiples of 32, and of the image itself, where its (channels,
    height, width) are given."""

    def __init__(self, seen: tuple[int, int], width: int, classes: int = 0, image: tuple[int, int, int] | None = None):
        super().__init__()
        side, dropped = min(seen) // 32, 0
        while side << dropped < LEAST_SIDE:
            dropped += 1
        stages = [len(SEEN) - dropped - level for level in range(len(SEEN))]
        self.scales = nn.ModuleList(
            Scale(SEEN[level], level, count, width, classes) for level, count in enumerate(stages)
        )
        if image:
            halvings = 0
            while min(image[1:]) >> halvings + 1 >= LEAST_SIDE:
                halvings += 1
            self.scales.append(Scale(image[0], 0, halvings, width, classes, normed=False))

    def forward(self, maps: list[torch.Tensor], labels: torch.Tensor | None = None) -> torch.Tensor:
        """[N, places of all maps]"""
        return torch.cat([scale(x, labels) for scale, x in zip(self.scales, maps)], 1)
