"""The contracts of ApiKeys and SigningSecrets, for every implementation."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from gateway.catalog import ALL_SCOPES, ApiKey, Owner, Scope
from gateway.errors import Conflict, Invalid
from tests.contracts.catalog_stores import Stores

EXPIRES = datetime(2099, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


class KeyContract:
    async def _key(self, stores: Stores, name: str, owner: Owner | None = None) -> ApiKey:
        return await stores.api_keys.create_key(
            digest=digest(name),
            prefix=name.rjust(12, "_"),
            owner=owner or await stores.owner(),
            scopes=ALL_SCOPES,
            expires_at=None,
        )

    @pytest.mark.parametrize("scopes", [ALL_SCOPES, frozenset({Scope.RECORDINGS_READ}), frozenset()], ids=len)
    @pytest.mark.parametrize("expires_at", [None, EXPIRES], ids=["for ever", "expiring"])
    async def test_a_key_is_found_by_its_digest_as_it_was_created(
        self, stores: Stores, scopes: frozenset[Scope], expires_at: datetime | None
    ) -> None:
        owner = await stores.owner("Ann@Example.org", live=False)
        made = await stores.api_keys.create_key(
            digest=digest("a"), prefix="sk_test_ab12", owner=owner, scopes=scopes, expires_at=expires_at
        )
        assert (made.prefix, made.owner, made.email) == ("sk_test_ab12", owner, "Ann@Example.org")
        assert (made.scopes, made.expires_at, made.revoked_at, made.last_used_at) == (scopes, expires_at, None, None)
        assert abs(datetime.now(UTC) - made.created_at) < timedelta(minutes=1)
        assert await stores.api_keys.find_key(digest("a")) == made

    @pytest.mark.parametrize("name", [None, "", "the dashboard", "ünï ☃"])
    async def test_a_key_keeps_its_name(self, stores: Stores, name: str | None) -> None:
        owner = await stores.owner()
        await stores.api_keys.create_key(
            digest=digest("a"), prefix="sk_live_ab12", owner=owner, scopes=ALL_SCOPES, expires_at=None, name=name
        )
        (listed,) = await stores.api_keys.list_keys()
        assert listed.name == name

    async def test_a_name_that_cannot_be_stored_is_refused(self, stores: Stores) -> None:
        owner = await stores.owner()
        with pytest.raises(Invalid):
            await stores.api_keys.create_key(
                digest=digest("a"), prefix="sk_live_ab12", owner=owner, scopes=ALL_SCOPES, expires_at=None, name="nul\0"
            )

    async def test_an_unknown_digest_finds_nothing(self, stores: Stores) -> None:
        await self._key(stores, "a")
        for unknown in (digest("b"), b"", b"\0" * 32, b"long" * 1000):
            assert await stores.api_keys.find_key(unknown) is None

    async def test_a_key_is_found_by_its_id(self, stores: Stores) -> None:
        made = await self._key(stores, "a")
        assert await stores.api_keys.find_key_by_id(made.id) == made
        assert await stores.api_keys.find_key_by_id(made.id + 1) is None
        await stores.api_keys.revoke_key(made.prefix)
        found = await stores.api_keys.find_key_by_id(made.id)
        assert found is not None
        assert found.revoked_at is not None

    async def test_a_taken_digest_is_a_conflict(self, stores: Stores) -> None:
        first = await self._key(stores, "a")
        with pytest.raises(Conflict):
            await self._key(stores, "a")
        assert list(await stores.api_keys.list_keys()) == [first]

    async def test_a_key_whose_prefix_is_shared_is_revoked_by_its_id(self, stores: Stores) -> None:
        owner = await stores.owner()
        first, second = [
            await stores.api_keys.create_key(
                digest=digest(name), prefix="vxa_browser_", owner=owner, scopes=ALL_SCOPES, expires_at=None
            )
            for name in ("a", "b")
        ]
        with pytest.raises(Conflict, match="2 keys begin with 'vxa_browser_'"):
            await stores.api_keys.revoke_key("vxa_browser_")
        revoked = await stores.api_keys.revoke_key(str(first.id))
        assert revoked is not None
        assert await stores.api_keys.find_key(digest("a")) == revoked
        assert await stores.api_keys.find_key(digest("b")) == second

    async def test_keys_are_listed_newest_first(self, stores: Stores) -> None:
        made = [await self._key(stores, name) for name in ("a", "b", "c")]
        assert list(await stores.api_keys.list_keys()) == made[::-1]

    async def test_a_revoked_key_is_still_found_and_keeps_its_first_revocation_time(self, stores: Stores) -> None:
        made, other = await self._key(stores, "a"), await self._key(stores, "b")
        revoked = await stores.api_keys.revoke_key(made.prefix)
        assert revoked is not None
        assert revoked.revoked_at is not None
        assert revoked == replace(made, revoked_at=revoked.revoked_at)
        assert await stores.api_keys.revoke_key(made.prefix) == revoked
        assert await stores.api_keys.find_key(digest("a")) == revoked
        assert await stores.api_keys.find_key(digest("b")) == other

    @pytest.mark.parametrize("prefix", ["sk_live_none", "", "n\0l", "\udc80"])
    async def test_revoking_an_unknown_prefix_revokes_nothing(self, stores: Stores, prefix: str) -> None:
        made = await self._key(stores, "a")
        assert await stores.api_keys.revoke_key(prefix) is None
        assert await stores.api_keys.find_key(digest("a")) == made

    async def test_a_use_is_recorded_at_most_once_a_minute(self, stores: Stores) -> None:
        made = await self._key(stores, "a")
        await stores.api_keys.record_key_use(made.id)
        first = await stores.api_keys.find_key(digest("a"))
        assert first is not None
        assert first.last_used_at is not None
        await stores.api_keys.record_key_use(made.id)
        await stores.api_keys.record_key_use(made.id + 1)
        assert await stores.api_keys.find_key(digest("a")) == first

    async def test_the_case_of_an_address_is_ignored(self, stores: Stores) -> None:
        spellings = ("Ann@Example.org", "ann@example.org", "ANN@EXAMPLE.ORG", "Ann@Example.org")
        ids = await asyncio.gather(*map(stores.api_keys.ensure_user, spellings))
        assert len(set(ids)) == 1
        assert await stores.api_keys.ensure_user("bob@example.org") not in ids

    @pytest.mark.parametrize("email", ["", "a\0@example.org"])
    async def test_an_address_that_cannot_be_stored_is_refused(self, stores: Stores, email: str) -> None:
        with pytest.raises(Invalid):
            await stores.api_keys.ensure_user(email)


class SigningSecretsContract:
    async def test_the_first_secret_is_stored_and_returned_from_then_on(self, stores: Stores) -> None:
        assert await stores.secrets.ensure_signing_key("one", b"\x00\xff" * 16) == ("one", b"\x00\xff" * 16)
        assert await stores.secrets.ensure_signing_key("two", b"2" * 32) == ("one", b"\x00\xff" * 16)

    async def test_concurrent_processes_get_the_same_signing_key(self, stores: Stores) -> None:
        offers = [(f"kid-{number}", bytes([number]) * 32) for number in range(10)]
        agreed = await asyncio.gather(*(stores.secrets.ensure_signing_key(*offer) for offer in offers))
        assert len(set(agreed)) == 1
        assert agreed[0] in offers

    async def test_a_replaced_secret_is_the_only_one(self, stores: Stores) -> None:
        assert await stores.secrets.find_signing_key() is None
        await stores.secrets.ensure_signing_key("one", b"1" * 32)
        for kid in ("two", "three", "a"):
            await stores.secrets.replace_signing_key(kid, b"2" * 32)
            assert await stores.secrets.find_signing_key() == (kid, b"2" * 32)
        assert await stores.secrets.ensure_signing_key("four", b"4" * 32) == ("a", b"2" * 32)
