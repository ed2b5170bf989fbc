#!/usr/bin/env python3
"""A pipeline with one matrix of many `run` steps over two agents, with real processes.

Checks that every step is in exactly one terminal state and prints steps per second:

    bench/matrix_throughput.py [--bin out/bin] [--members 2000] [--cpus 8] [--write FILE]

--write only writes the pipeline (bench/matrix_2000.yaml was made so)."""

import argparse
import collections
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

TERMINAL = {"succeeded", "failed", "cancelled", "skipped"}


def pipeline(members):
    values = ", ".join(str(i) for i in range(members))
    return (f"# {members} members of one matrix; made by bench/matrix_throughput.py --members {members} --write FILE\n"
            "name: matrix\n"
            "steps:\n"
            "  each:\n"
            "    uses: run\n"
            f"    matrix: {{ i: [{values}] }}\n"
            "    with: { command: \"true\" }\n"
            "  last:\n"
            "    uses: run\n"
            "    needs: each\n"
            "    with: { command: \"true\" }\n")


def wait_for(what, condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    sys.exit(f"{what} did not happen within {seconds} s")


def get(url, key, path):
    request = urllib.request.Request(url + path, headers={"Authorization": "Bearer " + key})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def start_cluster(binaries, folder, cpus):
    ready = folder / "ready.json"
    controller = subprocess.Popen(
        [binaries / "luthierd", "--data", folder / "data", "--http-port", "0", "--grpc-port", "0", "--ready-file", ready],
        stderr=open(folder / "luthierd.log", "wb"))
    wait_for("the controller's start", ready.exists, 30)
    found = json.loads(ready.read_text())
    agents = []
    for name in ("one", "two"):
        agents.append(subprocess.Popen(
            [binaries / "luthier-agent", "--controller", found["grpc_address"], "--data", folder / name,
             "--join-token-file", folder / "data" / "agent-join.token", "--name", name, "--cpus", str(cpus)],
            stderr=open(folder / f"{name}.log", "wb")))
    key = (folder / "data" / "admin.key").read_text().strip()
    wait_for("the agents' joining", lambda: len(get(found["http_url"], key, "/api/v1/agents")["agents"]) == 2, 30)
    return controller, agents, found["http_url"], key


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default="out/bin", type=pathlib.Path)
    parser.add_argument("--members", default=2000, type=int)
    parser.add_argument("--cpus", default=8, type=int, help="that each agent offers: steps at once")
    parser.add_argument("--limit", default=1800, type=int, help="seconds")
    parser.add_argument("--write", type=pathlib.Path)
    given = parser.parse_args()
    if given.write:
        given.write.write_text(pipeline(given.members))
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luthier-matrix-"))
    controller, agents, url, key = start_cluster(given.bin.resolve(), folder, given.cpus)
    try:
        body = json.dumps({"yaml": pipeline(given.members), "file": "matrix.yaml"}).encode()
        begin = time.monotonic()
        request = urllib.request.Request(url + "/api/v1/runs", body, {"Authorization": "Bearer " + key,
                                                                      "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            run = json.load(answer)["id"]
        submitted = time.monotonic() - begin

        def over():
            newest = get(url, key, "/api/v1/runs?limit=1")["runs"][0]
            return newest if newest["status"] != "running" else None
        ended = wait_for("the run's end", over, given.limit)
        seconds = time.monotonic() - begin
        steps = get(url, key, "/api/v1/runs/" + run)["steps"]
    finally:
        for process in [*agents, controller]:
            process.send_signal(signal.SIGTERM)
        for process in [*agents, controller]:
            process.wait(timeout=30)
    statuses = collections.Counter(step["status"] for step in steps)
    # The journal knows how often each step came to an end.
    journal = sqlite3.connect(folder / "data" / "luthier.db")
    ends = collections.Counter(json.loads(text)["step"] for (text,) in journal.execute(
        "SELECT body FROM journal WHERE event IN ('step_succeeded', 'step_failed', 'step_cancelled', 'step_skipped')"))
    print(f"run {ended['status']}: {dict(statuses)} of {len(steps)} steps")
    print(f"submitted in {submitted:.2f} s; {seconds:.1f} s in all; {len(steps) / seconds:.1f} steps per second "
          f"({given.cpus} at once on each of two agents; {os.cpu_count()} CPUs)")
    wrong = [step["id"] for step in steps if step["status"] not in TERMINAL or ends[step["id"]] != 1]
    if wrong or len(steps) != given.members + 1 or ended["status"] != "succeeded":
        sys.exit(f"{len(wrong)} steps are not in exactly one terminal state: {wrong[:5]}; see {folder}")
    print("every step is in exactly one terminal state")


if __name__ == "__main__":
    main()
