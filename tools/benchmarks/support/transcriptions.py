"""The two style transfer programs people use, transcribed to Python from their published maths; and their objective."""
import math
import time

import torch
import torch.nn.functional as F
from PIL import Image

CHANNELS = [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512]
STYLE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
CONTENT = "relu4_2"
W2_WEIGHTS = [256, 64, 16, 4, 1]
EPS = 1e-4


def random_weights(path):
    """A torchvision-style checkpoint of VGG19's convolutions."""
    generator = torch.Generator().manual_seed(0)
    state, previous, index = {}, 3, 0
    for entry in CHANNELS[:-1] + [512, 512, 512, 512, "M"]:
        if entry == "M":
            index += 1
            continue
        bound = math.sqrt(6 / (9 * previous))
        state[f"features.{index}.weight"] = (torch.rand(entry, previous, 3, 3, generator=generator) * 2 - 1) * bound
        state[f"features.{index}.bias"] = torch.zeros(entry)
        previous = entry
        index += 2
    torch.save(state, path)


class Vgg19:
    """relu5_1 and what lies before it, as torchvision numbers its layers."""

    def __init__(self, path, replicate, dtype=torch.float32):
        state = torch.load(path, weights_only=True)
        self.layers = []
        block, conv, index = 1, 0, 0
        for entry in CHANNELS:
            if entry == "M":
                self.layers.append(("pool", None, None, None))
                block, conv, index = block + 1, 0, index + 1
                continue
            conv += 1
            weight = state[f"features.{index}.weight"].to(dtype)
            bias = state[f"features.{index}.bias"].to(dtype)
            self.layers.append((f"relu{block}_{conv}", weight, bias, replicate and index == 0))
            index += 2
        self.mean = torch.tensor([0.485, 0.456, 0.406], dtype=dtype).view(1, 3, 1, 1)
        self.std = torch.tensor([0.229, 0.224, 0.225], dtype=dtype).view(1, 3, 1, 1)

    def __call__(self, image):
        x = (image - self.mean) / self.std
        found = {}
        for name, weight, bias, replicate in self.layers:
            if name == "pool":
                x = F.max_pool2d(x, 2)
                continue
            if replicate:
                x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, bias)
            else:
                x = F.conv2d(x, weight, bias, padding=1)
            x = F.relu(x)
            if name in STYLE or name == CONTENT:
                found[name] = x
        return found


def load(path, longest, dtype=torch.float32, enlarge=True):
    image = Image.open(path).convert("RGB")
    factor = longest / max(image.size)
    if factor < 1 or enlarge:
        image = image.resize([max(1, round(side * factor)) for side in image.size], Image.BICUBIC)
    data = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return data.view(image.height, image.width, 3).permute(2, 0, 1).to(dtype).div(255)[None]


def moments(feature):
    x = feature.flatten(2)[0]
    return x.mean(1), x @ x.T / x.shape[1]


class NewtonRoot(torch.autograd.Function):
    """style-transfer-pytorch's matrix root: 12 Newton-Schulz steps forward, 12 steps of its Lyapunov solver back."""

    @staticmethod
    def forward(ctx, matrix):
        norm = matrix.norm()
        y, z = matrix / norm, torch.eye(len(matrix), dtype=matrix.dtype)
        three = 3 * torch.eye(len(matrix), dtype=matrix.dtype)
        for _ in range(12):
            t = (three - z @ y) / 2
            y, z = y @ t, t @ z
        root = y * norm.sqrt()
        ctx.save_for_backward(root)
        return root

    @staticmethod
    def backward(ctx, gradient):
        (root,) = ctx.saved_tensors
        norm = root.norm()
        a, q = root / norm, gradient / norm
        three = 3 * torch.eye(len(root), dtype=root.dtype)
        for _ in range(12):
            q = (q @ (three - a @ a) - a.T @ (a.T @ q - q @ a)) / 2
            a = a @ (three - a @ a) / 2
        return q / 2


def exact_trace_root(matrix):
    return torch.linalg.eigvalsh(matrix).clamp_min(0).sqrt().sum()


def w2(feature, target, trace_root):
    mean, second = moments(feature)
    t_mean, t_cov, t_root = target
    eye = torch.eye(len(mean), dtype=mean.dtype) * EPS
    cov = second - torch.outer(mean, mean) + eye
    distance = (mean - t_mean).square().mean()
    trace = (cov.diagonal() + t_cov.diagonal()).mean()
    return distance + trace - 2 * trace_root(t_root @ cov @ t_root) / len(mean)


def w2_target(feature):
    mean, second = moments(feature)
    cov = second - torch.outer(mean, mean) + EPS * torch.eye(len(mean), dtype=mean.dtype)
    values, vectors = torch.linalg.eigh(cov.double())
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return mean, cov, root.to(mean.dtype)


def variation(image):
    x = F.pad(image, (1, 1, 1, 1), mode="replicate")
    s1 = (x[..., 1:-1, 2:] - x[..., 1:-1, 1:-1]).square().mean()
    s2 = (x[..., 2:, 1:-1] - x[..., 1:-1, 1:-1]).square().mean()
    s3 = (x[..., 2:, 2:] - x[..., 1:-1, 1:-1]).square().mean()
    s4 = (x[..., 2:, :-2] - x[..., 1:-1, 1:-1]).square().mean()
    return 2 / 3 * (s1 + s2) + (s3 + s4) / 6


class W2Loss:
    """W2 + 0.015 content (+ 2 TV), at one size."""

    def __init__(self, net, content, style, trace_root, tv):
        self.net, self.trace_root, self.tv = net, trace_root, tv
        with torch.no_grad():
            self.content = net(content)[CONTENT]
            features = net(style)
            self.targets = {name: w2_target(features[name]) for name in STYLE}

    def __call__(self, image):
        features = self.net(image)
        loss = 0.015 * (features[CONTENT] - self.content).square().mean()
        for name, weight in zip(STYLE, W2_WEIGHTS):
            loss = loss + weight / sum(W2_WEIGHTS) * w2(features[name], self.targets[name], self.trace_root)
        return loss + self.tv * variation(image) if self.tv else loss


def newton_trace(matrix):
    return NewtonRoot.apply(matrix).diagonal().sum()


def scale_sizes(size, smallest=128):
    """From the largest down by sqrt 2, smallest first."""
    sizes = [size]
    while round(size / 2 ** (len(sizes) / 2)) >= smallest:
        sizes.insert(0, round(size / 2 ** (len(sizes) / 2)))
    return sizes


def crowsonkb(net, content_path, style_path, size, minutes, steps=(1000, 500)):
    """The whole default run, or as much as `minutes` allow; (image, seconds, iterations, complete)."""
    begin, done = time.monotonic(), 0
    image, first, second = None, None, None
    for index, side in enumerate(scale_sizes(size)):
        content = load(content_path, side)
        loss = W2Loss(net, content, load(style_path, side, enlarge=False), newton_trace, 2.0)
        if image is None:
            image = content.clone()
            first, second = torch.zeros_like(image), torch.zeros_like(image)
        else:
            to = content.shape[2:]
            image = F.interpolate(image, to, mode="bicubic", align_corners=False).clamp(0, 1)
            first = F.interpolate(first, to, mode="bicubic", align_corners=False)
            second = F.interpolate(second, to, mode="bilinear", align_corners=False).relu()
        mean, weight = torch.zeros_like(image), 1.0
        for _ in range(steps[0] if index == 0 else steps[1]):
            variable = image.requires_grad_(True)
            (gradient,) = torch.autograd.grad(loss(variable), variable)
            done += 1
            with torch.no_grad():
                first = first * 0.9 + gradient * 0.1
                second = second * 0.99 + gradient.square() * 0.01
                step = first / (1 - 0.9 ** done) / ((second / (1 - 0.99 ** done)).sqrt() + 1e-8)
                image = (image - 0.02 * step).clamp(0, 1)
                mean, weight = mean * 0.99 + image * 0.01, weight * 0.99
            if minutes and time.monotonic() - begin > 60 * minutes:
                to = load(content_path, size).shape[2:]
                shown = F.interpolate(mean / (1 - weight), to, mode="bicubic", align_corners=False).clamp(0, 1)
                return shown, time.monotonic() - begin, done, False
        image = (mean / (1 - weight)).clamp(0, 1).detach()
    return image, time.monotonic() - begin, done, True


def crowsonkb_iterations(net, content_path, style_path, size, count):
    loss = W2Loss(net, load(content_path, size), load(style_path, size, enlarge=False), newton_trace, 2.0)
    image = load(content_path, size)
    optimizer = torch.optim.Adam([image.requires_grad_(True)], lr=0.02, betas=(0.9, 0.99))
    begin = time.monotonic()
    for _ in range(count):
        optimizer.zero_grad()
        loss(image).backward()
        optimizer.step()
    return time.monotonic() - begin


def neural_style_iterations(net, content_path, style_path, size, count):
    """Gram matrices over C H W, mean squares, L-BFGS of history 100."""
    content = load(content_path, size)

    def gram(feature):
        x = feature.flatten(2)[0]
        return x @ x.T / feature.numel()

    with torch.no_grad():
        wanted = net(content)[CONTENT]
        grams = {name: gram(f) for name, f in net(load(style_path, size)).items()}
    image = torch.rand(content.shape).requires_grad_(True)
    optimizer = torch.optim.LBFGS([image], max_iter=count, max_eval=10 ** 9, history_size=100, tolerance_grad=-1,
                                  tolerance_change=-1)

    def closure():
        optimizer.zero_grad()
        features = net(image)
        loss = 5 * F.mse_loss(features[CONTENT], wanted)
        for name in STYLE:
            loss = loss + 100 * F.mse_loss(gram(features[name]), grams[name])
        loss.backward()
        return loss

    begin = time.monotonic()
    optimizer.step(closure)
    return time.monotonic() - begin
