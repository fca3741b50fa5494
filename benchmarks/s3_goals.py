"""The targets of the S3 benchmark, by the names of its rows."""

from typing import Final

from benchmarks.goals import Goal, ratio
from benchmarks.s3_servers import CACHED, GATEWAY, LOCAL, NAIVE, NGINX

PLAIN: Final = "one plain connection"
_HANDLERS: Final = {NAIVE: "a get_object handler", NGINX: "nginx with a presigned URL"}

GOALS: Final[tuple[Goal, ...]] = (
    Goal(
        "S3 64 KiB ranges, CPU per request, over a get_object handler",
        0.2,
        "×",
        ratio("cpu_us", f"S3 ranges/64 KiB/{GATEWAY}", f"S3 ranges/64 KiB/{NAIVE}"),
    ),
    Goal(
        "S3 64 KiB ranges, CPU per request, over a get_object handler",
        0.12,
        "×",
        ratio("cpu_us", f"S3 ranges/64 KiB/{GATEWAY}", f"S3 ranges/64 KiB/{NAIVE}"),
        stretch=True,
    ),
    *(
        Goal(
            f"S3 {size} MiB ranges, {words}, over {_HANDLERS[peer]}",
            bound,
            "×",
            ratio(value, f"S3 ranges/{size} MiB/{GATEWAY}", f"S3 ranges/{size} MiB/{peer}"),
            at_least=at_least,
            stretch=peer == NGINX,
        )
        for size in (8, 64)
        for words, value, peer, bound, at_least in (
            ("requests a second", "requests_per_second", NAIVE, 1.1, True),
            ("CPU per request", "cpu_us", NAIVE, 0.8, False),
            ("requests a second", "requests_per_second", NGINX, 1.0, True),
            ("CPU per request", "cpu_us", NGINX, 1.0, False),
        )
    ),
    Goal(
        "bytes from S3 for each byte that seeking players took",
        1.5,
        "",
        lambda rows: rows[f"S3 seek storm/256 KiB to 1 MiB/{GATEWAY}"].values["upstream_per_byte"],
    ),
    Goal(
        "a long read from a far S3, over one plain connection",
        3,
        "×",
        ratio("mb_per_second", f"S3 far away/64 MiB/{GATEWAY}", f"S3 far away/64 MiB/{PLAIN}"),
        at_least=True,
    ),
    *(
        Goal(
            "S3 64 KiB ranges in the cache of slices, CPU per request, over a local file",
            bound,
            "×",
            ratio("cpu_us", f"S3 cached/64 KiB/{CACHED}", f"S3 cached/64 KiB/{LOCAL}"),
            stretch=stretch,
        )
        for bound, stretch in ((1.15, False), (1.0, True))
    ),
    # Whether an object that is read is still the same is asked once a minute.
    Goal(
        "S3 requests on the path of a repeated seek",
        0.001,
        " per seek",
        lambda rows: rows[f"S3 cached/64 KiB/{CACHED}"].values["s3_requests_per_seek"],
    ),
)
