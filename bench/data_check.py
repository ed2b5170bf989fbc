#!/usr/bin/env python3
"""`luthier data check` with token counts against a Python script that does the work of the cookbook's notebook with tiktoken.

    ./dev build && ./dev oracle --quick tokenizers tiktoken && bench/data_check.py [--bytes 1000000000] [--threads 2]

(The oracle fetches the ranks of cl100k_base and a Python with tiktoken.) Both read the same made-up chats in JSONL. The notebook's
work: parse each line, the format checks, tokens of each conversation and of its assistant messages with cl100k_base, and the
distributions. Luthier does all its checks besides: near and exact duplicates, secrets, and so on. Each in a process of its own; wall
time and peak memory as the kernel counts them. Also with one thread, and plain reading of a file of --memory-bytes, without tokens.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEPS = pathlib.Path(os.environ.get("LUTHIER_DEPS_DIR", pathlib.Path.home() / ".cache" / "luthier" / "deps")) / "oracle"
SYLLABLES = "ka ro mi ten sul var de lo pra nix ho gel um bri sta fen qu ost lir wen".split()


def sentences(rng, count):
    words = (ROOT / "pipelines/examples/data/corpus/stories-1.txt").read_text().split()
    others = ["机器学习是人工智能的一个分支。", "Größe und Straße, naïve café.", "def f(x):\n    return x ** 2\n", "Привет, мир!", "👍🏽 fine ❤️"]
    result = []
    for _ in range(count):
        begin = rng.randrange(len(words) - 20)
        text = " ".join(words[begin:begin + rng.randrange(6, 18)])
        if rng.random() < 0.06:
            text += " " + rng.choice(others)
        result.append(text)
    return result


def make_file(path, size):
    """Chats of 2 to 8 turns; names and numbers that do not repeat stand in each."""
    rng = random.Random(11)
    pool = sentences(rng, 20_000)
    written = 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        while written < size:
            messages = [{"role": "system", "content": "You answer briefly."}]
            for _ in range(rng.randrange(1, 5)):
                name = "".join(rng.choices(SYLLABLES, k=3)).capitalize()
                for role in ("user", "assistant"):
                    text = " ".join(rng.choices(pool, k=rng.randrange(1, 8)))
                    messages.append({"role": role, "content": f"{name} {rng.randrange(10**6)}: {text}"})
            line = json.dumps({"messages": messages}, ensure_ascii=False) + "\n"
            written += len(line.encode())
            file.write(line)


def notebook(path):
    """What the notebook's cells do, in one process."""
    sys.path[0] = str(ROOT / "tests" / "oracle")  # not bench, whose tokenize.py is not Python's
    import numpy
    import ranks
    from frame import Oracle
    encoding, _ = ranks.load(Oracle("tiktoken", ROOT / "out" / "bin" / "oracle", DEPS, True), "cl100k_base")
    with open(path, "r", encoding="utf-8") as file:
        dataset = [json.loads(line) for line in file]
    errors = collections.defaultdict(int)
    for example in dataset:
        if not isinstance(example, dict):
            errors["data_type"] += 1
            continue
        messages = example.get("messages", None)
        if not messages:
            errors["missing_messages_list"] += 1
            continue
        for message in messages:
            if "role" not in message or "content" not in message:
                errors["message_missing_key"] += 1
            if any(key not in ("role", "content", "name", "function_call", "weight") for key in message):
                errors["message_unrecognized_key"] += 1
            if message.get("role", None) not in ("system", "user", "assistant", "function"):
                errors["unrecognized_role"] += 1
            content = message.get("content", None)
            if (not content and not message.get("function_call", None)) or not isinstance(content, str):
                errors["missing_content"] += 1
        if not any(message.get("role", None) == "assistant" for message in messages):
            errors["example_missing_assistant_message"] += 1

    def tokens_of(messages):
        count = 0
        for message in messages:
            count += 3
            for key, value in message.items():
                count += len(encoding.encode(value)) + (1 if key == "name" else 0)
        return count + 3

    totals, assistants, turns = [], [], []
    for example in dataset:
        messages = example["messages"]
        turns.append(len(messages))
        totals.append(tokens_of(messages))
        assistants.append(sum(len(encoding.encode(message["content"])) for message in messages if message["role"] == "assistant"))
    for values in (turns, totals, assistants):
        [numpy.min(values), numpy.max(values), numpy.mean(values), numpy.median(values), numpy.quantile(values, 0.1), numpy.quantile(values, 0.9)]
    print(json.dumps({"tokens": sum(totals), "examples": len(dataset), "errors": dict(errors)}))


def measure(command):
    """Seconds, seconds of CPU, MiB at most, and what it printed."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1) or not output:  # 1: `data check` found errors
        sys.exit(f"{command} failed")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.loads(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    parser.add_argument("--memory-bytes", type=int, default=0, help="of a second file, read without tokens; 0: none")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--luthier", default=ROOT / "out" / "bin" / "luthier")
    parser.add_argument("--notebook", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.notebook:
        return notebook(options.notebook)
    python = DEPS / "python" / "bin" / "python3"
    ranks_file = DEPS / "tiktoken" / "cl100k_base.tiktoken"
    if not python.exists() or not ranks_file.exists():
        sys.exit("first: ./dev oracle --quick tiktoken")
    with tempfile.TemporaryDirectory(prefix="luthier-bench-") as folder:
        path = pathlib.Path(folder) / "chats.jsonl"
        make_file(path, options.bytes)
        size = path.stat().st_size / 1e6

        def ours(file, threads, *more):
            return measure([options.luthier, "-o", "json", "data", "check", file, "--threads", str(threads), "--temporary-folder", folder, *more])

        rows = []
        for threads in sorted({1, options.threads}):
            seconds, cpu, memory, report = ours(path, threads, "--tokenizer", ranks_file)
            rows.append((f"luthier, {threads} thread(s), check + tokens", seconds, cpu, memory))
        seconds, cpu, memory, theirs = measure([python, __file__, "--notebook", path])
        rows.append(("notebook's work in Python, tiktoken", seconds, cpu, memory))
        print(f"{size:.0f} MB, {report['training']['examples']} examples, {report['tokens']['total']} tokens")
        if theirs["tokens"] != report["tokens"]["total"] or theirs["examples"] != report["training"]["examples"]:
            sys.exit(f"the two count differently: {theirs} and {report['tokens']}")
        for name, seconds, cpu, memory in rows:
            print(f"  {name:42} {seconds:8.1f} s {cpu:8.1f} s CPU {size / seconds:8.1f} MB/s {memory:8.0f} MiB peak")
        print(f"  luthier is {rows[-1][1] / rows[-2][1]:.1f} times as fast on {options.threads} threads; "
              f"on one it takes 1/{rows[-1][2] / rows[0][2]:.1f} of the CPU time")
        if options.memory_bytes:
            make_file(path, options.memory_bytes)
            size = path.stat().st_size / 1e6
            seconds, cpu, memory, report = ours(path, options.threads)
            print(f"  {size:.0f} MB without tokens {seconds:.1f} s {cpu:.1f} s CPU {size / seconds:.1f} MB/s {memory:.0f} MiB peak")


if __name__ == "__main__":
    main()
