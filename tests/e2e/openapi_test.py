#!/usr/bin/env python3
"""docs/openapi.yaml is valid OpenAPI 3.1, and every operation that it describes answers as it says, refusals included.

A real controller and agent. Members that are not described fail here.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

os.environ["LUTHIER_STRICT_ANSWERS"] = "1"

import answers  # noqa: E402
from cluster import SOURCE, Cluster, Failure, expect, main, wait_for  # noqa: E402

DEPS = pathlib.Path(os.environ.get("LUTHIER_DEPS_DIR") or pathlib.Path.home() / ".cache" / "luthier" / "deps")
# What needs a trained model: no answer but a refusal is asked for here.
REFUSAL_ONLY = {("POST", "/api/v1/generate")}
PIPELINE = """name: t
steps:
  hello:
    uses: run
    with: { command: "echo hello" }
"""


class Api:
    """Sends requests and holds each answer against the description."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.description = answers.Description()
        self.wrong = []

    def __call__(self, method, path, body=None, key=None, raw=None):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key or self.cluster.key}"} if key != "" else {}
        request = urllib.request.Request(self.cluster.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, content_type, content = response.status, response.headers["content-type"], response.read()
        except urllib.error.HTTPError as error:
            status, content_type, content = error.code, error.headers["content-type"], error.read()
        wrong = self.description.check(method, path, status, content_type, content)
        if wrong:
            self.wrong.append(wrong)
        return status, (json.loads(content) if content_type == "application/json" else content)


def the_document_is_valid():
    done = subprocess.run([sys.executable, "-m", "openapi_spec_validator", str(SOURCE / "docs" / "openapi.yaml")],
                          capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"openapi-spec-validator: {done.stdout}{done.stderr}")


def use_blobs_and_models(api):
    blob = b"{}"
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    api("PUT", f"/api/v1/blobs/{digest}", raw=blob)
    api("PUT", f"/api/v1/blobs/{digest}", raw=b"other")
    api("GET", f"/api/v1/blobs/{digest}")
    api("POST", "/api/v1/missing-blobs", {"digests": [digest]})
    api("POST", "/api/v1/data-checks", {"training": digest, "validation": digest, "context_tokens": 100})
    api("POST", "/api/v1/data-checks", {"training": digest, "format": "docx"})
    for name in ("config.json", "other.json"):
        _, made = api("POST", "/api/v1/artifacts",
                      {"kind": "model", "files": [{"path": name, "digest": digest, "bytes": len(blob)}]})
        api("GET", f"/api/v1/artifacts/{made['artifact']}")
        api("POST", "/api/v1/models/m/versions", {"artifact": made["artifact"], "description": "d"})
    api("PUT", "/api/v1/models/m/aliases/production", {"version": 1})
    api("PUT", "/api/v1/models/m/aliases/production", {"version": 1, "force": True})
    api("PUT", "/api/v1/models/m/aliases/production", {"version": 2, "expected_version": 1, "force": True})
    api("POST", "/api/v1/models/m/aliases/production/rollback", {"expected_version": 2})
    api("GET", "/api/v1/models/m/versions/1/verify")
    api("DELETE", "/api/v1/models/m/versions/2")
    api("GET", "/api/v1/models")
    api("GET", "/api/v1/models/m")


def use_runs(api, cluster):
    _, run = api("POST", "/api/v1/runs", {"yaml": PIPELINE, "file": "t.yaml"})
    cluster.wait_run(run["id"])
    for path in ("", "/events?follow=0", "/steps/hello/log", "/steps/hello/metrics"):
        api("GET", f"/api/v1/runs/{run['id']}{path}")
    _, other = api("POST", "/api/v1/runs", {"yaml": PIPELINE.replace("echo hello", "sleep 600")})
    wait_for("a running step", lambda: cluster.step(other["id"], "hello")["status"] == "running")
    api("GET", f"/api/v1/runs/{other['id']}")
    api("POST", f"/api/v1/runs/{other['id']}/cancel")
    wait_for("the cancelled run's end", lambda: cluster.get(f"/api/v1/runs/{other['id']}")["status"] == "cancelled")
    _, again = api("POST", f"/api/v1/runs/{run['id']}/rerun", {"from": "hello"})
    cluster.wait_run(again["id"])
    api("GET", f"/api/v1/runs/{run['id']}/plan")
    api("POST", "/api/v1/plans", {"yaml": PIPELINE, "file": "t.yaml"})
    api("GET", "/api/v1/runs")
    api("GET", "/api/v1/events?follow=0")


def use_approvals(api, cluster):
    asks = "name: a\nsteps:\n  ask: { uses: approve, with: { message: go on } }\n"
    for verb in ("approve", "reject"):
        _, run = api("POST", "/api/v1/runs", {"yaml": asks})
        wait_for("a question", lambda: cluster.step(run["id"], "ask")["status"] == "ready")
        api("POST", f"/api/v1/runs/{run['id']}/steps/ask/{verb}", {"comment": "so be it"})
        cluster.wait_run(run["id"], status="succeeded" if verb == "approve" else "failed")
        api("GET", f"/api/v1/runs/{run['id']}/events?follow=0")


def use_administration(api):
    _, made = api("POST", "/api/v1/keys", {"name": "extra", "scope": "viewer"})
    _, keys = api("GET", "/api/v1/keys")
    api("DELETE", "/api/v1/keys/" + next(key["id"] for key in keys["keys"] if key["name"] == "extra"))
    expect(api("GET", "/api/v1/runs", key=made["key"])[0] == 401, "a revoked key is refused")
    api("POST", "/api/v1/join-tokens", {"uses": 1})
    _, tokens = api("GET", "/api/v1/join-tokens")
    api("DELETE", f"/api/v1/join-tokens/{tokens['join_tokens'][0]['id']}")
    api("GET", "/api/v1/audit")
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/version", "/api/v1/agents", "/api/v1/deployments", "/api/v1/journal",
                 "/api/v1/journal/state?at=1"):
        api("GET", path)
    api("POST", "/api/v1/gc", {"dry_run": True})


def use_agents(api, cluster):
    agent = cluster.get("/api/v1/agents")["agents"][0]["id"]
    for what in ("cordon", "uncordon", "drain"):
        api("POST", f"/api/v1/agents/{agent}/{what}", {})
    api("GET", "/api/v1/agents")
    cluster.agents[1].kill()
    wait_for("the loss of the agent", lambda: cluster.get("/api/v1/agents")["agents"][0]["status"] == "lost")
    api("DELETE", f"/api/v1/agents/{agent}")


def every_operation_answers_as_described():
    with Cluster(agents=1) as cluster:
        api = Api(cluster)
        use_blobs_and_models(api)
        use_runs(api, cluster)
        use_approvals(api, cluster)
        use_administration(api)
        use_agents(api, cluster)
        for method, pattern in sorted(api.description.operations()):  # refusals: nothing of that name, and no key
            path = pattern.replace("{", "no-").replace("}", "") + ("?follow=0" if pattern.endswith("/events") else "")
            api(method, path, None if method == "GET" else {})
            api(method, path, None if method == "GET" else {}, key="")
        expect(not api.wrong, "\n  ".join(["answers differ from docs/openapi.yaml:", *api.wrong]))
        answered = {(method, pattern) for method, pattern, status in api.description.seen if status < 400}
        missing = api.description.operations() - answered - REFUSAL_ONLY
        expect(not missing, f"no answer was asked of {sorted(missing)}: add them to this test")


def promtool_accepts_the_metrics():
    promtool = shutil.which("promtool") or str(DEPS / "bin" / "promtool")
    if not pathlib.Path(promtool).exists():
        raise Failure("there is no promtool; ./dev setup installs it")
    with Cluster(agents=1) as cluster:
        run = cluster.request("POST", "/api/v1/runs", {"yaml": PIPELINE})
        cluster.wait_run(run["id"])
        text = cluster.request("GET", "/metrics", raw=True)
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    expect(done.returncode == 0 and not done.stderr and not done.stdout,
           f"promtool check metrics: {done.stdout.decode()}{done.stderr.decode()}")
    for name in ("luthier_runs", "luthier_live_steps", "luthier_queue_length", "luthier_commit_seconds_bucket",
                 "luthier_commit_records_bucket", "luthier_agents", "luthier_http_requests_total", "luthier_artifact_bytes",
                 "luthier_http_request_seconds_bucket", "luthier_data_disk_free_bytes", "luthier_build_info"):
        expect(name.encode() in text, f"/metrics has no {name}")
    expect(b'luthier_runs{status="succeeded"} 1\n' in text, "a run that has succeeded is counted")


if __name__ == "__main__":
    main([the_document_is_valid, every_operation_answers_as_described, promtool_accepts_the_metrics])
