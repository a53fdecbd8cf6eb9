"""Training by several ranks, in turn with one process that has all threads, of the same global batch.

  (nothing)          images a second of gan train on --data with 1, 2 and 4 ranks of one thread each, against one process
                     with --threads, all in turn
  --slow-link MBIT   two ranks in network namespaces of their own, with a link of so many Mbit/s between them (tc, tbf): the
                     bytes that a step exchanges, counted by the link, and how much of the time that it takes for them is
                     hidden behind the computing. Needs root, and nothing else in the namespaces reverie-0 and reverie-1

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
    """Seconds a step of a run that `command` makes, {run} filled in: the median of the log's intervals."""
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


def training(options, threads, steps=None):
    steps = steps or options.steps
    return [measuring.built_program("bin/" + options.program), "train", options.data, "-o", "{run}", "--steps", str(steps),
            "--log-every", str(max(1, steps // 5)), "--preview-every", "0", "--validate-every", "0", "--batch",
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
                # A burst below the largest packet (64 KiB and its heads) has the kernel cut each into frames of 1500 bytes,
                # which no network card asks of a core.
                subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", end, "root", "tbf", "rate", f"{mbit}mbit",
                                "burst", "128kb", "latency", "200ms"], check=True)
        yield
    finally:
        for name in NAMESPACES:
            subprocess.run(["ip", "netns", "del", name], check=False)


def sent_bytes():
    """What the first rank has sent over the link."""
    counter = ["ip", "netns", "exec", NAMESPACES[0], "cat", "/sys/class/net/reverie-a/statistics/tx_bytes"]
    return int(subprocess.run(counter, check=True, capture_output=True, text=True).stdout)


def slow_link(options):
    # To Open MPI the namespaces are two machines; what it would do by ssh is to enter the other one.
    with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as agent:
        agent.write('#!/bin/sh\nshift\nexec ip netns exec reverie-1 sh -c "$*"\n')
    os.chmod(agent.name, 0o755)

    def over_link(mbit, steps):
        command = ["ip", "netns", "exec", NAMESPACES[0], "mpirun", "--host", ",".join(f"{address}:1" for address in LINK),
                   "-n", "2", "--mca", "plm_rsh_agent", agent.name, "--mca", "btl", "tcp,self", "--mca",
                   "btl_tcp_if_include", "10.77.0.0/24", "--mca", "oob_tcp_if_include", "10.77.0.0/24",
                   *training(options, 1, steps)]
        with namespaces(mbit):
            return seconds_of_step(command, options), sent_bytes()

    seconds = {"fast": [], "slow": []}
    for _ in range(options.repeats):
        for name, mbit in [("fast", None), ("slow", options.slow_link)]:
            of_step, sent = over_link(mbit, options.steps)
            seconds[name].append(of_step)
    more_sent = over_link(options.slow_link, 2 * options.steps)[1]
    os.unlink(agent.name)
    sent_a_step = (more_sent - sent) / options.steps  # what is sent once falls out
    taken = sent_a_step * 8e-6 / options.slow_link
    fast, slow = statistics.median(seconds["fast"]), statistics.median(seconds["slow"])
    print(f"a step sends {sent_a_step / 1e6:.2f} MB each way, which take a link of {options.slow_link} Mbit/s {taken:.3f} s; "
          f"it takes {fast:.3f} s over a fast link and {slow:.3f} s over this one: {1 - (slow - fast) / taken:.0%} hidden")


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
    parser.add_argument("flags", nargs="*", help="more flags of the program, behind --")
    options = parser.parse_args()
    slow_link(options) if options.slow_link else efficiency(options)


if __name__ == "__main__":
    main()
