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
import snippets  # noqa: E402


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


def main():
    utils.datetime = FixedDate
    cases = [{"template": source, **rendered(source, snippets.VARIABLES)} for source in snippets.snippets()]
    golden = {"variables": snippets.VARIABLES, "cases": cases}
    (HERE / "snippets.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
    print(f"{len(cases)} snippets, {sum('fails' in case for case in cases)} of them refused")


if __name__ == "__main__":
    main()
