#!/usr/bin/env python3
"""choose.py CONTROL_FILE COUNT: of the files of a libFuzzer merge, those that together reach most, fewest first.

CONTROL_FILE is what -set_cover_merge=1 -merge_control_file=... leaves behind. Prints up to COUNT paths.
"""
import sys

lines = open(sys.argv[1], encoding="utf-8", errors="surrogateescape").read().splitlines()
paths = lines[2:2 + int(lines[0])]
reached = {}
for line in lines[2 + len(paths):]:
    word, _, rest = line.partition(" ")
    if word == "FT":
        number, *features = map(int, rest.split())
        reached[number] = set(features)
known = set()
for _ in range(int(sys.argv[2])):
    best = max(reached, key=lambda number: (len(reached[number] - known), -number), default=None)
    if best is None or not reached[best] - known:
        break
    known |= reached.pop(best)
    print(paths[best])
total = len(known.union(*reached.values()))
print(f"fuzz: they reach {len(known)} of {total} places", file=sys.stderr)
