"""Painting with nets that have learnt styles, measured in megapixels a second.

  nets   one pass over a square photo: the half net (16-32-64, ends of 5) and the full one (32-64-128, ends of 9), by our
         kernels, by our kernels in strips, and by LibTorch in the same program; and pytorch/examples' full net in Python,
         in the better of both memory layouts
  run    a whole run of styletransfer --model on a JPEG, reading and writing included: seconds and peak memory

All contestants take turns in one run; medians over --repeats. Needs the machine for itself, and for the net in Python a
Python with PyTorch of the same version (PYTHON=... picks one; without it that row is left out).
"""
import argparse
import os
import sys
import tempfile
import time

from support import measuring

NETS = measuring.built_program("tests/bench_fast")
OURS = [("half", "own"), ("half", "strips"), ("half", "libtorch"), ("full", "own"), ("full", "strips"),
        ("full", "libtorch")]


def transcriptions(options):
    """{name: function to (seconds, 0)} of the net in Python, or nothing without PyTorch."""
    try:
        import torch
        from support.johnson import Transcription
    except ImportError as error:
        print(f"without Python's net ({error})", file=sys.stderr)
        return {}
    torch.set_num_threads(options.threads)
    print(f"Python's LibTorch: {torch.__version__}")

    def of(layout):
        net = Transcription().to(memory_format=layout)
        photo = (255 * torch.rand(1, 3, options.side, options.side)).contiguous(memory_format=layout)

        def measure():
            begin = time.perf_counter()
            net(photo)
            return time.perf_counter() - begin, 0

        return measure

    return {"Python": of(torch.contiguous_format), "Python, channels-last": of(torch.channels_last)}


def bench_nets(options):
    ask = measuring.Asked(NETS, options.threads)
    contestants = {f"{net}, {engine}": lambda net=net, engine=engine: (ask(net, engine, options.side)[0], 0)
                   for net, engine in OURS}
    contestants.update(transcriptions(options))
    for measure in contestants.values():
        measure()
    found = measuring.in_turn(options.repeats, contestants)
    theirs = [series for name, series in found.items() if name.startswith("Python")]
    best = min(theirs, key=lambda series: series.median) if theirs else None
    rows = []
    for name, series in found.items():
        rows.append([name, f"{1e3 * series.median:.0f} ms", f"{options.side**2 / 1e6 / series.median:.2f}",
                     measuring.ratio(best.seconds, series.seconds) if best else "-"])
    measuring.table([f"one pass, {options.side}x{options.side}", "time", "MP/s",
                     "times as fast as pytorch/examples' net (spread)"], rows)


def bench_run(options):
    if not options.model or not options.photo:
        sys.exit("a run needs a net and a photo; pass --model FILE and --photo FILE.jpg")
    with tempfile.TemporaryDirectory() as folder:
        command = [options.program, options.photo, "--model", options.model, "-o", os.path.join(folder, "out.jpg"),
                   "--overwrite", "--json", "--quiet", "--threads", str(options.threads), *options.flags]
        runs = [measuring.run(command) for _ in range(options.repeats)]
    said = runs[0].lines[0]
    series = measuring.Series([one.seconds for one in runs], max(one.peak for one in runs))
    measuring.table(["whole run", "time", "slowest", "peak memory"],
                    [[f"{said['width']}x{said['height']}", f"{series.median:.2f} s", f"{max(series.seconds):.2f} s",
                      f"{series.peak / 1e6:.0f} MB"]])


def main():
    parser = argparse.ArgumentParser(prog="tools/bench fast", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["nets", "run"])
    parser.add_argument("--side", type=int, default=1024, help="nets: of the photo")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--avx2", action="store_true", help="hold LibTorch and our kernels to AVX2")
    parser.add_argument("--model", help="run: as styletransfer takes it")
    parser.add_argument("--photo", help="run: a JPEG")
    parser.add_argument("--flags", nargs="*", default=[], help="run: more flags for styletransfer")
    parser.add_argument("--program", default=measuring.built_program("bin/styletransfer"))
    options = parser.parse_args()
    if options.avx2:
        os.environ.update(measuring.HELD_TO_AVX2)
    print(measuring.machine(options.threads))
    {"nets": bench_nets, "run": bench_run}[options.what](options)


if __name__ == "__main__":
    main()
