"""Holds answers of the HTTP API against docs/openapi.yaml.

Needs PyYAML and jsonschema, which `./dev setup` installs into DEPS/python with the validator of OpenAPI documents.
"""

import json
import os
import pathlib
import re

import jsonschema
import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[2]
STRICT = os.environ.get("LUTHIER_STRICT_ANSWERS") == "1"  # members that are not described are failures, too


class Description:
    def __init__(self):
        self.document = yaml.safe_load((SOURCE / "docs" / "openapi.yaml").read_text())
        self.schemas = self.document["components"]["schemas"]
        self.seen = set()  # (method, path pattern, status)
        self.patterns = [(re.compile("^" + re.sub(r"\{[^}]*\}", "[^/]+", pattern) + "$"), pattern, item)
                         for pattern, item in self.document["paths"].items()]
        # Literal paths go before those with parameters.
        self.patterns.sort(key=lambda entry: entry[1].count("{"))

    def operations(self):
        return {(method.upper(), pattern) for _, pattern, item in self.patterns for method in item
                if method in ("get", "put", "post", "delete", "patch")}

    def resolve(self, node):
        while "$ref" in node:
            found = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def bundle(self, schema):
        """The schema with all components, as one JSON Schema; open to further members unless STRICT."""
        whole = {**schema, "components": {"schemas": self.schemas}}
        return whole if STRICT else opened(whole)

    def check(self, method, target, status, content_type, body):
        """Returns what is wrong with an answer, "" when nothing is."""
        path = target.split("?", 1)[0]
        found = next(((pattern, item) for regex, pattern, item in self.patterns if regex.match(path)), None)
        what = f"{method} {path} → {status}"
        if found is None or method.lower() not in found[1]:
            return "" if status in (404, 405) else f"{what}: docs/openapi.yaml does not describe it"
        pattern, item = found
        responses = item[method.lower()]["responses"]
        response = self.resolve(responses.get(str(status)) or responses.get("default") or {})
        if str(status) not in responses and status < 400:
            return f"{what}: docs/openapi.yaml knows no such status"
        media = (content_type or "").split(";")[0]
        content = response.get("content", {})
        if media not in content:
            return f"{what}: {media} is none of {sorted(content)}"
        self.seen.add((method, pattern, status))
        schema = content[media].get("schema")
        values = values_of(media, body)
        for value in values if schema else []:
            error = next(jsonschema.Draft202012Validator(self.bundle(schema)).iter_errors(value), None)
            if error:
                place = "/".join(map(str, error.absolute_path))
                return f"{what}: at '{place}': {error.message[:400]}"
        return ""


def opened(schema):
    if isinstance(schema, dict):
        return {name: opened(value) for name, value in schema.items()
                if not (name == "additionalProperties" and value is False)}
    return [opened(value) for value in schema] if isinstance(schema, list) else schema


def values_of(media, body):
    if media == "application/json":
        return [json.loads(body)]
    if media == "text/event-stream":
        lines = [line.removeprefix("data: ") for line in body.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]
    return [body.decode(errors="replace")] if media == "text/plain" else []
