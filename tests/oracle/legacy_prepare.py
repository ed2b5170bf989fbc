#!/usr/bin/env python3
"""`luthier data prepare` against the legacy `prepare_data` tool, whose validators the openai package still ships.

Draws seeded files (CSV, TSV, JSON lines, JSON, text), lets both prepare each of them with the same answers, and compares:
which validators speak, in which order, with which separators, prefixes, endings and counts; what is written, under which
names; the split's sizes; separator, stop string, classes, positive class and time estimate. The rows of a random split
are not compared one by one: ours are drawn by our own seed. Where the original is at fault, its fault is repaired before
the comparison (see `repair_faults`); docs/data.md lists these.

  legacy_prepare.py --golden FILE     writes small cases with the decisions of the original, for ./dev test
"""

import argparse
import contextlib
import csv
import io
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

TOPIC = "prepare"
FILES = 3_000
CODES = ["rows", "prompt_column", "completion_column", "extra_columns", "missing_completion", "classification",
         "duplicate_rows", "long_examples", "prompts_upper_case", "completions_upper_case", "prompt_end", "prompt_prefix",
         "completion_prefix", "completion_end", "completion_space"]
SEPARATORS = [" ->", "\n\n###\n\n", "\n\n===\n\n", "\n\n---\n\n", "\n\n===>\n\n", "\n\n--->\n\n", "\n\n### =>\n\n"]
ENDINGS = ["\n", ".", " END", "***", "+++", "&&&", "$$$", "@@@", "%%%", " [END]"]
WORDS = ("goal team match river tea Blue old quick brown fox Straße café naïve ΣΟΦΟΣ İstanbul ǅungla ª² emoji🙂 日本語 "
         "नमस्ते مرحبا 42 3.5 a-b it's (see) ok").split()


# ---- the original ----------------------------------------------------------------------------------------------------

def repair_faults(validators, pandas):
    """Rows are dropped by number, not by label; the space that begins a removed prefix stays, instead of the whole
    column's printed form."""
    drop = pandas.DataFrame.drop

    def drop_by_number(frame, labels=None, **arguments):
        return drop(frame, frame.index[labels], **arguments) if isinstance(labels, list) else drop(frame, labels, **arguments)

    pandas.DataFrame.drop = drop_by_number
    original = validators.common_completion_prefix_validator

    def with_space(frame):
        remedy = original(frame)
        if remedy.optional_fn is None:
            return remedy
        prefix = validators.get_common_xfix(frame.completion, xfix="prefix")

        def remove(rows):
            rows["completion"] = (" " if prefix.startswith(" ") else "") + rows["completion"].str[len(prefix):]
            return rows

        return remedy._replace(optional_fn=remove)

    validators.common_completion_prefix_validator = with_space


def between_ticks(text):
    found = re.search(r"`(.*?)`(?=$|\.| to all| from all|\n)", text, re.S)
    return found.group(1).replace("\\n", "\n") if found else ""


def code_of_question(question):
    for piece, code in (("duplicate rows", "duplicate_rows"), ("long examples", "long_examples"),
                        ("column/key `prompt`", "prompts_upper_case"),
                        ("column/key `completion`", "completions_upper_case"),
                        ("suffix separator", "separator_missing"), ("suffix ending", "ending_missing"),
                        ("from all prompts", "prompt_prefix"), ("from all completions", "completion_prefix"),
                        ("whitespace character", "completion_space")):
        if piece in question:
            return code
    return "split" if "split into" in question else "write"


def decision_of(index, remedy, frame):
    """What one validator decided, in our terms; None when it had nothing to say."""
    name = CODES[index]
    message = remedy.immediate_msg or ""
    if remedy.error_msg is not None:
        return name, {"fatal": True}
    if name == "rows":
        return name, {"rows": int(re.search(r"contains (\d+)", message).group(1)), "few": "In general" in message}
    if name in ("prompt_column", "completion_column"):
        return (name, {}) if remedy.necessary_msg else None
    if name == "extra_columns":
        return (name, {"columns": len(frame.columns) - 2}) if remedy.necessary_msg else None
    if name == "missing_completion":
        return (name, {"rows": int(re.search(r"\d+", remedy.necessary_msg).group())}) if remedy.necessary_msg else None
    if name == "classification":
        return (name, {}) if message else None
    if name in ("duplicate_rows", "long_examples"):
        return (name, {"rows": int(re.search(r"\d+", remedy.optional_msg).group())}) if remedy.optional_msg else None
    if name in ("prompts_upper_case", "completions_upper_case", "completion_space"):
        return (name, {}) if remedy.optional_msg else None
    if not message:
        return None
    text = between_ticks(remedy.optional_msg if remedy.optional_msg else message.split("WARNING")[0])
    facts = {"text": text, "recommended": remedy.optional_msg is not None}
    if name in ("prompt_end", "completion_end"):
        facts |= {"inside": "WARNING" in message, "long": "very long" in message}
    if name in ("prompt_prefix", "completion_prefix"):
        facts["text"] = re.search(r"with prefix `(.*?)`(?:\. |$)", message, re.S).group(1)
    return name, facts


def ask_original(validators, path, declined):
    """Decisions and results of the original on `path`; None for a file that it does not read."""
    said, decisions, asked = io.StringIO(), [], []

    def answer(question, _):
        code = code_of_question(question)
        asked.append(code)
        return code not in declined

    validators.accept_suggestion = answer
    checks = []
    for index, check in enumerate(validators.get_validators()):
        def recorded(frame, index=index, check=check):
            remedy = check(frame)
            decision = decision_of(index, remedy, frame) if remedy is not None else None
            if decision is not None:
                decisions.append(decision)
            return remedy
        checks.append(recorded)
    fatal = None
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            frame, remedy = validators.read_any_format(str(path))
            validators.apply_necessary_remediation(None, remedy)
            validators.apply_validators(frame, str(path), remedy, checks, True, validators.write_out_file)
        except SystemExit:
            fatal = errors.getvalue()
    text = said.getvalue()
    result = {"decisions": decisions, "fatal": fatal is not None, "asked": asked}
    if fatal is not None:
        return result
    estimate = re.search(r"approximately take (.*?) to train", text)
    separator = re.search(r"indicator string `(.*?)` for the model", text, re.S)
    stop = re.search(r'stop=\["(.*?)"\]` so that', text, re.S)
    classes = re.search(r"--classification_n_classes (\d+)", text)
    positive = re.search(r'--classification_positive_class "(.*?)"\n', text, re.S)
    result |= {"time": estimate.group(1) if estimate else None,
               "separator": separator.group(1).replace("\\n", "\n") if separator else "",
               "stop": stop.group(1).replace("\\n", "\n") if stop else "",
               "classes": 2 if positive else int(classes.group(1)) if classes else None,
               "positive": positive.group(1) if positive else None}
    return result


# ---- ours ------------------------------------------------------------------------------------------------------------

def ask_luthier(program, path, declined):
    command = [program, "data", "prepare", str(path), "--yes", "-o", "json"]
    for code in sorted(declined):
        command += ["--decline", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    if done.returncode == 1:
        return {"fatal": True, "message": done.stderr}
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.returncode} {done.stderr}")
    said = json.loads(done.stdout)
    decisions = []
    for finding in said["findings"]:
        decision = ours(finding)
        if decision is not None:
            decisions += decision if isinstance(decision, list) else [decision]
    decisions.sort(key=lambda one: CODES.index(one[0]))  # Python's sort is stable, and each code is there once
    return {"fatal": False, "decisions": decisions, "said": said, "time": said["curie_time"],
            "order": [finding["code"] for finding in said["findings"] if finding["severity"] != "necessary"],
            "separator": said["separator"], "stop": said["ending"], "classes": said.get("classes"),
            "positive": said.get("positive_class"), "files": said["files"], "written": said["written"]}


def ours(finding):
    code, text, rows = finding["code"], finding["text"], finding["rows"]
    recommended = finding["severity"] == "recommended"
    if code == "rows":
        return "rows", {"rows": rows, "few": "few" in finding["message"]}
    if code == "column_renamed":
        return [("completion_column" if place["detail"].endswith('"completion"') else "prompt_column", {})
                for place in finding["first"]]
    if code == "extra_columns":
        return "extra_columns", {"columns": rows}
    if code in ("missing_completion", "duplicate_rows", "long_examples"):
        return code, {"rows": rows}
    if code in ("prompts_upper_case", "completions_upper_case", "completion_space", "classification"):
        return code, {}
    if code in ("separator_missing", "ending_missing"):
        return ("prompt_end" if code.startswith("sep") else "completion_end",
                {"text": text, "recommended": True, "inside": False, "long": False})
    if code in ("prompt_suffix", "completion_suffix"):
        return (code.replace("suffix", "end"), {"text": text, "recommended": False, "inside": rows > 0,
                                                "long": "which is long" in finding["message"]})
    if code in ("prompt_prefix", "completion_prefix"):
        return code, {"text": text, "recommended": recommended}
    return None


# ---- files -----------------------------------------------------------------------------------------------------------

def words(draw, least, most):
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(least, most)))


def draw_rows(draw):
    """Prompts and completions with, at random, each thing that a validator looks for."""
    size = draw.choice([1, 2, 3, 4, 6, 7, 10, 30, 99, 100, 101, 120])
    kind = draw.choice(["classification", "conditional", "conditional", "open"])
    classes = [words(draw, 1, 2) for _ in range(draw.randint(1, 4))]
    if draw.random() < 0.3:
        classes = [name + draw.choice(["", " yes", "tive"]) for name in classes]
    rows = []
    for _ in range(size):
        prompt = "" if kind == "open" else words(draw, 0 if draw.random() < 0.03 else 1, 9)
        completion = draw.choice(classes) if kind == "classification" else words(draw, 1, 6)
        rows.append([prompt, completion])
    if kind == "conditional" and draw.random() < 0.1:
        rows = [[prompt, rows[0][1]] for prompt, _ in rows]
    if kind != "open" and draw.random() < 0.05:
        rows = [[rows[0][0], completion] for _, completion in rows]
    for column, marks in ((0, SEPARATORS), (1, ENDINGS)):
        if kind == "open" and column == 0:
            continue
        for mark in marks:  # inside some texts, so that it is not suggested
            if draw.random() < 0.2:
                at = draw.randrange(len(rows))
                rows[at][column] = rows[at][column] + mark + "x"
        chance = draw.random()
        if chance < 0.25:
            mark = draw.choice(marks + [" is that so?", "\n\nSummary of it:\n\n", "é", "🙂"])
            rows = [[p + mark, c] if column == 0 else [p, c + mark] for p, c in rows]
        chance = draw.random()
        if chance < 0.25:
            mark = draw.choice(["Q: ", "Classify this: ", "Tell me it", " the ", " it is", " answer: ", "é", "twelve chars", "thirteen char"])
            rows = [[mark + p, c] if column == 0 else [p, mark + c] for p, c in rows]
    if draw.random() < 0.3:
        rows = [[p, " " + c] for p, c in rows]
    if draw.random() < 0.2:
        at = draw.randrange(len(rows))
        rows[at][draw.randrange(2)] = ""
    if draw.random() < 0.2:
        rows += [list(draw.choice(rows)) for _ in range(draw.randint(1, 4))]
    if draw.random() < 0.15 and kind != "open":
        at = draw.randrange(len(rows))
        rows[at][1] += "é" * (10_000 - len(rows[at][0]) - len(rows[at][1]) + draw.choice([0, 1, 500]))
    if draw.random() < 0.15:
        column = draw.randrange(2)
        for row in rows:
            row[column] = row[column].upper()
    if draw.random() < 0.15:
        draw.shuffle(rows)
    return rows


def draw_file(draw, folder, number):
    rows = draw_rows(draw)
    kind = draw.choice(["csv", "csv", "tsv", "jsonl", "jsonl", "jsonl", "json", "txt"])
    if len(rows) < 2 and kind in ("jsonl", "json"):
        kind = "csv"  # the original takes one line of JSON for something else
    path = folder / f"f{number}.{kind}"
    if kind == "txt":
        lines = [completion.replace("\n", " ") for _, completion in rows] + draw.choice([[], [""]])
        path.write_text("\n".join(lines))
        return path, lines.count("")
    names = [draw.choice(["prompt"] * 6 + ["Prompt", "PROMPT"]), draw.choice(["completion"] * 6 + ["Completion"])]
    if draw.random() < 0.04:
        names[draw.randrange(2)] = "when"  # no column of that meaning
    if draw.random() < 0.15:
        names += draw.sample(["id", "id2", "origin"], draw.randint(1, 3))
    rows = [row + [str(draw.randrange(9)) for _ in names[2:]] for row in rows]
    if draw.random() < 0.2:
        order = draw.sample(range(len(names)), len(names))
        names, rows = [names[i] for i in order], [[row[i] for i in order] for row in rows]
    if kind in ("csv", "tsv"):
        with path.open("w", newline="") as out:
            csv.writer(out, delimiter="," if kind == "csv" else "\t", lineterminator="\n").writerows([names, *rows])
    else:
        records = [dict(zip(names, row)) for row in rows]
        path.write_text(json.dumps(records, ensure_ascii=False, indent=draw.choice([None, 1])) if kind == "json" else
                        "".join(json.dumps(record, ensure_ascii=draw.random() < 0.5) + "\n" for record in records))
    return path, sum(not any(row) for row in rows)


def draw_declined(draw):
    codes = ["duplicate_rows", "long_examples", "prompts_upper_case", "completions_upper_case", "separator_missing",
             "prompt_prefix", "completion_prefix", "ending_missing", "completion_space"]
    return set(draw.sample(codes, draw.randint(1, 4))) if draw.random() < 0.4 else set()


# ---- comparison ------------------------------------------------------------------------------------------------------

def rows_of(path):
    with path.open() as lines:
        return [(row["prompt"], row["completion"]) for row in map(json.loads, filter(str.strip, lines))]


def outputs_of(folder, before):
    return {path.name: rows_of(path) for path in sorted(folder.iterdir())
            if path.name not in before and path.suffix == ".jsonl"}


def without_blank_rows(decisions, blank):
    """Rows without any content are no rows for us; the original counts them and drops them again."""
    result = []
    for code, facts in decisions:
        if code in ("rows", "missing_completion"):
            facts = facts | {"rows": facts["rows"] - blank}
            if code == "rows":
                facts["few"] = facts["rows"] < 100
            elif facts["rows"] == 0:
                continue
        result.append((code, facts))
    return result


def compare(theirs, mine, their_files, my_files, kind, blank):
    """Sentences, one for each difference."""
    wrong = []
    if not theirs["fatal"] and any(rows == [] for rows in their_files.values()):
        return [] if mine["fatal"] else ["a file without rows: written"]  # we refuse to write nothing
    theirs["decisions"] = without_blank_rows(theirs["decisions"], blank)
    if theirs["fatal"] != mine["fatal"]:
        return [f"fatal: {theirs['fatal']} against {mine['fatal']} {mine.get('message', '')}"]
    if theirs["fatal"]:
        return []
    if theirs["decisions"] != mine["decisions"]:
        for left, right in zip(theirs["decisions"] + [None] * 20, mine["decisions"] + [None] * 20):
            if left != right:
                wrong.append(f"decision {left} against {right}")
                break
    for name in ("separator", "stop", "positive"):
        if theirs[name] != mine[name]:
            wrong.append(f"{name}: {theirs[name]!r} against {mine[name]!r}")
    if theirs["classes"] is not None and theirs["classes"] != mine["classes"]:
        wrong.append(f"classes: {theirs['classes']} against {mine['classes']}")
    # Long rows that leave evenly spaced ones are the one case in which the original's table stays smaller than we say.
    dropped_long = any(code == "long_examples" for code, _ in theirs["decisions"])
    if kind != "json" and blank == 0 and not dropped_long and theirs["time"] != mine["time"]:
        wrong.append(f"time: {theirs['time']} against {mine['time']}")
    if kind == "json" and not their_files:
        return wrong  # the original leaves a sound array as it is; we write JSON lines
    if sorted(their_files) != sorted(my_files):
        wrong.append(f"files: {sorted(their_files)} against {sorted(my_files)}")
    elif len(their_files) == 1:
        if list(their_files.values()) != list(my_files.values()):
            wrong.append("rows differ")
    else:
        for name, rows in their_files.items():
            if len(rows) != len(my_files[name]):
                wrong.append(f"{name}: {len(rows)} rows against {len(my_files[name])}")
        if sorted(sum(their_files.values(), [])) != sorted(sum(my_files.values(), [])):
            wrong.append("rows of both parts differ")
    return wrong


def one_case(validators, program, draw, number):
    """Differences, the case for a person, and what the original decided."""
    with tempfile.TemporaryDirectory(prefix="oracle-prepare-") as scratch:
        folder = pathlib.Path(scratch) / "theirs"
        folder.mkdir()
        path, blank = draw_file(draw, folder, number)
        declined = draw_declined(draw)
        for suffix in ("_prepared.jsonl", "_prepared_train.jsonl", "_prepared_valid (1).jsonl"):
            if draw.random() < 0.1:
                (folder / (path.stem + suffix)).write_text("")
        before = {entry.name for entry in folder.iterdir()}
        copy = pathlib.Path(scratch) / "ours"
        shutil.copytree(folder, copy)
        original = path.read_bytes()
        theirs = ask_original(validators, path, declined)
        their_files = outputs_of(folder, before)
        mine = ask_luthier(program, copy / path.name, declined)
        wrong = compare(theirs, mine, their_files, outputs_of(copy, before), path.suffix[1:], blank)
        if (copy / path.name).read_bytes() != original:
            wrong.append("the input was changed")
        return wrong, f"{path.name}, declined {sorted(declined)}", theirs


def finding_of(code, facts):
    """A decision as one of our findings: code, whether it is put to a person, what it is about, rows."""
    if code in ("prompt_end", "completion_end"):
        missing, there = (("separator_missing", "prompt_suffix") if code == "prompt_end" else
                          ("ending_missing", "completion_suffix"))
        code = missing if facts["recommended"] else there
    asked = facts.get("recommended", code in ("duplicate_rows", "long_examples", "prompts_upper_case",
                                              "completions_upper_case", "completion_space"))
    return [code, asked, facts.get("text", ""), facts.get("rows", 0)]


def golden_case(validators, draw, folder, number):
    """A small file of JSON lines with what the original decided; for tests/golden/data."""
    while True:
        rows = draw_rows(draw)
        if 2 <= len(rows) <= 30 and sum(len(p) + len(c) for p, c in rows) < 2_000 and all(any(row) for row in rows) and \
                any(completion for _, completion in rows):
            break
    path = folder / f"g{number}.jsonl"
    path.write_text("".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in rows))
    declined = draw_declined(draw) | {"split"}
    theirs = ask_original(validators, path, declined)
    prepared = folder / f"g{number}_prepared.jsonl"
    result = rows_of(prepared) if prepared.exists() else None if theirs["fatal"] else rows
    case = {"rows": rows, "declined": sorted(declined - {"split"}), "fatal": theirs["fatal"],
            "findings": [finding_of(*decision) for decision in theirs["decisions"] if not decision[1].get("fatal")],
            "result": result}
    for name in ("separator", "stop", "time", "classes", "positive"):
        case[name] = theirs.get(name)
    return case


def load_original():
    import openai
    import pandas
    from openai.lib import _validators as validators
    repair_faults(validators, pandas)
    return validators, f"openai {openai.__version__}, pandas {pandas.__version__}"


def run(oracle):
    validators, versions = load_original()
    draw = random.Random(1)
    seen = {}
    for number in range(FILES // 10 if oracle.quick else FILES):
        seed = draw.randrange(1 << 32)
        wrong, case, theirs = one_case(validators, str(oracle.root / "out" / "bin" / "luthier"), random.Random(seed), number)
        for code, _ in theirs["decisions"]:
            seen[code] = seen.get(code, 0) + 1
        seen["fatal"] = seen.get("fatal", 0) + theirs["fatal"]
        oracle.check(not wrong, f"seed {seed} ({case}): {'; '.join(wrong)}")
    oracle.say(f"{versions}; files for which a validator spoke: "
               + ", ".join(f"{code} {seen.get(code, 0)}" for code in [*CODES, "fatal"]))
    oracle.check(all(code in seen for code in [*CODES, "fatal"]), "a validator never spoke: draw other files")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", required=True)
    parser.add_argument("--cases", type=int, default=80)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    validators, _ = load_original()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        cases = [golden_case(validators, draw, pathlib.Path(folder), number) for number in range(options.cases)]
    pathlib.Path(options.golden).write_text("\n".join(json.dumps(case) for case in cases) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
