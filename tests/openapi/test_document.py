"""The contract is a valid OpenAPI document with exactly the gateway's routes, and its examples match its schemas."""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from gateway.settings.documents import load_contract
from gateway.web.app import Services, build_app

CONTRACT: Final = load_contract()
METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
REGISTRY: Final = Registry().with_resource("contract:", DRAFT202012.create_resource(CONTRACT))


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in CONTRACT["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method} {path}", item[method]


def examples(node: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """(place, schema, example) of every node that has both."""
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
    """The node with references that can be resolved outside of the document."""
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


async def unused(_request: web.Request) -> web.StreamResponse:
    """A placeholder for every handler: the test reads the routes and calls none."""
    raise AssertionError("no test calls a handler")


@web.middleware
async def pass_through(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A placeholder for the middleware of every request."""
    return await handler(request)


class AnyMiddleware:
    def middleware(self) -> Middleware:
        return pass_through


class AnyHandlers:
    def __getattr__(self, _name: str) -> Handler:
        return unused


class AnyServices:
    middleware: Final = AnyMiddleware()

    def __getattr__(self, _name: str) -> AnyHandlers:
        return AnyHandlers()


def routes() -> Iterator[tuple[str, str]]:
    """(method, path) of every route of the gateway."""
    app = build_app(cast("Services", AnyServices()), with_operations=True)
    for route in app.router.routes():
        if route.resource is not None:
            yield route.method.lower(), route.resource.canonical


ROUTES: Final = set(routes())
OPERATIONS: Final = dict(operations())
AUTHENTICATED: Final = [name for name, operation in OPERATIONS.items() if operation.get("security") != []]


def test_the_contract_is_a_valid_openapi_document() -> None:
    assert [str(fault) for fault in OpenAPIV31SpecValidator(CONTRACT).iter_errors()] == []


def test_every_route_is_in_the_contract_and_no_other() -> None:
    # Every GET route accepts HEAD: the contract says so once, and describes HEAD only where it differs.
    # OPTIONS is described in words.
    described = {f"{method} {path}" for method, path in ROUTES if method not in {"head", "options"}}
    assert described == {name for name in OPERATIONS if not name.startswith("head ")}
    assert {name for name in OPERATIONS if name.startswith("head ")} <= {f"{method} {path}" for method, path in ROUTES}


@pytest.mark.parametrize("method_and_path", sorted(ROUTES), ids=" ".join)
def test_a_routes_path_parameters_are_in_the_contract(method_and_path: tuple[str, str]) -> None:
    path = method_and_path[1]
    item = CONTRACT["paths"].get(path, {})
    declared = [*item.get("parameters", []), *(p for m in METHODS for p in item.get(m, {}).get("parameters", []))]
    named = {each["name"] for each in map(resolved, declared) if each["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize(
    ("schema", "example"), [pytest.param(*rest, id=place) for place, *rest in examples(CONTRACT, "")]
)
def test_an_example_matches_its_schema(schema: dict[str, Any], example: object) -> None:
    validator = OAS31Validator(absolute(schema), registry=REGISTRY, format_checker=oas31_format_checker)
    assert [fault.message for fault in validator.iter_errors(example)] == []


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_an_operation_that_requires_a_key_documents_401_and_403(name: str) -> None:
    assert {"401", "403"} <= OPERATIONS[name]["responses"].keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_response_with_a_body_has_the_request_id(name: str) -> None:
    responses = [resolved(response) for response in OPERATIONS[name]["responses"].values()]
    assert [each for each in responses if "content" in each and "X-Request-Id" not in each["headers"]] == []


def test_every_component_is_used() -> None:
    used = set(references(CONTRACT))
    kinds = ("schemas", "responses", "headers", "parameters")
    kept = {f"#/components/{kind}/{name}" for kind in kinds for name in CONTRACT["components"][kind]}
    assert kept == used
