"""`seekgate import`: media files, folders of them, and objects of a bucket."""

from pathlib import Path
from typing import Any

import click

from gateway.assembly.backends import Backends
from gateway.catalog import NewMeeting, Owner
from gateway.commands.bucket_imports import BucketImports, S3Url, find_location, parse_s3_url
from gateway.commands.bulk_work import MAX_CONCURRENT_PROBES
from gateway.commands.file_imports import FileImports
from gateway.commands.import_report import ImportReport
from gateway.commands.options import Email, config_option, json_option, read_config
from gateway.commands.with_backends import run_with_backends
from gateway.imports.bucket_objects import ObjectImporter
from gateway.imports.files import FileImporter
from gateway.media.prober import Prober
from gateway.settings.load import Config
from gateway.storage import Storage


class Source(click.ParamType[Path | S3Url]):
    """A path of this machine, or s3://bucket/prefix."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | S3Url:
        if isinstance(value, Path) or not str(value).startswith("s3://"):
            return Path(value)
        try:
            return parse_s3_url(str(value))
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None


@click.command("import")
@config_option
@click.argument("sources", nargs=-1, required=True, metavar="PATH|s3://BUCKET/PREFIX...", type=Source())
@click.option("--user", "email", type=Email(), required=True, help="Who will own them; the user is added if unknown.")
@click.option(
    "--storage",
    "storage_name",
    metavar="NAME",
    help="The storage backend that files go to (instead of default_storage), or that the bucket belongs to.",
)
@click.option("--platform", help="The platform of the meeting they belong to, like google_meet.")
@click.option("--meeting", help="The meeting's id on its platform.")
@json_option
def import_media(
    *,
    config_path: Path | None,
    sources: tuple[Path | S3Url, ...],
    email: str,
    storage_name: str | None,
    platform: str | None,
    meeting: str | None,
    as_json: bool,
) -> int:
    """Import media files, folders of them, and stored objects.

    A file that is stored in a storage backend already is registered where it is; other files are copied in. A session of a
    Vexa tree becomes one recording. The command can be repeated.
    """
    if (platform is None) != (meeting is None):
        raise click.UsageError("--platform and --meeting belong together")
    config = read_config(config_path)
    belongs_to = NewMeeting(platform, meeting) if platform and meeting else None
    locations = [find_location(url, config, storage_name) for url in sources if isinstance(url, S3Url)]
    paths = tuple(path for path in sources if isinstance(path, Path))

    async def run(backends: Backends) -> int:
        owner = Owner(await backends.api_keys.ensure_user(email))
        report = ImportReport(as_json=as_json)
        prober = Prober(max_concurrent=MAX_CONCURRENT_PROBES)
        if paths:
            storage = _storage_for_files(backends, config, storage_name)
            importer = FileImporter(backends.catalog, storage, owner, prober, belongs_to)
            await FileImports(importer, report, backends.edits).run(paths)
        for location in locations:
            storage = backends.storages[location.storage]
            objects = ObjectImporter(backends.catalog, storage, owner, prober, belongs_to)
            await BucketImports(objects, report).run(location)
        report.summarize()
        return 1 if report.failures else 0

    return run_with_backends(config, run)


def _storage_for_files(backends: Backends, config: Config, name: str | None) -> Storage:
    storage = backends.storages.get(name or config.default_storage)
    if storage is None:
        known = ", ".join(backends.storages)
        raise click.ClickException(f"no storage backend is called {name!r}; there are: {known}")
    return storage
