"""A real controller and real agents in a temporary folder, for end-to-end tests.

Standard library only, and answers.py where its packages are. Programs are taken from LUTHIER_BIN_DIR (default out/bin). Every process is started by this module
and ended by its pid; Cluster.orphans() lists what is left that carries this cluster's folder in its command line,
environment or working folder.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LUTHIER_BIN_DIR", SOURCE / "out" / "bin"))

# ctest runs these tests with the Python that `./dev setup` made, which has what answers.py needs.
try:
    import answers
    DESCRIPTION = answers.Description()
except ImportError:
    if os.environ.get("LUTHIER_CHECK_ANSWERS") == "1":
        raise
    DESCRIPTION = None

# Nothing is judged by speed: this only ends a test that would hang forever.
PATIENCE_S = float(os.environ.get("LUTHIER_E2E_PATIENCE", "240"))


class Failure(Exception):
    """A test's expectation was not met."""


def expect(condition, message):
    if not condition:
        raise Failure(message)


def wait_for(what, probe, patience_s=PATIENCE_S, interval_s=0.05):
    """Calls probe() until it returns something true, which is returned."""
    deadline = time.monotonic() + patience_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {patience_s:.0f} s in vain for {what}")
        time.sleep(interval_s)


class Process:
    """One program started by the test, with its output in a file."""

    def __init__(self, name, argv, log_path, env=None):
        self.name = name
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.popen = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                          env=env, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def kill(self):
        """SIGKILL to this process alone."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self, patience_s=15):
        """SIGTERM, then wait; a process that does not end in time is a failure."""
        if self.popen.poll() is not None:
            return self.popen.returncode
        self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise Failure(f"{self.name} did not end within {patience_s} s of SIGTERM")


class Cluster:
    def __init__(self, agents=2, agent_silence_s=3, keep=False):
        # Short: Unix socket names are limited to 108 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lt-"))
        self.keep = keep
        self.agent_silence_s = agent_silence_s
        self.controller = None
        self.agents = {}
        self.url = None
        self.grpc_address = None
        self.key = None
        self.start_controller()
        for number in range(1, agents + 1):
            self.start_agent(number)
        self.wait_for_agents(agents)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for process in [*self.agents.values(), self.controller]:
            if process is not None and process.popen.poll() is None:
                with contextlib.suppress(Failure):
                    process.stop()
        self.kill_orphans()  # an agent leaves running steps to their shims
        if kind is not None:
            self.print_logs()
        if not self.keep:
            self.remove()
        return False

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- processes ---

    def start_controller(self):
        ready = self.folder / "controller.ready"
        ready.unlink(missing_ok=True)
        # After the first start the ports stay, so that agents find a restarted controller.
        http_port = self.url.rsplit(":", 1)[1] if self.url else "0"
        grpc_port = self.grpc_address.rsplit(":", 1)[1] if self.grpc_address else "0"
        self.controller = Process(
            "luthierd",
            [BIN / "luthierd", "--data", self.folder / "controller", "--http-port", http_port, "--grpc-port",
             grpc_port, "--agent-silence", f"{self.agent_silence_s}s", "--ready-file", ready],
            self.folder / "controller.log")

        def is_ready():
            if self.controller.popen.poll() is not None:
                raise Failure("luthierd ended while starting:\n" + (self.folder / "controller.log").read_text())
            return ready.exists()
        wait_for("luthierd to be ready", is_ready)
        said = json.loads(ready.read_text())
        self.url, self.grpc_address = said["http_url"], said["grpc_address"]
        self.key = (self.folder / "controller" / "admin.key").read_text().strip()

    def start_agent(self, number):
        data = self.folder / f"agent-{number}"
        self.agents[number] = Process(
            f"luthier-agent {number}",
            [BIN / "luthier-agent", "--data", data, "--controller", self.grpc_address, "--name", f"agent-{number}",
             "--join-token-file", self.folder / "controller" / "agent-join.token"],
            self.folder / f"agent-{number}.log")

    def wait_for_agents(self, count):
        wait_for(f"{count} connected agents", lambda: sum(
            agent["status"] == "connected" for agent in self.get("/api/v1/agents")["agents"]) >= count)

    def agent_number(self, agent_id):
        """Which of our agents has this id."""
        for agent in self.get("/api/v1/agents")["agents"]:
            if agent["id"] == agent_id:
                return int(agent["name"].rsplit("-", 1)[1])
        raise Failure(f"no agent {agent_id}")

    def processes(self, part=""):
        """{pid: command line} of everything alive that belongs to this cluster, or to a part of its folder ("agent-1")."""
        mark = str(self.folder / part).encode()
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes()
                place = os.readlink(entry / "cwd").encode()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                environment = (entry / "environ").read_bytes()
                if state != "Z" and (mark in command or mark in environment or place.startswith(mark)):
                    found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
        return found

    def orphans(self):
        """What belongs to the cluster but is neither the controller nor an agent that we started."""
        ours = {process.pid for process in [self.controller, *self.agents.values()] if process}
        return {pid: command for pid, command in self.processes().items() if pid not in ours}

    def kill_orphans(self):
        left = self.orphans()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    def print_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            print(f"--- {log.name} (last 60 lines)", file=sys.stderr)
            print("\n".join(log.read_text(errors="replace").splitlines()[-60:]), file=sys.stderr)

    # --- HTTP ---

    def request(self, method, path, body=None, raw=False):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={
            "Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                content = response.read()
                self.check_answer(method, path, response.status, response.headers["content-type"], content)
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        return content if raw else json.loads(content)

    def check_answer(self, method, path, status, content_type, content):
        """Holds an answer against docs/openapi.yaml; a test that ctest runs always can."""
        if DESCRIPTION:
            wrong = DESCRIPTION.check(method, path, status, content_type, content)
            expect(not wrong, wrong)

    def get(self, path):
        return self.request("GET", path)

    def cli(self, *arguments, check=True):
        """Runs `luthier` against this cluster; returns the CompletedProcess."""
        environment = dict(os.environ, LUTHIER_URL=self.url, LUTHIER_API_KEY=self.key)
        done = subprocess.run([BIN / "luthier", *map(str, arguments)], env=environment, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S)
        if check and done.returncode != 0:
            raise Failure(f"luthier {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def submit(self, file, **params):
        """Submits a pipeline through the command line (which uploads its sources); returns the run's id."""
        options = [item for name, value in params.items() for item in ("-p", f"{name}={value}")]
        # Tests submit the same pipeline again and again and mean it to run.
        return json.loads(self.cli("run", file, *options, "--no-cache", "--detach", "-o", "json").stdout)["id"]

    def run(self, run_id):
        return self.get(f"/api/v1/runs/{run_id}")

    def step(self, run_id, step_id):
        return next(step for step in self.run(run_id)["steps"] if step["id"] == step_id)

    def wait_run(self, run_id, status="succeeded"):
        run = wait_for(f"the end of run {run_id}", lambda: (
            lambda run: run if run["status"] != "running" else None)(self.run(run_id)))
        if run["status"] != status:
            details = [(step["id"], step["status"], step["reason"], step["attempts"]) for step in run["steps"]]
            raise Failure(f"run {run_id} is {run['status']}, not {status}: {json.dumps(details, indent=1)}")
        return run

    def wait_training(self, run_id, step_id, global_step):
        """Until the step has reported metrics beyond a global step; returns the step."""
        def reached():
            step = self.step(run_id, step_id)
            expect(step["status"] not in ("succeeded", "failed", "skipped", "cancelled"),
                   f"{step_id} ended ({step['status']}) before it could be disturbed: {step['reason']}")
            if step["status"] != "running":
                return None
            points = self.get(f"/api/v1/runs/{run_id}/steps/{step_id}/metrics?series=train_loss&after={global_step}")
            return step if points["points"] else None
        return wait_for(f"{step_id} to pass global step {global_step}", reached)

    def log(self, run_id, step_id):
        return self.request("GET", f"/api/v1/runs/{run_id}/steps/{step_id}/log", raw=True)

    def file_digests(self, artifact):
        """{path: digest} of an artifact's files."""
        manifest = self.get(f"/api/v1/artifacts/{artifact}")
        return {file["path"]: file["digest"] for file in manifest["files"]}


def main(tests):
    """Runs the named test functions (all by default); exit status 1 if one fails."""
    wanted = sys.argv[1:] or [test.__name__ for test in tests]
    failed = 0
    for test in tests:
        if test.__name__ not in wanted:
            continue
        started = time.monotonic()
        try:
            test()
            print(f"ok   {test.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
        except Failure as failure:
            failed += 1
            print(f"FAIL {test.__name__}: {failure}", flush=True)
    sys.exit(1 if failed else 0)
