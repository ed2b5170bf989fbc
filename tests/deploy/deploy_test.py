#!/usr/bin/env python3
"""What deploy/ holds is accepted by the programs that read it: systemd-analyze, promtool, luthierd and luthier-agent.

A tool that is missing fails the test: `./dev setup` installs all of them.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = SOURCE / "deploy"
BIN = pathlib.Path(os.environ.get("LUTHIER_BIN_DIR", SOURCE / "out" / "bin"))
DEPS = pathlib.Path(os.environ.get("LUTHIER_DEPS_DIR") or pathlib.Path.home() / ".cache" / "luthier" / "deps")
INSTRUCTIONS = {"FROM", "RUN", "COPY", "ENV", "WORKDIR", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT"}
# Exposure as systemd-analyze counts it, from 0 to 100. A hardening line that goes makes it grow.
EXPOSURE_MAX = {"luthierd.service": 15, "luthier-agent.service": 50}
failures = []


def expect(condition, message):
    if not condition:
        failures.append(message)


def tool(name):
    found = shutil.which(name) or (str(DEPS / "bin" / name) if (DEPS / "bin" / name).exists() else None)
    if not found:
        sys.exit(f"FAIL there is no {name}; ./dev setup installs it")
    return found


def run(*argv, **options):
    return subprocess.run([str(item) for item in argv], capture_output=True, text=True, check=False, timeout=120, **options)


def units_are_accepted(folder):
    analyze = tool("systemd-analyze")
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        # verify looks for the program, which is not installed here.
        copy = folder / unit.name
        copy.write_text(unit.read_text().replace("/opt/luthier/bin", str(BIN)))
        done = run(analyze, "verify", "--man=no", "--recursive-errors=no", copy)
        complaints = [line for line in done.stderr.splitlines() if unit.name in line]
        expect(done.returncode == 0 and not complaints, f"systemd-analyze verify {unit.name}: {done.stderr}")
        done = run(analyze, "security", "--offline=yes", f"--threshold={EXPOSURE_MAX[unit.name]}", "--no-pager", copy)
        expect(done.returncode == 0, f"{unit.name} is less hardened than it was: {done.stdout[-400:]}{done.stderr}")
    agent = (DEPLOY / "systemd" / "luthier-agent.service").read_text()
    for line in ("KillMode=process", "Delegate=yes", "LoadCredential=join-token:", "RuntimeDirectoryPreserve=yes"):
        expect(re.search(f"^{re.escape(line)}", agent, re.M), f"luthier-agent.service must have {line}")
    expect(not re.search("^PrivateTmp=yes", agent, re.M), "shims of an earlier start would be in another /tmp")


def a_mistake_in_a_unit_is_found(folder):
    broken = folder / "broken.service"
    broken.write_text("[Service]\nExecStart=/nowhere/luthierd\n")
    done = run(tool("systemd-analyze"), "verify", "--man=no", broken)
    expect(done.returncode != 0 or "nowhere" in done.stderr, "systemd-analyze verify finds nothing wrong with anything")


def samples_load():
    sample = DEPLOY / "config" / "luthierd.conf"
    done = run(BIN / "luthierd", "--config", sample, "--print-config")
    expect(done.returncode == 0, f"luthierd does not take {sample}: {done.stderr}")
    for name, _ in re.findall(r"^([a-z-]+) = (.*)$", sample.read_text(), re.M):
        expect(re.search(rf"^{name} = .*{re.escape(str(sample))}:\d+", done.stdout, re.M), f"{name} did not come from {sample}")
    known = set(re.findall(r"^([a-z-]+) =", done.stdout, re.M)) - {"ready-file"}
    told = set(re.findall(r"^#? ?([a-z-]+) =", sample.read_text(), re.M))
    expect(known <= told, f"{sample.name} does not tell of {sorted(known - told)}")

    sample = DEPLOY / "config" / "agent.env"
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", sample.read_text(), re.M))
    for variable in re.findall(r"^#([A-Z_]+)=(.*)$", sample.read_text(), re.M):
        values.setdefault(*variable)
    done = run(BIN / "luthier-agent", "--data", "/var/lib/luthier-agent", "--print-config", env={**os.environ, **values})
    expect(done.returncode == 0, f"luthier-agent does not take {sample}: {done.stderr}")
    for variable, value in values.items():
        expect(variable in done.stdout and value in done.stdout, f"{variable} did not come from {sample}: {done.stdout}")


def logical_lines(text):
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.M)
    return [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]


def the_container_file_is_sound():
    stages, copied = set(), []
    for line in logical_lines((DEPLOY / "containers" / "Containerfile").read_text()):
        word, rest = line.split(None, 1)
        expect(word in INSTRUCTIONS, f"Containerfile: unknown instruction {word}")
        if word == "FROM":
            parts = rest.split()
            expect(len(parts) == 3 and parts[1] == "AS", f"Containerfile: {line}")
            expect("/" in parts[0] or parts[0] in stages, f"Containerfile: no stage {parts[0]}")
            stages.add(parts[2])
        elif word == "COPY":
            parts = shlex.split(rest)
            if parts[0].startswith("--from="):
                expect(parts[0].removeprefix("--from=") in stages, f"Containerfile: {line}")
                copied += [part for part in parts[1:-1] if "/out/bin/" in part]
            else:
                for part in parts[:-1]:
                    expect((SOURCE / part).exists(), f"Containerfile: there is no {part}")
        elif word == "ENTRYPOINT":
            expect(json.loads(rest)[0].startswith("/opt/luthier/bin/"), f"Containerfile: {line}")
    expect({"build", "controller", "agent"} <= stages, f"Containerfile: stages {stages}")
    for program in ("luthierd", "luthier", "luthier-agent", "luthier-shim", "luthier-prep", "luthier-worker"):
        expect(f"/source/out/bin/{program}" in copied, f"Containerfile: {program} is in no image")


def prometheus_accepts_the_examples(folder):
    promtool = tool("promtool")
    for name in ("alerts.yaml", "prometheus.yaml"):
        text = (DEPLOY / "prometheus" / name).read_text().replace("/etc/prometheus/luthier.key", str(folder / "key"))
        (folder / name).write_text(text)
    (folder / "key").write_text("key\n")
    done = run(promtool, "check", "rules", folder / "alerts.yaml")
    expect(done.returncode == 0, f"promtool check rules: {done.stdout}{done.stderr}")
    done = run(promtool, "check", "config", folder / "prometheus.yaml")
    expect(done.returncode == 0, f"promtool check config: {done.stdout}{done.stderr}")


def main():
    with tempfile.TemporaryDirectory(prefix="luthier-deploy-") as name:
        folder = pathlib.Path(name)
        units_are_accepted(folder)
        a_mistake_in_a_unit_is_found(folder)
        samples_load()
        the_container_file_is_sound()
        prometheus_accepts_the_examples(folder)
    for failure in failures:
        print("FAIL", failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
