"""Writes the reference numbers of published dreams: references/dream_presets.json.

    python3 make_dream_references.py            (a minute)
    python3 make_dream_references.py --search TRIES   looks for the pictures whose dreams float32 follows best

Made with torch 2.15.0, numpy 2.4.6, in float64. Every recipe is written down from its publication, in that program's
own pixels and order, and resamples by matrices of its own; nothing here follows the C++ code. What is shared is the
random shifts (core/random.h, reproduced below) and the weights (closed_formula.py), on nets that are affordable: the
first blocks of VGG16 and of InceptionV3, the latter with Keras' averages, which leave the padding out.

Per recipe: the picture's size and noise; the sizes of the octaves; the loss of every step; probes of the picture as
each octave's steps leave it, within [0, 1], before any detail is put back; and probes of the dream. Probe k of p of a
picture with n values is at (k n / p + 37 k + 11) mod n, integer division.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import closed_formula

FILE = Path(__file__).parent / "references" / "dream_presets.json"


# ---- nets ------------------------------------------------------------------------------------------------------------


class Vgg16(nn.Module):
    """To relu2_2."""

    def __init__(self):
        super().__init__()
        conv = lambda i, o: nn.Conv2d(i, o, 3, padding=1)  # noqa: E731
        self.features = nn.Sequential(
            conv(3, 64), nn.ReLU(), conv(64, 64), nn.ReLU(), nn.MaxPool2d(2, 2),
            conv(64, 128), nn.ReLU(), conv(128, 128), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x):
        return self.features(x)


class Unit(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    def __init__(self, inputs, pooled):
        super().__init__()
        self.branch1x1 = Unit(inputs, 64, 1)
        self.branch5x5_1 = Unit(inputs, 48, 1)
        self.branch5x5_2 = Unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Unit(inputs, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, padding=1)
        self.branch_pool = Unit(inputs, pooled, 1)

    def forward(self, x):
        mean = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch5x5_2(self.branch5x5_1(x)),
                self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
                self.branch_pool(mean),
            ],
            1,
        )


class Inception(nn.Module):
    """To mixed1."""

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b = Block(192, 32)
        self.Mixed_5c = Block(256, 64)

    def forward(self, x):
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        mixed0 = self.Mixed_5b(F.max_pool2d(x, 3, 2))
        return mixed0, self.Mixed_5c(mixed0)


CAFFE_MEAN = torch.tensor([103.939, 116.779, 123.68], dtype=torch.float64).view(1, 3, 1, 1)


# ---- what the recipes use --------------------------------------------------------------------------------------------


def resample(x: torch.Tensor, size, corners: bool) -> torch.Tensor:
    """Bilinear, without antialiasing; `corners`: the centres of the corner pixels stay on each other."""

    def matrix(n, m):
        at = np.arange(m) * ((n - 1) / max(m - 1, 1)) if corners else (np.arange(m) + 0.5) * (n / m) - 0.5
        at = np.clip(at, 0, n - 1)
        low = np.minimum(at.astype(int), n - 1)
        high = np.minimum(low + 1, n - 1)
        weights = np.zeros((m, n))
        weights[np.arange(m), low] += 1 - (at - low)
        weights[np.arange(m), high] += at - low
        return torch.from_numpy(weights).to(x.dtype)

    return matrix(x.shape[-2], size[0]) @ x @ matrix(x.shape[-1], size[1]).T


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return z ^ (z >> 31)


def shift(seed: int, octave: int, step: int, jitter: int) -> tuple[int, int]:
    """Down and to the right, from -jitter to jitter. `octave` counts on over all passes."""

    def draw(axis):
        golden, z = 0x9E3779B97F4A7C15, seed
        for word in (None, octave, step * 4 + axis):
            z = mix((z + (0 if word is None else word) + golden) & 0xFFFFFFFFFFFFFFFF)
        return z % (2 * jitter + 1) - jitter

    return draw(0), draw(1)


def slope(loss_of, x: torch.Tensor):
    """The loss and its gradient."""
    at = x.detach().clone().requires_grad_()
    loss = loss_of(at)
    (gradient,) = torch.autograd.grad(loss, at)
    return loss.item(), gradient


class Diary:
    """What is written down of a dream; `shown` makes a picture in [0, 1] of the recipe's own pixels."""

    def __init__(self, shown):
        self.shown = shown
        self.octaves, self.losses, self.ends = [], [], []

    def begin(self, size):
        self.octaves.append([int(side) for side in size])
        self.losses.append([])

    def end(self, x):
        self.ends.append(self.shown(x))


# ---- recipes ---------------------------------------------------------------------------------------------------------


def chollet(image, model, first_edition: bool, max_loss: float) -> tuple[Diary, torch.Tensor]:
    diary = Diary(lambda x: (x / 2 + 0.5).clip(0, 1))
    weights = (1.0, 1.5)

    def loss_of(x):
        loss = 0
        for weight, activation in zip(weights, model(x)):
            inner = activation[:, :, 2:-2, 2:-2].square()
            loss = loss + weight * (inner.sum() / activation.numel() if first_edition else inner.mean())
        return loss

    def ascent(x):
        for _ in range(20 if first_edition else 30):
            loss, gradient = slope(loss_of, x)
            if first_edition:
                if loss > max_loss:
                    break
                x = x + 0.01 * gradient / max(gradient.abs().mean().item(), 1e-7)
            else:
                x = x + 20.0 * gradient * torch.rsqrt(gradient.square().sum().clip(1e-12))
            diary.losses[-1].append(loss)
            if loss > max_loss:
                break
        return x

    original = image * 2 - 1
    full = tuple(original.shape[-2:])
    sizes = [tuple(int(side / 1.4**i) for side in full) for i in (2, 1, 0)]
    resize = lambda x, size: resample(x, size, corners=first_edition)  # noqa: E731
    shrunk = resize(original, sizes[0])
    x = original
    for size in sizes:
        diary.begin(size)
        x = ascent(resize(x, size))
        diary.end(x)
        x = x + (resize(original, size) - resize(shrunk, size))
        shrunk = resize(original, size)
    return diary, diary.shown(x)


def caffe_pixels(image, top: float):
    """Blue, green, red from 0 to `top`."""
    return image[:, [2, 1, 0]] * top


def google(image, model) -> tuple[Diary, torch.Tensor]:
    mean = CAFFE_MEAN.to(image.dtype)
    diary = Diary(lambda x: ((x + mean) / 255)[:, [2, 1, 0]].clip(0, 1))
    bases = [caffe_pixels(image, 255) - mean]
    for _ in range(3):
        size = [round(side * (1.0 / 1.4)) for side in bases[-1].shape[-2:]]
        bases.append(resample(bases[-1], size, corners=True))
    detail = torch.zeros_like(bases[-1])
    for octave, base in enumerate(reversed(bases)):
        diary.begin(base.shape[-2:])
        if octave > 0:
            detail = resample(detail, base.shape[-2:], corners=True)
        x = base + detail
        for step in range(10):
            by = shift(0, octave, step, 32)
            x = x.roll(by, (2, 3))
            at = x.detach().clone().requires_grad_()
            activation = model(at)
            activation.backward(activation.detach())  # the diff is the data
            diary.losses[-1].append(0.5 * activation.square().sum().item())
            x = x + 1.5 / at.grad.abs().mean() * at.grad
            x = x.roll((-by[0], -by[1]), (2, 3))
            x = torch.maximum(torch.minimum(x, 255 - mean), -mean)
        diary.end(x)
        detail = x - base
    return diary, diary.shown(x)


def gordic(image, model) -> tuple[Diary, torch.Tensor]:
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=image.dtype).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=image.dtype).view(1, 3, 1, 1)
    diary = Diary(lambda x: (x * std + mean).clip(0, 1))

    def smoothed(gradient, sigma):
        y, x = np.mgrid[-4:5, -4:5]
        padded = F.pad(gradient, (4, 4, 4, 4), mode="reflect")
        total = 0
        for factor in (0.5, 1.0, 2.0):
            kernel = np.exp(-(x**2 + y**2) / (2 * (factor * sigma) ** 2))
            kernel = torch.from_numpy(kernel / kernel.sum()).to(gradient.dtype)
            total = total + F.conv2d(padded, kernel.expand(3, 1, 9, 9), groups=3)
        return total / 3

    x = (image - mean) / std
    full = np.float32(image.shape[-2:])
    for octave in range(4):
        size = np.round(full * np.float32(1.8 ** (octave - 3))).astype(int)
        diary.begin(size)
        x = resample(x, size, corners=False)
        for step in range(10):
            by = shift(0, octave, step, 32)
            x = x.roll(by, (2, 3))
            loss, gradient = slope(lambda at: model(at).square().mean(), x)
            diary.losses[-1].append(loss)
            gradient = smoothed(gradient, (step + 1) / 10 * 2.0 + 0.5)
            x = x + 0.09 * (gradient - gradient.mean()) / gradient.std()
            x = torch.maximum(torch.minimum(x, (1 - mean) / std), -mean / std)
            x = x.roll((-by[0], -by[1]), (2, 3))
        diary.end(x)
    return diary, diary.shown(x)


def neural_dream(image, model, passes: int, evaluations: int) -> tuple[Diary, torch.Tensor]:
    mean = CAFFE_MEAN.to(image.dtype)
    diary = Diary(lambda x: (x / 256)[:, [2, 1, 0]].clip(0, 1))
    current = caffe_pixels(image, 256)
    full = tuple(current.shape[-2:])
    sizes = [tuple(int(side * 0.6) for side in full), full]
    for stage in range(passes * 2):
        size = sizes[stage % 2]
        diary.begin(size)
        x = resample(current, size, corners=True).requires_grad_()
        optimizer = torch.optim.Adam([x], lr=1.5)
        for step in range(evaluations):
            optimizer.zero_grad()
            # The steps are counted in pixels up to 256; the net is shown Caffe's, up to 255.
            seen = x.roll(shift(0, stage, step, 32), (2, 3)) * (255 / 256) - mean
            loss = -1000 * model(seen).square().sum().sqrt()
            loss.backward()
            optimizer.step()
            diary.losses[-1].append(-loss.item())
        x = x.detach()
        diary.end(x)
        current = resample(x, full, corners=True)
    return diary, diary.shown(current)


# ---- file ------------------------------------------------------------------------------------------------------------

VGG_SIZE, INCEPTION_SIZE = (61, 47), (131, 119)
# Name: net, size, the picture's noise, recipe, and what of its numbers is not the publication's. The losses that end an
# octave are such that these nets reach them in some octaves; neural-dream is shortened. The noises are those of many
# whose dreams differ least between float64 and float32: a ReLU or maximum near its kink can go either way there.
PRESETS = {
    "chollet2e": (Inception, INCEPTION_SIZE, "photo0", lambda i, m, n: chollet(i, m, False, **n), {"max_loss": 60.0}),
    "chollet1e": (Inception, INCEPTION_SIZE, "photo0", lambda i, m, n: chollet(i, m, True, **n), {"max_loss": 10.0}),
    "google": (Vgg16, VGG_SIZE, "photo0", lambda i, m, n: google(i, m, **n), {}),
    "gordic": (Vgg16, VGG_SIZE, "photo13", lambda i, m, n: gordic(i, m, **n), {}),
    "neural-dream": (
        Vgg16,
        VGG_SIZE,
        "photo1",
        lambda i, m, n: neural_dream(i, m, **n),
        {"passes": 2, "evaluations": 12},
    ),
}


def run(name: str, noise: str, dtype: torch.dtype):
    net, size, _, recipe, numbers = PRESETS[name]
    torch.set_default_dtype(torch.float32)
    model = closed_formula.fill(net()).eval().to(dtype)
    torch.set_default_dtype(dtype)
    return recipe(closed_formula.image(*size, noise).to(dtype), model, numbers)


def probes(picture: torch.Tensor, count: int) -> list:
    flat = picture.flatten()
    n = flat.numel()
    return [float(f"{flat[(k * n // count + 37 * k + 11) % n].item():.8f}") for k in range(count)]


def reference(name: str) -> dict:
    _, size, noise, _, numbers = PRESETS[name]
    diary, dream = run(name, noise, torch.float64)
    return {
        "size": list(size),
        "noise": noise,
        **numbers,
        "octaves": diary.octaves,
        "losses": [[float(f"{loss:.9g}") for loss in losses] for losses in diary.losses],
        "ends": [probes(end, 40) for end in diary.ends],
        "dream": probes(dream, 400),
    }


def search(tries: int, names: list) -> None:
    """Prints, per preset, the root mean square difference of float32's dream to float64's, and the largest, in values
    of 0 to 1, of the pictures that are best at it."""
    for name in names or PRESETS:
        found = []
        for k in range(tries):
            exact, single = (run(name, f"photo{k}", dtype)[1] for dtype in (torch.float64, torch.float32))
            difference = (exact - single).abs()
            found.append((difference.square().mean().sqrt().item(), difference.max().item(), f"photo{k}"))
        print(name, *(f"{noise} {rms:.2g} {most:.2g};" for rms, most, noise in sorted(found)[:5]), flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--search"]:
        search(int(sys.argv[2]), sys.argv[3:])
        return
    lines = [f'"{name}":' + json.dumps(reference(name), separators=(",", ":")) for name in PRESETS]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
