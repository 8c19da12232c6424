"""The contracts: openapi.yaml of edge and persister, and the JSON that their programs serve.

    python ops/checks/openapi.py write    # after a change of a YAML file
    python ops/checks/openapi.py check    # in ./dev test

check says what is wrong: a document that is no OpenAPI 3.1, JSON that is not of its YAML, an example
that its schema does not allow, an operation or an answer that says too little, a part nobody uses.
Runs with the Python that ops/checks/install.sh prepares.
"""

import json
import re
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("edge", "persister")
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


def read(part):
    text = (ROOT / part / "openapi.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def served(document):
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def resolve(document, node):
    while "$ref" in node:
        part = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            part = part[step]
        node = part
    return node


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def contents(document):
    """Every body, with a name for it: of requests, of answers, of answers that are shared."""
    for name, operation in operations(document):
        for kind, body in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} request {kind}", body
        for status, response in operation["responses"].items():
            for kind, body in resolve(document, response).get("content", {}).items():
                yield f"{name} {status} {kind}", body


def wrong_examples(document):
    for name, body in contents(document):
        if not name.endswith("json"):
            continue
        schema = {**body["schema"], "components": document["components"]}
        validator = Draft202012Validator(
            schema, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        for example, said in body.get("examples", {}).items():
            for error in validator.iter_errors(said["value"]):
                yield f"{name}: example {example}: {error.message}"


def says_too_little(document):
    seen = set()
    for name, operation in operations(document):
        for field in ("operationId", "summary", "tags"):
            if not operation.get(field):
                yield f"{name} has no {field}"
        if operation.get("operationId") in seen:
            yield f"{name}: its operationId is another's"
        seen.add(operation.get("operationId"))
        for status, response in operation["responses"].items():
            response = resolve(document, response)
            if not response.get("description"):
                yield f"{name} {status} has no description"
    document_itself = " /openapi.json "
    for name, body in contents(document):
        if not body.get("examples") and document_itself not in name:
            yield f"{name} has no example"


def wrong_problems(document):
    """A problem's example agrees with its name, its status and its type."""
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            content = resolve(document, response).get("content", {})
            examples = content.get("application/problem+json", {}).get("examples", {})
            for code, said in examples.items():
                value = said["value"]
                told = (value["code"], str(value["status"]), value["type"])
                if told != (code, status, f"urn:firstcome:problem:{code}"):
                    yield f"{name} {status}: example {code} says {told}"


def unused(document):
    used = set(re.findall(r'"#/components/([^"]+)"', json.dumps(document)))
    for kind, parts in document["components"].items():
        for part in parts:
            # A security scheme is named, not referred to. NotFound answers paths that are none.
            if kind != "securitySchemes" and part != "NotFound" and f"{kind}/{part}" not in used:
                yield f"components/{kind}/{part} is used nowhere"


def problems(part):
    document = read(part)
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        yield f"{list(error.path)}: {error.message}"
    if (ROOT / part / "openapi.json").read_text(encoding="utf-8") != served(document):
        yield "openapi.json is not of openapi.yaml: python ops/checks/openapi.py write"
    for look in (wrong_examples, says_too_little, wrong_problems, unused):
        yield from look(document)


def main():
    if sys.argv[1:] == ["write"]:
        for part in PARTS:
            (ROOT / part / "openapi.json").write_text(served(read(part)), encoding="utf-8")
        return 0
    if sys.argv[1:] != ["check"]:
        print(__doc__, file=sys.stderr)
        return 2
    found = [f"{part}/openapi: {problem}" for part in PARTS for problem in problems(part)]
    print("\n".join(found) if found else "both contracts are as they should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
