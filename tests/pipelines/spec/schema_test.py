#!/usr/bin/env python3
"""The published JSON Schema, held by a validator that is not ours: it takes every example, every good file and every
example of docs/pipelines.md, and refuses the bad files whose errors are matters of structure."""

import json
import pathlib
import re
import sys

import jsonschema
import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[3]
SPECS = SOURCE / "tests" / "specs"
MARK = "# expect-error: "

# Errors that a schema can see: keys, types, bounds, forms of texts.
STRUCTURAL = re.compile(
    r"unknown key|the key '\w+' is missing|unknown step type|is not allowed here|is not a (name|duration|size|range)"
    r"|at (least|most) \d+ (needed|allowed) here|must be at (least|most)|one of the keys"
    r"|expected [^,]*, got (the|a list|a map|nothing|true|false)")
# Files whose structural errors show only after params are put in, or which the schema's types cannot tell.
BEYOND_A_SCHEMA = {"param_types_after_substitution.yaml"}


class Loader(yaml.SafeLoader):
    """YAML with the scalars of Luthier: true, false, decimal numbers, null; all else is text."""


def plain(text):
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text


def construct_scalar(loader, node):
    return plain(node.value) if node.style is None else node.value


Loader.yaml_implicit_resolvers = {}
Loader.add_constructor("tag:yaml.org,2002:str", construct_scalar)


def docs_examples():
    """The examples of docs/pipelines.md, fragments completed as their first lines say (as in docs_test.cc)."""
    page = (SOURCE / "docs" / "pipelines.md").read_text()
    frame = (SPECS / "frame.yaml").read_text()
    return [completed(found[1], frame) for found in re.finditer(r"^```yaml\n(.*?)^```$", page, re.S | re.M)]


def completed(example, frame):
    def indented(width):
        return "".join(" " * width + line + "\n" for line in example.splitlines())

    first = example.split("\n", 1)[0]
    if first == "# below steps:":
        own = set(re.findall(r"^([\w-]+):", example, re.M))
        kept = [line for line in frame.splitlines(True) if line.strip().split(":")[0] not in own or line[0] != " "]
        return "".join(kept) + indented(2)
    if first == "# in a step":
        return frame + "  example:\n" + indented(4)
    if first == "# in the file":
        return frame + example
    return example


def main():
    schema = json.loads((SOURCE / "pipelines" / "schema" / "pipeline.schema.json").read_text())
    kind = jsonschema.Draft7Validator
    kind.check_schema(schema)
    validator = kind(schema)
    wrong = []

    def problems(text):
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in
                validator.iter_errors(yaml.load(text, Loader))]

    good = [(path.name, path.read_text()) for path in
            [*sorted((SOURCE / "pipelines" / "examples").glob("*.yaml")), *sorted((SPECS / "good").glob("*.yaml"))]]
    good += [(f"example {i + 1} of docs/pipelines.md", text) for i, text in enumerate(docs_examples())]
    for name, text in good:
        wrong += [f"{name} is good, but the schema says {problem}" for problem in problems(text)]
    refused = 0
    for path in sorted((SPECS / "bad").glob("*.yaml")):
        text = path.read_text()
        stated = [line for line in text.splitlines() if line.startswith(MARK)]
        if path.name in BEYOND_A_SCHEMA or not any(STRUCTURAL.search(line) for line in stated):
            continue
        try:
            found = problems(text)
        except yaml.YAMLError:
            continue  # no schema ever sees it
        refused += 1
        if not found:
            wrong.append(f"{path.name} states errors of structure, but the schema takes it")
    if len(good) < 40 or refused < 25:
        wrong.append(f"only {len(good)} good and {refused} bad files were looked at")
    for line in wrong:
        print(line)
    print(f"{len(good)} good files, {refused} with errors of structure, {len(wrong)} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
