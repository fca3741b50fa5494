"""The storage variables of a Vexa deployment: which settings they give, and what overrides them."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.settings.load import ConfigError, load, vexa_variables
from tests.commands.command_line import command_line
from tests.gateway_process import running_gateway

MINIO = {
    "STORAGE_BACKEND": "minio",
    "MINIO_ENDPOINT": "minio:9000",
    "MINIO_ACCESS_KEY": "access",
    "MINIO_SECRET_KEY": "secret",
    "MINIO_BUCKET": "calls",
}
S3 = {"STORAGE_BACKEND": "s3", "S3_BUCKET": "calls", "AWS_REGION": "eu-west-1"}
LOCAL = {"STORAGE_BACKEND": "local", "LOCAL_STORAGE_DIR": "/srv/recordings"}


def storage_of(environ: dict[str, str], name: str) -> dict[str, Any]:
    config = load(None, environ)
    assert config.default_storage == name
    options = config.storages[name].options().items()
    return {option: value.get_secret_value() if isinstance(value, SecretStr) else value for option, value in options}


@pytest.mark.parametrize(
    ("environ", "name", "expected"),
    [
        pytest.param(MINIO, "minio", {"endpoint_url": "http://minio:9000", "bucket": "calls", "access_key_id": "access", "secret_access_key": "secret", "region": "us-east-1", "addressing_style": "path", "public_endpoint_url": None}, id="minio"),
        pytest.param({"STORAGE_BACKEND": "minio"}, "minio", {"endpoint_url": "http://minio:9000", "bucket": "vexa-recordings", "access_key_id": None}, id="minio-by-vexas-defaults"),
        pytest.param({"MINIO_ENDPOINT": "h:1"}, "minio", {"endpoint_url": "http://h:1"}, id="minio-is-vexas-default"),
        pytest.param(MINIO | {"MINIO_SECURE": "True"}, "minio", {"endpoint_url": "https://minio:9000"}, id="minio-over-https"),
        pytest.param(MINIO | {"MINIO_SECURE": "true", "MINIO_ENDPOINT": "http://h:1"}, "minio", {"endpoint_url": "http://h:1"}, id="a-scheme-stands"),
        pytest.param(MINIO | {"MINIO_PUBLIC_ENDPOINT": "media.example:443"}, "minio", {"public_endpoint_url": "http://media.example:443"}, id="minio-with-a-public-endpoint"),
        pytest.param(MINIO | {"AWS_REGION": "eu-west-1"}, "minio", {"region": "eu-west-1"}, id="minio-with-a-region"),
        pytest.param(MINIO | {"MINIO_BUCKET": ""}, "minio", {"bucket": "vexa-recordings"}, id="empty-is-not-set"),
        pytest.param(S3, "s3", {"bucket": "calls", "region": "eu-west-1", "endpoint_url": None, "access_key_id": None, "addressing_style": "auto"}, id="s3"),
        pytest.param(S3 | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "s3", {"access_key_id": None, "secret_access_key": None}, id="the-sdk-reads-its-own-names"),
        pytest.param(S3 | {"S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b", "S3_REGION": "r"}, "s3", {"access_key_id": "a", "secret_access_key": "b", "region": "r"}, id="s3-with-keys"),
        pytest.param(S3 | {"S3_ENDPOINT": "s3.example"}, "s3", {"endpoint_url": "https://s3.example"}, id="s3-elsewhere"),
        pytest.param(S3 | {"S3_ENDPOINT": "s3.example", "S3_SECURE": "false"}, "s3", {"endpoint_url": "http://s3.example"}, id="s3-elsewhere-in-the-clear"),
        pytest.param({"STORAGE_BACKEND": "s3", "MINIO_BUCKET": "m"}, "s3", {"bucket": "m"}, id="s3-falls-back-to-minios-bucket"),
        pytest.param(LOCAL, "local", {"root": Path("/srv/recordings")}, id="local"),
        pytest.param({"STORAGE_BACKEND": "local"}, "local", {"root": Path("/tmp/vexa-recordings")}, id="local-by-vexas-default"),  # noqa: S108 - only a name here
    ],
)  # fmt: skip
def test_vexas_variables_become_a_storage_backend(environ: dict[str, str], name: str, expected: dict[str, Any]) -> None:
    options = storage_of(environ, name)
    assert {setting: options[setting] for setting in expected} == expected


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"AWS_REGION": "eu-west-1", "S3_BUCKET": "b"}, id="names-that-others-use"),
        pytest.param({"LOCAL_STORAGE_DIR": "/srv", "MINIO_BUCKET": "b"}, id="no-backend"),
        pytest.param({"STORAGE_BACKEND": "", "MINIO_ENDPOINT": ""}, id="empty"),
    ],
)
def test_without_a_backend_nothing_is_read(environ: dict[str, str]) -> None:
    assert load(None, environ) == load(None, {})
    assert vexa_variables(environ) == []


def test_our_own_file_and_variables_override_vexas(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("storages: {minio: {bucket: from-file, region: from-file}}")
    environ = MINIO | {"SEEKGATE_STORAGES__MINIO__REGION": "from-variable", "SEEKGATE_DEFAULT_STORAGE": "local"}
    config = load(path, environ)
    options = config.storages["minio"].options()
    assert (options["bucket"], options["region"]) == ("from-file", "from-variable")
    assert (options["endpoint_url"], config.default_storage) == ("http://minio:9000", "local")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        pytest.param({"STORAGE_BACKEND": "gcs"}, "default_storage: given by STORAGE_BACKEND 'gcs'; allowed: local, minio, s3", id="another-backend"),
        pytest.param(MINIO | {"MINIO_ENDPOINT": "http://h:port"}, "storages.minio.endpoint_url: given by MINIO_ENDPOINT 'http://h:port'", id="no-url"),
        pytest.param(MINIO | {"MINIO_ACCESS_KEY": ""}, "storages.minio.secret_access_key: given by MINIO_SECRET_KEY (hidden)", id="half-of-the-credentials"),
    ],
)  # fmt: skip
def test_a_fault_names_the_variable(environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, environ)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value).replace("secret_access_key", "")


def test_a_fault_of_the_file_does_not_name_the_variable_that_it_overrides(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("storages: {minio: {endpoint_url: nonsense}}")
    with pytest.raises(ConfigError, match="endpoint_url: given 'nonsense'"):
        load(path, MINIO)


def test_check_config_names_vexas_variables_without_their_values(tmp_path: Path) -> None:
    seekgate = command_line(tmp_path)
    seekgate.environ.update(MINIO | {"MINIO_SECRET_KEY": "do not show"})
    done = seekgate.run("check-config")
    names = "MINIO_ACCESS_KEY, MINIO_BUCKET, MINIO_ENDPOINT, MINIO_SECRET_KEY, STORAGE_BACKEND"
    assert done.stderr == f"Read from Vexa's environment variables: {names}\n"
    assert "default_storage: minio" in done.stdout
    assert "do not show" not in done.stdout


def test_the_log_names_vexas_variables(postgres: str, tmp_path: Path) -> None:
    environ = MINIO | {"MINIO_SECRET_KEY": "do not show", "SEEKGATE_DEFAULT_STORAGE": "local"}
    with running_gateway(postgres, tmp_path, environ) as site:
        assert "minio" in site.backends.storages
    (line,) = [line for line in site.process.events if "settings come from Vexa's environment variables" in line]
    assert '"MINIO_SECRET_KEY"' in line
    assert "do not show" not in site.log_text()
