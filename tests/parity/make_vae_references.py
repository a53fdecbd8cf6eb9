"""Writes the reference numbers of VAEs: references/vae.json.

    python3 make_vae_references.py      (seconds)

Made with torch 2.15.0 and numpy 2.4.6, in float64 throughout. Nothing here follows the C++ code: the published nets are
written down from their publications, Keras's transposed convolutions as the transposes of its forward ones; the
likelihoods are torch.distributions' or differences of distribution functions; gradients are autograd's. Weights and
images come from closed formulas (closed_formula.py), the latents' noise from numpy's own version of ours.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import closed_formula
from efficientnet_lite import EfficientNetLite
from reference_tensors import Weights, digits, images, probes, write

torch.set_default_dtype(torch.float64)
FOLDER = Path(__file__).parent / "references"


# ---- the published nets ----------------------------------------------------------------------------------------------


class PytorchVae(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

    def encode(self, x):
        h = F.relu(self.fc1(x.reshape(-1, 784)))
        return self.fc21(h), self.fc22(h)

    def decode(self, z):
        return self.fc4(F.relu(self.fc3(z))).reshape(-1, 1, 28, 28)


class AntixkVae(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [32, 64, 128, 256, 512]

        def down(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.LeakyReLU())

        def up(i, o):
            convolution = nn.ConvTranspose2d(i, o, 3, 2, 1, output_padding=1)
            return nn.Sequential(convolution, nn.BatchNorm2d(o), nn.LeakyReLU())

        self.encoder = nn.Sequential(*(down(i, o) for i, o in zip([3, *widths], widths)))
        self.fc_mu, self.fc_var = nn.Linear(2048, 128), nn.Linear(2048, 128)
        self.decoder_input = nn.Linear(128, 2048)
        self.decoder = nn.Sequential(*(up(i, o) for i, o in zip(widths[::-1], widths[-2::-1])))
        self.final_layer = nn.Sequential(*up(32, 32), nn.Conv2d(32, 3, 3, padding=1), nn.Tanh())

    def encode(self, x):
        h = self.encoder(x).flatten(1)
        return self.fc_mu(h), self.fc_var(h)

    def decode(self, z):
        return self.final_layer(self.decoder(self.decoder_input(z).reshape(-1, 512, 2, 2)))


class CholletVae:
    """Keras's net. "same" at stride 2 pads so much that ceil(side / 2) windows fit, the odd row at the end; Keras's
    transposed convolution is the transpose of that one with input and output exchanged."""

    def __init__(self):
        self.weights = Weights()

    @staticmethod
    def same(x, w, stride):
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max((-(-side // stride) - 1) * stride + 3 - side, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), w, stride=stride)

    def bias(self, name, x):
        return x + self.weights.get(f"{name}.bias", x.shape[1])[:, None, None]

    def down(self, name, x, out):
        w = self.weights.get(f"{name}.weight", out, x.shape[1], 3, 3)
        return F.relu(self.bias(name, self.same(x, w, 2)))

    def up(self, name, x, out):
        w = self.weights.get(f"{name}.weight", x.shape[1], out, 3, 3)
        large = torch.zeros(x.shape[0], out, 2 * x.shape[2], 2 * x.shape[3], requires_grad=True)
        (back,) = torch.autograd.grad(self.same(large, w, 2), large, x)
        return F.relu(self.bias(name, back))

    def encode(self, x):
        x = self.down("encoder.conv2", self.down("encoder.conv1", x, 32), 64)
        x = F.relu(self.weights.linear("encoder.dense", x.flatten(1), 16))
        return self.weights.linear("encoder.z_mean", x, 2), self.weights.linear("encoder.z_log_var", x, 2)

    def decode(self, z):
        x = F.relu(self.weights.linear("decoder.dense", z, 3136)).reshape(-1, 64, 7, 7)
        x = self.up("decoder.up2", self.up("decoder.up1", x, 64), 32)
        return self.bias("decoder.conv", self.same(x, self.weights.get("decoder.conv.weight", 1, 32, 3, 3), 1))


def preset(net, channels: int, side: int, latent: int) -> dict:
    if isinstance(net, nn.Module):
        closed_formula.fill(net).eval()
    with torch.enable_grad():
        mean, log_variance = net.encode(images(2, channels, side, side))
        z = torch.from_numpy(2 * closed_formula.uniform("latents", 2 * latent) - 1).float().double().reshape(2, latent)
        parts = {"mean": mean, "log_variance": log_variance, "outputs": net.decode(z)}
    return {name: probes(part) for name, part in parts.items()}


# ---- our own net -----------------------------------------------------------------------------------------------------


class ResidualVae:
    def __init__(self, channels, height, width, latent, first, blocks, symmetric, grid=0):
        self.w = Weights(0.5)
        self.channels, self.latent, self.blocks, self.symmetric, self.grid = channels, latent, blocks, symmetric, grid
        self.sizes = [(height, width)]
        while min((s + 1) // 2 for s in self.sizes[-1]) >= grid if grid else min(self.sizes[-1]) > 4:
            self.sizes.append(tuple((s + 1) // 2 for s in self.sizes[-1]))
        self.widths = [min(first * 2**i, 256) for i in range(len(self.sizes) - 1)]

    def stage(self, name, x):
        for b in range(self.blocks):
            inner = self.w.convolve(f"{name}.blocks.{b}.conv1", F.silu(x), x.shape[1], 3)
            x = x + self.w.convolve(f"{name}.blocks.{b}.conv2", F.silu(inner), x.shape[1], 3)
        return x

    def joint(self, name, x, out, shape=None):
        """Over everything, or over every cell for itself."""
        if not self.grid:
            x = self.w.linear(name, x.flatten(1), out)
            return x if shape is None else x.reshape(-1, *shape)
        return self.w.linear(name, x.movedim(1, -1).reshape(-1, x.shape[1]), out if shape is None else shape[0]).reshape(
            x.shape[0], *self.sizes[-1], -1
        ).movedim(-1, 1)

    def encode(self, x):
        x = 2 * x - 1 if self.symmetric else x
        for i, width in enumerate(self.widths):
            x = self.stage(f"encoder.stages.{i}", self.w.convolve(f"encoder.stages.{i}.conv", x, width, 3, 2))
        mean, raw = self.joint("encoder.head", F.silu(x), 2 * self.latent).chunk(2, 1)
        return mean, 10 * torch.tanh(raw / 10)

    def decode(self, z):
        shape = (self.widths[-1], *self.sizes[-1])
        x = self.joint("decoder.stem", z, int(np.prod(shape)), shape)
        for i, (height, width) in enumerate(self.sizes[-2::-1]):
            x = self.stage(f"decoder.stages.{i}", x)
            if i + 1 < len(self.widths):
                x = self.w.convolve(f"decoder.stages.{i}.conv", x, self.widths[-2 - i], 1)
                x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :height, :width]
        x = F.pixel_shuffle(self.w.convolve("decoder.head", F.silu(x), 4 * self.channels, 3), 2)
        x = x[:, :, : self.sizes[0][0], : self.sizes[0][1]]
        return (x + 1) / 2 if self.symmetric else x


def residual(grid: int) -> dict:
    net = ResidualVae(4, 37, 22, 6, 8, 2, True, grid)
    mean, log_variance = net.encode(torch.cat([images(2, 3, 37, 22), images(2, 1, 37, 22)], 1))
    z = torch.from_numpy(2 * closed_formula.uniform("latents", mean.numel()) - 1).float().double().reshape(mean.shape)
    return {"mean": probes(mean), "log_variance": probes(log_variance), "outputs": probes(net.decode(z))}


# ---- likelihoods and one step ----------------------------------------------------------------------------------------


def logistic(means, x, log_scales):
    """Differences of the distribution function, a level a bin, the outer bins open (to 1000, where nothing is left)."""
    scale = torch.exp(log_scales)[:, None, None]
    level = torch.round(255 * x)
    upper = torch.where(level == 255, 1e3, (level + 0.5) / 255)
    lower = torch.where(level == 0, -1e3, (level - 0.5) / 255)
    return torch.log(torch.sigmoid((upper - means) / scale) - torch.sigmoid((lower - means) / scale))


PERCEPTUAL = closed_formula.fill(EfficientNetLite().float()).eval().double()


def depths(x):
    """The first layer at each of the net's three finest strides: the stem and two depthwise convolutions, activated."""
    kept = {}
    hooks = [
        module.register_forward_hook(lambda _, __, output, name=name: kept.update({name: F.relu6(output)}))
        for name, module in PERCEPTUAL.named_modules()
        if name in ("_bn0", "_blocks.1._bn1", "_blocks.3._bn1")
    ]
    PERCEPTUAL((255 * x - 127) / 128)
    for hook in hooks:
        hook.remove()
    return list(kept.values())


def perceptual(means, x):
    pairs = list(zip(depths(means), depths(x)))
    each = [(a - b).square().flatten(1).mean(1) / b.square().flatten(1).mean(1) for a, b in pairs]
    return sum(each) / len(each)


def log_probability(kind, outputs, x, log_scale):
    if kind == "bernoulli":
        p = torch.sigmoid(outputs)
        return (x * torch.log(p) + (1 - x) * torch.log1p(-p)).flatten(1).sum(1)
    if kind == "logistic":
        return logistic(outputs, x, log_scale).flatten(1).sum(1)
    if kind == "mse":
        return -0.5 * (x - outputs).square().flatten(1).sum(1)
    deviation = (x - outputs).square().mean().sqrt().detach()
    density = torch.distributions.Normal(outputs, deviation).log_prob(x).flatten(1).sum(1)
    return density if kind == "gaussian" else density - 0.5 * x[0].numel() * perceptual(outputs, x)


MASK = (1 << 64) - 1


def random_bits(seed: int, stream: int, counter: int) -> int:
    def mix(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    state = mix((seed + 0x9E3779B97F4A7C15) & MASK)
    state = mix((state + stream + 0x9E3779B97F4A7C15) & MASK)
    return mix((state + counter + 0x9E3779B97F4A7C15) & MASK)


def normal_noise(seed: int, stream: int, first: int, count: int, length: int) -> torch.Tensor:
    rows = []
    for row in range(first, first + count):
        key, values = random_bits(seed, stream, row), []
        for pair in range((length + 1) // 2):
            bits = random_bits(key, 1, pair)
            radius = np.sqrt(-2 * np.log(((bits >> 32) + 0.5) / 2**32))
            angle = 2 * np.pi * (bits & 0xFFFFFFFF) / 2**32
            values += [radius * np.cos(angle), radius * np.sin(angle)]
        rows.append(values[:length])
    return torch.tensor(rows)


POSTERIOR = 0x706F7374


def step(kind: str, free_bits: float = 0.0) -> dict:
    net = ResidualVae(3, 17, 20, 5, 8, 1, kind != "bernoulli")
    log_scale = torch.tensor([-1.0, -0.75, -1.25], requires_grad=True)
    x = images(3, 3, 17, 20)
    mean, log_variance = net.encode(x)
    eps = normal_noise(7, POSTERIOR, 15, 3, 5)
    q = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).mean(0)
    reconstruction = -log_probability(kind, net.decode(mean + q.stddev * eps), x, log_scale).mean()
    loss = reconstruction + 0.7 * torch.maximum(kl, torch.tensor(free_bits)).sum()
    loss.backward()
    gradients = {name: probes(tensor.grad) for name, tensor in sorted(net.w.items())}
    if kind == "logistic":
        gradients["log_scale"] = probes(log_scale.grad)
    return {
        "loss": digits(loss),
        "reconstruction": digits(reconstruction),
        "kl": digits(kl.sum()),
        "gradients": gradients,
    }


def main() -> None:
    nets = {
        "chollet2e": preset(CholletVae(), 1, 28, 2),
        "pytorch": preset(PytorchVae().float().double(), 1, 28, 20),
        "antixk": preset(AntixkVae(), 3, 64, 128),
        "vector": residual(0),
        "spatial": residual(5),
    }
    steps = {kind: step(kind) for kind in ("bernoulli", "gaussian", "logistic", "mse", "perceptual")}
    steps["free bits"] = step("mse", 0.005)
    write(FOLDER / "vae.json", {"nets": nets, "steps": steps})


if __name__ == "__main__":
    main()
