"""The implementations of the catalogue's protocols over PostgreSQL."""

import asyncpg

from gateway.db.api_keys import PgApiKeys
from gateway.db.deletions import PgDeletionQueue
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.signing_keys import PgSigningSecrets
from tests.contracts.catalog_words import Rooms


def postgres_rooms(pool: asyncpg.Pool) -> Rooms:
    return Rooms(PgRecordingCatalog(pool), PgDeletionQueue(pool), PgApiKeys(pool), PgSigningSecrets(pool))
