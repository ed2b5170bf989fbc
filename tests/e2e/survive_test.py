#!/usr/bin/env python3
"""What must survive kill -9, three times each, with real processes: an agent in the middle of a training, the controller,
the worker. Weights are compared with those of an undisturbed run, bit for bit; logs line by line."""

import contextlib
import os
import pathlib
import signal
import time

from cluster import Cluster, expect, main, wait_for

PIPELINES = pathlib.Path(__file__).resolve().parent / "pipelines"
ROUNDS = 3


def worker_pid(run_id, step_id, number):
    """The process of an attempt, by the job file in its environment; None when there is none."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                environment = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                job = next((item for item in environment if item.startswith("LUTHIER_JOB=")), "")
                if job.endswith(f"/{run_id}.{step_id}.{number}/job.json") and \
                        os.readlink(entry / "exe").endswith("/luthier-worker"):
                    return int(entry.name)
    return None


def weights(cluster, run):
    """{file: digest} of what the training of a run gave."""
    train = next(step for step in run["steps"] if step["id"] == "train")
    return cluster.file_digests(train["outputs"]["model"]["adapter"]["$artifact"])


def expect_whole(cluster, run, undisturbed):
    """What holds for every run, however it was disturbed."""
    train = next(step for step in run["steps"] if step["id"] == "train")
    expect(sum(attempt["status"] == "succeeded" for attempt in train["attempts"]) == 1,
           f"exactly one attempt must succeed: {train['attempts']}")
    steps = [checkpoint["step"] for checkpoint in train["checkpoints"]]
    expect(len(steps) == len(set(steps)) and steps == sorted(steps), f"a checkpoint was committed twice: {steps}")
    points = cluster.get(f"/api/v1/runs/{run['id']}/steps/train/metrics?series=train_loss")["points"]
    expect([point["step"] for point in points] == list(range(1, len(points) + 1)),
           "train_loss must have each global step once, in order")
    expect(points[-1]["step"] == train["outputs"]["steps"], "metrics must reach the last step")
    expect(weights(cluster, run) == undisturbed, "the weights differ from those of an undisturbed run")


def expect_counted(cluster, run):
    count = next(step for step in run["steps"] if step["id"] == "count")
    log = cluster.log(run["id"], "count")
    if len(count["attempts"]) == 1:
        expect(log == b"".join(b"line %d\n" % i for i in range(300)), "log bytes are missing or doubled")


def expect_no_orphans(cluster):
    wait_for("every step process to be gone", lambda: not cluster.orphans(), patience_s=60)


@contextlib.contextmanager
def prepared_cluster():
    """A cluster with the base model, and the weights of an undisturbed run."""
    with Cluster(agents=2) as cluster:
        cluster.wait_run(cluster.submit(PIPELINES / "base.yaml"))
        run = cluster.wait_run(cluster.submit(PIPELINES / "survive.yaml"))
        undisturbed = weights(cluster, run)
        expect(any(name.endswith(".safetensors") for name in undisturbed), "a training must give weights")
        expect_whole(cluster, run, undisturbed)
        expect_counted(cluster, run)
        yield cluster, undisturbed
        expect_no_orphans(cluster)


def killed_agent_resumes_on_the_other_bit_for_bit():
    with prepared_cluster() as (cluster, undisturbed):
        for round_number in range(ROUNDS):
            run_id = cluster.submit(PIPELINES / "survive.yaml")
            step = cluster.wait_training(run_id, "train", 25 + 15 * round_number)
            first = step["attempts"][-1]
            committed = max(checkpoint["step"] for checkpoint in step["checkpoints"])
            victim = cluster.agent_number(first["agent"])
            cluster.agents[victim].kill()
            run = cluster.wait_run(run_id)
            train = next(step for step in run["steps"] if step["id"] == "train")
            expect(len(train["attempts"]) == 2, f"one retry was enough: {train['attempts']}")
            expect(train["attempts"][1]["agent"] != first["agent"], "it must resume on the other agent")
            expect(train["attempts"][1]["resume_step"] >= committed, "it must resume from the newest committed checkpoint")
            expect_whole(cluster, run, undisturbed)
            cluster.start_agent(victim)
            cluster.wait_for_agents(2)
            expect_no_orphans(cluster)


def killed_controller_comes_back_and_disturbs_nothing():
    with prepared_cluster() as (cluster, undisturbed):
        for round_number in range(ROUNDS):
            run_id = cluster.submit(PIPELINES / "survive.yaml")
            cluster.wait_training(run_id, "train", 15 + 20 * round_number)
            pid = worker_pid(run_id, "train", 1)
            expect(pid is not None, "the worker's process must be visible")
            cluster.controller.kill()
            time.sleep(1 + round_number)
            expect(worker_pid(run_id, "train", 1) in (pid, None), "the worker must run on, or have ended by itself")
            cluster.start_controller()
            run = cluster.wait_run(run_id)
            for step in run["steps"]:
                if step["uses"] in ("train", "run"):
                    expect(len(step["attempts"]) == 1, f"{step['id']} was disturbed: {step['attempts']}")
            expect_whole(cluster, run, undisturbed)
            expect_counted(cluster, run)
            cluster.wait_for_agents(2)
            expect_no_orphans(cluster)


def killed_worker_is_infrastructure_loss_and_is_retried():
    with prepared_cluster() as (cluster, undisturbed):
        for round_number in range(ROUNDS):
            run_id = cluster.submit(PIPELINES / "survive.yaml")
            cluster.wait_training(run_id, "train", 12 + 25 * round_number)
            os.kill(worker_pid(run_id, "train", 1), signal.SIGKILL)
            run = cluster.wait_run(run_id)
            train = next(step for step in run["steps"] if step["id"] == "train")
            expect([attempt["status"] for attempt in train["attempts"]] == ["infrastructure_failure", "succeeded"],
                   f"attempts: {train['attempts']}")
            expect(train["attempts"][0]["signal"] == 9, "the signal is recorded")
            expect_whole(cluster, run, undisturbed)
            expect_counted(cluster, run)
            expect_no_orphans(cluster)


if __name__ == "__main__":
    main([killed_agent_resumes_on_the_other_bit_for_bit, killed_controller_comes_back_and_disturbs_nothing,
          killed_worker_is_infrastructure_loss_and_is_retried])
