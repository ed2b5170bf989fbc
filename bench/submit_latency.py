#!/usr/bin/env python3
"""Time from SubmitRun on an idle cluster to the start of the first step's process.

    ./dev build && bench/submit_latency.py [--runs 100]

One controller and one agent on this machine. Each sample: the client's clock just before POST /api/v1/runs against the
clock that the step's own process reads first thing (the same machine, so the same clock). It covers planning, journal
commit, scheduling, the gRPC stream, the agent, the shim and the start of /bin/sh.
"""

import argparse
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from cluster import Cluster  # noqa: E402

PIPELINE = """
name: latency
steps:
  first: { uses: run, with: { command: ["/bin/date", "+%s%N"] } }
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    runs = parser.parse_args().runs
    samples = []
    with Cluster(agents=1) as cluster:
        for number in range(runs + 3):
            before = time.time_ns()
            run = cluster.request("POST", "/api/v1/runs", {"yaml": PIPELINE, "file": "latency.yaml"})
            cluster.wait_run(run["id"])
            started = int(cluster.log(run["id"], "first").split()[0])
            if number >= 3:  # the first ones warm the caches of the disk and the allocator
                samples.append((started - before) / 1e6)
    samples.sort()
    print(f"SubmitRun to process start, {runs} runs on an idle cluster: median {statistics.median(samples):.1f} ms, "
          f"p95 {samples[int(0.95 * len(samples))]:.1f} ms, min {samples[0]:.1f} ms, max {samples[-1]:.1f} ms")


if __name__ == "__main__":
    main()
