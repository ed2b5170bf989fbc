#!/usr/bin/env python3
"""The step cache with real processes: an unchanged pipeline starts none, and a change runs what depends on it."""

import json
import pathlib

from cluster import Cluster, expect, main

PIPELINES = pathlib.Path(__file__).resolve().parent / "pipelines"
WITH_PROCESS = ["prepare", "train", "eval"]


def run(cluster, *options):
    """Runs one_run.yaml to its end; the run as the API gives it, steps by id."""
    done = json.loads(cluster.cli("run", PIPELINES / "one_run.yaml", *options, "-o", "json").stdout)
    return done["id"], {step["id"]: step for step in done["steps"]}


def an_unchanged_pipeline_starts_nothing():
    with Cluster(agents=1) as cluster:
        cluster.wait_run(cluster.submit(PIPELINES / "base.yaml"))
        first, cold = run(cluster)
        expect(all(cold[step]["attempts"] for step in WITH_PROCESS), "the first run must do the work")
        _, again = run(cluster)
        for step in WITH_PROCESS:
            expect(again[step]["cached_from"] == first and not again[step]["attempts"], f"{step} was not reused: {again[step]}")
            expect(again[step]["outputs"] == cold[step]["outputs"], f"{step} was given other outputs")
        model = cluster.get("/api/v1/models/one-run")
        expect([version["version"] for version in model["versions"]] == [1], "the same weights must stay one version")
        third, anew = run(cluster, "--no-cache")
        expect(all(anew[step]["attempts"] and not anew[step]["cached_from"] for step in WITH_PROCESS), "--no-cache must run all")
        said = cluster.cli("explain", third, "train").stdout
        expect("cache: false" in said, f"explain must say why: {said}")


def what_was_cached_outlives_the_controller():
    with Cluster(agents=1) as cluster:
        cluster.wait_run(cluster.submit(PIPELINES / "base.yaml"))
        first, _ = run(cluster)
        cluster.controller.kill()
        cluster.start_controller()
        cluster.wait_for_agents(1)
        second, again = run(cluster)
        expect(all(again[step]["cached_from"] == first for step in WITH_PROCESS), f"a restart forgot what was made: {again}")
        said = cluster.cli("explain", second, "train").stdout
        expect(f"run {first} made its outputs" in said and "with.method" in said, f"explain must show the components: {said}")


if __name__ == "__main__":
    main([an_unchanged_pipeline_starts_nothing, what_was_cached_outlives_the_controller])
