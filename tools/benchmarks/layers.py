"""Frozen nets measured layer by layer and whole: our engine against LibTorch in both of its layouts.

Runs bench_nets, a Google Benchmark program, with its repetitions in random order, and sets its figures side by side:
milliseconds of ours, of LibTorch in the better layout, their ratio (median over median; in brackets from LibTorch's
best over our worst to its worst over our best), and what ours does of a direct convolution's operations in a second,
also as a share of what a product of large matrices reaches on this machine. Winograd's convolutions do the same with
fewer operations, so that share may pass 100 %. Layers are timed forward, back to their input, and both together; nets
both together. Needs the machine for itself.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

from support import measuring

CEILING_SIDE = 2048
TO_MS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}
WINDOWS = {"inception_halving": (3, 3, 2), "vgg19": (3, 3, 1), "expand": (1, 1, 1), "project": (1, 1, 1)}


def measure(options):
    """What the program wrote: its context and all repetitions."""
    if not os.path.isfile(options.program):
        sys.exit(f"{options.program} is not built; install libbenchmark-dev, then configure and build again "
                 "(cmake --preset release && cmake --build --preset release)")
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "figures.json")
        command = [options.program, "--benchmark_enable_random_interleaving=true", f"--benchmark_out={out}",
                   f"--benchmark_repetitions={options.repeats}", "--benchmark_out_format=json"]
        if options.filter:
            command.append(f"--benchmark_filter=^ceiling/|({options.filter})")
        if options.min_time:
            command.append(f"--benchmark_min_time={options.min_time}")
        result = subprocess.run([*command, str(options.threads)], capture_output=True, text=True)
        if result.returncode:
            sys.exit(f"{options.program} failed: {result.stderr.strip()}")
        with open(out) as text:
            return json.load(text)


def collect(figures):
    """{what was measured: {layout: milliseconds of each repetition}}, in the program's order."""
    found = {}
    for one in sorted(figures["benchmarks"], key=lambda b: (b["family_index"], b.get("repetition_index", 0))):
        if one.get("run_type") == "aggregate":
            continue
        if one.get("error_occurred"):
            sys.exit(f"{one['name']} failed: {one['error_message']}")
        parts = [part for part in one["name"].split("/") if part != "real_time" and ":" not in part]
        what, layout = (tuple(parts), "") if parts[0] == "ceiling" else (tuple(parts[:-1]), parts[-1])
        found.setdefault(what, {}).setdefault(layout, []).append(one["real_time"] * TO_MS[one["time_unit"]])
    return found


def operations(name, shape):
    """Of a direct convolution, multiplications and additions apart; None where the window is not known."""
    match = re.fullmatch(r"(\d+)-(\d+)@(\d+)x(\d+)", shape)
    window = re.search(r"_(\d+)x(\d+)$", name)
    if window:
        window = (int(window[1]), int(window[2]), 1)
    else:
        window = next((size for part, size in WINDOWS.items() if part in name), None)
    if not match or not window:
        return None
    inputs, outputs, width, height = map(int, match.groups())
    wide, high, stride = window
    if stride > 1:  # without padding
        width, height = ((side - length) // stride + 1 for side, length in ((width, wide), (height, high)))
    return 2 * inputs * outputs * wide * high * width * height


def compare(times):
    """Ours, the better layout's and the ratio as cells of a row."""
    layouts = {layout: found for layout, found in times.items() if layout != "frozen"}
    ours = times.get("frozen")
    if not ours or not layouts:
        return None
    best = min(layouts, key=lambda layout: statistics.median(layouts[layout]))
    return [f"{statistics.median(ours):.2f}", f"{statistics.median(layouts[best]):.2f}", best.replace("_", " "),
            measuring.ratio(layouts[best], ours)]


def add(first, second):
    return {layout: [a + b for a, b in zip(first[layout], second[layout])] for layout in first if layout in second}


def layer_rows(found, ceiling):
    layers = {}
    for (kind, *rest), times in found.items():
        if kind == "layer" and len(rest) == 3:
            name, shape, way = rest
            layers.setdefault((name, shape), {})[way] = times
    for (name, shape), ways in layers.items():
        if "forward" in ways and "back" in ways:
            ways["both"] = add(ways["forward"], ways["back"])
        work = operations(name, shape)
        for way, times in ways.items():
            cells = compare(times)
            if not cells:
                continue
            speed, share = "-", "-"
            if work:
                value = work * (2 if way == "both" else 1) / statistics.median(times["frozen"]) / 1e6
                speed, share = f"{value:.0f}", f"{100 * value / ceiling:.0f} %" if ceiling else "-"
            yield [name, shape, way, *cells, speed, share]


def main():
    parser = argparse.ArgumentParser(prog="tools/bench layers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", metavar="REGEX", help="of benchmarks; bench_nets --benchmark_list_tests has them")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--min-time", type=float, help="seconds of each benchmark (default: bench_nets' own)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--program", default=measuring.built_program("tests/bench_nets"))
    options = parser.parse_args()
    figures = measure(options)
    found, context = collect(figures), figures["context"]
    if all(what[0] == "ceiling" for what in found):
        sys.exit(f"--filter {options.filter} matches neither a layer nor a net")
    print(f"{measuring.machine(options.threads)}; {context.get('runtime', '-')}; kernels "
          f"{context.get('kernels', '-')}; each {options.repeats} times, in random order")
    ceiling = found.get(("ceiling", "sgemm", str(CEILING_SIDE)), {}).get("")
    if ceiling:
        ceiling = 2 * CEILING_SIDE ** 3 / statistics.median(ceiling) / 1e6
        print(f"ceiling: {ceiling:.0f} GFLOP/s, product of two matrices of {CEILING_SIDE}x{CEILING_SIDE}")
    rows = list(layer_rows(found, ceiling))
    if rows:
        print()
        measuring.table(["layer", "channels@map", "way", "ours, ms", "LibTorch, ms", "its layout", "ratio", "GFLOP/s",
                         "of the ceiling"], rows)
    rows = [[what[1], what[2], what[3], *cells] for what, times in found.items()
            if what[0] == "net" and len(what) == 4 and (cells := compare(times))]
    if rows:
        print()
        measuring.table(["net", "up to", "picture", "ours, ms", "LibTorch, ms", "its layout", "ratio"], rows)


if __name__ == "__main__":
    main()
