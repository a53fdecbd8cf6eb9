"""Style transfer measured against the two programs people use.

  iteration  seconds per iteration at a size, and peak memory: ours and neural-style-pt's (Gram matrices, L-BFGS), ours
             and style-transfer-pytorch's (W2, Adam); the slope between two run lengths, so that starting costs nothing
  scales     the same at each scale of style-transfer-pytorch's default run, summed to what that run costs without
             running it; the objective it ends at, from our preset of the same name with as many iterations; and what
             ours takes to come as far
  objective  time to reach the objective that style-transfer-pytorch has after its full default run, or after
             --peer-minutes of it: W2 plus content in float64, with exact matrix roots, on the finished picture
  default    the default picture from process start to file, and the peak memory
  memory     peak memory per megapixel, whole and under a limit
  batch      ten pictures in one run, one after the other and side by side, against ten runs

The two programs are Python transcriptions of their published maths, or their own code, in processes of their own, where
--neural-style-pt and --style-transfer-pytorch name folders with their sources. --engine frozen libtorch measures ours
with both engines; the first is taken where one is needed.

The net is VGG19 with random weights of a fixed seed unless --weights names a file of torchvision's; its values change
none of the times. Needs Python with torch and Pillow, and torchvision for the peers' own code (PYTHON=... picks one),
and the machine for itself.
"""
import argparse
import dataclasses
import json
import os
import sys
import tempfile

try:
    import torch
    from PIL import Image
except ImportError as error:
    sys.exit(f"tools/bench style needs torch and Pillow ({error}); set PYTHON to an interpreter that has them")

from support import measuring
from support import transcriptions as maths

LOW = 2  # the shorter of two runs


class Ours:
    """Our program with one engine (None: what it takes by itself)."""

    def __init__(self, args, weights, engine):
        self.args, self.weights = args, weights
        self.name = f"ours, {engine}" if engine else "ours"
        self.flags = ["--threads", str(args.threads), *(["--engine", engine] if engine else [])]
        self.folder = tempfile.TemporaryDirectory()

    def run(self, inputs, *flags, own_net=True):
        network = ["--network", "vgg19", "--weights", self.weights] if own_net else []
        return measuring.run([self.args.program, *inputs, "--style", self.args.style, "-o",
                              os.path.join(self.folder.name, "out"), "--overwrite", "--quiet", "--json",
                              *network, *self.flags, *flags])

    def per_iteration(self, preset, size):
        """Longer at small sizes, where the start of a process would drown them."""
        def measure(steps):
            run = self.run([self.args.content], "--preset", preset, "--size", str(size), "--min-size", str(size),
                           "--steps", str(steps), "--first-steps", "0", "--patience", "0")
            return run.seconds, run.peak
        return measuring.slope(measure, LOW, LOW + round(self.args.iterations * max(1.0, (512 / size) ** 2)))


class Transcription:
    def __init__(self, args, name, preset, function, net):
        self.args, self.name, self.preset = args, f"{name} (transcribed)", preset
        self.function, self.net = function, net

    def per_iteration(self, size):
        def measure(count):
            return self.function(self.net, self.args.content, self.args.style, size, count), 0
        measure(1)  # LibTorch's first call prepares much
        return measuring.slope(measure, LOW, LOW + self.args.iterations)


class OwnCode:
    """A published program, started by one of the scripts in support/, which put a clock around its iterations."""

    def __init__(self, args, name, preset, folder, weights):
        self.args, self.name, self.preset = args, f"{name} (its own code)", preset
        self.script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "support",
                                   name.replace("-", "_") + ".py")
        self.job = {"folder": os.path.abspath(folder), "weights": os.path.abspath(weights), "threads": args.threads,
                    "content": os.path.abspath(args.content), "style": os.path.abspath(args.style)}

    def run(self, **job):
        return measuring.run([sys.executable, self.script, json.dumps({**self.job, **job})])

    def per_iteration(self, size):
        def measure(count):
            run = self.run(size=size, count=count, min_size=size, first=count, each=count, minutes=0, output=None)
            return run.lines[0]["seconds"], run.peak
        return measuring.slope(measure, LOW, LOW + self.args.iterations)


@dataclasses.dataclass
class Bench:
    args: argparse.Namespace
    weights: str
    ours: list    # one for each engine
    gram: object  # neural-style-pt
    w2: object    # style-transfer-pytorch


def prepare(args, weights):
    ours = [Ours(args, weights, engine) for engine in args.engine or [None]]
    if args.neural_style_pt:
        gram = OwnCode(args, "neural-style-pt", "neural-style", args.neural_style_pt, weights)
    else:
        gram = Transcription(args, "neural-style-pt", "neural-style", maths.neural_style_iterations,
                             maths.Vgg19(weights, False))
    if args.style_transfer_pytorch:
        w2 = OwnCode(args, "style-transfer-pytorch", "crowsonkb", args.style_transfer_pytorch, weights)
    else:
        w2 = Transcription(args, "style-transfer-pytorch", "crowsonkb", maths.crowsonkb_iterations,
                           maths.Vgg19(weights, True))
    return Bench(args, weights, ours, gram, w2)


def iterations_in_turn(bench, peer, size):
    contestants = {one.name: lambda one=one: one.per_iteration(peer.preset, size) for one in bench.ours}
    return measuring.in_turn(bench.args.repeats, {**contestants, peer.name: lambda: peer.per_iteration(size)})


def measure_iteration(bench):
    for size in bench.args.sizes:
        for peer in (bench.gram, bench.w2):
            found = iterations_in_turn(bench, peer, size)
            theirs = found[peer.name]
            rows = []
            for name, one in found.items():
                of_theirs = f"{one.peak / theirs.peak:.2f}" if theirs.peak else "-"
                rows.append([name, f"{one.median:.3f}", measuring.ratio(theirs.seconds, one.seconds),
                             measuring.megabytes(one.peak), of_theirs])
            print()
            measuring.table([f"{size} px, preset {peer.preset}", "s/iteration", "times as fast as the peer",
                             f"peak, {LOW} iterations", "of the peer's"], rows)
            if len(bench.ours) > 1:
                first, other = (found[one.name] for one in bench.ours[:2])
                print(f"{bench.ours[0].name}: {measuring.ratio(other.seconds, first.seconds)} times as fast as "
                      f"{bench.ours[1].name}, {first.peak / other.peak:.2f} of its peak", flush=True)


class Judge:
    """The objective of finished pictures, in float64 with exact roots."""

    def __init__(self, bench, size):
        self.bench, self.size = bench, size
        content = maths.load(bench.args.content, size, torch.float64)
        self.loss = maths.W2Loss(maths.Vgg19(bench.weights, True, torch.float64), content,
                                 maths.load(bench.args.style, size, torch.float64, enlarge=False),
                                 maths.exact_trace_root, 0)
        self.start = self(content)

    def __call__(self, image):
        with torch.no_grad():
            return self.loss(image).item()

    def ours(self, steps, first, *flags):
        """Our preset's run: seconds and the objective it ends at."""
        run = self.bench.ours[0].run([self.bench.args.content], "--preset", "crowsonkb", "--size", str(self.size),
                                     "--steps", str(steps), "--first-steps", str(first), "--patience", "0", *flags)
        return run.seconds, self(maths.load(run.lines[0]["output"], self.size, torch.float64))

    def reach(self, goal, seconds):
        """How soon ours comes to `goal`, which took the peer `seconds`: the same objective, by L-BFGS."""
        for steps in (10, 20, 40, 60, 80, 160, 320):
            took, value = self.ours(steps, 2 * steps, "--optimizer", "lbfgs", "--average", "0")
            print(f"  ours, L-BFGS, {steps} steps a scale: {took:.0f} s, objective {value:.5g}", flush=True)
            if value <= goal:
                print(f"  reached in {took / seconds:.3f} of its time", flush=True)
                return
        print("  not reached", flush=True)


def measure_scales(bench):
    args, (first, each) = bench.args, bench.args.published
    size = max(args.sizes)
    sides = maths.scale_sizes(size)
    rows, sums = [], {}
    for side in sides:
        count = first if side == sides[0] else each
        found = iterations_in_turn(bench, bench.w2, side)
        theirs = found[bench.w2.name]
        rows.append([f"{side} px", count, *(f"{one.median:.3f}" for one in found.values()),
                     *(measuring.ratio(theirs.seconds, found[one.name].seconds) for one in bench.ours)])
        for name, one in found.items():
            sums[name] = sums.get(name, 0) + count * one.median
    rows.append(["sum of iterations x s", first + each * (len(sides) - 1),
                 *(f"{value:.0f} s" for value in sums.values()),
                 *(f"{sums[bench.w2.name] / sums[one.name]:.2f}" for one in bench.ours)])
    print()
    measuring.table(["scale", "iterations", *(f"s/iteration, {name}" for name in sums),
                     *(f"times as fast, {one.name}" for one in bench.ours)], rows)
    total = sums[bench.w2.name]
    print(f"{bench.w2.name}: a whole run of {rows[-1][1]} iterations costs {total:.0f} s; summed from the "
          "iterations measured here, not run", flush=True)
    judge = Judge(bench, size)
    took, goal = judge.ours(each, first)
    print(f"objective it ends at: {judge.start:.5g} -> {goal:.5g}; not its own but that of our --preset crowsonkb with "
          f"the same number of iterations ({took:.0f} s), which the tests hold equal to the published recipe",
          flush=True)
    judge.reach(goal, total)


def measure_objective(bench):
    args = bench.args
    for size in args.sizes:
        judge = Judge(bench, size)
        first, each = args.published
        if args.style_transfer_pytorch:
            with tempfile.TemporaryDirectory() as folder:
                output = os.path.join(folder, "theirs.png")
                line = bench.w2.run(size=size, min_size=128, first=first, each=each, minutes=args.peer_minutes,
                                    output=output).lines[0]
                image = maths.load(output, size, torch.float64)
            seconds, done, complete = line["seconds"], line["iterations"], line["complete"]
        else:
            image, seconds, done, complete = maths.crowsonkb(bench.w2.net, args.content, args.style, size,
                                                             args.peer_minutes, (first, each))
        goal = judge(image.double())
        print(f"{size} px: {bench.w2.name} {'full run' if complete else 'stopped'}: {done} iterations, "
              f"{seconds:.0f} s, objective {judge.start:.5g} -> {goal:.5g}", flush=True)
        judge.reach(goal, seconds)


def measure_default(bench):
    for one in bench.ours:
        run = one.run([bench.args.content], own_net=False)
        print(f"{one.name}, default picture: {run.seconds:.0f} s from process start to file, peak "
              f"{measuring.megabytes(run.peak)}", flush=True)


def measure_memory(bench):
    for size, limit in [(512, None), (1024, None), (1448, None), (1448, "1500M"), (2048, "2G")]:
        for one in bench.ours:
            run = one.run([bench.args.content], "--size", str(size), "--min-size", str(size), "--steps", "2",
                          "--max-memory", limit or "1T")
            pixels = run.lines[0]["width"] * run.lines[0]["height"] / 1e6
            print(f"{one.name}, {size} px ({pixels:.2f} MP), {'limit ' + limit if limit else 'whole'}: peak "
                  f"{measuring.megabytes(run.peak)}, {run.peak / 1e6 / pixels:.0f} MB per megapixel, "
                  f"{run.seconds:.0f} s for 2 steps", flush=True)


def measure_batch(bench):
    ours = bench.ours[0]
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for k in range(10):
            names.append(os.path.join(folder, f"{k}.jpg"))
            Image.open(bench.args.content).convert("RGB").rotate(0.5 * k).save(names[-1])
        flags = ["--size", "256", *bench.args.batch_flags.split()]
        one_by_one, side_by_side = (ours.run(names, "--jobs", jobs, *flags, own_net=False).seconds
                                    for jobs in ("1", "auto"))
        apart = sum(ours.run([name], *flags, own_net=False).seconds for name in names)
    print(f"10 pictures of 256 px: {apart:.1f} s in ten runs; in one run {one_by_one:.1f} s one after the other "
          f"({apart / one_by_one:.2f}x), {side_by_side:.1f} s side by side ({apart / side_by_side:.2f}x)")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench style", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    measures = {"iteration": measure_iteration, "scales": measure_scales, "objective": measure_objective,
                "default": measure_default, "memory": measure_memory, "batch": measure_batch}
    parser.add_argument("measures", nargs="*", default=["iteration"], metavar="MEASURE", help=", ".join(measures))
    parser.add_argument("--program", default=measuring.built_program("bin/styletransfer"))
    parser.add_argument("--engine", nargs="+", help="of our program: auto, frozen, libtorch; two are compared")
    parser.add_argument("--neural-style-pt", metavar="DIR", help="its sources, to run its own code")
    parser.add_argument("--style-transfer-pytorch", metavar="DIR", help="its sources, to run its own code")
    parser.add_argument("--weights", help="a VGG19 checkpoint as torchvision names it")
    parser.add_argument("--content", default=os.path.join(measuring.SAMPLES, "home.jpg"))
    parser.add_argument("--style", default=os.path.join(measuring.SAMPLES, "starry_night.jpg"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="scales ends at the largest")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=8, help="between the two run lengths")
    parser.add_argument("--published", type=int, nargs=2, default=[1000, 500], metavar=("FIRST", "EACH"),
                        help="iterations of style-transfer-pytorch's scales (default: 1000 500, as published)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peer-minutes", type=float, default=0, help="stop the peer's run there; 0: let it end")
    parser.add_argument("--batch-flags", default="", help="more flags for the batch measure")
    args = parser.parse_args()
    unknown = [name for name in args.measures if name not in measures]
    if unknown:
        parser.error(f"unknown measure {unknown[0]}; wanted {', '.join(measures)}")
    if args.engine:
        measuring.require_flag(args.program, "--engine")
    torch.set_num_threads(args.threads)
    print(f"{measuring.machine(args.threads)}; torch {torch.__version__}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        weights = args.weights or os.path.join(folder, "vgg19.pth")
        if not args.weights:
            maths.random_weights(weights)
        bench = prepare(args, weights)
        for name in args.measures:
            measures[name](bench)


if __name__ == "__main__":
    main()
