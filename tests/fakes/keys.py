"""Users, keys and signing secrets in memory; see `tests.fakes.catalog`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from gateway.catalog import ApiKey, ApiKeys, Owner, Scope, SigningSecrets, Validity
from gateway.errors import Conflict, Fault, Invalid

_ids: Final = count(200_000_000_001)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class MemoryApiKeys(ApiKeys):
    _users: dict[str, int] = field(default_factory=dict)
    _keys: dict[bytes, ApiKey] = field(default_factory=dict)

    async def find_key(self, digest: bytes) -> ApiKey | None:
        return self._keys.get(digest)

    async def find_key_by_id(self, key_id: int) -> ApiKey | None:
        return next((key for key in self._keys.values() if key.id == key_id), None)

    async def create_key(
        self,
        *,
        digest: bytes,
        prefix: str,
        owner: Owner,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
        name: str | None = None,
    ) -> ApiKey:
        if name is not None and "\0" in name:
            raise Invalid(Fault("unstorable", ("name",), "The catalogue cannot store this name"))
        if digest in self._keys:
            raise Conflict("This key exists already")
        email = next(email for email, user_id in self._users.items() if user_id == owner.user_id)
        key = ApiKey(next(_ids), prefix, owner, email, scopes, _now(), expires_at, name=name, validity=Validity())
        self._keys[digest] = key
        return key

    async def list_keys(self) -> Sequence[ApiKey]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id), reverse=True)

    async def revoke_key(self, prefix_or_id: str) -> ApiKey | None:
        meant = [
            digest for digest, key in self._keys.items() if prefix_or_id and prefix_or_id in {key.prefix, str(key.id)}
        ]
        if len(meant) > 1:
            raise Conflict(f"{len(meant)} keys begin with {prefix_or_id!r}: name the one you mean by its id")
        for digest in meant:
            key = self._keys[digest]
            key.validity.end()
            self._keys[digest] = replace(key, revoked_at=key.revoked_at or _now(), validity=Validity())
            return self._keys[digest]
        return None

    async def record_key_use(self, key_id: int) -> None:
        for digest, key in self._keys.items():
            used = key.last_used_at
            if key.id == key_id and (used is None or _now() - used > timedelta(minutes=1)):
                self._keys[digest] = replace(key, last_used_at=_now())

    async def ensure_user(self, email: str) -> int:
        if not email or "\0" in email:
            raise Invalid(Fault("unstorable", ("email",), "No address"))
        known = {other.casefold(): user_id for other, user_id in self._users.items()}
        return known.get(email.casefold()) or self._users.setdefault(email, next(_ids))


class MemorySigningSecrets(SigningSecrets):
    def __init__(self) -> None:
        self._kept: tuple[str, bytes] | None = None

    async def ensure_signing_key(self, kid: str, secret: bytes) -> tuple[str, bytes]:
        self._kept = self._kept or (kid, secret)
        return self._kept

    async def find_signing_key(self) -> tuple[str, bytes] | None:
        return self._kept

    async def replace_signing_key(self, kid: str, secret: bytes) -> None:
        self._kept = (kid, secret)
