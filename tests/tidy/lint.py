#!/usr/bin/env python3
"""What ./dev lint runs: clang-format, clang-tidy, self-contained headers, shellcheck, pyflakes and tidy_test.py.

By default only files that differ from the main branch (and what is not committed); --all takes the whole tree. Needs a
configured build folder for its compile_commands.json, and luthier_proto built there. A source that passed clang-tidy is
not looked at again until it, a header that it includes, its command or .clang-tidy changes (stamps in BUILD/lint).
"""

import argparse
import collections
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMAT = "clang-format-16"
TIDY = "clang-tidy-16"
BATCH = 6
TORCH = re.compile(r"#include .*\b(torch|c10|ATen|model/llama|model/loaded_model|model/scoring|optimizer)\b")  # not in this build
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else []


def tracked():
    return [name for name in git("ls-files", "--cached", "--others", "--exclude-standard") if (ROOT / name).is_file()]


def changed():
    """What differs from the main branch; on the main branch itself, from the commit before."""
    here = git("rev-parse", "HEAD")
    base = next((found for name in ("origin/main", "main") if (found := git("merge-base", "HEAD", name)) and found != here),
                ["HEAD~1"])
    names = set(git("diff", "--name-only", base[0])) | set(git("ls-files", "--others", "--exclude-standard"))
    return [name for name in tracked() if name in names]


def run(argv):
    """Output of a command that failed; "" when it succeeded."""
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"{argv[0]} failed"


def in_parallel(jobs, work, items):
    """Prints what `work` finds in each item, as it comes; returns how many items have findings."""
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for done in concurrent.futures.as_completed([pool.submit(work, item) for item in items]):
            if done.result():
                failed += 1
                print(done.result(), flush=True)
    return failed


@functools.cache
def direct_includes(name):
    path = ROOT / name
    return tuple(INCLUDE.findall(path.read_text(errors="replace"))) if path.is_file() else ()


def included(name):
    """`name` and every header of ours that it includes, however deep."""
    seen, queue = set(), [name]
    while queue:
        file = queue.pop()
        if file not in seen and (ROOT / file).is_file():
            seen.add(file)
            queue.extend(direct_includes(file))
    return seen


def include_flags(entry):
    words = shlex.split(entry["command"])
    return [word for at, word in enumerate(words)
            if word.startswith(("-I", "-D", "-std=")) or word == "-isystem" or words[at - 1] == "-isystem"]


class Commands:
    """compile_commands.json by file name relative to the root."""

    def __init__(self, build):
        self.by_file = {}
        for entry in json.loads((build / "compile_commands.json").read_text()):
            path = pathlib.Path(entry["directory"], entry["file"])
            if path.is_relative_to(ROOT):
                self.by_file[str(path.relative_to(ROOT))] = entry
        self.includer = {header: name for name in self.by_file for header in included(name)}

    def flags_for(self, header):
        """Include paths and definitions of a source that includes the header, directly or not."""
        if header not in self.includer:
            return None
        return include_flags(self.by_file[self.includer[header]])


class Tidy:
    def __init__(self, build, commands):
        self.commands = commands
        self.stamps = build / "lint"
        self.stamps.mkdir(exist_ok=True)

    def stamp(self, name):
        content = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
        content.update(self.commands.by_file[name]["command"].encode())
        for file in sorted(included(name)):
            content.update(file.encode() + b"\0" + (ROOT / file).read_bytes())
        return self.stamps / f"{name.replace('/', '.')}.{content.hexdigest()[:32]}"

    def batches(self, names):
        """Sources that have not passed yet, by folder: those of one folder have the same flags."""
        by_folder = collections.defaultdict(list)
        for name in names:
            if not self.stamp(name).exists():
                by_folder[os.path.dirname(name)].append(name)
        return [found[at:at + BATCH] for found in by_folder.values() for at in range(0, len(found), BATCH)]

    def check(self, names):
        """Most of the time goes into headers, so several sources are one translation unit, unless their names clash."""
        found = self.run_on(names)
        if len(names) > 1 and "clang-diagnostic-error" in found:
            half = len(names) // 2
            return "\n".join(filter(None, (self.check(names[:half]), self.check(names[half:]))))
        if not found:
            for name in names:
                for old in self.stamps.glob(f"{name.replace('/', '.')}.*"):
                    old.unlink()
                self.stamp(name).touch()
        return found

    def run_on(self, names):
        # Only places and definitions: GCC's warning options and precompiled headers mean nothing to clang.
        flags = include_flags(self.commands.by_file[names[0]])
        unit = self.stamps / f"{names[0].replace('/', '.')}.batch.cc"
        unit.write_text("".join(f'#include "{ROOT / name}"  // NOLINT\n' for name in names))
        return run([TIDY, "--quiet", f"--header-filter={re.escape(str(ROOT))}/(?!build/).*", "--config-file=.clang-tidy", str(unit),
                    "--", *flags])


def check_header(commands, name):
    flags = commands.flags_for(name)
    if flags is None:
        return ""  # only sources that this build leaves out include it
    return run(["g++", *flags, "-fsyntax-only", "-Wall", "-Werror", "-include", name, "-x", "c++", "/dev/null"])


def proven_headers():
    """Headers that a source includes first: compiling that source shows that they stand alone."""
    return {found[0] for name in tracked() if name.endswith(".cc") and (found := direct_includes(name))}


def is_shell(name):
    return name.endswith(".sh") or (ROOT / name).read_bytes()[:80].startswith((b"#!/usr/bin/env bash", b"#!/bin/bash", b"#!/bin/sh"))


def main():
    parser = argparse.ArgumentParser(prog="./dev lint", description=__doc__.split("\n")[0])
    parser.add_argument("--all", action="store_true", help="the whole tree, not only what differs from main")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev", help="configured build folder")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    names = tracked() if options.all else changed()
    commands = Commands(options.build.resolve())
    code = [name for name in names if name.endswith((".cc", ".h")) and not name.startswith("tests/golden/")]
    sources = [name for name in code if name.endswith(".cc") and name in commands.by_file and not name.startswith("tests/")]
    proven = proven_headers()
    headers = [name for name in code if name.endswith(".h") and name not in proven and not TORCH.search((ROOT / name).read_text())]
    scripts = [name for name in names if is_shell(name)]
    pythons = [name for name in names if name.endswith(".py")]
    tidy = Tidy(options.build.resolve(), commands)
    steps = [
        ("clang-format", [code[at:at + 40] for at in range(0, len(code), 40)],
         lambda chunk: run([FORMAT, "--dry-run", "-Werror", *chunk])),
        ("self-contained headers", headers, lambda name: check_header(commands, name)),
        ("shellcheck", scripts, lambda name: run(["shellcheck", name])),
        ("pyflakes", pythons, lambda name: run(["pyflakes3", name])),
        ("tidy_test.py", ["."], lambda _: run([sys.executable, str(ROOT / "tests/tidy/tidy_test.py")])),
        ("clang-tidy", tidy.batches(sources), tidy.check),
    ]
    failed = 0
    for title, items, work in steps:
        started = time.monotonic()
        findings = in_parallel(options.jobs, work, items)
        failed += findings
        print(f"lint: {title}: {sum(len(item) if isinstance(item, list) else 1 for item in items)} checked, {findings} with findings ({time.monotonic() - started:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
