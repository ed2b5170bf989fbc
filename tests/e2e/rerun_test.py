#!/usr/bin/env python3
"""Going on from an ended run, and saying beforehand what a run would do: the real command line on real processes."""

import json
import pathlib
import tempfile

from cluster import SOURCE, Cluster, expect, main, wait_for

PIPELINE = """name: t
params: {{ words: {{ type: string, default: hello }} }}
steps:
  first: {{ uses: run, cache: true, with: {{ command: "echo ${{{{ params.words }}}}" }} }}
  second: {{ uses: run, needs: [first], with: {{ command: "test -e {flag}" }} }}
  third: {{ uses: run, needs: [second], with: {{ command: "echo third" }} }}
"""


def write_pipeline(folder):
    file = pathlib.Path(folder) / "t.yaml"
    file.write_text(PIPELINE.format(flag=pathlib.Path(folder) / "flag"))
    return file


def steps_of(run):
    return {step["id"]: step for step in run["steps"]}


def a_rerun_takes_over_what_succeeded_also_after_a_restart():
    with tempfile.TemporaryDirectory() as folder, Cluster(agents=1) as cluster:
        file = write_pipeline(folder)
        failed = cluster.cli("run", file, check=False)
        expect(failed.returncode == 1 and "luthier rerun r-1" in failed.stdout, f"the way on must be said: {failed.stdout}")
        cluster.controller.kill()
        cluster.start_controller()
        cluster.wait_for_agents(1)
        (pathlib.Path(folder) / "flag").touch()
        done = cluster.cli("rerun", "r-1")
        expect("first   taken over from run r-1" in done.stdout, done.stdout)
        run = cluster.get("/api/v1/runs/r-2")
        steps = steps_of(run)
        expect(run["status"] == "succeeded" and run["rerun_of"] == "r-1", f"the rerun must end well: {run}")
        expect(not steps["first"]["attempts"] and steps["second"]["attempts"], f"only what failed may run: {steps}")
        again = cluster.cli("rerun", "r-2", check=False)
        expect(again.returncode == 1 and "nothing to run again" in again.stderr, again.stderr)
        over = json.loads(cluster.cli("rerun", "r-2", "--from", "first", "-o", "json").stdout)
        expect(all(step["attempts"] for step in over["steps"]), f"--from runs all after it, cached or not: {over}")


TRAINING = """name: long
steps:
  prepare: {{ uses: prepare, with: {{ source: {corpus}, task: text, tokenizer: {{ vocab_size: 300 }} }} }}
  train:
    uses: train
    with:
      init: {{ architecture: llama, tokenizer: "${{{{ steps.prepare.outputs.tokenizer }}}}", hidden_size: 32, intermediate_size: 64,
              num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 64 }}
      data: ${{{{ steps.prepare.outputs.train }}}}
      method: {{ pretrain: {{ max_steps: {steps}, n_epochs: 100, batch_size: 4, max_tokens: 32 }} }}
      checkpoints: {{ every_steps: 20 }}
"""


def a_training_goes_on_from_its_newest_checkpoint():
    with tempfile.TemporaryDirectory() as folder, Cluster(agents=1) as cluster:
        file = pathlib.Path(folder) / "long.yaml"
        file.write_text(TRAINING.format(corpus=SOURCE / "pipelines" / "examples" / "data" / "corpus", steps=400))
        cluster.cli("run", file, "--detach")
        wait_for("a checkpoint", lambda: steps_of(cluster.get("/api/v1/runs/r-1"))["train"]["checkpoints"])
        cluster.cli("cancel", "r-1")
        reached = steps_of(cluster.get("/api/v1/runs/r-1"))["train"]["checkpoints"][-1]
        said = cluster.cli("rerun", "r-1").stdout
        expect(f"train goes on from its checkpoint at step {reached['step']}" in said, said)
        train = steps_of(cluster.get("/api/v1/runs/r-2"))["train"]
        expect(train["status"] == "succeeded" and train["outputs"]["steps"] == 400, f"{train}")
        expect(train["attempts"][0]["resume_step"] == reached["step"], f"{train['attempts']}")
        expect(train["outputs"]["checkpoints"][0]["step"] == 20, "the checkpoints of before count")
        explained = cluster.cli("explain", "r-2", "train").stdout
        expect(f"began at step {reached['step']}, at the newest checkpoint of run r-1" in explained, explained)
        fresh = json.loads(cluster.cli("rerun", "r-1", "--fresh", "--detach", "-o", "json").stdout)
        expect(not steps_of(fresh)["train"]["checkpoints"], "--fresh starts over")
        cluster.cli("cancel", fresh["id"])


def plan_and_diff_say_beforehand_what_runs():
    with tempfile.TemporaryDirectory() as folder, Cluster(agents=1) as cluster:
        file = write_pipeline(folder)
        (pathlib.Path(folder) / "flag").touch()
        before = cluster.cli("plan", file).stdout
        expect("3 to run, 0 reused" in before and "no earlier run" in before, before)
        cluster.cli("run", file)
        plan = json.loads(cluster.cli("plan", file, "-o", "json").stdout)
        decisions = {step["id"]: step["decision"] for step in plan["steps"]}
        expect(decisions == {"first": "reuse", "second": "run", "third": "run"}, f"{decisions}")
        expect(plan["milliseconds_complete"], f"times of the earlier run are known: {plan}")
        other = cluster.cli("plan", file, "-p", "words=bye").stdout
        expect("differs from run r-1: with.command" in other, other)
        same = cluster.cli("diff", "r-1", file).stdout
        expect("unchanged: first, second, third" in same, same)
        changed = json.loads(cluster.cli("diff", "r-1", file, "-p", "words=bye", "-o", "json").stdout)
        kinds = {step["step"]: step["kind"] for step in changed["steps"]}
        expect(kinds == {"first": "changed", "second": "upstream", "third": "upstream"}, f"{changed}")
        expect(changed["params"] == [{"component": "words", "before": "hello", "now": "bye"}], f"{changed}")


if __name__ == "__main__":
    main([a_rerun_takes_over_what_succeeded_also_after_a_restart, a_training_goes_on_from_its_newest_checkpoint,
          plan_and_diff_say_beforehand_what_runs])
