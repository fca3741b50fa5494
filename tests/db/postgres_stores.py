"""The stores of the catalogue contracts over PostgreSQL."""

import asyncpg

from gateway.db.api_keys import PgApiKeys
from gateway.db.deletions import PgDeletionQueue
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.signing_keys import PgSigningSecrets
from tests.contracts.catalog_stores import Stores


def postgres_stores(pool: asyncpg.Pool) -> Stores:
    return Stores(PgRecordingCatalog(pool), PgDeletionQueue(pool), PgApiKeys(pool), PgSigningSecrets(pool))
