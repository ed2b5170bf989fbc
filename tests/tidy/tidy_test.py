#!/usr/bin/env python3
"""Conventions as a test: layers, banned calls, sizes, links, leftovers. Standard library only.

Prints one line per finding, FILE:LINE: what, and exits 1 if there is any. `--sizes` prints lines by folder, the largest
files and the longest functions instead.
"""

import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINES_MAX = 500
FUNCTION_LINES_MAX = 60
# Functions longer than the limit, with the length they may have. Only ever shrinks.
LONG_FUNCTIONS = {}

# folder → prefixes of includes that it may use besides its own ("Never: core → I/O or proto …", DESIGN section 6).
PLANS = ["pipelines/plan/", "pipelines/spec/"]
LAYERS = {
    "base/": ["base/"],
    "pipelines/artifact/": ["base/"],
    "pipelines/worker_protocol/": ["base/"],
    "pipelines/spec/": ["base/", "pipelines/plan/"],
    "pipelines/plan/": ["base/", "pipelines/spec/"],
    "pipelines/text/": ["base/"],
    "pipelines/pack/": ["base/", "pipelines/text/"],
    "pipelines/data/": ["base/", "pipelines/"],
    "controller/core/": ["base/", "pipelines/plan/"],
    "controller/store/": ["base/", "pipelines/plan/", "controller/core/"],
    "controller/artifacts/": ["base/", "pipelines/artifact/"],
    "controller/fleet/": ["base/", "pipelines/", "controller/", "luthier/v1/"],
    "controller/http/": ["base/", "pipelines/", "controller/"],
    "controller/": ["base/", "pipelines/", "controller/", "integrations/"],
    "agents/core/": ["base/"],
    "agents/shim/": ["base/"],
    "agents/worker/": ["base/", "pipelines/pack/", "pipelines/text/", "pipelines/worker_protocol/"],
    "agents/": ["base/", "pipelines/artifact/", "pipelines/worker_protocol/", "agents/", "luthier/v1/"],
    "integrations/": ["base/"],
    "cli/": ["base/", "pipelines/", "integrations/"],
}
PURE = ("controller/core/", "agents/core/", "pipelines/plan/")
PURE_BANNED = {
    r"#include <(mutex|thread|atomic|fstream|iostream|filesystem|unistd\.h|sys/.*)>": "pure code has no I/O, threads or locks",
    r"_clock::now\(": "pure code takes `now` as an argument",
    r"\brand\(|std::random_device|std::mt19937": "pure code uses base/random.h with the state's seed",
}
BANNED = {
    r"\bsystem\(|\bpopen\(": "start processes with an argument list",
    r"\bgetenv\(": "read the environment in config.cc or main.cc",
    r"\bstrcpy\(|\bsprintf\(|\bgets\(": "unbounded C string call",
    r"\bstd::rand\b": "use base/random.h",
}
GETENV_ALLOWED = re.compile(r"(config|main|environment|channel|job|runtime_folder)\.cc$|^tests/|^cli/")
# Words are spelt in halves so that this file does not find itself.
LEFTOVERS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
PLACES = re.compile("|".join(["pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npmjs", "deb" + r"\.debian\.org",
                              r"(?<![\w.])/wo" + "rk/", r"(?<![\w.])/ro" + r"ot/", "bash" + "_jobs"]))


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT,
                         capture_output=True, text=True, check=True).stdout
    return [name for name in out.splitlines() if (ROOT / name).is_file()]


def lines_of(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines()


def layer_of(name):
    return max((folder for folder in LAYERS if name.startswith(folder)), key=len, default=None)


def functions(name):
    """(line, signature, length) of function bodies, by brace depth: exact enough for formatted code."""
    header = ""
    opened = []
    for number, line in enumerate(lines_of(name), 1):
        code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'|//.*', "", line)
        for character in code:
            if character == "{":
                text = header.strip()
                is_function = re.search(r"\)\s*(const|noexcept|override|final|mutable|->[^{}]*|\s)*$", text) and not \
                    re.search(r"^\s*(if|for|while|switch|else|do|catch|namespace|return)\b", text.split(";")[-1].strip())
                inside = any(function for function, _, _ in opened)
                opened.append((bool(is_function) and not inside, number, text[-80:]))
                header = ""
            elif character == "}":
                if opened:
                    function, first, text = opened.pop()
                    if function:
                        yield first, text, number - first + 1
                header = ""
            elif character == ";":
                header = ""
            else:
                header += character
        header += " "


def check_code(name, findings):
    layer = layer_of(name)
    for number, line in enumerate(lines_of(name), 1):
        include = re.match(r'#include ["<]((?:base|proto|pipelines|controller|agents|integrations|cli|luthier/v1)/[^">]+)[">]', line)
        if include and layer and not include[1].startswith((layer, *LAYERS[layer])):
            findings.append(f"{name}:{number}: {layer} must not include {include[1]}")
        for pattern, why in BANNED.items():
            if re.search(pattern, re.sub(r'"[^"]*"|//.*', "", line)):
                if "getenv" in pattern and GETENV_ALLOWED.search(name):
                    continue
                findings.append(f"{name}:{number}: {why}")
        if name.startswith(PURE):
            for pattern, why in PURE_BANNED.items():
                if re.search(pattern, line):
                    findings.append(f"{name}:{number}: {why}")
    for first, text, length in () if name.startswith("tests/") else functions(name):  # tables may be long
        if length > LONG_FUNCTIONS.get(name, FUNCTION_LINES_MAX):
            findings.append(f"{name}:{first}: function of {length} lines (limit {FUNCTION_LINES_MAX}): …{text}")


def check_text(name, findings):
    lines = lines_of(name)
    if len(lines) > LINES_MAX and name.endswith((".cc", ".h", ".py", ".sh")) and "Long because" not in lines[0] + lines[1]:
        findings.append(f"{name}:1: {len(lines)} lines (limit {LINES_MAX})")
    for number, line in enumerate(lines, 1):
        if LEFTOVERS.search(line):
            findings.append(f"{name}:{number}: unfinished work is an issue, not a comment")
        if PLACES.search(line):
            findings.append(f"{name}:{number}: names a registry host or a path of one machine")
    if name.endswith(".md"):
        for number, line in enumerate(lines, 1):
            for target in re.findall(r"\]\(([^)#\s]+)", line):
                if "://" not in target and not (ROOT / name).parent.joinpath(target).exists():
                    findings.append(f"{name}:{number}: link to {target}, which does not exist")
    if name.startswith("tests/") and name.endswith("_test.cc"):
        if not re.search(r"EXPECT_|ASSERT_", "\n".join(lines)):
            findings.append(f"{name}:1: a test that cannot fail")


def sizes():
    code = tracked("*.cc", "*.h", "*.cpp", "*.py", "*.proto", "*.sh", "dev", "*.yaml", "*.md", "*.txt", "*.cmake")
    by_folder = collections.Counter()
    for name in code:
        if not re.search(r"pipelines/examples/data/|tests/golden/", name):
            parts = name.split("/")
            by_folder["/".join(parts[:2]) if len(parts) > 2 else (parts[0] if len(parts) > 1 else ".")] += len(lines_of(name))
    print("lines by folder")
    for folder, count in sorted(by_folder.items()):
        print(f"  {count:6} {folder}")
    sources = [name for name in code if name.endswith((".cc", ".h"))]
    print("largest files")
    for count, name in sorted(((len(lines_of(name)), name) for name in sources), reverse=True)[:10]:
        print(f"  {count:6} {name}")
    print("longest functions")
    found = [(length, f"{name}:{first}") for name in sources for first, _, length in functions(name)]
    for length, place in sorted(found, reverse=True)[:10]:
        print(f"  {length:6} {place}")


def main():
    if "--sizes" in sys.argv:
        return sizes()
    findings = []
    for name in tracked("*.cc", "*.h"):
        check_code(name, findings)
    for name in tracked("*.cc", "*.h", "*.py", "*.sh", "*.md", "*.yaml", "*.cmake", "*CMakeLists.txt", "dev", "*.proto", "*.json"):
        check_text(name, findings)
    for name in tracked():
        if (ROOT / name).stat().st_size > 1_500_000:
            findings.append(f"{name}: larger than 1.5 MB; made files do not belong here")
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
