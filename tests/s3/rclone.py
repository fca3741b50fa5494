"""rclone's `serve s3` over a folder: the odd one, which answers ranges with 200 and ignores If-Match."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import reserved_ports
from tests.s3.processes import S3Server, answers, running, server_program, wait_until


@contextmanager
def running_rclone(folder: Path) -> Iterator[S3Server]:
    """rclone, until the block ends."""
    program = server_program("rclone")
    root = folder / "root"
    root.mkdir()
    with reserved_ports(1) as (port,):
        server = S3Server("rclone", f"http://127.0.0.1:{port}", "AKIARCLONE", "rclone-secret")
        keys = f"{server.access_key_id},{server.secret_access_key}"
        address = ("--addr", f"127.0.0.1:{port}", "--auth-key", keys)
        with running((program, "serve", "s3", *address, "--config", "", root), folder / "rclone.log"):
            wait_until(lambda: answers(server.endpoint_url), "rclone")
            yield server
