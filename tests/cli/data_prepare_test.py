#!/usr/bin/env python3
"""`luthier data prepare` as a person and a script use it: questions on a terminal, --yes, --plan, exit codes, files."""

import ctypes
import gzip
import json
import os
import pathlib
import pty
import shutil
import subprocess
import sys
import tempfile
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LUTHIER_BIN_DIR", SOURCE / "out" / "bin"))
failures = []

ROWS = "prompt,completion\n" + "".join(f"sentence number {n},{'yes' if n % 3 else 'no'}\n" for n in range(40)) + \
       "sentence number 1,yes\n"


def expect(condition, message):
    if not condition:
        failures.append(message)


def prepare(*arguments, cwd):
    return subprocess.run([str(BIN / "luthier"), "data", "prepare", *arguments], capture_output=True, text=True, cwd=cwd,
                          check=False, timeout=60, stdin=subprocess.DEVNULL)


def prepare_at_terminal(answers, *arguments, cwd):
    """What a person sees who gives these answers, and the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execv(BIN / "luthier", ["luthier", "data", "prepare", *arguments])
    seen = b""
    waiting = list(answers)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
        if seen.endswith(b"[Y/n]: "):
            os.write(terminal, waiting.pop(0).encode() if waiting else b"\x04")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen.decode()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def a_plan_writes_nothing(folder):
    done = prepare("f.csv", "--plan", cwd=folder)
    expect(done.returncode == 0 and names(folder) == ["f.csv"], f"--plan: {done.returncode} {names(folder)}")
    for text in ("[recommended] drop 1 row", 'end every prompt with " ->"', "f_prepared_train.jsonl", "Nothing was written"):
        expect(text in done.stdout, f"--plan does not say {text!r}")


def nobody_to_ask_is_said(folder):
    for arguments in (("f.csv",), ("f.csv", "-o", "json")):
        done = prepare(*arguments, cwd=folder)
        expect(done.returncode == 2 and "--yes" in done.stderr and "--plan" in done.stderr, f"{arguments}: {done.stderr}")
    expect(names(folder) == ["f.csv"], "something was written without an answer")


def yes_writes_both_parts_and_a_report(folder):
    done = prepare("f.csv", "--yes", "-o", "json", cwd=folder)
    expect(done.returncode == 0, done.stderr)
    said = json.loads(done.stdout)
    expect(said["files"] == ["f_prepared_train.jsonl", "f_prepared_valid.jsonl"], str(said["files"]))
    train, valid = (lines(folder / name) for name in said["files"])
    expect((len(train), len(valid)) == (32, 8), f"{len(train)} and {len(valid)} rows of 40")
    expect(said["split"] == {"train": 32, "validation": 8, "test": 0}, str(said["split"]))
    expect(all(row["prompt"].endswith(" ->") and row["completion"] in (" yes", " no") for row in train + valid), "rows")
    expect(said["positive_class"] == " yes" and said["classes"] == 2, "classes")
    changes = lines(folder / "f_prepared_report" / "changes.jsonl")
    dropped = [change for change in changes if change["change"] == "dropped"]
    expect([(change["line"], change["why"]) for change in dropped] == [(42, "duplicate_rows")], str(dropped))
    expect(sum(change["why"] == "separator_added" for change in changes) == 40, "every changed row is listed")
    text = (folder / "f_prepared_report" / "changes.txt").read_text()
    expect("f.csv:42: dropped, duplicate_rows: same as f.csv:3: " in text, "changes.txt")
    pipeline = folder / "p.yaml"
    pipeline.write_text(said["pipeline"])
    checked = subprocess.run([str(BIN / "luthier"), "check", str(pipeline)], capture_output=True, text=True, check=False)
    expect(checked.returncode == 0, f"the pipeline that is suggested: {checked.stdout}{checked.stderr}")
    expect((folder / "f.csv").read_text() == ROWS, "the input was changed")


def files_are_never_overwritten(folder):
    (folder / "f_prepared_train.jsonl").write_text("mine")
    done = prepare("f.csv", "--yes", "-o", "json", cwd=folder)
    said = json.loads(done.stdout)
    expect(said["files"] == ["f_prepared_train (1).jsonl", "f_prepared_valid (1).jsonl"], str(said["files"]))
    expect((folder / "f_prepared_train.jsonl").read_text() == "mine", "a file was overwritten")


def a_person_decides(folder):
    # duplicates: no; separator: yes; common beginning: no; space: yes; split: no; write: yes
    code, seen = prepare_at_terminal(["n\n", "\n", "N\n", "Y\n", "n\n", "y\n"], "f.csv", cwd=folder)
    expect(code == 0, seen)
    expect(names(folder) == ["f.csv", "f_prepared.jsonl", "f_prepared_report"], f"{names(folder)}: {seen}")
    rows = lines(folder / "f_prepared.jsonl")
    expect(len(rows) == 41 and rows[1] == {"prompt": "sentence number 1 ->", "completion": " yes"}, str(rows[:2]))
    shutil.rmtree(folder / "f_prepared_report")
    (folder / "f_prepared.jsonl").unlink()
    code, seen = prepare_at_terminal(["\n", "\n", "\n", "\n", "\n", "n\n"], "f.csv", cwd=folder)
    expect(code == 0 and names(folder) == ["f.csv"], f"no to writing: {code} {names(folder)}")
    code, seen = prepare_at_terminal(["\n"], "f.csv", cwd=folder)
    expect(code == 1 and "nothing was written" in seen and names(folder) == ["f.csv"], f"no answer: {code} {seen}")


def data_at_fault_ends_with_1(folder):
    (folder / "same.csv").write_text("prompt,completion\na,x\na,y\n")
    done = prepare("same.csv", "--yes", cwd=folder)
    expect(done.returncode == 1 and "all prompts are the same" in done.stderr, f"{done.returncode} {done.stderr}")
    expect(prepare("none.csv", "--yes", cwd=folder).returncode == 2, "no such file")
    expect(prepare("f.csv", "--yes", "--decline", "everything", cwd=folder).returncode == 2, "an unknown code")


def sound_data_is_left_alone(folder):
    rows = [{"prompt": f"{n}\n\n###\n\n", "completion": f" {n * 7}\n"} for n in range(100, 250)]
    (folder / "sound.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = prepare("sound.jsonl", "--yes", "-o", "json", cwd=folder)
    said = json.loads(done.stdout)
    expect(said["written"] is False and said["files"] == ["sound.jsonl"], str(said["files"]))


def compressed_files_are_read(folder):
    with gzip.open(folder / "z.csv.gz", "wt") as out:
        out.write(ROWS)
    done = prepare("z.csv.gz", "--yes", "-o", "json", cwd=folder)
    expect(done.returncode == 0, done.stderr)
    said = json.loads(done.stdout)
    plain = json.loads(prepare("f.csv", "--yes", "-o", "json", cwd=folder).stdout)
    expect(said["rows"] == plain["rows"] and said["remedies"] == plain["remedies"], f"{said['rows']} {said['remedies']}")
    expect(rows_by_place(folder, "z.csv_prepared_report") == rows_by_place(folder, "f_prepared_report"), "places differ")


def zstd(data):
    library = ctypes.CDLL("libzstd.so.1")
    for name in ("ZSTD_compressBound", "ZSTD_compress"):
        getattr(library, name).restype = ctypes.c_size_t
    room = library.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    packed = ctypes.create_string_buffer(room)
    size = library.ZSTD_compress(packed, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 3)
    return packed.raw[:size]


def spreadsheet(path, rows):
    cells = "".join("<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) + "</row>" for row in rows)
    names = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/workbook.xml", f'<workbook {names} xmlns:r="{links}"><sheets><sheet name="a" sheetId="1" r:id="r1"/>'
                                         "</sheets></workbook>")
        book.writestr("xl/_rels/workbook.xml.rels", '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
                      f'relationships"><Relationship Id="r1" Type="{links}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>')
        book.writestr("xl/worksheets/sheet1.xml", f"<worksheet {names}><sheetData>{cells}</sheetData></worksheet>")


def every_format_gives_the_same(folder):
    rows = [line.split(",") for line in ROWS.splitlines()]
    spreadsheet(folder / "x.xlsx", rows)
    (folder / "z.csv.zst").write_bytes(zstd(ROWS.encode()))
    records = [dict(zip(rows[0], row)) for row in rows[1:]]
    (folder / "r.jsonl.zst").write_bytes(zstd("".join(json.dumps(record) + "\r\n" for record in records).encode()))
    (folder / "p.json").write_text("\ufeff" + json.dumps(records, indent=1))
    (folder / "t.tsv").write_text(ROWS.replace(",", "\t"))
    wanted = None
    for name in ("f.csv", "x.xlsx", "z.csv.zst", "r.jsonl.zst", "p.json", "t.tsv"):
        done = prepare(name, "--yes", "-o", "json", "--to", "out/" + name, cwd=folder)
        expect(done.returncode == 0, f"{name}: {done.stderr}")
        parts = [(folder / file).read_bytes() for file in json.loads(done.stdout)["files"]]
        wanted = wanted or parts
        expect(len(parts) == 2 and parts == wanted, f"{name} gives other rows")
    (folder / "u.csv").write_bytes(ROWS.encode("utf-16"))
    done = prepare("u.csv", "--yes", cwd=folder)
    expect(done.returncode == 1 and "u.csv:1:1: this is UTF-16" in done.stderr and "iconv -f UTF-16" in done.stderr, done.stderr)


def stdin_is_a_file_too(folder):
    def piped(data, *arguments):
        return subprocess.run([str(BIN / "luthier"), "data", *arguments], input=data, capture_output=True, cwd=folder,
                              check=False, timeout=60)
    done = piped(ROWS.encode(), "prepare", "-", "--format", "csv", "--yes", "-o", "json")
    expect(done.returncode == 0, done.stderr.decode())
    said = json.loads(done.stdout)
    expect(said["files"] == ["stdin_prepared_train.jsonl", "stdin_prepared_valid.jsonl"], str(said["files"]))
    prepare("f.csv", "--yes", cwd=folder)
    expect((folder / "stdin_prepared_train.jsonl").read_bytes() == (folder / "f_prepared_train.jsonl").read_bytes(), "rows")
    changes = lines(folder / "stdin_prepared_report" / "changes.jsonl")
    expect({change["file"] for change in changes} == {"stdin"}, "the report names another file")
    checked = piped((folder / "f_prepared_train.jsonl").read_bytes(), "check", "-", "-o", "json")
    expect(json.loads(checked.stdout)["training"]["file"] == "stdin", checked.stdout.decode())
    expect(json.loads(checked.stdout)["training"]["examples"] == 32, checked.stdout.decode())
    for command in (("check", "-"), ("prepare", "-", "--yes")):
        nameless = piped(b"a,b\n1,2\n", *command)
        expect(nameless.returncode == 2 and b"--format" in nameless.stderr, f"{command}: {nameless.stderr.decode()}")
        nothing = piped(b" \n", *command)
        expect(nothing.returncode == 2 and b"nothing came on stdin" in nothing.stderr, f"{command}: {nothing.stderr.decode()}")


def a_killed_one_leaves_nothing_with_a_name(folder):
    with (folder / "big.csv").open("w") as out:
        out.write("prompt,completion\n")
        out.writelines(f"question number {n} of many,answer {n * 7} it is\n" for n in range(120_000))

    def named():
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
                if path.is_file() and path.name not in ("f.csv", "big.csv")
                and not any(part.startswith(".") for part in path.relative_to(folder).parts)}

    def forget():
        for entry in folder.iterdir():
            if entry.name not in ("f.csv", "big.csv"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    expect(prepare("big.csv", "--yes", cwd=folder).returncode == 0, "the undisturbed one")
    whole = named()
    forget()
    for seconds in (0, 0.05, 0.1, 0.2, 0.4):
        # Killed wherever it is by then: reading, looking, writing, or done. What has a name is whole.
        child = subprocess.Popen([str(BIN / "luthier"), "data", "prepare", "big.csv", "--yes"], cwd=folder,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        left = named()
        broken = [name for name, content in left.items() if whole.get(name) != content]
        expect(not broken, f"killed after {seconds} s it leaves {broken}")
        forget()


def rows_by_place(folder, report):
    return [(change["line"], change["why"]) for change in lines(folder / report / "changes.jsonl")]


def groups_stay_together(folder):
    (folder / "g.csv").write_text("prompt,completion,who\n" +
                                  "".join(f"p{n},answer {n},{'abcdefghij'[n % 10]}\n" for n in range(100)))
    done = prepare("g.csv", "--yes", "-o", "json", "--validation", "0.2", "--group", "who", cwd=folder)
    expect(done.returncode == 0, done.stderr)
    parts = [lines(folder / f"g_prepared_{part}.jsonl") for part in ("train", "valid")]
    who = [{int(row["prompt"].split(" ")[0][1:].split("-")[0]) % 10 for row in part} for part in parts]
    expect(len(parts[1]) == 20 and not who[0] & who[1], f"{len(parts[1])} rows, {who}")


def main():
    for test in (a_plan_writes_nothing, nobody_to_ask_is_said, yes_writes_both_parts_and_a_report,
                 files_are_never_overwritten, a_person_decides, data_at_fault_ends_with_1, sound_data_is_left_alone,
                 compressed_files_are_read, every_format_gives_the_same, stdin_is_a_file_too,
                 a_killed_one_leaves_nothing_with_a_name, groups_stay_together):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            (folder / "f.csv").write_text(ROWS)
            before = len(failures)
            test(folder)
            print(("ok   " if len(failures) == before else "FAIL ") + test.__name__)
    for failure in failures:
        print("FAIL", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
