#!/usr/bin/env python3
"""Steps that run commands of a repository, wait for a person, and tell: with real processes, and a controller that dies
while somebody is awaited."""

import os
import shutil
import subprocess
import urllib.parse

from cluster import SOURCE, Cluster, expect, main, wait_for

EXAMPLES = SOURCE / "pipelines" / "examples"


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments], check=True,
                   capture_output=True)


def make_repository(cluster):
    """A repository with the example in it, committed; then one of its files is changed."""
    root = cluster.folder / "repository"
    shutil.copytree(EXAMPLES / "release", root / "pipelines" / "examples" / "release")
    shutil.copy(EXAMPLES / "release.yaml", root / "pipelines" / "examples")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


def events(cluster, run):
    return cluster.cli("events", "--run", run).stdout


def a_release_waits_for_a_person_also_over_a_restart():
    with Cluster(agents=1) as cluster:
        root = make_repository(cluster)
        commit = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], check=True, capture_output=True,
                                text=True).stdout.strip()
        (root / "pipelines" / "examples" / "release" / "notes.txt").write_text("changed")
        said = cluster.cli("run", root / "pipelines" / "examples" / "release.yaml", "--detach").stderr
        expect("uncommitted changes are not part of the run: pipelines/examples/release/notes.txt" in said
               and commit[:12] in said, f"changes that do not count must be told: {said}")
        run = "r-1"
        ask = wait_for("the question", lambda: (lambda step: step if step["status"] == "ready" else None)(
            cluster.step(run, "ask")))
        expect("waits for the approval of a person" in ask["reason"], f"the reason must say who: {ask['reason']}")
        expect(cluster.run(run)["commit"] == commit, f"the run must know its commit: {cluster.run(run)['commit']}")
        check = cluster.step(run, "check")
        expect(check["outputs"]["words"] == 15 and check["outputs"]["complete"] is True,
               f"values must be those of the committed file: {check['outputs']}")
        cluster.controller.kill()
        cluster.start_controller()
        cluster.wait_for_agents(1)
        again = cluster.step(run, "ask")
        expect(again["status"] == "ready" and "waits for the approval of a person" in again["reason"],
               f"a restart must not end the wait: {again}")
        expect("approval.requested" in events(cluster, run), "the question must be an event")
        wrong = cluster.cli("approve", run, "check", check=False)
        expect(wrong.returncode != 0 and "only approve steps are approved" in wrong.stderr, f"{wrong}")
        done = cluster.cli("approve", run, "ask", "--comment", "reads well").stdout
        expect("approved" in done, f"the answer must say so: {done}")
        cluster.wait_run(run)
        told = events(cluster, run)
        expect("approval.decided" in told and "reads well" in told and "notification.requested" in told,
               f"who decided and what was told must be events: {told}")
        log = cluster.log(run, urllib.parse.quote("publish[mirror=two]")).decode()
        expect("mirror two gets 15 words" in log and f"at commit {commit}" in log, f"values and report must arrive: {log}")
        twice = cluster.cli("approve", run, "ask", check=False)
        expect(twice.returncode != 0 and "already ended" in twice.stderr, f"{twice}")
        audit = cluster.cli("audit").stdout
        expect("/steps/ask/approve" in audit or "approve" in audit, f"the audit must know: {audit}")


def members_of_a_matrix_take_turns():
    with Cluster(agents=2) as cluster:
        path = cluster.folder / "turns.yaml"
        path.write_text("name: turns\nsteps:\n  one:\n    uses: run\n    matrix: { i: [1, 2, 3] }\n    max_parallel: 1\n"
                        "    with: { command: \"sleep 1\" }\n")
        run = cluster.submit(path)
        reasons = set()

        def over():
            steps = cluster.run(run)["steps"]
            busy = [step for step in steps if step["status"] in ("assigned", "running")]
            expect(len(busy) <= 1, f"one at a time: {[step['id'] for step in busy]}")
            reasons.update(step["reason"].split(",")[0] for step in steps if step["status"] == "ready")
            return cluster.run(run)["status"] != "running"
        wait_for("the end of the run", over)
        cluster.wait_run(run)
        expect("waits for its turn: max_parallel of 'one' is 1" in reasons, f"who waits must say why: {reasons}")


def a_command_that_leaves_less_than_it_declares_fails():
    with Cluster(agents=1) as cluster:
        path = cluster.folder / "less.yaml"
        path.write_text("name: less\nsteps:\n  one: { uses: run, with: { command: \"true\", outputs: { it: it.txt } } }\n")
        run = cluster.submit(path)
        cluster.wait_run(run, "failed")
        reason = cluster.step(run, "one")["reason"]
        expect("the command left no 'it.txt', which `outputs.it` declares" in reason, reason)
        path.write_text("name: less\nsteps:\n  one: { uses: run, with: { command: \"true\", files: [none] } }\n")
        refused = cluster.cli("run", path, check=False)
        expect(refused.returncode == 2 and "not a git repository" in refused.stderr, f"{refused}")


def rejected_and_forgotten_questions_fail_their_step():
    with Cluster(agents=1) as cluster:
        path = cluster.folder / "ask.yaml"
        path.write_text("name: ask\nsteps:\n  ask: { uses: approve }\n  quick: { uses: approve, timeout: 1s }\n")
        run = cluster.submit(path)
        wait_for("the time to pass", lambda: cluster.step(run, "quick")["status"] == "failed")
        expect(cluster.step(run, "quick")["reason"] == "nobody approved it within 1 s", cluster.step(run, "quick")["reason"])
        cluster.cli("reject", run, "ask", "--comment", "not today")
        cluster.wait_run(run, "failed")
        reason = cluster.step(run, "ask")["reason"]
        expect(reason.startswith("rejected by ") and reason.endswith(": not today"), reason)


if __name__ == "__main__":
    os.environ.setdefault("GIT_CONFIG_NOSYSTEM", "1")
    main([a_release_waits_for_a_person_also_over_a_restart, members_of_a_matrix_take_turns,
          a_command_that_leaves_less_than_it_declares_fails, rejected_and_forgotten_questions_fail_their_step])
