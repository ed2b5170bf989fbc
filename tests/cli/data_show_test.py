#!/usr/bin/env python3
"""`luthier data show` and `luthier data render`: text, masks and tokens of one example, colours, refusals, exit codes."""

import json
import os
import pathlib
import pty
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LUTHIER_BIN_DIR", SOURCE / "out" / "bin"))
TEMPLATES = SOURCE / "tests" / "golden" / "templates"
failures = []

CHATS = [
    {"messages": [{"role": "user", "content": "Hi \u001b[31m"}, {"role": "assistant", "content": "Hello!"}]},
    {"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "3", "weight": 0},
                  {"role": "user", "content": "no"}, {"role": "assistant", "content": "2"}]},
    {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    {"messages": [{"role": "assistant", "content": "first"}]},
]


def expect(condition, message):
    if not condition:
        failures.append(message)


def data(*arguments, cwd, code=0, **environment):
    done = subprocess.run([str(BIN / "luthier"), "data", *arguments], capture_output=True, text=True, cwd=cwd, check=False,
                          timeout=60, stdin=subprocess.DEVNULL, env={**os.environ, **environment})
    expect(done.returncode == code, f"{arguments}: exit {done.returncode}, not {code}: {done.stderr}{done.stdout[:300]}")
    return done


def at_terminal(*arguments, cwd, **environment):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ.update(environment)
        os.execv(BIN / "luthier", ["luthier", "data", *arguments])
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.waitpid(pid, 0)
    os.close(terminal)
    return seen.decode()


def byte_tokenizer():
    """Every byte a token; <|im_start|> and <|im_end|> special."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    letters.update({byte: chr(256 + number) for number, byte in enumerate(b for b in range(256) if b not in printable)})
    special = [{"id": 256 + number, "content": text, "special": True, "normalized": False, "single_word": False, "lstrip": False,
                "rstrip": False} for number, text in enumerate(["<|im_start|>", "<|im_end|>"])]
    return {"version": "1.0", "added_tokens": special, "normalizer": None, "post_processor": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "vocab": {letters[byte]: byte for byte in range(256)}, "merges": []}}


def make_model(folder):
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "bos_token": None, "eos_token": "<|im_end|>", "chat_template": (TEMPLATES / "chatml.jinja").read_text()}))


def check_show(folder):
    shown = data("show", "chats.jsonl", "--line", "2", "--model", "model", cwd=folder).stdout
    expect(shown.startswith("chats.jsonl:2: chat, "), f"heading: {shown}")
    expect("\n+ 2<|im_end|>\n" in shown and "\n  3<|im_end|>" in shown, f"marks: {shown}")
    expect("\x1b" not in shown, "colours where there is no terminal")
    escaped = data("show", "chats.jsonl", "--model", "model", cwd=folder).stdout
    expect("\\x1b[31m" in escaped and "\x1b" not in escaped, f"control characters: {escaped!r}")

    answer = json.loads(data("show", "chats.jsonl", "--line", "2", "--model", "model", "-o", "json", cwd=folder).stdout)
    trained = [token for token in answer["tokens"] if token["trained"]]
    expect([token["text"] for token in trained] == ["2", "<|im_end|>"], f"trained tokens: {trained}")
    expect(answer["trained_tokens"] == 2 and answer["mask"] == "generation", f"{answer['trained_tokens']} {answer['mask']}")
    text = answer["text"].encode()
    joined = b"".join(text[token["begin"]:token["end"]] for token in answer["tokens"])
    expect(joined == text, "the places of the tokens do not cover the text")
    expect([span["trained"] for span in answer["spans"]] == [False, True, False], f"spans: {answer['spans']}")


def check_colours(folder):
    coloured = at_terminal("show", "chats.jsonl", "--line", "2", "--model", "model", cwd=folder, NO_COLOR="")
    expect("\x1b[1;32m2<|im_end|>\x1b[0m" in coloured, f"colours: {coloured!r}")
    plain = at_terminal("show", "chats.jsonl", "--line", "2", "--model", "model", cwd=folder, NO_COLOR="1")
    expect("\x1b" not in plain and "+ 2<|im_end|>" in plain, f"NO_COLOR: {plain!r}")


def check_other_records(folder):
    (folder / "pairs.csv").write_text("prompt,completion\nbats ->, baseball\n")
    answer = json.loads(data("show", "pairs.csv", "--line", "2", "--model", "model", "-o", "json", cwd=folder).stdout)
    expect("".join(token["text"] for token in answer["tokens"] if token["trained"]) == " baseball<|im_end|>", f"pair: {answer}")
    (folder / "preference.jsonl").write_text(json.dumps({
        "input": {"messages": [{"role": "user", "content": "q"}]}, "preferred_output": [{"role": "assistant", "content": "good"}],
        "non_preferred_output": [{"role": "assistant", "content": "bad"}]}) + "\n")
    shown = data("show", "preference.jsonl", "--model", "model", cwd=folder).stdout
    expect("+ good<|im_end|>" in shown and "bad" not in shown, f"preference: {shown}")


def check_refusals(folder):
    gemma = str(TEMPLATES / "gemma.jinja")
    mended = data("show", "chats.jsonl", "--line", "3", "--template", gemma, cwd=folder).stdout
    expect("note: system messages folded into the user's turns" in mended and "+ a<end_of_turn>" in mended, f"mended: {mended}")
    refused = data("show", "chats.jsonl", "--line", "3", "--template", gemma, "--no-mend", cwd=folder, code=1)
    expect(refused.stderr == "luthier: chats.jsonl:3: gemma.jinja:2:59: There is no system role.\n", refused.stderr)
    rendered = data("render", "chats.jsonl", "--template", gemma, "-o", "json", cwd=folder, code=1).stdout.splitlines()
    expect([("text" in json.loads(line)) for line in rendered] == [True, True, True, False], f"render: {rendered}")
    alone = data("render", "chats.jsonl", "--line", "1", "--model", "model", "--generation-prompt", cwd=folder).stdout
    expect(alone.endswith("Hello!<|im_end|>\n<|im_start|>assistant\n"), f"render: {alone!r}")
    data("show", "chats.jsonl", cwd=folder, code=2)  # no model
    data("show", "chats.jsonl", "--model", "no/such", cwd=folder, code=2)
    data("show", "none.jsonl", "--model", "model", cwd=folder, code=2)
    data("show", "chats.jsonl", "--line", "99", "--model", "model", cwd=folder)  # inside the last record
    (folder / "untemplated").mkdir()
    (folder / "untemplated" / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))
    without = data("show", "chats.jsonl", "--model", "untemplated", cwd=folder, code=2)
    expect("untemplated: the model has no chat template, and its tokenizer_config.json names no eos_token" in without.stderr, without.stderr)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_model(folder / "model")
        (folder / "chats.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in CHATS))
        check_show(folder)
        check_colours(folder)
        check_other_records(folder)
        check_refusals(folder)
    for failure in failures:
        print(failure)
    print(f"data_show_test: {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
