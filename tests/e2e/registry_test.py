#!/usr/bin/env python3
"""The registry with real processes: what is promoted and what is not, the way back, and what leaves and stays whole."""

import json
import pathlib

from cluster import Cluster, expect, main

PIPELINES = pathlib.Path(__file__).resolve().parent / "pipelines"


def train(cluster, status="succeeded", **params):
    return cluster.wait_run(cluster.submit(PIPELINES / "registry.yaml", **params), status)


def refused(cluster, *arguments, saying):
    done = cluster.cli(*arguments, check=False)
    expect(done.returncode in (1, 2), f"luthier {arguments} must be refused, not exit {done.returncode}: {done.stdout}")
    expect(saying in done.stderr, f"luthier {arguments} must say '{saying}': {done.stderr}")


def a_plan_counts_what_will_be_trained_on(cluster):
    plan = json.loads(cluster.cli("plan", PIPELINES / "registry.yaml", "-o", "json").stdout)
    tokens = next(step["tokens"] for step in plan["steps"] if step["id"] == "train")
    run = train(cluster)
    trained = next(step["outputs"]["trained_tokens"] for step in run["steps"] if step["id"] == "train")
    expect(tokens["why"].startswith("counted with the tokenizer of e2e-base"), f"plan: {tokens}")
    expect(abs(tokens["value"] - trained) < trained / 5, f"the plan says {tokens}, the training {trained}")


def gates_moves_and_ways_back(cluster):
    a_plan_counts_what_will_be_trained_on(cluster)
    worse = train(cluster, status="failed", learning_rate=0.000001, max_steps=1)
    promote = next(step for step in worse["steps"] if step["id"] == "promote")
    expect("did not find this model better" in promote["reason"], f"the gate must say why: {promote['reason']}")
    train(cluster, max_steps=60)
    model = cluster.get("/api/v1/models/registry")
    expect(model["aliases"] == {"production": 2}, f"only the two better ones are versions: {model['aliases']}")

    refused(cluster, "models", "alias", "registry", "production", 1, "--expect", 1, saying="points at version 2, not 1")
    said = cluster.cli("models", "rollback", "registry").stdout
    expect("registry@production is version 1 again" in said, f"rollback: {said}")
    refused(cluster, "models", "rollback", "registry", saying="nothing to go back to")
    moves = json.loads(cluster.cli("models", "history", "registry@production", "-o", "json").stdout)["history"]
    expect([(move["from_version"], move["to_version"]) for move in moves] == [(0, 1), (1, 2), (2, 1)], f"history: {moves}")
    expect(moves[2]["reason"] == "rolled back from version 2", f"history: {moves}")
    refused(cluster, "models", "delete", "registry@1", saying="alias 'production' points at version 1")


def exports_and_comparisons(cluster, run):
    out = cluster.folder / "out"
    cluster.cli("models", "export", "registry@2", out / "export")
    config = json.loads((out / "export" / "adapter_config.json").read_text())
    base = pathlib.Path(config["base_model_name_or_path"])
    expect(base == out / "export" / "base" and (base / "config.json").exists(), f"the adapter names its base: {config}")
    refused(cluster, "models", "export", "registry@2", out / "export", saying="is there already")
    cluster.cli("models", "export", "registry@2", out / "merged", "--merge")
    expect((out / "merged" / "model.safetensors").exists() and not (out / "merged" / "adapter_config.json").exists(),
           "--merge gives one whole model")
    cluster.cli("artifacts", "get", f"{run['id']}/train/model", out / "adapter")
    same = "adapter_model.safetensors"
    expect((out / "adapter" / same).read_bytes() == (out / "export" / same).read_bytes(), "artifacts get gives the adapter")
    refused(cluster, "artifacts", "get", f"{run['id']}/train/modle", out / "x", saying="there is no output 'modle'")

    questions = out / "questions.jsonl"
    questions.write_text('{"prompt": "A goal was scored ->", "completion": " football"}\n' * 3)
    page = out / "page.html"
    done = cluster.cli("models", "compare", "registry@1", "registry@2", "--data", questions, "--max-tokens", 4, "--html", page,
                       "-o", "json")
    compared = json.loads(done.stdout)
    expect(len(compared["answers"]) == 3 and compared["scores"][0]["confidence"] == 0.95, f"compare: {compared}")
    expect("Answers side by side" in page.read_text(), "the page shows the answers")

    chats = out / "chats.jsonl"
    chats.write_text('{"messages": [{"role": "user", "content": "A goal was scored"}, {"role": "assistant", "content": "football"}]}\n')
    compared = json.loads(cluster.cli("models", "compare", "registry@1", "registry@2", "--data", chats, "--max-tokens", 4, "-o",
                                      "json").stdout)
    expect([each["expected"] for each in compared["answers"]] == ["football"], f"chats are asked: {compared}")


def verification_finds_a_flipped_byte(cluster):
    said = cluster.cli("models", "verify", "registry@production").stdout
    for link in ("registry@production alias", "registry@1 adapter", "registry@1 train checkpoint", "registry@1 eval.data"):
        expect(f"ok      {link}" in said, f"verify must tell of {link}: {said}")
    adapter = next(version for version in cluster.get("/api/v1/models/registry")["versions"] if version["version"] == 1)["adapter"]
    digest = cluster.file_digests(adapter)["adapter_model.safetensors"].split(":")[1]
    blob = cluster.folder / "controller" / "artifacts" / "blobs" / digest[:2] / digest
    blob.chmod(0o600)
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    done = cluster.cli("models", "verify", "registry@production", check=False)
    expect(done.returncode == 1, f"verify must fail: {done.stdout}")
    expect("BROKEN  registry@1 adapter" in done.stdout and "the first: registry@1 adapter" in done.stdout, done.stdout)
    refused(cluster, "models", "export", "registry@1", cluster.folder / "broken", saying="are not those of")


def a_model_that_cannot_be_served_leaves_its_log(cluster):
    broken = cluster.folder / "out" / "merged"
    (broken / "luthier-export.json").unlink()
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    cluster.cli("models", "import", broken, "--name", "broken")
    refused(cluster, "chat", "broken", "hello", saying="its log: luthier logs d-")
    newest = json.loads(cluster.cli("deployments", "-o", "json").stdout)["deployments"][0]
    expect(newest["model"] == "broken" and newest["stop_reason"] == "failed", f"it stopped by itself: {newest}")
    said = cluster.cli("logs", newest["id"]).stdout
    expect("not a valid safetensors file" in said, f"its log must be readable afterwards: {said}")


def versions_are_gated_rolled_back_exported_and_verified():
    with Cluster(agents=1) as cluster:
        cluster.wait_run(cluster.submit(PIPELINES / "base.yaml"))
        gates_moves_and_ways_back(cluster)
        run = cluster.get("/api/v1/runs?pipeline=registry&status=succeeded")["runs"][0]
        exports_and_comparisons(cluster, run)
        a_model_that_cannot_be_served_leaves_its_log(cluster)
        verification_finds_a_flipped_byte(cluster)
        cluster.cli("models", "delete", "registry@2")
        refused(cluster, "models", "alias", "registry", "production", 2, saying="has no version 2")


if __name__ == "__main__":
    main([versions_are_gated_rolled_back_exported_and_verified])
