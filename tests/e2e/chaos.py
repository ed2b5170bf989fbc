#!/usr/bin/env python3
"""Chaos: a controller and three agents under load, while processes are killed and paused at random moments.

  chaos.py [--kills N] [--seed S] [--keep]

N strikes of each kind (default 20; a machine is an agent with its shims and steps, killed at once), in an order and at
moments that the seed decides. Then the checkers of chaos_checks.py. Prints a table; when something is wrong, the seed, and
the folder with every log, which is kept.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import random
import signal
import sys
import time

from chaos_checks import Checkers
from cluster import BIN, Cluster, Failure, expect, wait_for

PIPELINES = pathlib.Path(__file__).resolve().parent / "pipelines"
AGENTS = 3
AGENT_SILENCE_S = 3
RUNS_AT_ONCE = 3
LONGEST_S = 5  # of an absence: longer than the silence after which an agent is lost


class Load:
    """Keeps runs going, and hands each finished one to the checkers."""

    def __init__(self, cluster, checkers, written, with_training):
        self.cluster = cluster
        self.checkers = checkers
        self.written = written
        self.with_training = with_training
        self.live = {}
        self.finished = 0

    def top_up(self):
        self.reap()
        kinds = collections.Counter(self.live.values())
        while kinds["steps"] < RUNS_AT_ONCE:
            self.live[self.cluster.submit(PIPELINES / "chaos_steps.yaml", folder=self.written)] = "steps"
            kinds["steps"] += 1
        if self.with_training and not kinds["training"]:
            self.live[self.cluster.submit(PIPELINES / "chaos_training.yaml")] = "training"

    def reap(self):
        for run_id in list(self.live):
            run = self.cluster.run(run_id)
            if run["status"] != "running":
                del self.live[run_id]
                self.finished += 1
                self.checkers.run_is_whole(run)
        return not self.live


class Chaos:
    def __init__(self, cluster, load, generator):
        self.cluster = cluster
        self.load = load
        self.random = generator
        self.struck = collections.Counter()

    def victims(self, role):
        """Pids that play a role now."""
        if role == "controller":
            return [self.cluster.controller.pid]
        if role in ("agent", "machine"):
            return [process.pid for process in self.cluster.agents.values()]
        shims, others = set(), {}
        for pid in self.cluster.orphans():
            with contextlib.suppress(OSError):
                name = os.readlink(f"/proc/{pid}/exe").rsplit("/", 1)[1]
                parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
                if name == "luthier-shim":
                    shims.add(pid)
                else:
                    others[pid] = (name, parent)
        if role == "shim":
            return sorted(shims)
        return sorted(pid for pid, (name, parent) in others.items()
                      if parent in shims and (name == "luthier-worker") == (role == "worker"))

    def strike(self, action, role):
        def choose():
            self.load.top_up()
            return self.victims(role)
        time.sleep(self.random.uniform(0, 1.5))
        pid = self.random.choice(wait_for(f"a {role} to {action}", choose, interval_s=0.2))
        absence_s = self.random.uniform(0.1, LONGEST_S)
        if action == "kill":
            for victim in self.machine_of(pid) if role == "machine" else [pid]:
                send(victim, signal.SIGKILL)
            self.come_back(role, pid, absence_s)
        else:
            send(pid, signal.SIGSTOP)
            time.sleep(absence_s)
            send(pid, signal.SIGCONT)
        self.struck[f"{action} {role}"] += 1
        self.nobody_crashed()

    def machine_of(self, agent_pid):
        """An agent, its shims and their steps: what dies at once when a machine does. Its disk stays."""
        number = next(number for number, process in self.cluster.agents.items() if process.pid == agent_pid)
        return [agent_pid, *sorted(set(self.cluster.processes(f"agent-{number}")) - {agent_pid})]

    def come_back(self, role, pid, absence_s):
        if role == "controller":
            self.cluster.controller.popen.wait()
            time.sleep(absence_s)
            self.cluster.start_controller()
        elif role in ("agent", "machine"):
            number = next(number for number, process in self.cluster.agents.items() if process.pid == pid)
            self.cluster.agents[number].popen.wait()
            time.sleep(absence_s)
            self.cluster.start_agent(number)

    def nobody_crashed(self):
        for process in [self.cluster.controller, *self.cluster.agents.values()]:
            expect(process.popen.poll() is None, f"{process.name} ended by itself with {process.popen.poll()}")


def send(pid, what):
    with contextlib.suppress(ProcessLookupError):  # it may have ended by itself meanwhile
        os.kill(pid, what)


def strikes(count, with_training, generator):
    roles = ["agent", "controller", "step", "shim"] + (["worker"] if with_training else [])
    kinds = [("kill", "machine")] + [(action, role) for action in ("kill", "pause") for role in roles]
    order = [kind for kind in kinds for _ in range(count)]
    generator.shuffle(order)
    return order


def print_table(chaos, checkers, load, seconds):
    print(f"{load.finished} runs finished in {seconds:.0f} s")
    for name, count in sorted(chaos.struck.items()):
        print(f"  {count:6} {name}")
    for name, count in checkers.counts.items():
        print(f"  {count:6} {name}: ok")
    print(f"  {checkers.gaps:6} logs of lost attempts with a marked gap")
    print(f"  {checkers.crash_limits:6} steps stopped because their attempts died on three agents", flush=True)


def run_chaos(cluster, options):
    generator = random.Random(options.seed)
    with_training = (BIN / "luthier-worker").exists()
    if not with_training:
        print("chaos: no luthier-worker in the folder of programs: no trainings", file=sys.stderr)
    written = cluster.folder / "written"
    written.mkdir()
    checkers = Checkers(cluster, written)
    load = Load(cluster, checkers, written, with_training)
    chaos = Chaos(cluster, load, generator)
    if with_training:
        cluster.wait_run(cluster.submit(PIPELINES / "base.yaml"))
    started = time.monotonic()
    order = strikes(options.kills, with_training, generator)
    for number, (action, role) in enumerate(order, 1):
        chaos.strike(action, role)
        if sys.stderr.isatty() or number % 20 == 0:
            print(f"chaos: {number} of {len(order)} strikes, {load.finished} runs finished", file=sys.stderr, flush=True)
    wait_for(f"the end of runs {load.live}", load.reap, patience_s=600, interval_s=0.5)
    checkers.resources_are_free()
    checkers.nothing_is_orphaned()
    checkers.restart_changes_nothing()
    cluster.controller.stop()
    checkers.journal_is_consistent()
    print_table(chaos, checkers, load, time.monotonic() - started)


def main():
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20, help="strikes of each kind")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--keep", action="store_true", help="keep the folder also when all is well")
    options = parser.parse_args()
    print(f"chaos: seed {options.seed}", flush=True)
    cluster = Cluster(agents=AGENTS, agent_silence_s=AGENT_SILENCE_S, keep=True)
    try:
        with cluster:
            run_chaos(cluster, options)
    except Failure as failure:
        print(f"chaos: FAILED: {failure}\nagain: ./dev chaos --kills {options.kills} --seed {options.seed}\n"
              f"kept: {cluster.folder}", flush=True)
        return 1
    if not options.keep:
        cluster.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
