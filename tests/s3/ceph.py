"""Ceph's RADOS gateway on one node: real, in production use, from Debian; objects in memory.

What it wants: the same uuid in `osd new` and `ceph-osd --mkfs`, `ms mon client mode = crc` because
authentication is off (radosgw asks for more otherwise), and debug levels of zero. No manager daemon.
"""

import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.ports import reserved_ports
from tests.s3.processes import S3Server, answers, running, wait_until

PROGRAMS: Final = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
QUIET: Final = [
    "ms",
    "rgw",
    "osd",
    "mon",
    "memstore",
    "bluestore",
    "objecter",
    "rados",
    "filer",
    "auth",
    "throttle",
    "perfcounter",
    "finisher",
]

CONF: Final = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms cluster mode = crc
ms service mode = crc
ms client mode = crc
ms crc data = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
run dir = {folder}
admin socket = {sockets}/$name.asok
log file = {folder}/$name.log
crash dir = {folder}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon osd full ratio = 0.99
mon osd nearfull ratio = 0.98
mon osd backfillfull ratio = 0.985
mon data avail crit = 1
mon data avail warn = 2
paxos propose interval = 0.05
mon tick interval = 1
{quiet}
[mon]
mon data = {folder}/mon
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd op num shards = 2
osd max object size = 134217728
[client.rgw]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw enable ops log = false
rgw enable usage log = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
rgw override bucket index max shards = 1
rgw max listing results = 100
rgw dynamic resharding = false
rgw thread pool size = 32
rgw init timeout = 30
"""


class Cluster:
    """A folder with everything of one cluster in it, and its commands."""

    def __init__(self, folder: Path, sockets: Path, ports: Sequence[int]) -> None:
        self.folder = folder
        self.fsid = str(uuid.uuid4())
        self.osd_uuid = str(uuid.uuid4())
        self.port, self.mon_v2, self.mon_v1 = ports
        self.conf = folder / "ceph.conf"
        for name in ("mon", "osd", "rgw"):
            (folder / name).mkdir()
        quiet = "\n".join(f"debug {name} = 0/0" for name in QUIET)
        self.conf.write_text(CONF.format(**vars(self), sockets=sockets, quiet=quiet))

    def run(self, program: str, *arguments: str) -> str:
        """One command to its end; its output, or a failure that shows what it said."""
        command = [program, "-c", str(self.conf), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def command(self, program: str, *arguments: str) -> tuple[str, ...]:
        """A daemon's command line, in the foreground so that it has our PID for a parent."""
        return (program, "-c", str(self.conf), "-f", *arguments)


def missing_programs() -> list[str]:
    """What of Ceph is not installed."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


@contextmanager
def running_ceph(folder: Path, sockets: Path) -> Iterator[S3Server]:
    """Ceph, until the block ends; `sockets` is a folder with a short path (a socket's has 107 bytes at most)."""
    if missing := missing_programs():
        pytest.skip(f"Ceph is not installed: {', '.join(missing)} (Debian: radosgw ceph-mon ceph-osd ceph-common)")
    with ExitStack() as stack:
        cluster = Cluster(folder, sockets, stack.enter_context(reserved_ports(3)))
        server = S3Server("ceph", f"http://127.0.0.1:{cluster.port}", "AKIACEPH", "ceph-secret")
        for daemon in (_start_mon, _start_osd, _start_rgw):
            daemon(cluster, stack)
        keys = ("--access-key", server.access_key_id, "--secret-key", server.secret_access_key)
        cluster.run("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=t", "--display-name=t", *keys)
        yield server


def _start_mon(cluster: Cluster, stack: ExitStack) -> None:
    address = f"[v2:127.0.0.1:{cluster.mon_v2},v1:127.0.0.1:{cluster.mon_v1}]"
    monmap = str(cluster.folder / "monmap")
    subprocess.run(
        ("monmaptool", "--create", "--fsid", cluster.fsid, "--addv", "a", address, monmap),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    cluster.run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap)
    stack.enter_context(running(cluster.command("ceph-mon", "-i", "a"), cluster.folder / "mon.out"))


def _start_osd(cluster: Cluster, stack: ExitStack) -> None:
    cluster.run("ceph", "osd", "new", cluster.osd_uuid, "0")
    cluster.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", cluster.osd_uuid)
    stack.enter_context(running(cluster.command("ceph-osd", "-i", "0"), cluster.folder / "osd.out"))
    wait_until(lambda: " 1 up" in cluster.run("ceph", "osd", "stat"), "Ceph's OSD")


def _start_rgw(cluster: Cluster, stack: ExitStack) -> None:
    stack.enter_context(running(cluster.command("radosgw", "-n", "client.rgw"), cluster.folder / "rgw.out"))
    wait_until(lambda: answers(f"http://127.0.0.1:{cluster.port}/"), "radosgw")
