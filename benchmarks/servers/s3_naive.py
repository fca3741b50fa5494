"""Serves a bucket with `get_object` and aiohttp, in the obvious way: `python s3_naive.py PORT`.

The environment variables S3_BENCHMARK_ENDPOINT and S3_BENCHMARK_BUCKET name the bucket. It runs on uvloop as the gateway
does, so that only the handling of the bytes differs.
"""

import os
import sys
from collections.abc import AsyncGenerator
from typing import Any

import uvloop
from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from aiobotocore.session import get_session  # type: ignore[import-untyped]
from aiohttp import web

CHUNK_BYTES = 64 * 1024
PASSED_ON = {
    "Content-Length": "ContentLength",
    "Content-Range": "ContentRange",
    "Content-Type": "ContentType",
    "ETag": "ETag",
}


def build_app() -> web.Application:
    """An application in which every path is the key of an object."""
    app = web.Application()
    client_of: web.AppKey[Any] = web.AppKey("client")

    async def with_client(app: web.Application) -> AsyncGenerator[None]:
        config = AioConfig(
            s3={"addressing_style": "path"},
            max_pool_connections=256,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        endpoint = os.environ["S3_BENCHMARK_ENDPOINT"]
        session = get_session()
        async with session.create_client("s3", "us-east-1", endpoint_url=endpoint, config=config) as client:
            app[client_of] = client
            yield

    async def get(request: web.Request) -> web.StreamResponse:
        asked = {"Range": request.headers["Range"]} if "Range" in request.headers else {}
        bucket, key = os.environ["S3_BENCHMARK_BUCKET"], request.match_info["key"]
        found = await request.app[client_of].get_object(Bucket=bucket, Key=key, **asked)
        headers = {name: str(found[field]) for name, field in PASSED_ON.items() if field in found}
        response = web.StreamResponse(status=206 if asked else 200, headers=headers)
        async with found["Body"] as body:
            await response.prepare(request)
            async for chunk in body.iter_chunks(CHUNK_BYTES):
                await response.write(chunk)
        return response

    app.cleanup_ctx.append(with_client)
    app.router.add_get("/{key}", get)
    return app


if __name__ == "__main__":
    uvloop.install()
    # Cancel the handler when its client disconnects; otherwise it would read the object to its end.
    web.run_app(
        build_app(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, handler_cancellation=True
    )
