#!/usr/bin/env python3
"""Completions and man pages say what `luthier` takes: compared with --help, command by command, in real shells.

Also: exit codes are those that docs/operations.md tells. A tool that is missing fails the test; ./dev setup installs it.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LUTHIER_BIN_DIR", SOURCE / "out" / "bin"))
failures = []


def expect(condition, message):
    if not condition:
        failures.append(message)


def tool(name):
    found = shutil.which(name)
    if not found:
        sys.exit(f"FAIL there is no {name}; ./dev setup installs it")
    return found


def run(*argv, env=None):
    return subprocess.run([str(item) for item in argv], capture_output=True, text=True, check=False, timeout=120, env=env,
                          stdin=subprocess.DEVNULL)


def luthier(*arguments):
    return run(BIN / "luthier", *arguments)


def tree(path=()):
    """{path: (commands, options)} as --help tells them."""
    text = luthier(*path, "--help").stdout
    commands = re.findall(r"^  ([a-z][a-z-]*)  +\S", text.split("Subcommands:")[1].split("\n\n")[0], re.M) \
        if "Subcommands:" in text else []
    options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?=[ ,\n])", text.split("Options:")[1].split("\n\n")[0]))
    found = {path: (set(commands), options)}
    for command in commands:
        found |= tree((*path, command))
    return found


def bash_offers(script, *words):
    code = (f"source {script}; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($#-1)); _luthier_of_line; "
            "printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = run(tool("bash"), "--norc", "-c", code, "bash", *words)
    expect(done.returncode == 0 and not done.stderr, f"bash, {words}: {done.stderr}")
    return set(done.stdout.split())


def zsh_offers(script, *words):
    done = run(tool("zsh"), "-f", "-c", f"source {script}; _luthier_words \"$@\"", "zsh", *words[1:-1])
    expect(done.returncode == 0 and not done.stderr, f"zsh, {words}: {done.stderr}")
    return set(done.stdout.split())


def fish_offers(script, *words):
    line = " ".join(words)
    done = run(tool("fish"), "-N", "-c", f"source {script}; complete -C '{line}'")
    expect(done.returncode == 0 and not done.stderr, f"fish, {words}: {done.stderr}")
    return {row.split("\t")[0] for row in done.stdout.splitlines()}


def completions_offer_what_help_tells(folder, commands):
    scripts = {}
    for shell in ("bash", "zsh", "fish"):
        scripts[shell] = folder / shell
        scripts[shell].write_text(luthier("completion", shell).stdout)
    for path, (below, options) in commands.items():
        for shell, offers in (("bash", bash_offers), ("zsh", zsh_offers)):
            missing = (below | options) - offers(scripts[shell], "luthier", *path, "")
            expect(not missing, f"{shell} does not offer {sorted(missing)} after luthier {' '.join(path)}")
        if below:
            missing = below - fish_offers(scripts["fish"], "luthier", *path, "")
            expect(not missing, f"fish does not offer {sorted(missing)} after luthier {' '.join(path)}")
    bash = scripts["bash"]
    expect(bash_offers(bash, "luthier", "models", "im") == {"import"}, "bash: a beginning is completed")
    expect(bash_offers(bash, "luthier", "runs", "-o", "") == {"text", "json"}, "bash: choices of an option's value")
    expect(bash_offers(bash, "luthier", "--data", "models", "ru") == {"run", "runs"}, "bash: a value is no command")
    expect(bash_offers(bash, "luthier", "--data", "") == set(), "bash: a file's name is left to bash")
    expect(luthier("completion", "tcsh").returncode == 2, "an unknown shell is refused")


def man_pages_are_sound_and_complete(folder, commands):
    pages = folder / "man"
    expect(luthier("man", "--directory", pages).returncode == 0, "luthier man --directory")
    wanted = {"-".join(("luthier", *path)) + ".1" for path in commands}
    expect({page.name for page in pages.iterdir()} == wanted, f"pages differ from commands: {wanted}")
    for path, (below, options) in commands.items():
        page = pages / ("-".join(("luthier", *path)) + ".1")
        text = page.read_text()
        expect(text == luthier("man", *path).stdout, f"{page.name} differs from `luthier man`")
        plain = text.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
        for name in below | options:
            expect(re.search(rf"(^\.B |^|, ){re.escape(name)}(?=[,\s])", plain, re.M), f"{page.name} has no {name}")
        done = run(tool("mandoc"), "-T", "lint", "-W", "warning", page)
        expect(done.returncode == 0 and not done.stdout, f"mandoc: {done.stdout}")
        done = run(tool("man"), "--warnings=w", "-l", "-Tutf8", page, env={**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
        expect(done.returncode == 0 and not done.stderr, f"man --warnings, {page.name}: {done.stderr}")
    wrong = luthier("man", "models", "imports")
    expect(wrong.returncode == 2 and "import" in wrong.stderr, f"man of no command: {wrong.stderr}")


def exit_codes_are_told(folder):
    told = dict(re.findall(r"^  (\d+) +(.*)$", luthier("--help").stdout.split("Exit status:")[1], re.M))
    page = (SOURCE / "docs" / "operations.md").read_text()
    for code, meaning in told.items():
        expect(f"| {code} | {meaning} |" in page, f"docs/operations.md does not say: {code} {meaning}")
        expect(meaning.split("`")[0][:30] in luthier("man").stdout.replace("\\-", "-"), f"luthier(1) does not say {meaning}")
    expect(set(told) == {"0", "1", "2", "3", "130"}, f"exit codes {sorted(told)}")
    nobody = ("--url", "http://127.0.0.1:9", "--key-file", folder / "key")
    (folder / "key").write_text("key")
    (folder / "bad.yaml").write_text("nonsense: 1\n")
    for code, arguments in {0: ["--help"], 2: ["no-such-command"], 3: [*nobody, "runs"]}.items():
        expect(luthier(*arguments).returncode == code, f"luthier {arguments} must end with {code}")
    expect(luthier("check", folder / "bad.yaml").returncode == 2, "a bad pipeline ends with 2")
    expect(luthier(*nobody, "events").returncode == 3, "events without a controller ends with 3")


def versions_agree():
    version = re.search(r"project\(luthier VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text())[1]
    expect(luthier("--version").stdout == f"luthier {version}\n", "luthier --version differs from CMakeLists.txt")
    for name in ("luthierd", "luthier-agent", "luthier-shim", "luthier-prep", "luthier-worker"):
        if (BIN / name).exists():  # a build without LibTorch has no worker
            done = subprocess.run([BIN / name, "--version"], capture_output=True, text=True, check=False)
            expect((done.returncode, done.stdout) == (0, f"{name} {version}\n"), f"{name} --version: {done.stdout}{done.stderr}")


def main():
    commands = tree()
    expect(len(commands) > 15, f"only {len(commands)} commands found in --help")
    with tempfile.TemporaryDirectory(prefix="luthier-reference-") as name:
        completions_offer_what_help_tells(pathlib.Path(name), commands)
        man_pages_are_sound_and_complete(pathlib.Path(name), commands)
        exit_codes_are_told(pathlib.Path(name))
    versions_agree()
    for failure in failures:
        print("FAIL", failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
