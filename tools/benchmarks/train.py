"""Training measured on our kernels (--engine own) and on LibTorch's (--engine libtorch), in turn in one run.

  steps      one step of the default nets and of a feed-forward style net, ours against LibTorch in the same program; and
             of pytorch/examples' DCGAN, ours against a transcription in Python in the better of both memory layouts
  projected  one step of gan train --preset projected, as its --dry-run measures it, against the same maths in Python in
             the better of both memory layouts; in Python without the mean weights. Where gan is not built, or knows no
             such preset, Python alone
  layers     layer by layer: forward, gradient of the input, gradients of the weights, against the better layout
  memory     the peak of a process that takes 20 steps of a net on either engine, medians of three

A step is all that a training loop does for a batch that is there: losses, gradients, optimisers, mean weights; of the
default GAN the mean of 16, since every 16th takes R1. Medians over --repeats, in brackets from LibTorch's best over our
worst to its worst over our best. Needs the machine for itself, and for the DCGAN a Python with PyTorch of the same
version (PYTHON=... picks one; without it that row is left out); projected wants one, with numpy and Pillow.

LibTorch and our kernels are both held to AVX2 by --avx2, for machines that have more.
"""
import argparse
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

from support import measuring

NETS = {  # name: (what it is, steps at a time, LibTorch's ways)
    "gan-64": ("default GAN, 64x64, batch 32", 16, ["libtorch"]),
    "gan-32": ("default GAN, 32x32 grey, batch 32", 16, ["libtorch"]),
    "vae-64": ("default VAE, 64x64, batch 32", 4, ["libtorch"]),
    "vae-28": ("default VAE, 28x28 grey, batch 128", 4, ["libtorch"]),
    "style-256": ("style net, 256x256, batch 4", 2, ["libtorch", "planar"]),
    "gan-pytorch-64": ("DCGAN of pytorch/examples, 64x64, batch 64", 2, ["libtorch"]),
}
DCGAN = "gan-pytorch-64"
STEPS = measuring.built_program("tests/bench_steps")
LATENTS = {"fastgan": 256, "dcgan": 64}
PLANNED = 1_000_000  # steps of a dry run, which tells their time in minutes


def timed(step):
    """A function of a number of steps to seconds of one, set up."""
    step()

    def measure(steps):
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        return (time.perf_counter() - begin) / steps

    return measure


def transcriptions(options):
    """{layout: function of a number of steps to seconds of one}, or nothing without PyTorch."""
    try:
        import torch
        from support.dcgan import Transcription
    except ImportError as error:
        print(f"without Python's DCGAN ({error})", file=sys.stderr)
        return {}
    torch.set_num_threads(options.threads)
    print(f"Python's LibTorch: {torch.__version__}")
    real = torch.rand(64, 3, 64, 64) * 2 - 1

    def of(layout):
        model = Transcription(64, 3, 1, layout)
        return timed(lambda: model.step(real))

    return {"Python": of(torch.contiguous_format), "Python, channels-last": of(torch.channels_last)}


def bench_steps(options):
    ask = measuring.Asked(STEPS, options.threads)
    rows = []
    for net in options.nets:
        what, count, ways = NETS[net]
        contestants = {"own": lambda: (statistics.fmean(ask(net, "own", count)), 0)}
        for way in ways:
            contestants[way] = lambda way=way: (statistics.fmean(ask(net, way, count)), 0)
        if net == DCGAN:
            for name, measure in transcriptions(options).items():
                contestants[name] = lambda measure=measure: (measure(count), 0)
        for measure in contestants.values():
            measure()
        found = measuring.in_turn(options.repeats, contestants)
        ours = found.pop("own")
        peers = {name: one for name, one in found.items() if name.startswith("Python")} or found
        name, best = min(peers.items(), key=lambda item: item[1].median)
        rows.append([what, f"{1e3 * ours.median:.1f} ms", f"{1e3 * best.median:.1f} ms ({name})",
                     f"{ours.median / best.median:.3f}", measuring.ratio(best.seconds, ours.seconds)])
        print(f"{what}: {rows[-1][3]}", file=sys.stderr, flush=True)
    measuring.table(["one step", "ours", "theirs", "ours / theirs", "times as fast (spread)"], rows)


def seconds_in(text):
    """Of "about 1 h 5 min"."""
    units = {"h": 3600, "min": 60, "s": 1}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+) (h|min|s)\b", text))


class DryRun:
    """gan train --dry-run on images of noise: seconds of the step that it takes, and the peak of its process."""

    def __init__(self, options, folder):
        import numpy as np
        from support.pictures import write_tar
        data, size = os.path.join(folder, "noise.tar"), options.size
        write_tar(data, np.random.default_rng(0).integers(0, 256, (256, size, size, options.channels), dtype=np.uint8))
        same = options.generator_width == options.discriminator_width
        self.command = [
            options.program, "train", data, "-o", os.path.join(folder, "run"), "--preset", "projected", "--size",
            str(size), "--channels", str(options.channels), "--batch", str(options.batch), "--generator",
            options.generator, "--latent", str(options.latent), "--projected-size", str(options.projected_size),
            *(["--width", str(options.generator_width)] if same else []), "--augment", "color,translation,cutout",
            "--augment-probability", "1", "--augment-target", "0", "--threads", str(options.threads), "--steps",
            str(PLANNED), "--features", "none", "--dry-run", "--json", "--quiet", *shlex.split(options.flags)]

    def __call__(self):
        run = measuring.run(self.command)
        self.said = run.lines[0]
        return seconds_in(self.said["time"]) / PLANNED, run.peak

    def require_same_nets(self, model):
        """A dry run says how many parameters it has."""
        for name in ("generator", "discriminator"):
            ours = int(re.search(r"(\d+) parameters", self.said[name])[1])
            theirs = model.parameters(name)
            if ours != theirs:
                sys.exit(f"our {name} has {ours} parameters, Python's {theirs}; have --generator-width and "
                         "--discriminator-width say what gan trains, or --flags change that")


def knows_projected(program):
    try:
        return "--projected-size" in subprocess.run([program, "train", "--help"], capture_output=True, text=True).stdout
    except OSError:
        return False


def bench_projected(options):
    try:
        import torch
        from support.projected_gan import Training
    except ImportError as error:
        sys.exit(f"tools/bench train projected needs a Python with PyTorch ({error}); PYTHON=... picks it")
    torch.set_num_threads(options.threads)
    print(f"Python's LibTorch: {torch.__version__}")
    options.latent = options.latent or LATENTS[options.generator]
    reals = torch.rand(options.batch, options.channels, options.size, options.size) * 2 - 1
    models, contestants = {}, {}
    for name, layout in [("Python", torch.contiguous_format), ("Python, channels-last", torch.channels_last)]:
        model = models[name] = Training(
            options.size, options.channels, options.latent, options.projected_size, options.generator,
            options.generator_width, options.discriminator_width, layout)
        measure = timed(lambda model=model: model.step(reals))
        contestants[name] = lambda measure=measure: (measure(options.steps), 0)
    with tempfile.TemporaryDirectory() as folder:
        if knows_projected(options.program):
            contestants["own"] = DryRun(options, folder)
            contestants["own"]()
            contestants["own"].require_same_nets(models["Python"])
        else:
            print(f"without ours: {options.program} is not built, or knows no --projected-size", file=sys.stderr)
        found = measuring.in_turn(options.repeats, contestants)
    ours = found.pop("own", None)
    best = min(found, key=lambda name: found[name].median)
    sizes = (f"{options.generator}, {options.size}x{options.size}, batch {options.batch}, "
             f"seen at {options.projected_size}")
    rows = [[sizes, f"{1e3 * ours.median:.0f} ms" if ours else "-",
             *(f"{1e3 * one.median:.0f} ms" + (" (better)" if name == best else "") for name, one in found.items()),
             f"{ours.median / found[best].median:.3f}" if ours else "-",
             measuring.ratio(found[best].seconds, ours.seconds) if ours else "-"]]
    measuring.table(["one step", "ours", *found, "ours / theirs", "times as fast (spread)"], rows)


def bench_layers(options):
    command = [measuring.built_program("tests/bench_layers"), str(options.repeats), str(options.threads)]
    subprocess.run(command, check=True)


def bench_memory(options):
    rows = []
    for net in options.nets:
        peaks = []
        for engine in ("own", "libtorch"):
            series = [measuring.run([STEPS, str(options.threads), net, engine, "20"]).peak for _ in range(3)]
            peaks.append(statistics.median(series))
        rows.append([NETS[net][0], *map(measuring.megabytes, peaks), f"{peaks[0] / peaks[1]:.2f}"])
    measuring.table(["peak of a process that takes steps", "own", "libtorch", "own / libtorch"], rows)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench train", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["steps", "projected", "layers", "memory"])
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS), metavar="NET",
                        help="steps, memory: of " + ", ".join(NETS))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--avx2", action="store_true")
    projected = parser.add_argument_group("projected")
    projected.add_argument("--size", type=int, default=64, help="of the square images")
    projected.add_argument("--channels", type=int, default=1, choices=[1, 3])
    projected.add_argument("--batch", type=int, default=32)
    projected.add_argument("--generator", default="fastgan", choices=list(LATENTS))
    projected.add_argument("--latent", type=int, help="numbers (default: 256 of fastgan, 64 of dcgan)")
    projected.add_argument("--generator-width", type=int, default=64, help="gan train is told where both are alike")
    projected.add_argument("--discriminator-width", type=int, default=32)
    projected.add_argument("--projected-size", type=int, default=128)
    projected.add_argument("--steps", type=int, default=2, help="of Python in a round")
    projected.add_argument("--flags", default="", help="more flags for gan train")
    projected.add_argument("--program", default=measuring.built_program("bin/gan"))
    options = parser.parse_args()
    if options.avx2:
        os.environ.update(measuring.HELD_TO_AVX2)
    print(measuring.machine(options.threads))
    {"steps": bench_steps, "projected": bench_projected, "layers": bench_layers,
     "memory": bench_memory}[options.what](options)


if __name__ == "__main__":
    main()
