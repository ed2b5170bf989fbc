#!/usr/bin/env python3
"""Cold and cached run of the quickstart, side by side.

    ./dev build && bench/cached_run.py

A controller and one agent on this machine. The base model is made first; then quickstart.yaml is run through the command line twice
without a change. The second run must start no process.
"""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from cluster import SOURCE, Cluster, expect  # noqa: E402

EXAMPLES = SOURCE / "pipelines" / "examples"


def timed(cluster, file):
    """(seconds, run) of one `luthier run`."""
    start = time.monotonic()
    done = cluster.cli("run", file, "-o", "json")
    return time.monotonic() - start, json.loads(done.stdout)


def main():
    with Cluster(agents=1) as cluster:
        timed(cluster, EXAMPLES / "pretrain-tiny.yaml")
        runs = [timed(cluster, EXAMPLES / "quickstart.yaml") for _ in range(2)]
    print(f"{'STEP':12}{'COLD':>22}{'CACHED':>22}")
    for cold, cached in zip(runs[0][1]["steps"], runs[1][1]["steps"]):
        print(f"{cold['id']:12}{cold['status']:>22}{cached['status'] + (' from ' + cached['cached_from'] if cached['cached_from'] else ''):>22}")
        expect(not cached["attempts"], f"{cached['id']} started a process")
    print(f"{'whole run':12}{runs[0][0]:>20.2f} s{runs[1][0]:>20.2f} s   ratio {runs[0][0] / runs[1][0]:.0f}")


if __name__ == "__main__":
    main()
