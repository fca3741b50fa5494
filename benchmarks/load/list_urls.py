"""Writes the list of media files that the load scripts read: `python list_urls.py [--signed] [COUNT] > urls.txt`.

It has one line for each media file: `PATH SIZE ETAG`. With --signed the paths are playback URLs, which need no key.
The environment variables SEEKGATE_URL and SEEKGATE_KEY name the gateway and a key. Needs the standard library only.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from itertools import islice
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

PAGE = 200
TIMEOUT_SECONDS = 30
MAX_PAGES = 5000
TRIES = 20
TOO_MANY = 429


def ask(path: str, method: str = "GET") -> HTTPResponse:
    """The gateway's response; waits and retries after a 429. Raises urllib.error.HTTPError for any other error status."""
    for _ in range(TRIES):
        try:
            return _ask(path, method)
        except HTTPError as refusal:
            if refusal.code != TOO_MANY:
                raise
            refusal.close()
            time.sleep(int(refusal.headers["Retry-After"]))
    raise RuntimeError(f"{path} was answered with 429 {TRIES} times: raise the key's rate limit (rate_limits.*)")


def _ask(path: str, method: str) -> HTTPResponse:
    request = Request(os.environ["SEEKGATE_URL"] + path, method=method)  # noqa: S310 - the user's own gateway
    request.add_header("X-API-Key", os.environ["SEEKGATE_KEY"])
    response: HTTPResponse = urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310 - the same
    return response


def ask_json(path: str, method: str = "GET") -> Any:
    """The body of the gateway's response, parsed as JSON."""
    with ask(path, method) as response:
        return json.load(response)


def raw_paths() -> Iterator[str]:
    """The path of every media file's bytes that the key may read, newest recording first."""
    for page in range(MAX_PAGES):
        recordings = ask_json(f"/recordings?limit={PAGE}&offset={page * PAGE}")["recordings"]
        for recording in recordings:
            for media in recording["media_files"]:
                yield f"/recordings/{recording['id']}/media/{media['id']}/raw"
        if len(recordings) < PAGE:
            return


def line_for(path: str, *, signed: bool) -> str:
    """The line of a media file: `PATH SIZE ETAG`."""
    with ask(path, "HEAD") as response:
        size, etag = response.headers["Content-Length"], response.headers["ETag"]
    return f"{_signed(path) if signed else path} {size} {etag}"


def _signed(path: str) -> str:
    url = urlsplit(ask_json(path.removesuffix("raw") + "playback-url", "POST")["url"])
    return f"{url.path}?{url.query}"


def main() -> None:
    """Write the list to standard output."""
    parser = argparse.ArgumentParser(description="Write the list of media files that the load scripts read.")
    parser.add_argument("count", nargs="?", type=int, default=1000, help="at most this many media files (1000)")
    parser.add_argument("--signed", action="store_true", help="playback URLs instead of paths that need the key")
    asked = parser.parse_args()
    for path in islice(raw_paths(), asked.count):
        sys.stdout.write(line_for(path, signed=asked.signed) + "\n")


if __name__ == "__main__":
    main()
