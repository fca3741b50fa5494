"""Deletes many objects with few requests (DeleteObjects)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from storage_adapters.base import ObjectNotFound, StorageError
from storage_adapters.s3.error_codes import refused
from storage_adapters.s3.names import is_fit_for_xml
from storage_adapters.s3.sdk_requests import SdkRequests

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import DeleteTypeDef

BATCH_KEYS: Final = 1000

Names = Mapping[str, str]
"""Object names in the bucket → their keys."""


async def delete_one(requests: SdkRequests, bucket: str, name: str, key: str) -> None:
    """Remove one object; succeeds if there is none. Raises StorageError."""
    try:
        await requests.send(key, lambda s3: s3.delete_object(Bucket=bucket, Key=name))
    except ObjectNotFound:
        return


async def delete_all(requests: SdkRequests, bucket: str, names: Names) -> dict[str, StorageError]:
    """Remove these objects; return the error for each key that could not be removed."""
    failures: dict[str, StorageError] = {}
    fit = [name for name in names if is_fit_for_xml(name)]
    for start in range(0, len(fit), BATCH_KEYS):
        batch = {name: names[name] for name in fit[start : start + BATCH_KEYS]}
        failures |= await _delete_batch(requests, bucket, batch)
    for name in names.keys() - set(fit):
        try:
            await delete_one(requests, bucket, name, names[name])
        except StorageError as error:
            failures[names[name]] = error
    return failures


async def _delete_batch(requests: SdkRequests, bucket: str, names: Names) -> dict[str, StorageError]:
    delete: DeleteTypeDef = {"Objects": [{"Key": name} for name in names], "Quiet": True}
    try:
        response = await requests.send(
            next(iter(names.values())), lambda s3: s3.delete_objects(Bucket=bucket, Delete=delete)
        )
    except StorageError as error:
        return {key: type(error)(key, error.reason) for key in names.values()}
    found = ((names.get(fault.get("Key", "")), fault.get("Code", "")) for fault in response.get("Errors", ()))
    errors = ((key, refused(key, 0, code)) for key, code in found if key is not None)
    return {key: error for key, error in errors if not isinstance(error, ObjectNotFound)}
