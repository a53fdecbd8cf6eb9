"""deepdream measured end to end: our frozen engine against LibTorch's, in turn, at several sizes.

  (nothing)    seconds of one step of one octave at each size: the slope between two run lengths, so that starting
               costs nothing; with both engines, their ratio and their peak memory
  --python     one step, plain, against the same maths in PyTorch with weights frozen, batch norm folded, in both layouts, of
               which the better counts; all on made-up weights, so that nothing need be downloaded. --network is one of
               NETWORKS. Needs a Python with PyTorch, Pillow and torchvision (PYTHON=python3 picks it)
  --gordic DIR whole dreams of gordicaleksa/pytorch-deepdream's own code in that folder with its defaults, against ours with
               ours and with its recipe (--preset gordic), all on one VGG16 of made-up weights, at widths of --sizes; with
               the megapixels that each sends through the net, times steps. Needs a Python with PyTorch, torchvision,
               OpenCV, matplotlib, SciPy, imageio and Pillow
  --whole      whole dreams with the default octaves and steps instead, from process start to file
  --pixels     seconds a step against pixels, with a straight line through them
  --scaling    seconds a step with 1 to --threads threads
  --batch N    N small pictures in one run, seconds for each, and what 1,000 would cost, extrapolated

--pixels and --scaling take the first of --engine, --batch compares all. A step sees the picture in surroundings of 32
pixels on each side (margin and jitter), so small pictures cost more a pixel; the line of --pixels is through the pixels
with surroundings. --peer names a command to measure beside ours, in which {input}, {output}, {size}, {steps} and
{threads} are filled in. Needs nothing but Python (but for --python), and the machine for itself.
"""
import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

from support import measuring

SIZES = [128, 181, 256, 362, 512, 724, 1024, 1448]
SURROUNDINGS = 2 * (16 + 16)
LOW = 1  # steps of the shorter of two runs
THOUSAND = 1000
PYTHON_DREAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "support/python_dream.py")
# What --python measures, and the layer it dreams at.
NETWORKS = {"vgg16": "relu4_3", "inception_v3": "Mixed_6e", "googlenet": "inception4c", "resnet50": "layer3.5",
            "efficientnet_lite0": "block12", "efficientnet_lite1": "block16", "efficientnet_lite2": "block16"}
LAYOUTS = ["contiguous", "channels_last"]
# A dream that does what --python's does: the gradient as it is, and steps of fixed length.
PLAIN = shlex.split("--laplacian 0 --smooth 0 --focus 0 --calm 0 --tone 0 --color-basis rgb")


class Dreamer:
    """The program with one engine."""

    def __init__(self, options, engine, folder):
        self.options, self.name, self.folder = options, engine, folder
        self.sizes = {}  # width and height of each longest side

    def run(self, inputs, size, *flags, threads=None):
        options, many = self.options, len(inputs) > 1
        weights = ["--weights", options.weights] if options.weights else []
        layers = ["--layers", NETWORKS[options.network], *PLAIN] if options.python else []
        output = os.path.join(self.folder, "dreams/" if many else "dream.png")
        run = measuring.run([options.program, *inputs, "-o", output, "--overwrite", "--quiet", "--json",
                             "--network", options.network, *weights, *layers, "--engine", self.name, "--threads",
                             str(threads or options.threads), "--size", str(size), *flags])
        self.sizes[size] = run.lines[0]["width"], run.lines[0]["height"]
        return run

    def step(self, size, threads=None):
        """(seconds of a step, peak)"""
        def measure(steps):
            run = self.run([self.options.input], size, "--octaves", "1", "--steps", str(steps), threads=threads)
            return run.seconds, run.peak
        return measuring.slope(measure, LOW, LOW + steps_at(self.options, size))

    def whole(self, size):
        run = self.run([self.options.input], size, *shlex.split(self.options.flags))
        return run.seconds, run.peak


class Peer:
    """Somebody else's command."""

    def __init__(self, options, folder, name, command):
        self.options, self.folder, self.name, self.command = options, folder, name, command

    def seconds(self, size, steps):
        fields = {"{input}": self.options.input, "{output}": os.path.join(self.folder, "peer.png"),
                  "{size}": str(size), "{steps}": str(steps), "{threads}": str(self.options.threads)}
        words = shlex.split(self.command)
        for field, value in fields.items():
            words = [word.replace(field, value) for word in words]
        run = measuring.run(words)
        return run.seconds, run.peak

    def step(self, size):
        return measuring.slope(lambda steps: self.seconds(size, steps), LOW, LOW + steps_at(self.options, size))

    def whole(self, size):
        return self.seconds(size, 0)


def steps_at(options, size):
    """Between the two run lengths: more at small sizes, where the start of a process would drown them."""
    return max(2, min(64, round(options.steps * (512 / size) ** 2)))


def python_peers(options, folder):
    """PyTorch in each of its layouts, on weights that are made here for all."""
    options.weights = os.path.join(folder, "weights.pth")
    script = [sys.executable, PYTHON_DREAM, options.network]
    if subprocess.run([*script, "--make", options.weights]).returncode:
        sys.exit("--python needs a Python with PyTorch, Pillow and torchvision; PYTHON=... picks it")
    return [Peer(options, folder, f"PyTorch {layout}", shlex.join(
        [*script, "--weights", options.weights, "--input", "{input}", "--size", "{size}", "--steps", "{steps}",
         "--threads", "{threads}", "--layout", layout, "--layer", NETWORKS[options.network]])) for layout in LAYOUTS]


def measure_sizes(options, dreamers, folder):
    contestants = list(dreamers)
    if options.python:
        contestants += python_peers(options, folder)
    if options.peer:
        contestants.append(Peer(options, folder, "peer", options.peer))
    first, rows = dreamers[0], []
    for size in options.sizes or SIZES:
        ways = {one.name: lambda one=one: (one.whole if options.whole else one.step)(size) for one in contestants}
        found = measuring.in_turn(options.repeats, ways)
        ours = found[first.name]
        rows.append(["{}x{}".format(*first.sizes[size]), *(f"{one.median:.3f}" for one in found.values()),
                     *(measuring.ratio(one.seconds, ours.seconds) for name, one in found.items() if name != first.name),
                     *(measuring.megabytes(one.peak) for one in found.values())])
    unit = "s" if options.whole else "s/step"
    measuring.table(["picture", *(f"{one.name}, {unit}" for one in contestants),
                     *(f"{one.name} / {first.name}" for one in contestants[1:]),
                     *(f"peak, {one.name}" for one in contestants)], rows)


def megapixel_steps(sizes, steps):
    """What goes through the net in a dream, surroundings left out."""
    return steps * sum(width * height for width, height in sizes) / 1e6


def plan_of(options, folder, size, flags):
    """(sizes of the octaves, steps of each), as the program itself plans them."""
    line = measuring.run([options.program, options.input, "-o", os.path.join(folder, "plan.png"), "--dry-run", "--json",
                          "--network", "vgg16", "--weights", options.weights, "--size", str(size), *flags]).lines[0]
    return [tuple(map(int, octave.split("x"))) for octave in line["octaves"]], int(line["steps"].split()[0])


def measure_gordic(options, _, folder):
    """The picture is taken to be wider than high: its width is what both are asked for."""
    options.network = "vgg16"
    python_peers(options, folder)  # makes the weights
    script = os.path.join(os.path.dirname(PYTHON_DREAM), "gordic_dream.py")
    theirs = Peer(options, folder, "its own code", shlex.join(
        [sys.executable, script, options.gordic, "--weights", options.weights, "--input", "{input}", "--width", "{size}",
         "--threads", "{threads}"]))
    recipes = {"ours, by default": [], "ours, --preset gordic": ["--preset", "gordic"]}
    rows = []
    for size in options.sizes or [512]:
        def ours(flags):
            run = measuring.run([options.program, options.input, "-o", os.path.join(folder, "dream.png"), "--overwrite",
                                 "--quiet", "--network", "vgg16", "--weights", options.weights, "--threads",
                                 str(options.threads), "--size", str(size), "--json", *flags])
            return run.seconds, run.peak
        ways = {name: lambda flags=flags: ours(flags) for name, flags in recipes.items()}
        found = measuring.in_turn(options.repeats, {theirs.name: lambda: theirs.whole(size), **ways})
        published = megapixel_steps(*plan_of(options, folder, size, ["--preset", "gordic"]))
        for name, one in found.items():
            flags = recipes.get(name)
            work = published if flags is None else megapixel_steps(*plan_of(options, folder, size, flags))
            rows.append([size, name, f"{one.median:.2f}", f"{work:.2f}",
                         measuring.ratio(one.seconds, found[theirs.name].seconds), measuring.megabytes(one.peak)])
    measuring.table(["width", "dream", "s", "megapixels x steps", "of its own code's time", "peak"], rows)


def line_through(points):
    """(a, b) of a + b x with the least relative errors."""
    weights = [1 / y ** 2 for _, y in points]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points))
    b = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points)) / spread
    return mean_y - b * mean_x, b


def measure_pixels(options, dreamers, _):
    ours, points, rows = dreamers[0], [], []
    for size in options.sizes or SIZES:
        found = measuring.in_turn(options.repeats, {ours.name: lambda: ours.step(size)})[ours.name]
        width, height = ours.sizes[size]
        seen = (width + SURROUNDINGS) * (height + SURROUNDINGS) / 1e6
        points.append((seen, found.median))
        rows.append([f"{width}x{height}", f"{width * height / 1e6:.3f}", f"{seen:.3f}", f"{found.median:.3f}",
                     f"{found.median / seen:.2f}", measuring.megabytes(found.peak)])
    measuring.table(["picture", "megapixels", "with surroundings", f"{ours.name}, s/step", "s per megapixel seen",
                     "peak"], rows)
    if len(points) > 2:
        a, b = line_through(points)
        worst = max(abs(a + b * x - y) / y for x, y in points)
        print(f"line: {a:.4f} s + {b:.3f} s per megapixel seen; the farthest size is {100 * worst:.0f} % off it")


def measure_scaling(options, dreamers, _):
    ours, rows = dreamers[0], []
    for size in options.sizes or [512]:
        ways = {count: lambda count=count: ours.step(size, count) for count in range(1, options.threads + 1)}
        found = measuring.in_turn(options.repeats, ways)
        for count, one in found.items():
            rows.append(["{}x{}".format(*ours.sizes[size]), count, f"{one.median:.3f}",
                         measuring.ratio(found[1].seconds, one.seconds), measuring.megabytes(one.peak)])
    measuring.table(["picture", "threads", f"{ours.name}, s/step", "times as fast as with one", "peak"], rows)


def measure_batch(options, dreamers, folder):
    if options.batch < 2:
        raise SystemExit("--batch wants 2 pictures or more, for it measures the half of them too")
    suffix = os.path.splitext(options.input)[1]
    names = [os.path.join(folder, f"{k:04}{suffix}") for k in range(options.batch)]
    for name in names:
        shutil.copy(options.input, name)
    half, flags = options.batch // 2, shlex.split(options.flags)
    for size in options.sizes or [256]:
        runs = {one.name: [] for one in dreamers}

        def both(one):
            """(seconds of a picture without the start, peak of the longer run)"""
            short, long = (one.run(names[:count], size, *flags) for count in (half, options.batch))
            runs[one.name].append(long.seconds)
            return max(0.0, long.seconds - short.seconds) / (options.batch - half), long.peak

        found = measuring.in_turn(options.repeats, {one.name: lambda one=one: both(one) for one in dreamers})
        for one in dreamers:
            whole, each = measuring.Series(runs[one.name]).median, found[one.name].median
            more = (THOUSAND - options.batch) * each
            print(f"{one.name}, {options.batch} pictures of {'x'.join(map(str, one.sizes[size]))}: {whole:.1f} s in "
                  f"one run, {whole / options.batch:.2f} s a picture, {each:.2f} s each further one, peak "
                  f"{measuring.megabytes(found[one.name].peak)}; 1,000 would take {(whole + more) / 60:.1f} min "
                  f"(extrapolated from runs of {half} and {options.batch}, not run)", flush=True)
        for other in dreamers[1:]:
            print(f"{dreamers[0].name}: {measuring.ratio(runs[other.name], runs[dreamers[0].name])} times as fast as "
                  f"{other.name}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench dream", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--python", action="store_true")
    mode.add_argument("--gordic", metavar="DIR")
    mode.add_argument("--whole", action="store_true")
    mode.add_argument("--pixels", action="store_true")
    mode.add_argument("--scaling", action="store_true")
    mode.add_argument("--batch", type=int, metavar="N")
    parser.add_argument("--engine", nargs="+", default=["frozen", "libtorch"], help="auto, frozen, libtorch; the first "
                        "is what others are set against")
    parser.add_argument("--sizes", type=int, nargs="+", help=f"longest sides (default: {' '.join(map(str, SIZES))}; "
                        "--scaling 512, --batch 256)")
    parser.add_argument("--steps", type=float, default=8, help="between the two run lengths at 512 px; more at smaller "
                        "sizes, fewer at larger ones, at least 2, at most 64")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--input", default=os.path.join(measuring.SAMPLES, "home.jpg"))
    parser.add_argument("--network", default="auto")
    parser.add_argument("--weights", help="of --network, as deepdream takes them")
    parser.add_argument("--flags", default="", help="more flags for --whole and --batch")
    parser.add_argument("--peer", metavar="COMMAND", help="of a peer, for the plain measure and --whole")
    parser.add_argument("--program", default=measuring.built_program("bin/deepdream"))
    options = parser.parse_args()
    if options.python and options.network not in NETWORKS:
        parser.error(f"--python wants --network {', '.join(NETWORKS)}")
    measuring.require_flag(options.program, "--engine")
    print(f"{measuring.machine(options.threads)}; network {'vgg16' if options.gordic else options.network}\n", flush=True)
    measure = (measure_gordic if options.gordic else measure_pixels if options.pixels else measure_scaling if options.scaling
               else measure_batch if options.batch else measure_sizes)
    with tempfile.TemporaryDirectory() as folder:
        measure(options, [Dreamer(options, engine, folder) for engine in options.engine], folder)


if __name__ == "__main__":
    main()
