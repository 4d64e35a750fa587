"""The OpenAPI description: who is let in, and that problems are `application/problem+json`."""

import functools
import json
from typing import Any, Final

from fastapi import FastAPI, Response
from starlette.routing import compile_path

PROBLEM: Final = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}
BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "The token that `legmon token` prints. A browser sends a cookie instead, which it gets from `legmon open`; a "
    "request that changes something then needs the Origin of the pages.",
}


def describe(app: FastAPI) -> None:
    """Add to an application's description what its routes cannot say, and serve it at `/openapi.json`."""
    written = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = written()
            described["components"]["securitySchemes"] = {"bearer": BEARER}
            described["security"] = [{"bearer": []}]
            for methods in described["paths"].values():
                for operation in methods.values():
                    for status, answer in operation["responses"].items():
                        if int(status) >= 400:
                            answer.update(PROBLEM)
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]

    @functools.cache
    def written_once() -> bytes:
        return json.dumps(app.openapi(), ensure_ascii=False).encode()

    @app.api_route("/openapi.json", methods=["GET", "HEAD"], include_in_schema=False)
    def description() -> Response:
        return Response(written_once(), media_type="application/json")


def methods_of(app: FastAPI, path: str) -> list[str]:
    """Return the methods that an address has; those of the pages' files where no route has it."""
    paths = app.openapi()["paths"].items()
    found = {
        method.upper() for known, methods in paths for method in methods if compile_path(known)[0].match(path)
    }
    return sorted(found) or ["GET", "HEAD"]
