#!/usr/bin/env python3
"""Agents that come, go, and are replaced under running steps, with real processes: no byte of a log and no exit code is
lost. Uses `run` steps only, so no worker is needed."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import time

from cluster import BIN, Cluster, Process, expect, main, wait_for

OUTAGE_S = float(os.environ.get("LUTHIER_E2E_OUTAGE", "20"))  # 600 for the long one


def pipeline(cluster, name, lines, pause_s, exit_code=0, more=""):
    """A pipeline of one step that prints numbered lines and ends with a status of its own."""
    path = cluster.folder / f"{name}.yaml"
    path.write_text(
        f"name: {name}\n"
        "steps:\n"
        "  count:\n"
        "    uses: run\n"
        f"{more}"
        "    with:\n"
        f"      command: \"i=0; while [ $i -lt {lines} ]; do echo line $i; i=$((i+1)); sleep {pause_s}; done; "
        f"exit {exit_code}\"\n")
    return path


def wait_lines(cluster, run_id, count):
    wait_for(f"{count} lines of the log", lambda: cluster.log(run_id, "count").count(b"\n") >= count)


def expect_log(cluster, run_id, lines):
    log = cluster.log(run_id, "count")
    expect(log == b"".join(b"line %d\n" % i for i in range(lines)), f"log bytes are missing or doubled: {log[-200:]!r}")


def expect_one_attempt(cluster, run_id, exit_code):
    attempts = cluster.step(run_id, "count")["attempts"]
    expect(len(attempts) == 1, f"the step must not notice: {attempts}")
    expect(attempts[0]["exit_code"] == exit_code, f"the exit code must arrive: {attempts}")
    return attempts[0]


def start_agent(cluster, number, *more, programs=BIN):
    """As Cluster.start_agent(), with options of its own and perhaps other programs."""
    cluster.agents[number] = Process(
        f"luthier-agent {number}",
        [programs / "luthier-agent", "--data", cluster.folder / f"agent-{number}", "--controller",
         cluster.grpc_address, "--name", f"agent-{number}", "--join-token-file",
         cluster.folder / "controller" / "agent-join.token", *more],
        cluster.folder / f"agent-{number}.log")


def wait_status(cluster, number, status, drain=None):
    def reached():
        agents = [agent for agent in cluster.get("/api/v1/agents")["agents"] if agent["name"] == f"agent-{number}"]
        return agents and agents[-1]["status"] == status and (drain is None or agents[-1]["drain"] == drain)
    wait_for(f"agent-{number} to be {status} {drain or ''}", reached)


def agent_restarts_lose_nothing():
    """kill -9 and SIGTERM, in turn, while the step prints; the step ends once while no agent is there."""
    with Cluster(agents=1, agent_silence_s=60) as cluster:
        run_id = cluster.submit(pipeline(cluster, "restarts", 60, 0.1, exit_code=37))
        for round_number in range(4):
            wait_lines(cluster, run_id, 4 + 8 * round_number)
            if round_number % 2 == 0:
                cluster.agents[1].kill()
            else:
                expect(cluster.agents[1].stop() == 0, "an agent ends with status 0 at SIGTERM")
            cluster.start_agent(1)
        wait_lines(cluster, run_id, 40)
        cluster.agents[1].kill()
        time.sleep(4)  # the step ends meanwhile
        cluster.start_agent(1)
        cluster.wait_run(run_id, "failed")
        attempt = expect_one_attempt(cluster, run_id, 37)
        expect(attempt["usage"]["peak_memory_bytes"] > 0, f"usage is recorded: {attempt}")
        expect_log(cluster, run_id, 60)


def agent_upgrade_loses_nothing():
    """The new release lies in another folder and takes over the old one's data, step and shim."""
    with Cluster(agents=1, agent_silence_s=60) as cluster:
        run_id = cluster.submit(pipeline(cluster, "upgrade", 40, 0.1, exit_code=38))
        wait_lines(cluster, run_id, 5)
        newer = cluster.folder / "newer"
        newer.mkdir()
        for program in ("luthier-agent", "luthier-shim"):
            shutil.copy2(BIN / program, newer / program)
        expect(cluster.agents[1].stop() == 0, "an agent ends with status 0 at SIGTERM")
        start_agent(cluster, 1, programs=newer)
        cluster.wait_run(run_id, "failed")
        expect_one_attempt(cluster, run_id, 38)
        expect_log(cluster, run_id, 40)


def controller_outage_loses_nothing():
    """Longer than the silence limit; a step ends in it, another goes on through it. LUTHIER_E2E_OUTAGE sets its length."""
    with Cluster(agents=1, agent_silence_s=3) as cluster:
        lines = int((OUTAGE_S + 10) / 0.2)
        through = cluster.submit(pipeline(cluster, "through", lines, 0.2, exit_code=39))
        within = cluster.submit(pipeline(cluster, "within", 20, 0.1, exit_code=40))
        wait_lines(cluster, through, 5)
        wait_lines(cluster, within, 1)
        cluster.controller.kill()
        time.sleep(OUTAGE_S)
        cluster.start_controller()
        for run_id, code, count in ((within, 40, 20), (through, 39, lines)):
            cluster.wait_run(run_id, "failed")
            expect_one_attempt(cluster, run_id, code)
            expect_log(cluster, run_id, count)


def orphaned_step_is_stopped():
    """No agent comes for the orphan timeout (scaled down): the shim stops the step by itself."""
    with Cluster(agents=0, agent_silence_s=60) as cluster:
        start_agent(cluster, 1, "--orphan-timeout", "2s")
        cluster.wait_for_agents(1)
        run_id = cluster.submit(pipeline(cluster, "orphan", 100000, 0.1))
        wait_lines(cluster, run_id, 3)
        cluster.agents[1].kill()
        wait_for("the shim to stop the step", lambda: not cluster.orphans(), patience_s=30)
        cluster.start_agent(1)
        wait_for("a second attempt", lambda: len(cluster.step(run_id, "count")["attempts"]) > 1)
        first = cluster.step(run_id, "count")["attempts"][0]
        expect(first["error_code"] == "orphaned", f"it is told as such: {first}")
        cluster.cli("cancel", run_id)
        cluster.wait_run(run_id, "cancelled")


def exclusive_step_ends_before_another_starts():
    """The agent is stopped (SIGSTOP), so it is silent, but its shim lives: the shim ends the step by its lease."""
    with Cluster(agents=2, agent_silence_s=4) as cluster:
        marker = cluster.folder / "holders"
        path = cluster.folder / "exclusive.yaml"
        path.write_text(
            "name: exclusive\nsteps:\n  count:\n    uses: run\n    exclusive: true\n    with:\n"
            f"      command: \"mkdir {marker} || exit 9; trap 'rmdir {marker}; exit 0' TERM; echo up; "
            "i=0; while [ $i -lt 150 ]; do sleep 0.1; i=$((i+1)); done; "
            f"rmdir {marker}\"\n")
        run_id = cluster.submit(path)
        wait_lines(cluster, run_id, 1)
        victim = cluster.agent_number(cluster.step(run_id, "count")["attempts"][0]["agent"])
        os.kill(cluster.agents[victim].pid, signal.SIGSTOP)
        try:
            cluster.wait_run(run_id)
        finally:
            os.kill(cluster.agents[victim].pid, signal.SIGCONT)
        attempts = cluster.step(run_id, "count")["attempts"]
        expect(len(attempts) == 2 and attempts[1]["agent"] != attempts[0]["agent"], f"it moved: {attempts}")
        expect(attempts[1]["exit_code"] == 0, "the first had let go before the second began")


def drain_waits_moves_and_tells():
    with Cluster(agents=2, agent_silence_s=10) as cluster:
        run_id = cluster.submit(pipeline(cluster, "drained", 30, 0.1, exit_code=0))
        wait_lines(cluster, run_id, 3)
        first = cluster.agent_number(cluster.step(run_id, "count")["attempts"][0]["agent"])
        said = cluster.cli("agents", "drain", f"agent-{first}").stdout
        expect("is drained" in said, said)
        run = cluster.run(run_id)
        expect(run["status"] == "succeeded", f"a drain without a deadline waits: {run['status']}")
        other = cluster.wait_run(cluster.submit(pipeline(cluster, "elsewhere", 1, 0)))
        expect(cluster.agent_number(other["steps"][0]["attempts"][0]["agent"]) != first, "a drained agent gets no work")
        events = cluster.get("/api/v1/agents")
        expect(any(agent["drain"] == "drained" for agent in events["agents"]), f"{events}")
        cluster.cli("agents", "uncordon", f"agent-{first}")

        long_run = cluster.submit(pipeline(cluster, "moved", 50, 0.1))
        wait_lines(cluster, long_run, 3)
        second = cluster.agent_number(cluster.step(long_run, "count")["attempts"][0]["agent"])
        cluster.cli("agents", "drain", f"agent-{second}", "--deadline", "1s")
        cluster.wait_run(long_run)
        attempts = cluster.step(long_run, "count")["attempts"]
        expect([attempt["status"] for attempt in attempts] == ["preempted", "succeeded"], f"it moved: {attempts}")
        cluster.cli("agents", "uncordon", f"agent-{second}")


def agent_that_drains_at_sigterm_finishes_its_step():
    with Cluster(agents=0, agent_silence_s=60) as cluster:
        start_agent(cluster, 1, "--drain", "--label", "zone=a")
        cluster.wait_for_agents(1)
        more = "    resources: { labels: { zone: a } }\n"
        run_id = cluster.submit(pipeline(cluster, "last", 30, 0.1, more=more))
        wait_lines(cluster, run_id, 3)
        os.kill(cluster.agents[1].pid, signal.SIGTERM)
        wait_status(cluster, 1, "connected", "draining")
        waiting = cluster.submit(pipeline(cluster, "next", 1, 0, more=more))
        expect(cluster.agents[1].popen.wait(60) == 0, "it ends by itself when the step has")
        cluster.wait_run(run_id)
        expect_log(cluster, run_id, 30)
        expect(cluster.step(waiting, "count")["status"] == "ready", "it took no new work")
        start_agent(cluster, 1, "--label", "zone=a")
        cluster.wait_run(waiting)


def lost_agent_is_forgotten_for_good():
    with Cluster(agents=2, agent_silence_s=2) as cluster:
        cluster.agents[2].kill()
        wait_status(cluster, 2, "lost")
        expect(cluster.cli("agents", "forget", "agent-1", check=False).returncode == 1, "a connected agent stays")
        cluster.cli("agents", "forget", "agent-2")
        expect([agent["name"] for agent in cluster.get("/api/v1/agents")["agents"]] == ["agent-1"], "it is gone")
        cluster.start_agent(2)
        time.sleep(2)
        expect(len(cluster.get("/api/v1/agents")["agents"]) == 1, "its credential is void")
        cluster.agents[2].stop()
        token = cluster.cli("agents", "join-token", "--uses", "2", "--expires", "10m").stdout.strip()
        expect(token.startswith("lj_"), token)
        listed = cluster.cli("agents", "join-token", "list").stdout
        identity = next(line.split()[0] for line in listed.splitlines() if line.startswith("jt_") and " 2 " in line)
        expect(token not in listed, "a list gives no token away")
        cluster.cli("agents", "join-token", "revoke", identity)
        expect(identity not in cluster.cli("agents", "join-token", "list").stdout, "it is revoked")


def delegated_group():
    """A new control group (version 2) that this process may use, below its own; None when there is none to be had."""
    own = next((line[4:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
                if line.startswith("0::/")), "")
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            group = pathlib.Path(line.split()[4]) / own / f"luthier-e2e-{os.getpid()}"
            with contextlib.suppress(OSError):
                group.mkdir()
                return group
    return None


def steps_get_control_groups_of_their_own():
    """The kernel's own groups, where the host lets this test make some."""
    group = delegated_group()
    if not group:
        print("skipped: no delegated cgroup v2")
        return
    try:
        with Cluster(agents=0, agent_silence_s=60) as cluster:
            start_agent(cluster, 1, "--cgroup", group)
            cluster.wait_for_agents(1)
            path = cluster.folder / "grouped.yaml"
            path.write_text("name: grouped\nsteps:\n  count:\n    uses: run\n    with:\n"
                            "      command: \"cat /proc/self/cgroup; (setsid sleep 1000 &) ; seq 100000 | tail -1\"\n")
            run_id = cluster.submit(path)
            cluster.wait_run(run_id)
            log = cluster.log(run_id, "count").decode()
            expect(f"/{group.name}/luthier-" in log, f"the step is in a group below the agent's: {log}")
            used = cluster.step(run_id, "count")["attempts"][0]["usage"]
            expect(used["cpu_seconds"] > 0, f"the group's time is told: {used}")
            wait_for("the step's group to be removed", lambda: not [one for one in group.iterdir() if one.is_dir()])
            said = (cluster.folder / "agent-1.log").read_text()
            ready = next(json.loads(line) for line in said.splitlines() if "cgroup_ready" in line)
            print(f"controllers of this host's groups: '{ready['controllers']}'")
    finally:
        for one in [*(entry for entry in group.iterdir() if entry.is_dir()), group]:
            with contextlib.suppress(OSError):
                one.rmdir()


def what_a_cancelled_step_used_is_kept():
    with Cluster(agents=1, agent_silence_s=60) as cluster:
        run_id = cluster.submit(pipeline(cluster, "cancelled", 100000, 0.01))
        wait_lines(cluster, run_id, 5)
        cluster.cli("cancel", run_id)
        cluster.wait_run(run_id, "cancelled")
        used = wait_for("what it used", lambda: cluster.step(run_id, "count")["attempts"][0]["usage"])
        expect(used["peak_memory_bytes"] > 0, f"its process was measured to its end: {used}")
        said = cluster.cli("explain", run_id, "count").stdout
        expect("MiB" in said, f"explain shows it: {said}")


if __name__ == "__main__":
    main([agent_restarts_lose_nothing, agent_upgrade_loses_nothing, controller_outage_loses_nothing,
          orphaned_step_is_stopped, exclusive_step_ends_before_another_starts, drain_waits_moves_and_tells,
          agent_that_drains_at_sigterm_finishes_its_step, lost_agent_is_forgotten_for_good,
          steps_get_control_groups_of_their_own, what_a_cancelled_step_used_is_kept])
