"""Training measured on our kernels (--engine own) and on LibTorch's (--engine libtorch), in turn in one run.

  steps    one step of the default nets and of a feed-forward style net, ours against LibTorch in the same program; and
           of pytorch/examples' DCGAN, ours against a transcription in Python in the better of both memory layouts
  layers   layer by layer: forward, gradient of the input, gradients of the weights, against the better layout
  memory   the peak of a process that takes 20 steps of a net on either engine, medians of three

A step is all that a training loop does for a batch that is there: losses, gradients, optimisers, mean weights; of the
default GAN the mean of 16, since every 16th takes R1. Medians over --repeats, in brackets from LibTorch's best over our
worst to its worst over our best. Needs the machine for itself, and for the DCGAN a Python with PyTorch of the same
version (PYTHON=... picks one; without it that row is left out).

LibTorch and our kernels are both held to AVX2 by --avx2, for machines that have more.
"""
import argparse
import os
import statistics
import subprocess
import sys
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
HELD_TO_AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
STEPS = measuring.built_program("tests/bench_steps")


class Steps:
    """bench_steps: seconds of some steps of a net, asked for when their turn comes."""

    def __init__(self, options):
        if not os.path.isfile(STEPS):
            sys.exit(f"{STEPS} is not built; cmake --build --preset release")
        self.process = subprocess.Popen([STEPS, str(options.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def __call__(self, net, engine, steps):
        self.process.stdin.write(f"{net} {engine} {steps}\n")
        self.process.stdin.flush()
        times = [float(word) for word in self.process.stdout.readline().split()]
        if len(times) != steps:
            sys.exit(f"bench_steps failed at {net} {engine}")
        return sum(times) / steps


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

    def timed(layout):
        model = Transcription(64, 3, 1, layout)
        model.step(real)

        def measure(steps):
            begin = time.perf_counter()
            for _ in range(steps):
                model.step(real)
            return (time.perf_counter() - begin) / steps

        return measure

    return {"Python": timed(torch.contiguous_format), "Python, channels-last": timed(torch.channels_last)}


def bench_steps(options):
    ask = Steps(options)
    rows = []
    for net in options.nets:
        what, count, ways = NETS[net]
        contestants = {"own": lambda: (ask(net, "own", count), 0)}
        for way in ways:
            contestants[way] = lambda way=way: (ask(net, way, count), 0)
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
    parser.add_argument("what", choices=["steps", "layers", "memory"])
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS), metavar="NET",
                        help="steps, memory: of " + ", ".join(NETS))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--avx2", action="store_true")
    options = parser.parse_args()
    if options.avx2:
        os.environ.update(HELD_TO_AVX2)
    print(measuring.machine(options.threads) + (", held to AVX2" if options.avx2 else ""))
    {"steps": bench_steps, "layers": bench_layers, "memory": bench_memory}[options.what](options)


if __name__ == "__main__":
    main()
