#!/usr/bin/env python3
"""Compares what we compute with the programs whose results we promise to equal. Started by ./dev oracle.

    run.py --programs FOLDER --cache FOLDER [--quick] [TOPIC ...]

A topic is a file of this folder with TOPIC, its name, and run(oracle), which calls oracle.check() (frame.py). The last
line is "oracle: N checks, M failed"; the exit status is 1 when M is not 0.
"""
import argparse
import importlib
import pathlib
import sys
import time

import frame


def topics():
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        if path.stem not in ("run", "frame") and "\nTOPIC = " in path.read_text(encoding="utf-8"):
            yield importlib.import_module(path.stem)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--programs", type=pathlib.Path, required=True)
    arguments.add_argument("--cache", type=pathlib.Path, required=True)
    arguments.add_argument("--quick", action="store_true", help="a tenth of the work")
    arguments.add_argument("topics", nargs="*")
    options = arguments.parse_args()
    known = {module.TOPIC: module for module in topics()}
    for name in options.topics:
        if name not in known:
            arguments.error(f"no topic {name!r}; there are: {' '.join(known)}")
    checks = failed = 0
    for name in options.topics or known:
        oracle = frame.Oracle(name, options.programs, options.cache, options.quick)
        begin = time.monotonic()
        known[name].run(oracle)
        oracle.say(f"{oracle.checks:,} checks, {oracle.failed:,} failed, {time.monotonic() - begin:.0f} s")
        checks += oracle.checks
        failed += oracle.failed
    print(f"oracle: {checks} checks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
