#!/usr/bin/env python3
"""What preparing a large file takes: the clock, the processor and peak memory of a `prepare` step's program, luthier-prep,
on made-up prompts with completions, or conversations, of which a twentieth is held out. Needs about three times BYTES of disk.

    bench/data_prepare.py [--kind pairs|chats] [--bytes N] [--programs FOLDER] [--folder FOLDER]
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time


def write_rows(path, kind, size):
    draw = random.Random(1)
    words = ["".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(draw.randint(2, 9))) for _ in range(5_000)]
    words += ["naïve", "日本語", "é", "“so”"]
    sentences = [" ".join(draw.choices(words, k=draw.randint(6, 14))) for _ in range(60_000)]
    rows = written = 0
    with path.open("w", encoding="utf-8") as out:
        while written < size:
            rows += 1
            question = " ".join(draw.choices(sentences, k=4)) + f" {rows}?"
            answer = f"{draw.choice(sentences)} {rows % 7919}"
            row = {"prompt": question, "completion": answer}
            if kind == "chats":
                row = {"messages": [{"role": "system", "content": "You help."}, {"role": "user", "content": question},
                                    {"role": "assistant", "content": answer if rows % 50 else " " + answer}]}
            line = json.dumps(row, ensure_ascii=False) + "\n"
            out.write(line)
            written += len(line.encode())
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=["pairs", "chats"], default="pairs")
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    parser.add_argument("--programs", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[1] / "out" / "bin")
    parser.add_argument("--folder", type=pathlib.Path, help="where it all lies; the system's for temporary files otherwise")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        work = pathlib.Path(scratch)
        rows = write_rows(work / "rows.jsonl", options.kind, options.bytes)
        job = work / "job.json"
        job.write_text(json.dumps({"uses": "prepare", "with": {"source": {"$path": str(work / "rows.jsonl")},
                                                               "split": {"validation": 0.05, "seed": 7}}}))
        begin = time.monotonic()
        child = subprocess.Popen([options.programs / "luthier-prep", "prepare"], cwd=work, stdout=subprocess.DEVNULL,
                                 env={"LUTHIER_JOB": str(job), "PATH": "/usr/bin:/bin"})
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.monotonic() - begin
        processor = used.ru_utime + used.ru_stime
        print(f"{options.kind}: {rows:,} rows, {options.bytes / 1e9:.2f} GB: {seconds:.1f} s, processor {processor:.1f} s "
              f"({options.bytes / 1e6 / processor:.0f} MB/s), peak memory {used.ru_maxrss / 1024:.0f} MiB")
        return 0 if status == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
