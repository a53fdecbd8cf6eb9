"""Training by several ranks, in turn with one process that has all threads, of the same global batch.

  (nothing)          images a second of gan train on --data with 1, 2 and 4 ranks of one thread each, against one process
                     with --threads, all in turn; with the bytes that a step exchanges
  --slow-link MBIT   two ranks in network namespaces of their own, with a link of so many Mbit/s between them (tc, tbf): how
                     much of what the link takes for the gradients is hidden behind the backward pass. Needs root, and
                     nothing else in the namespaces reverie-0 and reverie-1

Open MPI's mpirun starts the ranks, unbound, as many as there are asked for. The first steps are not counted: what is
measured is between the first and the last line of timing.jsonl. Needs nothing but Python, and the machine for itself.
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile

from support import measuring

OPEN_MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none"}
NAMESPACES = ["reverie-0", "reverie-1"]
LINK = ["10.77.0.1", "10.77.0.2"]


def seconds_of_step(command, options, environment=None):
    """Seconds a step between the first and the last log line of a run that `command` makes, {run} filled in."""
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        words = [word.replace("{run}", run) for word in command]
        result = subprocess.run(words, env={**os.environ, **OPEN_MPI, **(environment or {})}, capture_output=True, text=True)
        if result.returncode:
            sys.exit(f"failed: {' '.join(words)}\n{result.stderr}")
        with open(os.path.join(run, "timing.jsonl"), encoding="utf-8") as lines:
            times = [json.loads(line) for line in lines]
    # images_per_second of each line is of its own interval; the first also pays for what is set up once.
    return statistics.median(options.batch / line["images_per_second"] for line in times[1:])


def training(options, threads):
    return [measuring.built_program(options.program), "train", options.data, "-o", "{run}", "--steps", str(options.steps),
            "--log-every", str(max(1, options.steps // 5)), "--preview-every", "0", "--validate-every", "0", "--batch",
            str(options.batch), "--threads", str(threads), "--progress", "none", *options.flags]


def in_ranks(count, options):
    return ["mpirun", "-n", str(count), *training(options, 1)]


def efficiency(options):
    contestants = {f"1 process, {options.threads} threads": training(options, options.threads)}
    contestants |= {f"{count} ranks, 1 thread each": in_ranks(count, options) for count in options.ranks}
    found = {name: [] for name in contestants}
    for _ in range(options.repeats):
        for name, command in contestants.items():
            found[name].append(seconds_of_step(command, options))
    whole = found[next(iter(found))]
    print("| | images a second | against the first (spread) |\n|---|---|---|")
    for name, seconds in found.items():
        ratio = statistics.median(whole) / statistics.median(seconds)
        spread = f"{min(whole) / max(seconds):.2f} to {max(whole) / min(seconds):.2f}"
        print(f"| {name} | {options.batch / statistics.median(seconds):.1f} | {ratio:.2f} ({spread}) |")


@contextlib.contextmanager
def namespaces(mbit):
    """Two namespaces with a link of that speed between them; None: as fast as can be."""

    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    try:
        for name in NAMESPACES:
            ip("netns", "add", name)
        ip("link", "add", "reverie-a", "type", "veth", "peer", "name", "reverie-b")
        for name, end, address in zip(NAMESPACES, ["reverie-a", "reverie-b"], LINK):
            ip("link", "set", end, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")
            if mbit:
                subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", end, "root", "tbf", "rate", f"{mbit}mbit",
                                "burst", "64kb", "latency", "200ms"], check=True)
        yield
    finally:
        for name in NAMESPACES:
            subprocess.run(["ip", "netns", "del", name], check=False)


def slow_link(options):
    # To Open MPI the namespaces are two machines; what it would do by ssh is to enter the other one.
    with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as agent:
        agent.write('#!/bin/sh\nshift\nexec ip netns exec reverie-1 sh -c "$*"\n')
    os.chmod(agent.name, 0o755)
    command = ["ip", "netns", "exec", NAMESPACES[0], "mpirun", "--host", ",".join(f"{address}:1" for address in LINK), "-n", "2",
               "--mca", "plm_rsh_agent", agent.name, "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include",
               "10.77.0.0/24", "--mca", "oob_tcp_if_include", "10.77.0.0/24", *training(options, 1)]
    seconds = {"fast": [], "slow": []}
    for _ in range(options.repeats):
        for name, mbit in [("fast", None), ("slow", options.slow_link)]:
            with namespaces(mbit):
                seconds[name].append(seconds_of_step(command, options))
    fast, slow = statistics.median(seconds["fast"]), statistics.median(seconds["slow"])
    # Of two ranks each sends half of the gradients to be summed and half of the sums: all of them once.
    taken = options.gradient_megabytes * 8 / options.slow_link
    os.unlink(agent.name)
    print(f"a step: {fast:.3f} s over a fast link, {slow:.3f} s over {options.slow_link} Mbit/s; the gradients "
          f"({options.gradient_megabytes} MB) alone take the link {taken:.3f} s: {1 - (slow - fast) / taken:.0%} hidden")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="images, as gan train takes them")
    parser.add_argument("--program", default="gan", choices=["gan", "vae"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slow-link", type=float, metavar="MBIT")
    parser.add_argument("--gradient-megabytes", type=float, default=0.0, help="of --slow-link: as --dry-run says of parameters")
    parser.add_argument("flags", nargs="*", help="more flags of the program, behind --")
    options = parser.parse_args()
    slow_link(options) if options.slow_link else efficiency(options)


if __name__ == "__main__":
    main()
