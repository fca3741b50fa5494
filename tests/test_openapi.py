"""The published contract is a valid OpenAPI document, and its examples are what it promises."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from gateway.contract import load_contract

CONTRACT: Final = load_contract()
METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
REGISTRY: Final = Registry().with_resource("contract:", DRAFT202012.create_resource(CONTRACT))


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in CONTRACT["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method} {path}", item[method]


def examples(node: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """(place, schema, example) of everything that has both."""
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from examples(child, f"{place}[{index}]")
    if not isinstance(node, dict):
        return
    schema = node.get("schema", node)
    if "example" in node:
        yield place, schema, node["example"]
    for name, example in node.get("examples", {}).items():
        yield f"{place}.{name}", schema, example["value"]
    for name, child in node.items():
        if name not in {"example", "examples"}:
            yield from examples(child, f"{place}.{name}" if place else name)


def absolute(node: Any) -> Any:
    """The same with references that also lead somewhere outside of their document."""
    if isinstance(node, list):
        return [absolute(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {name: f"contract:{child}" if name == "$ref" else absolute(child) for name, child in node.items()}


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: dict[str, Any] = REGISTRY.resolver("contract:").lookup(node["$ref"]).contents
        node = found
    return node


def references(node: Any) -> Iterator[str]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from references(child)
    if isinstance(node, dict) and "$ref" in node:
        yield node["$ref"]


OPERATIONS: Final = dict(operations())
AUTHENTICATED: Final = [name for name, operation in OPERATIONS.items() if operation.get("security") != []]


def test_the_contract_is_a_valid_openapi_document() -> None:
    assert [str(fault) for fault in OpenAPIV31SpecValidator(CONTRACT).iter_errors()] == []


@pytest.mark.parametrize(
    ("schema", "example"), [pytest.param(*rest, id=place) for place, *rest in examples(CONTRACT, "")]
)
def test_an_example_is_what_its_schema_promises(schema: dict[str, Any], example: object) -> None:
    validator = OAS31Validator(absolute(schema), registry=REGISTRY, format_checker=oas31_format_checker)
    assert [fault.message for fault in validator.iter_errors(example)] == []


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_what_needs_a_key_says_what_becomes_of_those_without_one(name: str) -> None:
    assert {"401", "403"} <= OPERATIONS[name]["responses"].keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_with_a_body_carries_the_request_id(name: str) -> None:
    answers = [resolved(response) for response in OPERATIONS[name]["responses"].values()]
    assert [answer for answer in answers if "content" in answer and "X-Request-Id" not in answer["headers"]] == []


def test_no_component_is_left_over() -> None:
    used = set(references(CONTRACT))
    kinds = ("schemas", "responses", "headers", "parameters")
    kept = {f"#/components/{kind}/{name}" for kind in kinds for name in CONTRACT["components"][kind]}
    assert kept == used
