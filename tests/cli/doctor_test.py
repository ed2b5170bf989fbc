#!/usr/bin/env python3
"""`luthier doctor` finds what is wrong, says what to do, and ends with 1 then; with 0 when nothing fails."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LUTHIER_BIN_DIR", SOURCE / "out" / "bin"))
RELEASE = re.search(r"project\(luthier VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text())[1]
failures = []


def expect(condition, message):
    if not condition:
        failures.append(message)


def doctor(data, program=BIN / "luthier", environment=None):
    done = subprocess.run([program, "--data", data, "doctor", "-o", "json"], capture_output=True, text=True, check=False,
                          timeout=120, env={"PATH": "/usr/bin:/bin", "HOME": str(data), **(environment or {})})
    return done.returncode, json.loads(done.stdout)["checks"]


def of(checks, name, verdict):
    return [check for check in checks if check["check"] == name and check["verdict"] == verdict]


def make_data(folder):
    data = folder / "data"
    data.mkdir(mode=0o700)
    for name in ("luthier.db", "telemetry.db"):
        (data / name).write_bytes(b"SQLite format 3\0" + bytes(100))
    for name in ("admin.key", "agent-join.token"):
        (data / name).write_text("ltk_0123456789\n")
        (data / name).chmod(0o600)
    return data


@contextlib.contextmanager
def controller_with(agents):
    """What a controller answers to doctor, with agents that no real one has at once."""
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = {"agents": agents} if self.path == "/api/v1/agents" else {
                "version": RELEASE, "api": "v1", "now": "", "now_ms": int(time.time() * 1000)}
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main():
    with tempfile.TemporaryDirectory(prefix="luthier-doctor-") as name:
        folder = pathlib.Path(name)
        data = make_data(folder)
        _, checks = doctor(data)
        names = {check["check"] for check in checks}
        expect({"disk", "clock", "ports", "keys", "release", "gpus", "programs", "shared mem", "open files", "cgroup", "worker",
                "data", "controller"} <= names, f"checks are {sorted(names)}")
        expect(not of(checks, "data", "fail") and not of(checks, "keys", "fail"), f"a sound folder: {checks}")
        expect(of(checks, "controller", "warn"), "no controller runs, and none need run")
        expect(all(check["remedy"] for check in checks if check["verdict"] != "ok"), "every complaint says what to do")

        (data / "admin.key").chmod(0o644)
        status, checks = doctor(data)
        expect(status == 1 and "chmod 600" in of(checks, "keys", "fail")[0]["remedy"], f"a key for all: {status} {checks}")
        (data / "admin.key").chmod(0o600)

        data.chmod(0o755)
        status, checks = doctor(data)
        expect(status == 1 and "chmod 700" in of(checks, "data", "fail")[0]["remedy"], f"a folder for all: {checks}")
        data.chmod(0o700)

        (data / "luthier.db").write_bytes(b"not a database at all")
        status, checks = doctor(data)
        expect(status == 1 and "backup" in of(checks, "data", "fail")[0]["remedy"], f"a broken database: {checks}")

        alone = folder / "bin"
        alone.mkdir()
        shutil.copy(BIN / "luthier", alone / "luthier")
        (alone / "luthier-worker").write_text("#!/bin/sh\necho libtorch_cpu.so: cannot open shared object file\nexit 127\n")
        (alone / "luthier-worker").chmod(0o755)
        status, checks = doctor(folder / "none", alone / "luthier")
        expect(status == 1 and "luthier-shim" in of(checks, "programs", "fail")[0]["found"], f"missing programs: {checks}")
        expect(of(checks, "release", "fail") and of(checks, "worker", "fail"), f"a worker that does not start: {checks}")

        _, checks = doctor(data, environment={"LUTHIER_URL": "http://127.0.0.1:9", "LUTHIER_API_KEY": "k"})
        expect("127.0.0.1:9" in of(checks, "controller", "warn")[0]["found"], f"an address where none answers: {checks}")
        agents = [{"name": "old", "status": "connected", "version": "0.0.9"}, {"name": "gone", "status": "lost", "version": "0.0.1"}]
        with controller_with(agents) as url:
            _, checks = doctor(data, environment={"LUTHIER_URL": url, "LUTHIER_API_KEY": "k"})
        found = of(checks, "releases", "warn")
        expect(found and "old is 0.0.9" in found[0]["found"] and "gone" not in found[0]["found"] and
               "restart luthier-agent" in found[0]["remedy"], f"an agent of another release: {checks}")
        with controller_with([{"name": "same", "status": "connected", "version": RELEASE}]) as url:
            _, checks = doctor(data, environment={"LUTHIER_URL": url, "LUTHIER_API_KEY": "k"})
        expect(of(checks, "releases", "ok"), f"agents of the controller's release: {checks}")
    for failure in failures:
        print("FAIL", failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
