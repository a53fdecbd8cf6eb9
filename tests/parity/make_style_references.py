"""Writes the reference numbers of style transfer: references/style_statistics.json, step_rules.json, style_presets.json.

    python3 make_style_references.py [statistics] [rules] [presets]      (default: all; half a minute)
    python3 make_style_references.py --search TRIES       looks for the presets' images

Made with torch 2.15.0, torchvision 0.29.2, numpy 2.4.6, in float64 throughout. Nothing here follows the C++ code: the
distances come from other formulas (the trace of the root is the sum of singular values of A^1/2 B^1/2), the
optimisers are torch.optim's, and every preset is written down from its publication with autograd for its gradient.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import closed_formula
from make_net_references import Net, Variant, build_vgg, safety

torch.set_default_dtype(torch.float64)
FOLDER = Path(__file__).parent / "references"


def digits(values, count: int = 12):
    """Numbers, or nested lists of them, with so many digits."""
    if isinstance(values, (torch.Tensor, np.ndarray)):
        values = values.tolist()
    if isinstance(values, (list, tuple)):
        return [digits(value, count) for value in values]
    return float(f"{values:.{count}g}")


# ---- statistics ------------------------------------------------------------------------------------------------------


def rows(positions: int, channels: int, name: str) -> np.ndarray:
    """Activations like a ReLU's, correlated, float32 values: max(0, u_i + u_(i-1) - 0.8) along the flat index."""
    u = closed_formula.uniform(name, positions * channels + 1).astype(np.float32)
    return np.maximum(0, (u[1:] + u[:-1]) - np.float32(0.8)).astype(np.float64).reshape(positions, channels)


def root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def distance(statistic: str, x: np.ndarray, y: np.ndarray, scale: float, ridge: float) -> float:
    """From the activations themselves: of x to the style y."""
    x, y, channels = x * scale, y * scale, x.shape[1]
    shift = np.mean((x.mean(0) - y.mean(0)) ** 2)
    if statistic == "gram":
        return np.mean((x.T @ x / len(x) - y.T @ y / len(y)) ** 2)
    if statistic == "mean_std":
        return shift + np.mean((np.sqrt(x.var(0) + ridge) - np.sqrt(y.var(0) + ridge)) ** 2)
    a, b = (np.cov(z, rowvar=False, bias=True) + ridge * np.eye(channels) for z in (x, y))
    nuclear = np.linalg.svd(root(a) @ root(b), compute_uv=False).sum()
    return shift + (np.trace(a) + np.trace(b) - 2 * nuclear) / channels


def statistics() -> dict:
    cases = []
    for channels, own, style, ridge, factor in [
        (5, 37, 41, 1e-4, 1.0),
        (24, 11, 300, 1e-4, 1.0),  # fewer positions than channels: singular
        (24, 90, 300, 1e-4, 1e6),  # covariances of 1e12
        (24, 11, 300, 1e-4, 1e6),  # both: the value alone, differences of it are lost in rounding
    ]:
        x, y = rows(own, channels, "own") * factor, rows(style, channels, "style") * factor
        for statistic in ("w2", "gram", "mean_std"):
            scale = 0.7
            gradient = []
            for i in range(0 if own < channels and factor > 1 else 8):  # central differences, by the activations
                at = np.unravel_index((i * x.size // 8 + 5) % x.size, x.shape)
                step = 1e-4 * factor
                ends = []
                for sign in (1, -1):
                    moved = x.copy()
                    moved[at] += sign * step
                    ends.append(distance(statistic, moved, y, scale, ridge))
                gradient.append([int(at[0]), int(at[1]), digits((ends[0] - ends[1]) / (2 * step), 8)])
            cases.append(
                {
                    "statistic": statistic,
                    "channels": channels,
                    "own": own,
                    "style": style,
                    "scale": scale,
                    "ridge": ridge,
                    "factor": factor,
                    "value": digits(distance(statistic, x, y, scale, ridge)),
                    "gradient": gradient,
                }
            )
    return {"cases": cases}


# ---- step rules ------------------------------------------------------------------------------------------------------


def bowl(image: torch.Tensor) -> torch.Tensor:
    """A long narrow valley with a quartic floor, each pixel coupled to the next."""
    flat = image.flatten()
    weights = 1 + 20 * torch.arange(flat.numel()) / flat.numel()
    return (weights * (flat - 0.4) ** 2).sum() + ((flat[1:] - flat[:-1]) ** 4).sum()


def trajectory(make_optimizer, steps: int, pixel_range: float = 1.0) -> list:
    start = torch.from_numpy(closed_formula.uniform("start", 3 * 4 * 5)).reshape(3, 4, 5)
    pixels = (start * pixel_range).requires_grad_()
    optimizer = make_optimizer([pixels])

    def closure():
        optimizer.zero_grad()
        loss = bowl(pixels / pixel_range)
        loss.backward()
        return loss

    kept = []
    for _ in range(steps):
        optimizer.step(closure)
        kept.append(digits((pixels.detach() / pixel_range).flatten()[::13]))
    return kept


def rules() -> dict:
    def lbfgs(rate, history):
        return lambda p: torch.optim.LBFGS(
            p, lr=rate, max_iter=1, history_size=history, tolerance_grad=-1, tolerance_change=-1
        )

    return {
        "adam": trajectory(lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.9, 0.99)), 7),
        "lbfgs": trajectory(lbfgs(0.5, 100), 9),
        "lbfgs_short_history": trajectory(lbfgs(0.5, 2), 9),
        "lbfgs_255": trajectory(lbfgs(1.0, 100), 6, 255.0),
    }


# ---- presets ---------------------------------------------------------------------------------------------------------

RELU = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu4_2": 22, "relu5_1": 29, "relu5_2": 31}
STYLE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
SIZE = (37, 45)


def torchvision_input(image: torch.Tensor) -> torch.Tensor:
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (image - mean) / std


def caffe_input(image: torch.Tensor) -> torch.Tensor:
    return 255 * image[:, [2, 1, 0]] - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)


def features(model: nn.Module, x: torch.Tensor, average: bool = False, replicate: bool = False) -> dict:
    taps = {}
    for index, layer in enumerate(model.features[: max(RELU.values()) + 1]):
        if index == 0 and replicate:
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), layer.weight, layer.bias)
        elif isinstance(layer, nn.MaxPool2d):
            x = F.avg_pool2d(x, 2, 2) if average else F.max_pool2d(x, 2, 2)
        else:
            x = layer(x)
        taps |= {name: x for name, place in RELU.items() if place == index}
    return taps


def matrix(feature: torch.Tensor) -> torch.Tensor:
    """Channels by positions."""
    return feature[0].flatten(1)


def crowsonkb(model, content, style, image) -> dict:
    run = lambda x: features(model, torchvision_input(x), replicate=True)  # noqa: E731
    target, wanted, got = run(content), run(style), run(image)

    def gaussian(feature):
        x = matrix(feature)
        mean = x.mean(1)
        return mean, x @ x.T / x.shape[1] - mean[:, None] * mean + 1e-4 * torch.eye(len(x))

    def wasserstein(feature, target):
        (mean, cov), (target_mean, target_cov) = gaussian(feature), gaussian(target)
        values, vectors = torch.linalg.eigh(target_cov)
        half = (vectors * values.sqrt()) @ vectors.T
        crossed = torch.linalg.eigvalsh(half @ cov @ half)
        trace = cov.trace() + target_cov.trace() - 2 * crossed.sqrt().sum()
        return F.mse_loss(mean, target_mean) + trace / len(mean)

    weights = [256, 64, 16, 4, 1]
    layers = [w / sum(weights) * wasserstein(got[name], wanted[name]) for w, name in zip(weights, STYLE)]
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    right = padded[..., 1:-1, 2:] - padded[..., 1:-1, 1:-1]
    below = padded[..., 2:, 1:-1] - padded[..., 1:-1, 1:-1]
    falling = padded[..., 1:, 1:] - padded[..., :-1, :-1]
    rising = padded[..., 1:, :-1] - padded[..., :-1, 1:]
    square = lambda d: d.square().mean()  # noqa: E731
    tv = 2 * (square(right) / 3 + square(below) / 3 + square(falling) / 12 + square(rising) / 12)
    return {"content": 0.015 * F.mse_loss(got["relu4_2"], target["relu4_2"]), "layers": layers, "tv": 2.0 * tv}


def gatys(model, content, style, image) -> dict:
    run = lambda x: features(model, torchvision_input(x), average=True)  # noqa: E731
    target, wanted, got = run(content), run(style), run(image)
    layers = []
    for name in STYLE:
        f, a = matrix(got[name]), matrix(wanted[name])
        channels, positions = f.shape
        # The paper has one M for both; with a style of another size each matrix goes by its own.
        difference = f @ f.T - a @ a.T * (positions / a.shape[1])
        layers.append(1 / 5 * difference.square().sum() / (4 * channels**2 * positions**2))
    alpha, beta = 1e-3, 1.0
    loss = (got["relu4_2"] - target["relu4_2"]).square().sum() / 2
    return {"content": alpha * loss, "layers": [beta * layer for layer in layers]}


def neural_style(model, content, style, image) -> dict:
    run = lambda x: features(model, caffe_input(x))  # noqa: E731
    target, wanted, got = run(content), run(style), run(image)
    gram = lambda f: matrix(f) @ matrix(f).T / f.numel()  # noqa: E731
    pixels = caffe_input(image)
    tv = (pixels[..., 1:, :] - pixels[..., :-1, :]).abs().sum() + (pixels[..., 1:] - pixels[..., :-1]).abs().sum()
    return {
        "content": 5 * F.mse_loss(got["relu4_2"], target["relu4_2"]),
        "layers": [100 * F.mse_loss(gram(got[name]), gram(wanted[name])) for name in STYLE],
        "tv": 1e-3 * tv,
    }


def chollet2e(model, content, style, image) -> dict:
    run = lambda x: features(model, caffe_input(x))  # noqa: E731
    target, wanted, got = run(content), run(style), run(image)
    gram = lambda f: matrix(f) @ matrix(f).T  # noqa: E731
    size = SIZE[0] * SIZE[1]
    layers = [(gram(wanted[n]) - gram(got[n])).square().sum() / (4.0 * 3**2 * size**2) for n in STYLE]
    pixels = caffe_input(image)
    a = (pixels[..., :-1, :-1] - pixels[..., 1:, :-1]).square()
    b = (pixels[..., :-1, :-1] - pixels[..., :-1, 1:]).square()
    return {
        "content": 2.5e-8 * (got["relu5_2"] - target["relu5_2"]).square().sum(),
        "layers": [1e-6 / len(STYLE) * layer for layer in layers],
        "tv": 1e-6 * (a + b).pow(1.25).sum(),
    }


# Name: formula, style's size, the image's noise. The noise was chosen among many so that no unit is so near to a kink
# of ReLU or maximum that float32 takes the other side (make_net_references.py says more).
PRESETS = {
    "crowsonkb": (crowsonkb, (41, 35), "image49"),
    "gatys": (gatys, (41, 35), "image2"),
    "neural-style": (neural_style, (41, 35), "image27"),
    "chollet2e": (chollet2e, SIZE, "image27"),
}


def measure(name: str, model: nn.Module, noise: str) -> dict:
    formula, style_size, _ = PRESETS[name]
    dtype = next(model.parameters()).dtype
    content = closed_formula.image(*SIZE, "content").to(dtype)
    style = closed_formula.image(*style_size, "style").to(dtype)
    image = closed_formula.image(*SIZE, noise).to(dtype).requires_grad_()
    parts = formula(model, content, style, image)
    losses = {"content": parts["content"], "style": sum(parts["layers"])}
    losses |= {"tv": parts["tv"]} if "tv" in parts else {}
    losses["total"] = sum(losses.values())
    at = [(k * image.numel() // 40 + 37 * k + 11) % image.numel() for k in range(40)]
    gradients = {}
    for part, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, image, retain_graph=True)
        flat = gradient.flatten()
        gradients[part] = {"norm": digits(flat.norm().item(), 10), "value": [digits(flat[i].item(), 8) for i in at]}
    return {
        "style_size": list(style_size),
        "noise": noise,
        "layers": [digits(layer.item(), 10) for layer in parts["layers"]],
        "losses": {key: digits(value.item(), 10) for key, value in losses.items()},
        "at": at,
        "gradients": gradients,
    }


def vgg19() -> nn.Module:
    return closed_formula.fill(build_vgg("vgg19")).eval()


def presets() -> dict:
    model = vgg19()
    return {name: measure(name, model, noise) for name, (_, _, noise) in PRESETS.items()}


def search(tries: int) -> None:
    """Prints for every preset the noises whose units are farthest from a kink, in float32 rounding errors."""
    exact, single = vgg19(), vgg19().float()
    variants = {
        "crowsonkb": lambda m, x: features(m, torchvision_input(x).to(x.dtype), replicate=True),
        "gatys": lambda m, x: features(m, torchvision_input(x).to(x.dtype), average=True),
        "neural-style, chollet2e": lambda m, x: features(m, caffe_input(x).to(x.dtype)),
    }
    for name, run in variants.items():
        net = Net(SIZE, "", vgg19, {name: Variant(run, [])})
        models = {torch.float64: exact, torch.float32: single}
        found = sorted(((safety(net, f"image{k}", models), f"image{k}") for k in range(tries)), reverse=True)
        print(name, *(f"{noise} {value:.2g}" for value, noise in found[:5]))


# ---- files -----------------------------------------------------------------------------------------------------------


def write(name: str, reference: dict) -> None:
    """JSON with one line per case."""
    compact = lambda value: json.dumps(value, separators=(",", ":"))  # noqa: E731
    entries = []
    for key, value in reference.items():
        lines = isinstance(value, list) and isinstance(value[0], dict)
        text = "[\n" + ",\n".join(compact(item) for item in value) + "]" if lines else compact(value)
        entries.append(f'"{key}":{text}')
    (FOLDER / f"{name}.json").write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")


def main() -> None:
    makers = {"statistics": statistics, "rules": rules, "presets": presets}
    files = {"statistics": "style_statistics", "rules": "step_rules", "presets": "style_presets"}
    if sys.argv[1:2] == ["--search"]:
        search(int(sys.argv[2]))
        return
    for name in sys.argv[1:] or makers:
        write(files[name], makers[name]())


if __name__ == "__main__":
    main()
