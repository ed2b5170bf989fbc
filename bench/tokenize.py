#!/usr/bin/env python3
"""Tokenizing speed beside Hugging Face's `tokenizers` and tiktoken: the same file, in turns, one core each.

    PATH_OF_PYTHON_OF_DEV_ORACLE bench/tokenize.py [--rounds N] [--megabytes N] [--file FILE]

Run `./dev oracle --quick tiktoken` first: it makes the Python (DEPS/oracle/python) and fetches the vocabularies of GPT-2 and
cl100k_base; and build our side: cmake --build --preset release --target bench_tokenize. Every line of FILE is a text (unless
given: the Python sources of the package transformers, 40 MB of English and code). Time is the processor's, not the clock's, so
that other work on the machine disturbs it little; the best of the rounds counts. Ids are compared before anything is timed.
"""
import argparse
import base64
import importlib.util
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")
ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/oracle"))

import tiktoken  # noqa: E402
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers  # noqa: E402

import corpus  # noqa: E402
import families  # noqa: E402

PROGRAM = ROOT / "out/bin/oracle/bench_tokenize"


def read_ranks(path):
    content = json.loads(path.read_text())
    ranks = {}
    for line in content["bpe_ranks"].strip().split("\n"):
        _, first, *tokens = line.split(" ")
        ranks.update({base64.b64decode(token): int(first) + number for number, token in enumerate(tokens)})
    return content, ranks


def hugging_face(ranks, pre_tokenizer, ignore_merges):
    """The same vocabulary for Hugging Face: every way to make a token of two is a merge."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {byte: chr(byte) for byte in printable}
    alphabet.update({byte: chr(256 + number) for number, byte in enumerate(b for b in range(256) if b not in printable)})
    spell = {token: "".join(alphabet[byte] for byte in token) for token in ranks}
    merges = sorted((rank, spell[token[:cut]], spell[token[cut:]]) for token, rank in ranks.items()
                    for cut in range(1, len(token)) if token[:cut] in ranks and token[cut:] in ranks)
    tokenizer = Tokenizer(models.BPE(vocab={spell[token]: rank for token, rank in ranks.items()},
                                     merges=[(left, right) for _, left, right in merges], ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def python_sources(size):
    package = pathlib.Path(importlib.util.find_spec("transformers").origin).parent
    texts, total = [], 0
    for path in sorted(package.rglob("*.py")):
        texts.append(path.read_text(encoding="utf-8"))
        total += len(texts[-1])
        if total > size:
            break
    return "\n".join(texts)


def timed(function):
    begin = time.process_time()
    result = function()
    return time.process_time() - begin, result


def ours(tokenizer, file, threads=1):
    run = subprocess.run([PROGRAM, tokenizer, file, str(threads), "1"], check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--file", type=pathlib.Path)
    arguments.add_argument("--megabytes", type=int, default=40, help="of the English text; a quarter of it of the other")
    options = arguments.parse_args()
    cache = pathlib.Path(os.environ.get("LUTHIER_DEPS_DIR", pathlib.Path.home() / ".cache/luthier/deps")) / "oracle"
    encoders = next((cache / "packages").glob("npm-tiktoken-*")) / "package/encoders"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prose = options.file.read_text(encoding="utf-8") if options.file else python_sources(options.megabytes * 1_000_000)
        texts = {options.file.name if options.file else "English and code": prose,
                 "many scripts": corpus.mixed_text(random.Random(6), options.megabytes * 250_000)}
        split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(families.LLAMA3), "isolated"),
                                         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        print(f"{'tokenizer':12} {'text':18} {'MB':>4} {'ours':>11} {'tokenizers':>11} {'tiktoken':>11} {'ratios':>12}")
        for name, pre_tokenizer in (("gpt2", pre_tokenizers.ByteLevel(add_prefix_space=False)), ("cl100k_base", split)):
            content, ranks = read_ranks(encoders / f"{name}.json")
            hf = hugging_face(ranks, pre_tokenizer, ignore_merges=name != "gpt2")
            path = folder / f"{name}.json"
            hf.save(str(path))
            tt = tiktoken.Encoding(name, pat_str=content["pat_str"], mergeable_ranks=ranks, special_tokens={})
            for label, text in texts.items():
                row(name, label, text, path, hf, tt, options.rounds, folder / "text")
        file = folder / "text"
        file.write_text(prose)
        scale = {threads: min(sum(ours(path, file, threads)["wall_seconds"]) for _ in range(options.rounds)) for threads in (1, os.cpu_count())}
        memory = ours(path, file)
        print(f"cl100k_base on 1 and {os.cpu_count()} threads, by the clock: " + ", ".join(f"{len(prose.encode()) / s / 1e6:.0f} MB/s" for s in scale.values()))
        print(f"loading {path.name}: {memory['load_seconds']:.2f} s; peak memory with the {memory['bytes'] / 1e6:.0f} MB file in it: "
              f"{memory['peak_kib'] / 1024:.0f} MiB; this Python: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def row(name, label, text, path, hf, tt, rounds, file):
    file.write_text(text)
    lines = text.split("\n")
    size = len(text.encode())
    seconds = {"ours": [], "tokenizers": [], "tiktoken": []}
    for _ in range(rounds):
        answer = ours(path, file)
        seconds["ours"].append(sum(answer["seconds"]))
        spent, encodings = timed(lambda: hf.encode_batch_fast(lines, add_special_tokens=False))
        seconds["tokenizers"].append(spent)
        count = sum(len(encoding.ids) for encoding in encodings)
        del encodings
        spent, ids = timed(lambda: [tt.encode_ordinary(line) for line in lines])
        seconds["tiktoken"].append(spent)
        if not answer["tokens"] == count == sum(map(len, ids)):
            raise SystemExit(f"{name}, {label}: {answer['tokens']}, {count} and {sum(map(len, ids))} tokens")
    speed = {who: size / min(times) / 1e6 for who, times in seconds.items()}
    print(f"{name:12} {label:18} {size / 1e6:4.0f} " + " ".join(f"{value:6.1f} MB/s" for value in speed.values()) +
          f" {speed['ours'] / speed['tokenizers']:5.1f} {speed['ours'] / speed['tiktoken']:5.1f}", flush=True)


if __name__ == "__main__":
    main()
