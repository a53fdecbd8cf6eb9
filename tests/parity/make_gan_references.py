"""Writes the reference numbers of GAN nets: references/gan.json.

    python3 make_gan_references.py      (seconds)

Made with torch 2.15.0 and numpy 2.4.6, in float64 throughout. Nothing here follows the C++ code: the published nets are
written down from their publications, Keras's "same" paddings as the paddings they come to; our own from its
description. Weights and images come from closed formulas (closed_formula.py); batch norms see their batch.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import closed_formula
from projected_gan import SEEN, Discriminator, Generator, advance_norms
from reference_tensors import Weights, images, probes, weight, write

FOLDER = Path(__file__).parent / "references"


def latents(count: int, length: int) -> torch.Tensor:
    u = closed_formula.uniform("latents", count * length)
    return torch.from_numpy(2 * u - 1).float().double().reshape(count, length)


def judged(discriminate, x: torch.Tensor) -> dict:
    """Logits, and the gradient of their sum, weighted 1, 2, 3, ..., with respect to the images."""
    x = x.requires_grad_()
    logits = discriminate(x)
    (slope,) = torch.autograd.grad(
        (logits * torch.arange(1.0, len(logits) + 1)).sum(), x, create_graph=True
    )
    return {"logits": logits, "slope": slope}


# ---- the published nets ----------------------------------------------------------------------------------------------


def pytorch(channels: int, f: int, side: int):
    """examples/dcgan; below 64 px without its widest stage."""
    widths = [8 * f, 4 * f, 2 * f, f][0 if side == 64 else 1 :]
    up = [nn.ConvTranspose2d(100, widths[0], 4, 1, 0, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    for i, o in zip(widths, widths[1:]):
        up += [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
    up += [nn.ConvTranspose2d(f, channels, 4, 2, 1, bias=False), nn.Tanh()]
    widths = widths[::-1]
    down = [nn.Conv2d(channels, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for i, o in zip(widths, widths[1:]):
        down += [nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2)]
    down += [nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False)]
    return nn.ModuleDict({"main": nn.Sequential(*up)}), nn.ModuleDict({"main": nn.Sequential(*down)})


def koba_jon(f: int):
    """At 64 px."""
    widths = [100, 8 * f, 8 * f, 4 * f, 2 * f, f]
    up = []
    for i, o in zip(widths, widths[1:]):
        up += [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
    up += [nn.ConvTranspose2d(f, 3, 4, 2, 1, bias=False), nn.Tanh()]
    widths = widths[:0:-1]
    down = [nn.Conv2d(3, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for i, o in zip(widths, widths[1:]):
        down += [nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2)]
    down += [nn.Conv2d(8 * f, 1, 4, 2, 1, bias=False)]
    return nn.ModuleDict({"Generator": nn.Sequential(*up)}), nn.ModuleDict({"Discriminator": nn.Sequential(*down)})


class PytorchCppGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.batch_norm1 = nn.ConvTranspose2d(100, 256, 4, bias=False), nn.BatchNorm2d(256)
        self.conv2, self.batch_norm2 = nn.ConvTranspose2d(256, 128, 3, 2, 1, bias=False), nn.BatchNorm2d(128)
        self.conv3, self.batch_norm3 = nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64)
        self.conv4 = nn.ConvTranspose2d(64, 1, 4, 2, 1, bias=False)

    def forward(self, x):
        x = F.relu(self.batch_norm1(self.conv1(x)))
        x = F.relu(self.batch_norm2(self.conv2(x)))
        x = F.relu(self.batch_norm3(self.conv3(x)))
        return torch.tanh(self.conv4(x))


def pytorch_cpp_discriminator():
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Conv2d(128, 256, 4, 2, 1, bias=False),
        nn.BatchNorm2d(256),
        nn.LeakyReLU(0.2),
        nn.Conv2d(256, 1, 3, 1, 0, bias=False),
    )


def chollet2e():
    w = Weights()

    def up(name, x, out):
        w_up = w.get(f"{name}.weight", x.shape[1], out, 4, 4)
        return F.leaky_relu(F.conv_transpose2d(x, w_up, w.get(f"{name}.bias", out), 2, 1), 0.2)

    def generate(z):
        x = w.linear("dense", z, 8192).reshape(-1, 128, 8, 8)
        x = up("up3", up("up2", up("up1", x, 128), 256), 512)
        return torch.sigmoid(w.convolve("conv", x, 3, 5))

    v = Weights()

    def discriminate(x):
        for i, out in enumerate((64, 128, 128)):
            w_down = v.get(f"conv{i + 1}.weight", out, x.shape[1], 4, 4)
            x = F.leaky_relu(F.conv2d(x, w_down, v.get(f"conv{i + 1}.bias", out), 2, 1), 0.2)
        return v.linear("dense", x.flatten(1), 1)[:, 0]

    return generate, discriminate


def chollet1e():
    w = Weights()

    def generate(z):
        x = F.leaky_relu(w.linear("dense", z, 32768), 0.3).reshape(-1, 128, 16, 16)
        x = F.leaky_relu(w.convolve("conv1", x, 256, 5), 0.3)
        x = F.conv_transpose2d(x, w.get("up.weight", 256, 256, 4, 4), w.get("up.bias", 256), 2, 1)
        x = F.leaky_relu(w.convolve("conv2", F.leaky_relu(x, 0.3), 256, 5), 0.3)
        x = F.leaky_relu(w.convolve("conv3", x, 256, 5), 0.3)
        return torch.tanh(w.convolve("conv4", x, 3, 7))

    v = Weights()

    def discriminate(x):
        for i, (kernel, stride) in enumerate(((3, 1), (4, 2), (4, 2), (4, 2))):
            w_down = v.get(f"conv{i + 1}.weight", 128, x.shape[1], kernel, kernel)
            x = F.leaky_relu(F.conv2d(x, w_down, v.get(f"conv{i + 1}.bias", 128), stride), 0.3)
        return v.linear("dense", x.flatten(1), 1)[:, 0]

    return generate, discriminate


def of_functions(nets, channels: int, side: int, latent: int) -> dict:
    generate, discriminate = nets
    parts = {"images": generate(latents(3, latent))} | judged(discriminate, images(3, channels, side, side))
    return {name: probes(part) for name, part in parts.items()}


def of_modules(nets, channels: int, side: int) -> dict:
    """Modules of one part each, or of none."""
    nets = [closed_formula.fill(net.float()).double() for net in nets]
    generator, discriminator = [next(iter(net.values())) if isinstance(net, nn.ModuleDict) else net for net in nets]
    return of_functions(
        (lambda z: generator(z[:, :, None, None]), lambda x: discriminator(x).flatten()), channels, side, 100
    )


# ---- our own net -----------------------------------------------------------------------------------------------------


class Reverie:
    """37x22 pixels, 4 channels, 3 classes, width 8, attention at 19x11, every option on."""

    SIZES = [(37, 22), (19, 11), (10, 6)]
    WIDTHS = [8, 16]
    CLASSES = 3

    def __init__(self):
        self.g, self.d, self.vectors = Weights(), Weights(), {}

    def normed(self, name: str, *shape: int) -> torch.Tensor:
        """The weight over its largest singular value as three power iterations from the formula's u find it."""
        weight = self.d.get(f"{name}.weight", *shape)
        matrix = weight.flatten(1)
        with torch.no_grad():
            u = torch.from_numpy(((2 * closed_formula.uniform(f"{name}.u", shape[0]) - 1) * 0.2).astype(np.float32)).double()
            for _ in range(3):
                v = F.normalize(matrix.T @ u, dim=0)
                u = F.normalize(matrix @ v, dim=0)
        return weight / (u @ matrix @ v)

    def batch_norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        def numbers(leaf, factor, start):
            u = closed_formula.uniform(f"{name}.{leaf}", x.shape[1])
            return torch.from_numpy((u * factor + start).astype(np.float32)).double()

        return F.batch_norm(x, None, None, numbers("weight", 0.5, 0.75), numbers("bias", 0.4, -0.2), training=True)

    @staticmethod
    def attended(x, weight, gamma):
        count, channels, height, width = x.shape
        pool = lambda maps: F.max_pool2d(maps, 2, ceil_mode=True).flatten(2)
        queries = F.conv2d(x, weight("attention.query", channels // 8, channels, 1, 1)).flatten(2)
        keys = pool(F.conv2d(x, weight("attention.key", channels // 8, channels, 1, 1)))
        values = pool(F.conv2d(x, weight("attention.value", channels // 2, channels, 1, 1)))
        shares = torch.einsum("nci,ncj->nij", queries, keys).softmax(2)
        found = torch.einsum("ncj,nij->nci", values, shares).reshape(count, channels // 2, height, width)
        return x + gamma * F.conv2d(found, weight("attention.out", channels, channels // 2, 1, 1))

    def generate(self, z, labels):
        get = lambda name, *shape: self.g.get(f"{name}.weight", *shape)
        x = torch.cat([z, get("labels", self.CLASSES, 32)[labels]], 1)
        x = F.linear(x, get("stem", 16 * 60, x.shape[1])).reshape(-1, 16, 10, 6)
        x = F.relu(self.batch_norm("norm", x))
        x = F.conv_transpose2d(x, get("stages.0.conv", 16, 8, 4, 4), None, 2, 1)[:, :, :19, :11]
        x = F.relu(self.batch_norm("stages.0.norm", x))
        x = self.attended(x, get, self.g.get("attention.gamma", 1))
        x = F.conv_transpose2d(x, get("head", 8, 4, 4, 4), self.g.get("head.bias", 4), 2, 1)
        return torch.tanh(x[:, :, :37, :22])

    def discriminate(self, x, labels):
        for i, out in enumerate(self.WIDTHS):
            odd = [side % 2 for side in x.shape[2:]]
            x = F.pad(x, (1, 1 + odd[1], 1, 1 + odd[0]))
            x = F.conv2d(x, self.normed(f"stages.{i}", out, x.shape[1], 4, 4), self.d.get(f"stages.{i}.bias", out), 2)
            x = F.leaky_relu(x, 0.2)
            assert tuple(x.shape[2:]) == self.SIZES[i + 1]
            if i == 0:
                x = self.attended(x, self.normed, self.d.get("attention.gamma", 1))
        groups = torch.tensor_split(x, -(-len(x) // 4))
        spread = [(group.var(0, unbiased=False) + 1e-8).sqrt().mean().expand(len(group), 1, 10, 6) for group in groups]
        last = torch.cat([x, torch.cat(spread)], 1).flatten(1)
        logits = F.linear(last, self.normed("head", 1, last.shape[1]), self.d.get("head.bias", 1))[:, 0]
        return logits + (self.normed("labels", self.CLASSES, 16)[labels] * x.sum((2, 3))).sum(1)


def reverie() -> dict:
    net = Reverie()
    labels = torch.tensor([0, 1, 2, 0, 1])
    x = torch.cat([images(5, 3, 37, 22), images(5, 1, 37, 22)], 1)
    parts = {"images": net.generate(latents(5, 6), labels)}
    parts |= judged(lambda x: net.discriminate(x, labels), x)
    (parts["slope"].square().sum() / 5).backward()
    parts |= {f"penalty of {name}": net.d[name].grad for name in ("stages.0.weight", "attention.key.weight", "head.weight")}
    return {name: probes(part) for name, part in parts.items()}


# ---- a projected GAN's nets ------------------------------------------------------------------------------------------


def filled(net: nn.Module) -> nn.Module:
    """In float64, every parameter and u by its formula, all norms three power iterations on."""
    net = net.double()
    norms = {name for name, module in net.named_modules() if isinstance(module, nn.BatchNorm2d)}
    with torch.no_grad():
        for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
            layer, leaf = name.rsplit(".", 1)
            if leaf == "u" or layer in norms and leaf in ("weight", "bias"):
                factor, start = (0.5, 0.75) if leaf == "weight" else (0.4, -0.2)
                u = closed_formula.uniform(name, tensor.numel())
                tensor.copy_(torch.from_numpy((u * factor + start).astype(np.float32)))
            elif leaf in ("weight", "bias"):
                tensor.copy_(weight(name, *tensor.shape))
    for _ in range(3):
        advance_norms(net)
    return net


def fastgan() -> dict:
    """70x66 pixels, 3 channels, 3 classes, width 8: four stages, two of which cut, and one excitation."""
    generator = filled(Generator((70, 66), 3, 12, 8, classes=3))
    return {"images": probes(generator(latents(3, 12), torch.arange(3)))}


def projected() -> dict:
    """Maps of 64x96 pixels, 3 classes, width 8: three stages at the finest map, none at the coarsest."""
    height, width = 64, 96
    discriminator = filled(Discriminator((height, width), 8, classes=3))
    maps = []
    for level, channels in enumerate(SEEN):
        shape = (3, channels, height // 2 ** (level + 1), width // 2 ** (level + 1))
        u = closed_formula.uniform(f"projected{level}", int(np.prod(shape)))
        maps.append(torch.from_numpy(2 * u - 1).float().double().reshape(shape).requires_grad_())
    logits = discriminator(maps, torch.arange(3))
    slopes = torch.autograd.grad((logits.mean(1) * torch.arange(1.0, 4.0)).sum(), maps)
    parts = {"logits": logits} | {f"slope {level}": slope for level, slope in enumerate(slopes)}
    return {name: probes(part) for name, part in parts.items()}


def main() -> None:
    nets = {
        "reverie": reverie(),
        "pytorch": of_modules(pytorch(3, 8, 64), 3, 64),
        "pytorch 32": of_modules(pytorch(1, 8, 32), 1, 32),
        "pytorch-cpp": of_modules((PytorchCppGenerator(), pytorch_cpp_discriminator()), 1, 28),
        "koba-jon": of_modules(koba_jon(8), 3, 64),
        "chollet2e": of_functions(chollet2e(), 3, 64, 128),
        "chollet1e": of_functions(chollet1e(), 3, 32, 32),
        "fastgan": fastgan(),
        "projected": projected(),
    }
    write(FOLDER / "gan.json", {"nets": nets})


if __name__ == "__main__":
    main()
