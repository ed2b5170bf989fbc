"""What must hold after chaos: checkers over the API's answers, the journal, and the files that the steps wrote."""

import collections
import json
import pathlib
import re
import sqlite3

from cluster import expect, wait_for

TERMINAL = ("succeeded", "failed", "cancelled", "skipped")
TERMINAL_EVENTS = tuple(f"step_{status}" for status in TERMINAL)
GAP = re.compile(rb"\[luthier: the rest of attempt \d+'s log was lost with agent [^\n]*\]\n\Z")


class Checkers:
    """Counts what each checker looked at; a violation raises Failure."""

    def __init__(self, cluster, written):
        self.cluster = cluster
        self.written = pathlib.Path(written)
        self.counts = collections.Counter()
        self.weights = None
        self.gaps = 0
        self.crash_limits = 0

    # --- a finished run ---

    def run_is_whole(self, run):
        for step in run["steps"]:
            where = f"{run['id']}/{step['id']}"
            expect(step["status"] in TERMINAL, f"{where} is {step['status']} though its run is {run['status']}")
            self.counts["steps in one terminal state"] += 1
            if self._may_have_failed(step, run):
                continue
            succeeded = [attempt for attempt in step["attempts"] if attempt["status"] == "succeeded"]
            expect(len(succeeded) == 1 and step["attempts"][-1] is succeeded[0],
                   f"{where}: its last attempt and no other must have succeeded: {step['attempts']}")
            self.counts["steps with one successful attempt"] += 1
            if step["name"] == "count":
                self._logs_are_exact(run, step)
            if step["uses"] == "train":
                self._training_is_whole(run, step)

    def _may_have_failed(self, step, run):
        """The one allowed failure: a step that died on so many agents that it may be what ends them; and what waited for it."""
        if step["status"] == "succeeded":
            return False
        died_on = {attempt["agent"] for attempt in step["attempts"] if attempt["status"] == "infrastructure_failure"}
        behind = step["status"] == "skipped" and any(
            other["id"] in step["needs"] and other["status"] != "succeeded" for other in run["steps"])
        expect(behind or (step["status"] == "failed" and len(died_on) >= 3),
               f"{run['id']}/{step['id']} is {step['status']}: {step['reason']}; {step['attempts']}")
        self.crash_limits += not behind
        return True

    def _logs_are_exact(self, run, step):
        member = step["id"].split("member=")[1].rstrip("]")
        for attempt in step["attempts"]:
            file = self.written / f"{run['id']}.{member}.{attempt['number']}"
            wrote = file.read_bytes() if file.exists() else b""
            log = self.cluster.request(
                "GET", f"/api/v1/runs/{run['id']}/steps/{quoted(step['id'])}/log?attempt={attempt['number']}", raw=True)
            where = f"the log of {run['id']}/{step['id']}/{attempt['number']} ({attempt['status']} {attempt['error_code']})"
            if attempt["status"] == "succeeded":
                expect(log == wrote and log.count(b"\n") == 60, f"{where} has {len(log)} bytes of {len(wrote)} written")
            else:
                bare = GAP.sub(b"", log)
                expect(wrote.startswith(bare), f"{where} holds bytes that the step did not write")
                self.gaps += bare != log
                if bare == log and attempt["error_code"] == "agent_lost":
                    expect(wrote == log or wrote.endswith(b"\n"), f"{where} ends without a gap that says so")
                if attempt["signal"] == 9:  # its shim lived on and read all; the step wrote to its file first
                    expect(wrote.count(b"\n") - bare.count(b"\n") <= 1, f"{where} lacks lines: {len(bare)} of {len(wrote)} bytes")
            self.counts["logs compared byte for byte"] += 1

    def _training_is_whole(self, run, step):
        where = f"{run['id']}/{step['id']}"
        committed = [checkpoint["step"] for checkpoint in step["checkpoints"]]
        expect(committed == sorted(set(committed)), f"{where}: checkpoints {committed}")
        points = self.cluster.get(f"/api/v1/runs/{run['id']}/steps/{step['id']}/metrics?series=train_loss")["points"]
        expect([point["step"] for point in points] == list(range(1, step["outputs"]["steps"] + 1)),
               f"{where}: train_loss must have each global step once")
        weights = self.cluster.file_digests(step["outputs"]["model"]["adapter"]["$artifact"])
        self.weights = self.weights or weights
        expect(weights == self.weights, f"{where}: the weights differ from those of another training")
        self.counts["trainings with each step once, and the same weights"] += 1

    # --- the end ---

    def resources_are_free(self):
        def free():
            agents = self.cluster.get("/api/v1/agents")["agents"]
            return all(agent["status"] == "connected" and not agent["attempts"] for agent in agents)
        wait_for("every allocation to be released", free, patience_s=60)
        self.counts["agents with nothing allocated"] += len(self.cluster.agents)

    def nothing_is_orphaned(self):
        wait_for(f"every step process to be gone; left: {self.cluster.orphans()}", lambda: not self.cluster.orphans(),
                 patience_s=60)
        self.counts["process tables without orphans"] += 1

    def restart_changes_nothing(self):
        before = self._answers()
        self.cluster.controller.stop()
        self.cluster.start_controller()
        self.cluster.wait_for_agents(len(self.cluster.agents))
        after = self._answers()
        for name, answer in before.items():
            expect(after[name] == answer, f"{name} is not the same after the journal was replayed:\n{answer}\n{after[name]}")
        self.counts["answers the same after replay"] += len(before)

    def _answers(self):
        answers = {"models": self.cluster.get("/api/v1/models")}
        before = ""
        while True:
            page = self.cluster.get(f"/api/v1/runs?limit=100{before}")
            for run in page["runs"]:
                answers[f"run {run['id']}"] = self.cluster.run(run["id"])
            if not page["next"]:
                return answers
            before = f"&before={page['next']}"

    def journal_is_consistent(self):
        """Reads the journal of a stopped controller."""
        path = self.cluster.folder / "controller" / "luthier.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            rows = database.execute("SELECT record_index, event, body FROM journal ORDER BY record_index").fetchall()
        journal = Journal()
        for at, (index, event, body) in enumerate(rows):
            expect(index == rows[0][0] + at, f"journal record {index} follows {rows[at - 1][0]}")
            journal.take(event, json.loads(body))
        journal.end()
        self.counts["journal records"] += len(rows)
        self.counts["attempts fenced, released, and never behind a checkpoint"] += sum(journal.newest.values())


class Journal:
    """A second account of the journal, by attempt and step; shares no code with the machine."""

    def __init__(self):
        self.newest = {}
        self.held = set()
        self.checkpoint = collections.Counter()
        self.succeeded = {}
        self.ended = set()
        self.terminal = {}
        self.runs = {}

    def take(self, event, body):
        attempt = body.get("attempt")
        if isinstance(attempt, dict):
            self.take_attempt(event, body, (attempt["run"], attempt["step"]), attempt["number"])
        elif event == "run_submitted":
            for step in body["plan"]["steps"]:
                self.terminal[body["run"], step["id"]] = None
        elif event in TERMINAL_EVENTS:
            key = (body["run"], body["step"])
            expect(self.terminal.get(key) is None, f"{key} ended twice: {self.terminal.get(key)}, {event}")
            self.terminal[key] = event

    def take_attempt(self, event, body, key, number):
        where = f"{'/'.join(key)}/{number}"
        if event == "attempt_assigned":
            expect(number == self.newest.get(key, 0) + 1, f"{where} follows attempt {self.newest.get(key, 0)}")
            expect(body["resume_step"] >= self.checkpoint[key], f"{where} resumes behind its newest checkpoint")
            self.newest[key] = number
            self.held.add((key, number))
        elif event == "allocation_released":
            expect((key, number) in self.held, f"{where} released twice")
            self.held.remove((key, number))
        elif event == "checkpoint_committed":
            expect(number == self.newest[key], f"{where} committed a checkpoint though it was superseded")
            expect(body["checkpoint"]["step"] > self.checkpoint[key], f"{where} went back to an older checkpoint")
            self.checkpoint[key] = body["checkpoint"]["step"]
        elif event == "attempt_ended":
            expect((key, number) not in self.ended, f"{where} ended twice")
            self.ended.add((key, number))
            if body["outcome"] == "succeeded":
                expect(number == self.newest[key], f"{where} succeeded though it was superseded")
                expect(key not in self.succeeded, f"{where} committed outputs after attempt {self.succeeded.get(key)}")
                self.succeeded[key] = number

    def end(self):
        expect(not self.held, f"never released: {sorted(self.held)}")
        expect(all(self.terminal.values()), f"never ended: {[key for key, how in self.terminal.items() if not how]}")


def quoted(step_id):
    return step_id.replace("[", "%5B").replace("]", "%5D").replace("=", "%3D").replace(",", "%2C")
