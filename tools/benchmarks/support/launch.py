"""Runs the command in its arguments and says, in a last line of JSON, its exit status, seconds and peak memory.

A small process does this because Linux counts what the parent holds at the start of a child among the child's peak;
a benchmark that has PyTorch loaded holds hundreds of megabytes.
"""
import json
import os
import sys
import time

begin = time.monotonic()
try:
    child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
except OSError as error:
    print(json.dumps({"error": error.strerror}))
    sys.exit(0)
_, status, usage = os.wait4(child, 0)
print(json.dumps({"status": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - begin,
                  "peak": usage.ru_maxrss * 1024}))
