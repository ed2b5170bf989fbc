#!/usr/bin/env python3
"""Draws one run as SVG: its steps on a time axis, and the loss of its training below. Standard library only.

  docs/draw_run.py RUN > docs/images/one_run.svg      (needs a controller; LUTHIER_DATA, or LUTHIER_URL and _API_KEY)

Everything in the picture is read from the controller: `luthier status RUN -o json` and the metrics of the HTTP API.
"""

import datetime
import html
import json
import math
import os
import pathlib
import subprocess
import sys
import urllib.request

LUTHIER = pathlib.Path(__file__).resolve().parents[1] / "out" / "bin" / "luthier"
WIDTH, LEFT, RIGHT, ROW, TOP = 860, 110, 20, 30, 58
CHART = 170  # height of the loss chart, px
COLOURS = {"prepare": "#5b8def", "upload": "#8a94a6", "train": "#e2893b", "checkpoint": "#8a94a6", "eval": "#3fa66b",
           "promote": "#b04fc6", "register": "#b04fc6", "run": "#5b8def"}
INK, PALE = "#24292f", "#d0d7de"


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def connection():
    data = os.environ.get("LUTHIER_DATA")
    if data:
        folder = pathlib.Path(data)
        return (folder / "url").read_text().strip(), (folder / "admin.key").read_text().strip()
    return os.environ["LUTHIER_URL"], os.environ["LUTHIER_API_KEY"]


def metrics(run, step):
    """All points of a step, {series: [(global step, value, seconds)]}."""
    url, key = connection()
    found, after = {}, 0
    while after is not None:
        request = urllib.request.Request(f"{url}/api/v1/runs/{run}/steps/{step}/metrics?after={after}",
                                         headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            page = json.load(response)
        for point in page["points"]:
            found.setdefault(point["series"], []).append((point["step"], point["value"], point["wall_ms"] / 1000))
        after = page["next"]
    return found


def nice_ticks(length):
    step = next(size for size in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 10**9)
                if length / size <= 9)
    return [tick * step for tick in range(int(length / step) + 1)]


def text(x, y, words, size=12, anchor="start", colour=INK, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{html.escape(words)}</text>')


def line(x1, y1, x2, y2, colour=PALE, width=1.0):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def said(step):
    """What the step's bar says beside it."""
    outputs = step["outputs"] or {}
    if step["uses"] == "eval" and "metrics" in outputs:
        tuned, base = outputs["metrics"], outputs.get("base_metrics") or {}
        return f"label accuracy {tuned.get('label_accuracy', math.nan):.3f} (base {base.get('label_accuracy', math.nan):.3f})"
    if step["uses"] in ("promote", "register") and "version" in outputs:
        return f"version {outputs['version']}"
    if step["uses"] == "train":
        return f"{outputs.get('steps', '?')} steps"
    return step["status"]


def draw_steps(run, at):
    parts = []
    for row, step in enumerate(run["steps"]):
        y = TOP + row * ROW
        parts.append(text(LEFT - 10, y + 14, step["id"], anchor="end"))
        if not step["started_at"]:
            parts.append(text(LEFT, y + 14, step["status"], colour="#6e7781"))
            continue
        begin, end = at(seconds(step["started_at"])), at(seconds(step["finished_at"] or run["finished_at"]))
        width = max(end - begin, 3)
        parts.append(f'<rect x="{begin:.1f}" y="{y}" width="{width:.1f}" height="19" rx="3" '
                     f'fill="{COLOURS.get(step["uses"], "#5b8def")}"/>')
        for checkpoint in step["checkpoints"]:
            if "at" in checkpoint:
                parts.append(f'<circle cx="{at(checkpoint["at"]):.1f}" cy="{y + 9.5}" r="3.2" fill="white"/>')
        agent = f", on {step['attempts'][-1]['agent']}" if step["attempts"] else ""
        words = said(step) + agent
        if begin + width + 8 + 6.5 * len(words) < WIDTH - RIGHT:
            parts.append(text(begin + width + 7, y + 14, words, colour="#57606a"))
        elif width > 7 * len(words):
            parts.append(text(begin + 8, y + 14, words, colour="white"))
        else:
            parts.append(text(begin - 7, y + 14, words, anchor="end", colour="#57606a"))
    return parts


def draw_loss(series, at, top):
    """Losses over the same time axis, on a logarithmic scale."""
    shown = [(name, colour) for name, colour in (("train_loss", "#e2893b"), ("full_valid_loss", "#3fa66b"))
             if series.get(name)]
    values = [value for name, _ in shown for _, value, _ in series[name] if value > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def y_of(value):
        return top + CHART - (math.log10(max(value, 10**low)) - low) / (high - low) * CHART

    parts = [text(LEFT - 10, top - 8, "loss", anchor="end", weight="bold")]
    for power in range(low, high + 1):
        parts += [line(LEFT, y_of(10**power), WIDTH - RIGHT, y_of(10**power)),
                  text(LEFT - 10, y_of(10**power) + 4, f"{10**power:g}", size=11, anchor="end")]
    x = LEFT
    for name, colour in shown:
        points = " ".join(f"{at(when):.1f},{y_of(value):.1f}" for _, value, when in series[name])
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/>')
        if name != "train_loss":
            parts += [f'<circle cx="{at(when):.1f}" cy="{y_of(value):.1f}" r="3.5" fill="{colour}"/>'
                      for _, value, when in series[name]]
        parts += [line(x, top - 12, x + 18, top - 12, colour, 2.5), text(x + 24, top - 8, name, size=11)]
        x += 45 + 7 * len(name)
    return parts


def draw(run):
    start, end = seconds(run["created_at"]), seconds(run["finished_at"])

    def at(moment):
        return LEFT + (moment - start) / (end - start) * (WIDTH - LEFT - RIGHT - 120)

    train = next((step for step in run["steps"] if step["uses"] == "train"), None)
    series = metrics(run["id"], train["id"]) if train else {}
    if train:
        reached = {step: when for step, _, when in series.get("train_loss", [])}
        for checkpoint in train["checkpoints"]:
            if checkpoint["step"] in reached:
                checkpoint["at"] = reached[checkpoint["step"]]
    bottom = TOP + len(run["steps"]) * ROW
    height = bottom + 26 + (CHART + 40 if series.get("train_loss") else 0)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             f'viewBox="0 0 {WIDTH} {height}" font-family="Helvetica, Arial, sans-serif">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             text(LEFT, 26, f"{run['pipeline']}, run {run['id']}: {run['status']} in {end - start:.0f} s", size=15,
                  weight="bold"),
             text(LEFT, 43, "white dots: checkpoints", size=11, colour="#57606a")]
    for tick in nice_ticks(end - start):
        parts += [line(at(start + tick), TOP - 4, at(start + tick), height - 20),
                  text(at(start + tick), height - 6, f"{tick} s", size=11, anchor="middle")]
    parts += draw_steps(run, at)
    if series.get("train_loss"):
        parts += draw_loss(series, at, bottom + 30)
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    status = subprocess.run([LUTHIER, "status", sys.argv[1], "-o", "json"], capture_output=True, text=True, check=True)
    sys.stdout.write(draw(json.loads(status.stdout)))
