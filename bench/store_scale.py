#!/usr/bin/env python3
"""What grows with history and what must not: pages of runs, and the time of a start.

    ./dev build && bench/store_scale.py [--runs 100000] [--records 1000000] [--keep-data DIR]

Fills a data folder behind a stopped controller: rows of ended runs, and a journal of agents that join and are lost, chained
as luthierd chains it. Then real controllers answer: the first page of 50 runs against the 1000th (plain, by status, by
pipeline), and the time from the start of the process to its ready file with a snapshot and without one.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.request

BIN = pathlib.Path(os.environ.get("LUTHIER_BIN_DIR", pathlib.Path(__file__).resolve().parents[1] / "out" / "bin"))
START_MS = 1_700_000_000_000


class Controller:
    def __init__(self, data):
        self.data = data
        ready = data / "ready"
        ready.unlink(missing_ok=True)
        started = time.monotonic()
        self.log = open(data / "controller.log", "ab")
        self.process = subprocess.Popen([BIN / "luthierd", "--data", data, "--http-port", "0", "--grpc-port", "0",
                                         "--min-free", "1MiB", "--ready-file", ready], stderr=self.log)
        while not ready.exists():
            if self.process.poll() is not None:
                raise SystemExit(f"luthierd ended; see {data / 'controller.log'}")
            time.sleep(0.005)
        self.start_s = time.monotonic() - started
        self.url = json.loads(ready.read_text())["http_url"]
        self.key = (data / "admin.key").read_text().strip()

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": "Bearer " + self.key})
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def fill_runs(data, count):
    with sqlite3.connect(data / "luthier.db") as database:
        database.executemany(
            "INSERT INTO runs (run, pipeline, file, status, submitted_by, params, created_ms, finished_ms, yaml) "
            "VALUES (?, ?, 'p.yaml', ?, 'bench', '{}', ?, ?, 'name: p')",
            ((f"r-{n}", f"pipeline-{n % 10}", "failed" if n % 10 == 3 else "succeeded", START_MS + n, START_MS + n + 5)
             for n in range(1, count + 1)))


def fill_journal(data, count):
    with sqlite3.connect(data / "luthier.db") as database:
        index, epoch, chain = database.execute(
            "SELECT record_index, epoch, chain FROM journal ORDER BY record_index DESC LIMIT 1").fetchone()

        def rows(chain):
            for n in range(index + 1, index + count + 1):
                agent = f"a-{n % 50}"
                event, body = ("agent_lost", {"agent": agent, "reason": "silence"})
                if n % 2:
                    event, body = ("agent_joined", {"agent": agent, "name": agent, "boot_id": "b", "resources": {
                        "cpus": 8.0, "memory_bytes": 1 << 34, "gpus": [], "cpu_model": "x"}})
                text = json.dumps(body, separators=(",", ":"), sort_keys=True)
                head = f"{chain}\n{n}\n{epoch}\n{START_MS}\n1\n{event}\n"
                chain = hashlib.sha256((head + text).encode()).hexdigest()[:32]
                yield n, epoch, START_MS, 1, event, text, chain

        database.executemany("INSERT INTO journal (record_index, epoch, wall_ms, monotonic_ms, event, body, chain) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?)", rows(chain))
        database.execute("DELETE FROM snapshots")
    (data / "journal.head").unlink(missing_ok=True)


def page_ms(controller, query, before):
    samples = []
    for _ in range(15):
        started = time.monotonic()
        controller.get(f"/api/v1/runs?limit=50{query}" + (f"&before={before}" if before else ""))
        samples.append((time.monotonic() - started) * 1000)
    return statistics.median(samples)


def measure_pages(data, runs):
    controller = Controller(data)
    try:
        print(f"pages of 50 of {runs:,} runs, median of 15 requests:")
        # With a filter one run of ten shows, so that the last page starts near the oldest run.
        for name, query in (("all", ""), ("failed", "&status=failed"), ("one pipeline", "&pipeline=pipeline-3"),
                            ("failed of one pipeline", "&status=failed&pipeline=pipeline-3")):
            first = page_ms(controller, query, "")
            last = page_ms(controller, query, f"r-{max(1, runs - 999 * 50)}" if not query else "r-600")
            print(f"  {name:24} page 1 {first:6.2f} ms   far page {last:6.2f} ms   ratio {last / first:.2f}")
    finally:
        controller.stop()


def measure_start(data, records):
    whole = Controller(data)
    whole.stop()  # writes a snapshot
    with sqlite3.connect(data / "luthier.db") as database:
        bytes_written, = database.execute("SELECT length(bytes) FROM snapshots ORDER BY record_index DESC").fetchone()
    snapshot = Controller(data)
    snapshot.stop()
    print(f"start with {records:,} journal records: whole journal {whole.start_s:.2f} s, "
          f"from a snapshot {snapshot.start_s:.2f} s (a snapshot of 50 agents is {bytes_written:,} bytes)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep-data", type=pathlib.Path)
    given = parser.parse_args()
    data = given.keep_data or pathlib.Path(tempfile.mkdtemp(prefix="luthier-scale-"))
    data.mkdir(parents=True, exist_ok=True)
    try:
        Controller(data).stop()
        fill_runs(data, given.runs)
        measure_pages(data, given.runs)
        fill_journal(data, given.records)
        measure_start(data, given.records)
    finally:
        if not given.keep_data:
            shutil.rmtree(data)


if __name__ == "__main__":
    main()
