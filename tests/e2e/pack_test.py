#!/usr/bin/env python3
"""Packed rows with real processes: a pack step, a training on it, and the verbs of `luthier data` with a model of the registry."""

import json
import pathlib

from cluster import Cluster, expect, main

PIPELINES = pathlib.Path(__file__).resolve().parent / "pipelines"
CHATS = PIPELINES.parents[2] / "pipelines" / "examples" / "data" / "guides" / "support" / "right.jsonl"


def told(cluster, *arguments):
    return json.loads(cluster.cli("data", *arguments, "-o", "json").stdout)


def shards_of(folder):
    return {file.name: file.read_bytes() for file in folder.glob("*.pack")}


def a_training_on_packed_rows_is_the_same_again():
    with Cluster(agents=1) as cluster:
        cluster.wait_run(cluster.submit(PIPELINES / "base.yaml"))
        plan = json.loads(cluster.cli("plan", PIPELINES / "packed.yaml", "-o", "json").stdout)
        planned = next(step["tokens"] for step in plan["steps"] if step["id"] == "train")
        run = cluster.wait_run(cluster.submit(PIPELINES / "packed.yaml"))
        outputs = {step["id"]: step["outputs"] for step in run["steps"]}
        packed = outputs["pack"]
        expect(packed["rows"] < packed["samples"] == 12 and 0 < packed["trained_tokens"] < packed["tokens"], f"pack: {packed}")
        seen = outputs["train"]["trained_tokens"]
        expect(seen == 2 * (packed["tokens"] - packed["samples"]), f"two epochs see every token but each last one: {seen}")
        expect(planned["value"] == seen, f"the plan counts what is seen: {planned}, not {seen}")

        out = cluster.folder / "out"
        cluster.cli("artifacts", "get", f"{run['id']}/pack/packed", out / "step")
        cluster.cli("artifacts", "get", f"{run['id']}/prepare/train", out / "prepared")
        made = told(cluster, "pack", out / "prepared" / "data.jsonl", "--model", "e2e-base", "--budget", 257, "--seed", 5, "--out",
                    out / "command")
        expect(shards_of(out / "step") == shards_of(out / "command"), "step and command make the same bytes")
        expect(made["tokens"] == packed["tokens"], f"step and command count the same: {made}")

        again = cluster.wait_run(cluster.submit(PIPELINES / "packed.yaml"))  # which takes nothing from the cache
        first, second = (cluster.file_digests(next(step["outputs"]["model"]["adapter"]["$artifact"] for step in each["steps"]
                                                   if step["id"] == "train")) for each in (run, again))
        expect(first["adapter_model.safetensors"] == second["adapter_model.safetensors"],
               "the same rows in the same order give the same weights")

        for model in ("packed", "packed@1"):  # the adapter brings the template that its base does not have
            counted = told(cluster, "count", out / "prepared" / "data.jsonl", "--model", model)
            expect((counted["rule"], counted["tokens"]) == ("template", packed["tokens"]), f"count --model {model}: {counted}")
        checked = json.loads(cluster.cli("data", "check", CHATS, "--model", "packed", "-o", "json", check=False).stdout)
        expect(checked["tokens"]["rule"] == "template" and checked["tokens"]["total"] == packed["tokens"], f"{checked['tokens']}")
        timed = told(cluster, "count", CHATS, "--model", "packed", "--speed-of", run["id"])
        expect(timed["speed"]["from"].startswith(f"measured by {run['id']}/train, the median of its"), f"{timed['speed']}")
        expect(timed["speed"]["gpus"] == 0 and timed["gpu_hours"] is None and timed["speed"]["hours"] > 0, f"{timed}")
        refused = cluster.cli("data", "count", CHATS, "--model", "nobody", check=False)
        expect(refused.returncode != 0 and "'nobody' is no folder here; on the controller:" in refused.stderr, refused.stderr)


if __name__ == "__main__":
    main([a_training_on_packed_rows_is_the_same_again])
