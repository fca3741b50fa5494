"""OpenStack Swift with its S3 dialect: real, strict, from PyPI; one replica, four processes.

Swift wants a filesystem with user xattrs, access keys of the form account:user, and memcached or a
stand-in for it (`swift_cache.py`, which only works inside one proxy process).
"""

import getpass
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.ports import reserved_ports
from tests.s3.processes import S3Server, answers, running, server_program, wait_until

SERVICES: Final = ("account", "container", "object", "proxy")

SWIFT_CONF: Final = """
[swift-hash]
swift_hash_path_suffix = s
swift_hash_path_prefix = p
[storage-policy:0]
name = gold
default = yes
[swift-constraints]
max_header_size = 16384
"""

COMMON: Final = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
log_udp_host = 127.0.0.1
log_udp_port = 9
log_level = ERROR
recon_cache_path = {folder}
"""

STORE_CONF: Final = """
[pipeline:main]
pipeline = {service}-server
[app:{service}-server]
use = egg:swift#{service}
replication_server = false
"""

FILTERS: Final = (
    *("catch_errors", "gatekeeper", "healthcheck", "local_cache", "listing_formats"),
    *("s3api", "tempauth", "copy", "slo", "dlo", "versioned_writes", "symlink"),
)

FILTER_SETTINGS: Final = {
    "s3api": "location = us-east-1\ns3_acl = true\nallow_no_owner = true\ndns_compliant_bucket_names = true",
    "tempauth": "user_test_tester = testing .admin",
    "versioned_writes": "allow_versioned_writes = true\nallow_object_versioning = true",
}

# One interpreter imports Swift, makes the rings and forks the four servers, each of which would take half a second to
# import the same. They end with it, and it ends with the first of them.
SERVERS: Final = """
import ctypes, os, signal, sys
from importlib import import_module
from swift.common.ring import RingBuilder
folder, *ports = sys.argv[1:]
services = {'account': 'account', 'container': 'container', 'object': 'obj', 'proxy': 'proxy'}
for service, port in zip(services, map(int, ports[:3])):
    builder = RingBuilder(1, 1, 0)
    builder.add_dev(dict(region=1, zone=1, ip='127.0.0.1', port=port, replication_ip='127.0.0.1',
                         replication_port=port, device='d1', weight=1.0, meta=''))
    builder.rebalance()
    builder.get_ring().save(f'{folder}/{service}.ring.gz')
programs = {service: import_module(f'swift.{package}.server').main for service, package in services.items()}
for service, main in programs.items():
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        sys.argv = [f'swift-{service}-server', f'{folder}/{service}.conf']
        sys.exit(main())
os.wait()
"""


@contextmanager
def running_swift(folder: Path) -> Iterator[S3Server]:
    """Swift, until the block ends."""
    server_program("swift-proxy-server")
    with reserved_ports(4) as numbers:
        ports = dict(zip(SERVICES, numbers, strict=True))
        _configure(folder, ports)
        command = (str(server_program("python")), "-c", SERVERS, str(folder), *map(str, numbers))
        with running(command, folder / "servers.log", {"PYTHONPATH": str(folder)}):
            for service, port in ports.items():
                wait_until(lambda port=port: answers(f"http://127.0.0.1:{port}/healthcheck"), f"swift {service}")  # type: ignore[misc]
            yield S3Server("swift", f"http://127.0.0.1:{ports['proxy']}", "test:tester", "testing")


def _configure(folder: Path, ports: dict[str, int]) -> None:
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "swift.conf").write_text(SWIFT_CONF)
    shutil.copy(Path(__file__).with_name("swift_cache.py"), folder)
    for service, port in ports.items():
        common = COMMON.format(port=port, user=getpass.getuser(), folder=folder)
        rest = _proxy_conf() if service == "proxy" else STORE_CONF.format(service=service)
        (folder / f"{service}.conf").write_text(common + rest)


def _proxy_conf() -> str:
    """The proxy's pipeline: each filter by its own name, the cache by ours."""
    lines = ["[pipeline:main]", f"pipeline = {' '.join(FILTERS)} proxy-server"]
    lines += ["[app:proxy-server]", "use = egg:swift#proxy", "account_autocreate = true"]
    for name in FILTERS:
        factory = "paste.filter_factory = swift_cache:filter_factory"
        lines += [f"[filter:{name}]", factory if name == "local_cache" else f"use = egg:swift#{name}"]
        lines += FILTER_SETTINGS.get(name, "").splitlines()
    return "\n".join(lines) + "\n"
