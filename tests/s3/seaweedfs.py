"""SeaweedFS, popular and distributed, from PyPI: master, volume server, filer and S3 gateway in one process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import reserved_ports
from tests.s3.processes import S3Server, answers, running, server_program, wait_until


@contextmanager
def running_seaweedfs(folder: Path, volume_mib: int = 64) -> Iterator[S3Server]:
    """SeaweedFS with room for fifty volumes of this size, until the block ends."""
    names = [f"-{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    data = folder / "data"
    data.mkdir()
    with reserved_ports(len(names)) as numbers:
        ports = dict(zip(names, numbers, strict=True))
        server = S3Server("seaweedfs", f"http://127.0.0.1:{ports['-s3.port']}", "AKIASEAWEED", "seaweed-secret")
        command = [
            str(server_program("weed")),
            "-logtostderr",  # rather than to files in the system's temporary folder
            "server",
            "-s3",
            f"-s3.config={_write_config(folder, server)}",
            # They would listen on fixed ports, and the whole server ends where one is taken.
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.volumeSizeLimitMB={volume_mib}",
            "-volume.max=50",
            *(f"{name}={port}" for name, port in ports.items()),
        ]
        with running(command, folder / "seaweedfs.log"):
            wait_until(lambda: answers(server.endpoint_url), "SeaweedFS")
            yield server


def _write_config(folder: Path, server: S3Server) -> Path:
    """The file in which the S3 gateway finds its only user."""
    keys = {"accessKey": server.access_key_id, "secretKey": server.secret_access_key}
    identity = {"name": "tests", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    return config
