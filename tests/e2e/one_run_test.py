#!/usr/bin/env python3
"""docs/one_run.md is true: the files and names of its table exist, and a real run leaves the journal it tells of."""

import contextlib
import json
import pathlib
import re
import sqlite3

from cluster import SOURCE, Cluster, expect, main

PAGE = SOURCE / "docs" / "one_run.md"
PIPELINES = pathlib.Path(__file__).resolve().parent / "pipelines"
# The process is dead before its outputs are uploaded, or the other way round: both are right.
EITHER_WAY = {"allocation_released", "attempt_ended", "step_succeeded"}


def rows():
    """[(number, "where" cell, [journal records])] of the page's first table."""
    found = []
    for line in PAGE.read_text().splitlines():
        if re.match(r"\| \d+ \|", line):
            _, number, _, where, journal, _ = line.split("|")
            found.append((int(number), where, [name.strip() for name in journal.split(",") if name.strip()]))
    expect([number for number, _, _ in found] == list(range(1, len(found) + 1)) and len(found) > 20,
           "the table's rows must be numbered from 1 without a gap")
    return found


def every_place_in_the_table_exists():
    for number, where, _ in rows():
        places = re.findall(r"\[[^]]*\]\(([^)]*)\)([^\[]*)", where)
        expect(places, f"row {number} names no file")
        for link, names in places:
            path = (PAGE.parent / link).resolve()
            expect(path.is_file(), f"row {number}: there is no {link}")
            symbols = re.findall(r"`([^`]*)`", names)
            expect(symbols, f"row {number} says of {link} no name to look for")
            for symbol in symbols:
                expect(re.search(rf"\b{re.escape(symbol)}\b", path.read_text()), f"row {number}: {link} has no {symbol}")


def journal(cluster):
    """[(event, body)] as it lies on disk."""
    path = cluster.folder / "controller" / "luthier.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return [(event, json.loads(body)) for event, body in
                database.execute("SELECT event, body FROM journal ORDER BY record_index")]


def step_of(body):
    return body.get("step") or body.get("attempt", {}).get("step")


def first_seen(names):
    return list(dict.fromkeys(names))


def a_run_leaves_the_journal_that_the_table_tells():
    told = [name for _, _, names in rows() for name in names]
    with Cluster(agents=1) as cluster:
        cluster.wait_run(cluster.submit(PIPELINES / "base.yaml"))
        before = len(journal(cluster))
        cluster.wait_run(cluster.submit(PIPELINES / "one_run.yaml"))
        cluster.cli("chat", "one-run@production", "The goalie made 31 saves.")
        records = journal(cluster)[before:]
    seen = {name for name, _ in records}
    expect(seen == set(told), f"only told: {sorted(set(told) - seen)}; only seen: {sorted(seen - set(told))}")
    story = first_seen(name for name, body in records if step_of(body) in (None, "train", "promote", "serve"))
    expect([name for name in story if name not in EITHER_WAY] == [name for name in told if name not in EITHER_WAY],
           f"told in the order {told}, seen {story}")


if __name__ == "__main__":
    main([every_place_in_the_table_exists, a_run_leaves_the_journal_that_the_table_tells])
