"""Style transfer measured against the two programs people use, as Python transcriptions of their published maths.

  iteration  seconds per iteration at a size: ours and neural-style-pt's (Gram matrices, L-BFGS), ours and
             style-transfer-pytorch's (W2, Adam); the slope between two run lengths, so that starting costs nothing
  objective  time to reach the objective that style-transfer-pytorch has after its full default run, or after
             --peer-minutes of it: W2 plus content in float64, with exact matrix roots, on the finished picture
  default    the default picture from process start to file, and the peak memory
  memory     peak memory per megapixel, whole and under a limit
  batch      ten pictures in one run, one after the other and side by side, against ten runs

The net is VGG19 with random weights of a fixed seed unless --weights names a file of torchvision's; its values change
none of the times. Needs Python with torch and Pillow (PYTHON=... picks one), and the machine for itself.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

try:
    import torch
    import torch.nn.functional as F
    from PIL import Image
except ImportError as error:
    sys.exit(f"tools/bench style needs torch and Pillow ({error}); set PYTHON to an interpreter that has them")

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
    sizes, k = [], 0
    while True:
        side = round(smallest * 2 ** (k / 2))
        if side >= size:
            return sizes + [size]
        sizes.append(side)
        k += 1


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


class Ours:
    def __init__(self, args, weights):
        self.args, self.weights = args, weights
        self.folder = tempfile.TemporaryDirectory()

    def run(self, inputs, *flags, own_net=True):
        """(seconds, peak bytes, files)"""
        out = os.path.join(self.folder.name, "out")
        network = ["--network", "vgg19", "--weights", self.weights] if own_net else []
        command = [self.args.program, *inputs, "--style", self.args.style, "-o", out, "--overwrite", "--progress",
                   "none", "--json", *network, *flags]
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"failed: {' '.join(command)}")
        return time.monotonic() - begin, usage.ru_maxrss * 1024, [json.loads(line) for line in lines]

    def per_iteration(self, preset, size, low=4, high=12):
        def seconds(steps):
            return self.run([self.args.content], "--preset", preset, "--size", str(size), "--min-size", str(size),
                            "--steps", str(steps), "--patience", "0")[0]
        return (seconds(high) - seconds(low)) / (high - low)


def median(values):
    return sorted(values)[len(values) // 2]


def slope(function, low, high):
    return (function(high) - function(low)) / (high - low)


def measure_iteration(args, ours, weights):
    plain, replicate = Vgg19(weights, False), Vgg19(weights, True)
    for size in args.sizes:
        for name, preset, peer, net in [
                ("neural-style-pt", "neural-style", neural_style_iterations, plain),
                ("style-transfer-pytorch", "crowsonkb", crowsonkb_iterations, replicate)]:
            peers, own = [], []
            for _ in range(args.repeats):  # in turn, so that both meet the same machine
                own.append(ours.per_iteration(preset, size))
                peers.append(slope(lambda n: peer(net, args.content, args.style, size, n), 2, 6))
            print(f"{size} px, {name}: {median(peers):.2f} s/iteration, ours {median(own):.2f} s, "
                  f"ratio {median(peers) / median(own):.2f} "
                  f"({min(peers) / max(own):.2f} to {max(peers) / min(own):.2f})", flush=True)


def measure_objective(args, ours, weights):
    exact = Vgg19(weights, True, torch.float64)
    for size in args.sizes:
        content = load(args.content, size, torch.float64)
        judge = W2Loss(exact, content, load(args.style, size, torch.float64, enlarge=False), exact_trace_root, 0)
        with torch.no_grad():
            start = judge(content).item()
        image, seconds, done, complete = crowsonkb(Vgg19(weights, True), args.content, args.style, size,
                                                   args.peer_minutes)
        with torch.no_grad():
            goal = judge(image.double()).item()
        print(f"{size} px: style-transfer-pytorch {'full run' if complete else 'stopped'}: {done} iterations, "
              f"{seconds:.0f} s, objective {start:.5g} -> {goal:.5g}", flush=True)
        for steps in (10, 20, 40, 80, 160, 320):
            took, _, files = ours.run([args.content], "--preset", "crowsonkb", "--size", str(size), "--steps",
                                      str(steps), "--first-steps", str(2 * steps), "--patience", "0")
            with torch.no_grad():
                value = judge(load(files[0]["output"], size, torch.float64)).item()
            print(f"  ours, {steps} steps a scale: {took:.0f} s, objective {value:.5g}", flush=True)
            if value <= goal:
                print(f"  reached in {took / seconds:.3f} of its time", flush=True)
                break


def measure_default(args, ours, _):
    took, peak, _ = ours.run([args.content], own_net=False)
    print(f"default picture: {took:.0f} s from process start to file, peak {peak / 1e6:.0f} MB")


def measure_memory(args, ours, _):
    for size, limit in [(512, None), (1024, None), (1448, None), (1448, "1500M"), (2048, "2G")]:
        flags = ["--max-memory", limit] if limit else ["--max-memory", "1T"]
        took, peak, files = ours.run([args.content], "--size", str(size), "--min-size", str(size), "--steps", "2",
                                     *flags)
        pixels = files[0]["width"] * files[0]["height"] / 1e6
        print(f"{size} px ({pixels:.2f} MP), {'limit ' + limit if limit else 'whole'}: peak {peak / 1e6:.0f} MB, "
              f"{peak / 1e6 / pixels:.0f} MB per megapixel, {took:.0f} s for 2 steps", flush=True)


def measure_batch(args, ours, _):
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for k in range(10):
            names.append(os.path.join(folder, f"{k}.jpg"))
            Image.open(args.content).convert("RGB").rotate(0.5 * k).save(names[-1])
        flags = ["--size", "256", *args.batch_flags.split()]
        one_by_one, side_by_side = (ours.run(names, "--jobs", jobs, *flags, own_net=False)[0] for jobs in ("1", "auto"))
        apart = sum(ours.run([name], *flags, own_net=False)[0] for name in names)
    print(f"10 pictures of 256 px: {apart:.1f} s in ten runs; in one run {one_by_one:.1f} s one after the other "
          f"({apart / one_by_one:.2f}x), {side_by_side:.1f} s side by side ({apart / side_by_side:.2f}x)")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench style", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    samples = os.path.expanduser("~/.cache/reverie/samples")
    measures = {"iteration": measure_iteration, "objective": measure_objective, "default": measure_default,
                "memory": measure_memory, "batch": measure_batch}
    parser.add_argument("measures", nargs="*", default=["iteration"], metavar="MEASURE", help=", ".join(measures))
    parser.add_argument("--program", default=os.path.join(here, "../../build/release/bin/styletransfer"))
    parser.add_argument("--weights", help="a VGG19 checkpoint as torchvision names it")
    parser.add_argument("--content", default=os.path.join(samples, "home.jpg"))
    parser.add_argument("--style", default=os.path.join(samples, "starry_night.jpg"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peer-minutes", type=float, default=0, help="stop the peer's run there; 0: let it end")
    parser.add_argument("--batch-flags", default="", help="more flags for the batch measure")
    args = parser.parse_args()
    unknown = [name for name in args.measures if name not in measures]
    if unknown:
        parser.error(f"unknown measure {unknown[0]}; wanted {', '.join(measures)}")
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        weights = args.weights or os.path.join(folder, "vgg19.pth")
        if not args.weights:
            random_weights(weights)
        ours = Ours(args, weights)
        for name in args.measures:
            measures[name](args, ours, weights)


if __name__ == "__main__":
    main()
