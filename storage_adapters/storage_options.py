"""The options of each kind of storage backend: their names, defaults, limits and meaning.

An adapter is constructed from one of these classes. The gateway's settings are generated from their fields, and
`config.yaml` repeats their defaults and `about` sentences; a test compares the two. Units are part of the names.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, Self

KIB: Final = 1024
MIB: Final = 1024 * KIB

LEAST_WINDOW_BYTES: Final = 64 * KIB
"""The smallest window that justifies its own request; a reader gets this much when memory is short."""


def option(default: Any = MISSING, about: str = "", *, secret: bool = False, **rules: Any) -> Any:
    """A field of an options class; `rules` are those of `StorageOptions.fault`."""
    return field(default=default, repr=not secret, metadata={"about": about, **rules})


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageOptions:
    """Validated options: the constructor raises a ValueError that names every fault."""

    def __post_init__(self) -> None:
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        shown = {each.name: repr(given[each.name]) if each.repr else "a secret" for each in fields(self)}
        faults = ((name, self.fault(name, value, given)) for name, value in given.items())
        if found := [f"{name} is {shown[name]}: it must be {allowed}" for name, allowed in faults if allowed]:
            raise ValueError("; ".join(found))

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Build the options from a mapping. Raises a ValueError that names unknown, missing or wrong ones."""
        known = {each.name: each for each in fields(cls)}
        if unknown := given.keys() - known.keys():
            raise ValueError(f"unknown options: {', '.join(sorted(unknown))}; known are {', '.join(known)}")
        if missing := [name for name, each in known.items() if each.default is MISSING and name not in given]:
            raise ValueError("; ".join(f"{name}: a value is needed" for name in missing))
        return cls(**given)

    @classmethod
    def fault(cls, name: str, value: Any, given: Mapping[str, Any]) -> str | None:
        """The requirement that this option's value breaks, or None; `given` has at least the options declared earlier.

        The rules of a field: `least` and `most` (inclusive), `above` and `below` (exclusive) are a number or the name
        of an option; `one_of` has the allowed values; `goes_with` names an option that must be given if and only if
        this one is; `filled` text is not empty. An option that is None is within any bounds.
        """
        (rules,) = (each.metadata for each in fields(cls) if each.name == name)
        return next((allowed for rule, bound in rules.items() if (allowed := _broken(rule, bound, value, given))), None)


_COMPARISONS: Final[Mapping[str, tuple[Callable[[Any, Any], bool], str]]] = {
    "least": (operator.lt, "at least"),
    "most": (operator.gt, "at most"),
    "above": (operator.le, "more than"),
    "below": (operator.ge, "less than"),
}


def _broken(rule: str, bound: Any, value: Any, given: Mapping[str, Any]) -> str | None:
    """What the rule requires, if the value breaks it; otherwise None."""
    if rule == "filled" and not value:
        return "text that is not empty"
    if rule == "one_of" and value not in bound:
        return ", ".join(bound)
    if rule == "goes_with" and bound in given and (value is None) != (given[bound] is None):
        return f"given together with {bound}, or not at all"
    if rule in _COMPARISONS:
        breaks, words = _COMPARISONS[rule]
        limit = given.get(bound) if isinstance(bound, str) else bound
        if value is not None and limit is not None and breaks(value, limit):
            return f"{words} {bound}"
    return None


_COUNT: Final[Mapping[str, Any]] = {"least": 1, "most": 1_000_000}
_SECONDS: Final[Mapping[str, Any]] = {"above": 0, "most": 31_536_000}
_PRESIGNED: Final[Mapping[str, Any]] = {"least": 1, "most": 604_800}  # Signature Version 4 allows at most seven days


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions(StorageOptions):
    """Files below a root directory."""

    root: Path = option(about="The directory of the files; null is `media` in data_dir")
    open_files: int = option(512, "How many files are kept open between reads", least=0, most=1_000_000)
    readable_by_group: bool = option(
        False,  # noqa: FBT003 - the default is the first argument of every option
        "Whether the group of the files may read them (folders 0750 and files 0640 instead of 0700 and 0600)",
    )
    read_only: bool = option(
        False,  # noqa: FBT003 - the default is the first argument of every option
        "Whether nothing is written there: uploads are refused, and what is deleted stays until this is false again",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options(StorageOptions):
    """One bucket, or the part of it below a prefix, on Amazon S3 or a compatible server.

    Proxy settings in the environment are ignored. Without `access_key_id` the SDK's default chain finds the
    credentials, and is asked again if S3 refuses them.
    """

    bucket: str = option(about="The bucket's name, which has no default", filled=True)
    prefix: str = option("", "The prefix of every key in the bucket")
    region: str | None = option(None, "The bucket's region; null uses the SDK's own settings")
    endpoint_url: str | None = option(None, "The server's URL; null is Amazon's")
    public_endpoint_url: str | None = option(
        None, "The server's URL as clients reach it, for presigned URLs; null is endpoint_url"
    )
    addressing_style: Literal["auto", "path", "virtual"] = option(
        "auto",
        "Whether the bucket is named in the path, in the host (virtual), or as the SDK decides (auto)",
        one_of=("auto", "path", "virtual"),
    )
    access_key_id: str | None = option(None, "The access key's id; null uses the SDK's own credentials chain")
    secret_access_key: str | None = option(None, "The access key's secret", secret=True, goes_with="access_key_id")
    session_token: str | None = option(None, "The token of temporary credentials", secret=True)
    verify_tls: bool = option(True, "Whether the server's certificate is checked")  # noqa: FBT003 - the default is the first argument of every option
    ca_bundle: Path | None = option(None, "A file of certificates (PEM) to trust instead of the system's")
    max_connections: int = option(256, "How many connections each process opens at most", **_COUNT)
    connect_timeout_seconds: float = option(2, "How long connecting may take", **_SECONDS)
    read_timeout_seconds: float = option(10, "How long the server may be silent inside a response", **_SECONDS)
    pool_timeout_seconds: float = option(5, "How long a read waits for a free connection", **_SECONDS)
    window_initial_bytes: int = option(
        512 * KIB,
        "The size of a read's first request; later ones are larger if the reader is fast",
        least=LEAST_WINDOW_BYTES,
        most=1 << 40,
    )
    window_max_bytes: int = option(
        8 * MIB,
        "The read-ahead limit: how far ahead of its reader a read requests at most",
        least="window_initial_bytes",
        most=1 << 40,
    )
    parallel_requests: int = option(8, "The number of parallel requests that the read-ahead is split into", **_COUNT)
    buffer_budget_bytes: int = option(
        256 * MIB,
        "The memory that all reads of a process may use for requested bytes",
        least="window_max_bytes",
        most=1 << 40,
    )
    retries: int = option(3, "How often a read is resumed after an error", least=0, most=100)
    presign_expires_in_seconds: int = option(3600, "How long a presigned URL is valid", **_PRESIGNED)
    presign_window_seconds: int = option(
        900,
        "How long the same presigned URL is returned again, so that caches can hit",
        least=0,
        below="presign_expires_in_seconds",
    )
    upload_part_bytes: int = option(
        64 * MIB,
        "Files larger than this are uploaded in parts of this size, each with its own presigned URL",
        least=5 * MIB,
        most=1 << 40,
    )
    cache_max_bytes: int | None = option(
        None,
        "How many bytes of recent reads each process caches in local files (64 MiB or more); null disables the cache",
        least=64 * MIB,
        most=1 << 40,
    )
    cache_folder: Path | None = option(None, "The directory of these files; null is `slices` in data_dir")
