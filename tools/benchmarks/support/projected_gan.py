"""A projected GAN's training step in plain PyTorch, as fast as its user can make it: gan train --preset projected is
measured against it. The frozen net's batch norm is folded in, padding is left to convolutions where they can do it,
ReLU6 and sums are in place, Adam is the fused one, and nothing computes a gradient that nobody wants.
"""
import os
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests/parity"))
from efficientnet_lite import EfficientNetLite  # noqa: E402
from projected_gan import MOST_WIDTHS, SEEN, Discriminator, Generator, Spectral, advance_norms, pyramid  # noqa: E402

LITE0 = "~/.local/share/reverie/models/efficientnet-lite0-57934424.pth"
DEPTHS = {2: 24, 4: 40, 10: 112, 15: 320}  # blocks of Lite0, and their channels, of strides 4, 8, 16 and 32
MIXED = [64, 128, 256, 512]
FIRST_ITERATIONS = 15


def folded(conv, norm):
    """Both as one convolution."""
    conv = fuse_conv_bn_eval(conv, norm)
    if conv.stride == (1, 1):  # its padding is the same on both sides
        same = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.kernel_size[0] // 2,
                         groups=conv.groups)
        same.load_state_dict(conv.state_dict())
        return same
    return conv


class Block(nn.Sequential):
    def __init__(self, block):
        expand = [folded(block._expand_conv, block._bn0), nn.ReLU6(inplace=True)] if block.expands else []
        super().__init__(*expand, folded(block._depthwise_conv, block._bn1), nn.ReLU6(inplace=True),
                         folded(block._project_conv, block._bn2))
        self.skips = block.skips

    def forward(self, x):
        y = super().forward(x)
        return y.add_(x) if self.skips else y


class Projector(nn.Module):
    """Features of a frozen EfficientNet-Lite0, mixed over channels and scales; images in [-1, 1]."""

    def __init__(self, weights):
        super().__init__()
        net = EfficientNetLite("efficientnet_lite0")
        net.load_state_dict(torch.load(weights, weights_only=True))
        net.eval()
        self.stem = nn.Sequential(folded(net._conv_stem, net._bn0), nn.ReLU6(inplace=True))
        self.blocks = nn.ModuleList(map(Block, net._blocks))
        self.channels = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(DEPTHS.values(), MIXED))
        self.scales = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(MIXED, SEEN))
        self.requires_grad_(False)

    def forward(self, images, size, layout):
        x = F.interpolate(images, size, mode="bilinear", align_corners=False)
        x = x * (127.5 / 128) + 0.5 / 128  # (255 (x + 1) / 2 - 127) / 128
        x = self.stem(x.expand(-1, 3, -1, -1).contiguous(memory_format=layout))
        features = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in DEPTHS:
                features.append(x)
        maps, coarser = [], None
        for feature, channels, scale in reversed(list(zip(features, self.channels, self.scales))):
            mixed = channels(feature)
            mixed = mixed if coarser is None else mixed.add_(coarser)
            coarser = F.interpolate(scale(mixed), scale_factor=2, mode="bilinear", align_corners=True)
            maps.insert(0, coarser)
        return maps


class DcganGenerator(nn.Module):
    """Our own, without labels and attention."""

    def __init__(self, size, channels, latent, width):
        super().__init__()
        self.sizes = pyramid(size)
        widths = [min(2 ** level, MOST_WIDTHS) * width for level in range(len(self.sizes) - 1)]
        self.base = (widths[-1], *self.sizes[-1])
        self.stem = nn.Linear(latent, self.base[0] * self.base[1] * self.base[2], bias=False)
        self.convs = nn.ModuleList(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False)
                                   for i, o in zip(widths[:0:-1], widths[-2::-1]))
        self.norms = nn.ModuleList(map(nn.BatchNorm2d, widths[::-1]))
        self.head = nn.ConvTranspose2d(widths[0], channels, 4, 2, 1)
        for conv in [self.stem, *self.convs, self.head]:
            nn.init.normal_(conv.weight, 0, 0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, z):
        x = self.stem(z).view(-1, *self.base)
        if self.head.weight.is_contiguous(memory_format=torch.channels_last):
            x = x.contiguous(memory_format=torch.channels_last)
        x = F.relu_(self.norms[0](x))
        for conv, norm, size in zip(self.convs, self.norms[1:], self.sizes[-2::-1]):
            x = F.relu_(norm(conv(x)[:, :, :size[0], :size[1]]))
        return torch.tanh(self.head(x)[:, :, :self.sizes[0][0], :self.sizes[0][1]])


def nearest(value):
    return int(value + 0.5)


def augmented(images):
    """Zhao et al. (2020): color, translation and cutout of each image, as ours has them."""
    count, channels, height, width = images.shape
    draws = torch.rand(8, count, 1, 1, 1)
    brightness, contrast = draws[0] - 0.5, draws[1] + 0.5
    pixel_means = images.mean(1, keepdim=True)
    offset = brightness - (contrast - 1) * pixel_means.mean((2, 3), keepdim=True)
    if channels == 1:
        images = offset + images * contrast
    else:
        saturation = 2 * draws[2]
        images = offset - contrast * (saturation - 1) * pixel_means + images * (contrast * saturation)

    def moved(draw, side):
        """The row or column that each is fetched from."""
        most = nearest(side / 8)
        return torch.arange(side) - ((draw.view(-1, 1) * (2 * most + 1)).long() - most)

    def cut(draw, side):
        length = nearest(side / 2)
        begin = (draw.view(-1, 1) * (side + 1 - length % 2)).long() - length // 2
        return (torch.arange(side) >= begin) & (torch.arange(side) < begin + length)

    rows, columns = moved(draws[3], height), moved(draws[4], width)
    places = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None]
    images = images.flatten(2).gather(2, places.view(count, 1, -1).expand(-1, channels, -1)).view(images.shape)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
    stays = inside & ~(cut(draws[5], height)[:, :, None] & cut(draws[6], width)[:, None])
    return images * stays[:, None].float()


class Training:
    def __init__(self, size, channels, latent, projected_size, generator, generator_width, discriminator_width, layout,
                 weights=LITE0):
        torch.manual_seed(1)
        self.latent, self.seen, self.layout = latent, projected_size, layout
        kind = {"dcgan": DcganGenerator, "fastgan": Generator}[generator]
        self.generator = kind((size, size), channels, latent, generator_width)
        self.discriminator = Discriminator((projected_size, projected_size), discriminator_width,
                                           image=(channels, size, size))
        self.projector = Projector(os.path.expanduser(weights))
        for net in (self.projector, self.generator, self.discriminator):
            net.to(memory_format=layout)
        for net in (self.generator, self.discriminator):
            for module in net.modules():
                if isinstance(module, Spectral):
                    nn.init.normal_(module.weight, 0, 0.02)
                    nn.init.normal_(module.u)
            for _ in range(FIRST_ITERATIONS):
                advance_norms(net)
        self.optimizers = {net: torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.0, 0.99), fused=True)
                           for net in (self.discriminator, self.generator)}

    def parameters(self, name):
        """How many a net has."""
        return sum(parameter.numel() for parameter in getattr(self, name).parameters())

    def project(self, images):
        images = augmented(images)
        maps = self.projector(images, (self.seen, self.seen), self.layout)
        return maps + [images.contiguous(memory_format=self.layout)]

    def descend(self, net, loss):
        self.optimizers[net].zero_grad()
        loss.backward()
        self.optimizers[net].step()

    def step(self, reals):
        """Both phases, of images in [-1, 1]; their losses."""
        advance_norms(self.discriminator)
        advance_norms(self.generator)
        with torch.no_grad():
            of_reals = self.project(reals)
        of_fakes = self.project(self.generator(torch.randn(len(reals), self.latent)))
        real = F.relu(1 - self.discriminator(of_reals)).mean()
        fake = F.relu(1 + self.discriminator([maps.detach() for maps in of_fakes])).mean()
        self.descend(self.discriminator, real + fake)
        self.discriminator.requires_grad_(False)
        loss = -self.discriminator(of_fakes).mean()
        self.descend(self.generator, loss)
        self.discriminator.requires_grad_(True)
        return (real + fake).item(), loss.item()
