#!/usr/bin/env python3
"""Makes tests/golden/templates/*.json: what Python's Jinja renders, configured as transformers does for chat templates.
Needs transformers and jinja2 (tests/oracle). Run it after changing snippets.py, conversations.py or a template here."""

import datetime
import json
import pathlib
import sys

import jinja2
from transformers.utils import chat_template_utils as utils

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "oracle"))
import conversations  # noqa: E402
import snippets  # noqa: E402

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}


class FixedDate(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2026, 1, 5, 7, 8, 9)


def rendered(source, variables):
    """{"text", "generations" (characters)} or {"fails": "refused" | "error"}."""
    try:
        template = utils._compile_jinja_template(source)
        generations = []
        blocks = []
        with template.environment.activate_tracker(blocks, generations):
            for block in template.generate(**variables):
                blocks.append(block)
        result = {"text": "".join(blocks)}
        result["text"].encode()
        if generations:
            result["generations"] = generations
        return result
    except Exception as error:  # whatever Python raises
        return {"fails": "refused" if type(error) is jinja2.exceptions.TemplateError else "error"}


def write(name, value, count, fails):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
    print(f"{name}: {count} cases, {fails} of them refused")


def make_snippets():
    cases = [{"template": source, **rendered(source, snippets.VARIABLES)} for source in snippets.snippets()]
    write("snippets.json", {"variables": snippets.VARIABLES, "cases": cases}, len(cases), sum("fails" in case for case in cases))


def make_chats():
    shapes = [shape for shape in conversations.everything() if len(json.dumps(shape)) < 2500 and not shape[2]]
    for path in sorted(HERE.glob("*.jinja")):
        cases = []
        for number, (messages, tools, _) in enumerate(shapes):
            prompt = not messages or messages[-1]["role"] != "assistant"
            cases.append(rendered(path.read_text(), {"messages": messages, "tools": tools, "documents": None,
                                                     "add_generation_prompt": prompt, **SPECIAL}))
        write(f"{path.stem}.json", cases, len(cases), sum("fails" in case for case in cases))
    write("chats.json", [{"messages": messages, "tools": tools} for messages, tools, _ in shapes], len(shapes), 0)


if __name__ == "__main__":
    utils.datetime = FixedDate
    make_snippets()
    make_chats()
