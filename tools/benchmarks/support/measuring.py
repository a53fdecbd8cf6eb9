"""What the benchmarks share: programs run with their time and peak memory, in turn, ratios with spreads, tables."""
import dataclasses
import datetime
import json
import os
import shlex
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
SAMPLES = os.path.expanduser("~/.cache/reverie/samples")
TRIES = 3  # of a slope that drowns in noise
# The environment of LibTorch, and with it our kernels, on a processor that has more.
HELD_TO_AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


@dataclasses.dataclass
class Run:
    """What one process took and said: seconds, peak bytes, its standard output as JSON lines."""
    seconds: float
    peak: int
    lines: list


@dataclasses.dataclass
class Series:
    """The same measured several times: seconds of each, and the largest peak in bytes (0: not known)."""
    seconds: list
    peak: int = 0

    @property
    def median(self):
        return statistics.median(self.seconds)


def built_program(name):
    return os.path.join(ROOT, "build/release", name)


class Asked:
    """A program of tests/bench that measures what a line of words says, when its turn comes: numbers, a line each."""

    def __init__(self, program, threads):
        if not os.path.isfile(program):
            sys.exit(f"{program} is not built; cmake --build --preset release")
        self.name = os.path.basename(program)
        self.process = subprocess.Popen([program, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *words):
        said = " ".join(map(str, words))
        self.process.stdin.write(said + "\n")
        self.process.stdin.flush()
        numbers = [float(word) for word in self.process.stdout.readline().split()]
        if not numbers:
            sys.exit(f"{self.name} failed at {said}")
        return numbers


def run(command):
    result = subprocess.run([sys.executable, "-S", LAUNCH, *command], stdout=subprocess.PIPE, text=True)
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    if not lines:
        sys.exit(f"failed: {shlex.join(command)}")
    end = lines.pop()
    if "error" in end:
        sys.exit(f"{command[0]} does not start ({end['error']}); build the programs or name yours with --program")
    if end["status"]:
        sys.exit(f"failed: {shlex.join(command)}")
    return Run(end["seconds"], end["peak"], lines)


def require_flag(program, flag):
    """An old build is told apart before hours of measuring."""
    try:
        text = subprocess.run([program, "--help"], capture_output=True, text=True).stdout
    except OSError as error:
        sys.exit(f"{program} does not start ({error.strerror}); build the programs or name yours with --program")
    if flag not in text:
        sys.exit(f"{program} knows no {flag}; build it anew")


def slope(measure, low, high):
    """(seconds per unit, peak bytes at `low`) out of two run lengths, so that starting costs nothing; `measure` gives
    seconds and peak of a length."""
    for _ in range(TRIES):
        first, peak = measure(low)
        last, _ = measure(high)
        if last > first:
            return (last - first) / (high - low), peak
        print(f"a run of {high} took no longer than one of {low}; measured again", file=sys.stderr)
    sys.exit("this machine is too busy to measure so short runs on; see --help for longer ones")


def in_turn(repeats, contestants):
    """All once, then all again, so that they meet the same machine: {name: Series} of {name: function to (seconds,
    peak)}."""
    found = {name: Series([]) for name in contestants}
    for _ in range(repeats):
        for name, measure in contestants.items():
            seconds, peak = measure()
            found[name].seconds.append(seconds)
            found[name].peak = max(found[name].peak, peak)
    return found


def ratio(theirs, ours):
    """Median over median, with the spread from their best over our worst to their worst over our best."""
    if len(theirs) == 1:
        return f"{theirs[0] / ours[0]:.2f}"
    return (f"{statistics.median(theirs) / statistics.median(ours):.2f} "
            f"({min(theirs) / max(ours):.2f} to {max(theirs) / min(ours):.2f})")


def megabytes(peak):
    return f"{peak / 1e6:.0f} MB" if peak else "-"


def table(header, rows):
    """Markdown, with its columns in line."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    cells.insert(1, ["-" * width for width in widths])
    for row in cells:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    sys.stdout.flush()


def machine(threads):
    """The processor and what else a figure needs beside it."""
    facts = {}
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                facts.setdefault(name.strip(), value.strip())
    except OSError:
        pass
    flags = facts.get("flags", "").split()
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    if vectors == "AVX-512" and HELD_TO_AVX2.items() <= os.environ.items():
        vectors += " held to AVX2"
    return (f"{facts.get('model name', 'unknown processor')}, {os.cpu_count()} cores, {vectors}; {threads} "
            f"{'thread' if threads == 1 else 'threads'}; {datetime.date.today()}")
