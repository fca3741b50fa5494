"""The configuration: where values come from, how faults are reported, and that config.yaml agrees with the code."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from gateway.settings.documents import read_text
from gateway.settings.faults import without_password
from gateway.settings.load import Config, ConfigError, load, redacted
from gateway.settings.sections import SigningKeySettings
from gateway.settings.storages import LocalSettings, S3Settings
from storage_adapters.storage_options import LocalOptions, S3Options

SECRET = "an0ther-secret-of-32-characters-or-more"


def load_text(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return load(path, environ or {})


def faults_of(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """name → the rest of the line that is printed."""
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text, environ)
    return {fault.name: str(fault) for fault in caught.value.faults}


# --- config.yaml and the code


def documented() -> dict[str, Any]:
    """config.yaml with its commented-out S3 storage made real."""
    head, marker, tail = read_text("config.yaml").partition("  # archive:\n")
    block = tail[: re.search(r"^(?!  #)", tail, re.MULTILINE).start()]  # type: ignore[union-attr]
    assert marker
    assert block
    document: dict[str, Any] = yaml.safe_load(head + "  archive:\n" + re.sub(r"^  # ", "  ", block, flags=re.MULTILINE))
    document.update(yaml.safe_load(tail[len(block) :]))
    return document


def settings_of(section: type[BaseModel], name: str) -> list[tuple[str, type[BaseModel]]]:
    """Every setting below a section, by its dotted name."""
    found = []
    for field, about in section.model_fields.items():
        inner = about.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += settings_of(inner, f"{name}{field}.")
        elif field != "storages":
            found.append((f"{name}{field}", section))
    return found


def names_in(document: Mapping[str, Any], name: str = "") -> set[str]:
    found: set[str] = set()
    for field, value in document.items():
        found |= names_in(value, f"{name}{field}.") if isinstance(value, dict) else {f"{name}{field}"}
    return found


def test_config_yaml_has_every_setting_and_no_other() -> None:
    known = [
        *settings_of(Config, ""),
        *settings_of(LocalSettings, "storages.local."),
        *settings_of(S3Settings, "storages.archive."),
    ]
    assert names_in(documented()) == {name for name, _ in known}


def test_config_yaml_has_the_defaults_of_the_code() -> None:
    shown = documented()
    bare = {"data_dir": "/d", "storages": {"local": {"kind": "local", "root": "/d/media"}}}
    assert load(None, {"SEEKGATE_DATA_DIR": "/d"}) == Config.model_validate(bare)
    assert S3Settings.model_validate(shown["storages"]["archive"]) == S3Settings.model_validate(
        {"kind": "s3", "bucket": "recordings"}
    )


@pytest.mark.parametrize("options", [LocalOptions, S3Options])
def test_config_yaml_says_of_each_storage_option_what_its_adapter_says(options: type[BaseModel]) -> None:
    lines = [re.sub(r"^  #   ", "", line).strip() for line in read_text("config.yaml").splitlines()]
    for name, field in options.model_fields.items():
        (shown,) = [above for above, line in pairwise(lines) if line.startswith(f"{name}: ")]
        assert shown == f"# {field.description}."


def test_config_yaml_says_one_sentence_about_each_setting() -> None:
    lines = [re.sub(r"^  #   ", "", line).strip() for line in read_text("config.yaml").splitlines()]
    shown = [(above, line) for above, line in pairwise(lines) if re.match(r"[a-z_]+: \S", line)]
    assert len(shown) == len(names_in(documented()))
    for above, line in shown:
        assert re.fullmatch(r"# [^a-z].*[^.]\.", above), line


# --- where values come from


def test_nothing_given_means_the_packaged_defaults() -> None:
    config = load(None, {"XDG_DATA_HOME": "/xdg"})
    assert config.data_dir == Path("/xdg/seekgate")
    assert config.storages["local"].options() == {
        "root": Path("/xdg/seekgate/media"),
        "open_files": 512,
        "readable_by_group": False,
        "read_only": False,
    }


def test_flags_override_the_environment_the_environment_the_file_and_the_file_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("server: {host: from-file, port: 1, workers: 2}")
    environ = {"SEEKGATE_SERVER__PORT": "2", "SEEKGATE_SERVER__WORKERS": "3"}
    server = load(path, environ, {"server": {"workers": 4}}).server
    assert (server.host, server.port, server.workers, server.admin_host) == ("from-file", 2, 4, "127.0.0.1")


@pytest.mark.parametrize(
    ("variable", "text", "pick", "value"),
    [
        pytest.param("SERVER__PORT", "9000", lambda c: c.server.port, 9000, id="a number"),
        pytest.param("LOGGING__ACCESS_LOG", "false", lambda c: c.logging.access_log, False, id="false"),
        pytest.param("SERVER__PUBLIC_URL", "null", lambda c: c.server.public_url, None, id="null"),
        pytest.param("SERVER__PUBLIC_URL", "https://m.example/", lambda c: c.server.public_url, "https://m.example", id="a URL"),
        pytest.param("DELETIONS__POLL_SECONDS", "0.5", lambda c: c.deletions.poll_seconds, 0.5, id="a fraction"),
        pytest.param("CORS__ALLOWED_ORIGINS", '["https://a.example"]', lambda c: c.cors.allowed_origins, ("https://a.example",), id="a JSON list"),
        pytest.param("CORS__ALLOWED_ORIGINS", "['*']", lambda c: c.cors.allowed_origins, ("*",), id="a YAML list"),
        pytest.param("PLAYBACK__SIGNING_KEYS", f"[{{kid: a, secret: {SECRET}}}]", lambda c: c.playback.signing_keys, (SigningKeySettings(kid="a", secret=SecretStr(SECRET)),), id="a list of mappings"),
    ],
)  # fmt: skip
def test_an_environment_variable_sets_its_setting(variable: str, text: str, pick: Any, value: object) -> None:
    assert pick(load(None, {f"SEEKGATE_{variable}": text})) == value


S3_ENVIRON = {
    "SEEKGATE_STORAGES__ARCHIVE__KIND": "s3",
    "SEEKGATE_STORAGES__ARCHIVE__BUCKET": "b",
    "SEEKGATE_STORAGES__ARCHIVE__ACCESS_KEY_ID": "id",
}


@pytest.mark.parametrize("secret", ["{a: b", "[1, 2]", "12345", "x: y # z", "'quoted'", " spaced "])
def test_a_secret_from_the_environment_is_taken_as_it_is(secret: str) -> None:
    config = load(None, S3_ENVIRON | {"SEEKGATE_STORAGES__ARCHIVE__SECRET_ACCESS_KEY": secret})
    assert config.storages["archive"].options()["secret_access_key"].get_secret_value() == secret


def test_a_secret_may_come_from_a_file_whose_last_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "secret with space"
    path.write_text("from: a file\n")
    config = load(None, S3_ENVIRON | {"SEEKGATE_STORAGES__ARCHIVE__SECRET_ACCESS_KEY_FILE": str(path)})
    assert config.storages["archive"].options()["secret_access_key"].get_secret_value() == "from: a file"


def test_s3_options_are_what_the_adapter_takes() -> None:
    options = (
        load(None, S3_ENVIRON | {"SEEKGATE_STORAGES__ARCHIVE__SECRET_ACCESS_KEY": "s"}).storages["archive"].options()
    )
    assert set(options) == set(S3Settings.model_fields) - {"kind", "redirect"}


def test_a_storage_backend_given_as_null_is_left_out(tmp_path: Path) -> None:
    config = load_text(tmp_path, "storages: {local: null, m: {kind: memory}}\ndefault_storage: m")
    assert list(config.storages) == ["m"]


def test_a_storage_backend_of_another_kind_replaces_the_default(tmp_path: Path) -> None:
    assert load_text(tmp_path, "storages: {local: {kind: memory}}").storages["local"].options() == {}


def test_a_section_without_settings_changes_nothing(tmp_path: Path) -> None:
    assert load_text(tmp_path, "server:\nstorages:\n").server == load(None, {}).server


@pytest.mark.parametrize(
    ("environ", "user_id", "expected"),
    [
        pytest.param({"XDG_DATA_HOME": "/x"}, 1000, "/x/seekgate", id="the XDG data home"),
        pytest.param({"XDG_DATA_HOME": "/x"}, 0, "/x/seekgate", id="the XDG data home, for root too"),
        pytest.param({"XDG_DATA_HOME": "relative"}, 1000, "~/.local/share/seekgate", id="a relative one is ignored"),
        pytest.param({}, 1000, "~/.local/share/seekgate", id="the usual place"),
        pytest.param({}, 0, "/var/lib/seekgate", id="root's"),
    ],
)
def test_the_data_directory_follows_from_the_environment_and_the_account(
    environ: dict[str, str], user_id: int, expected: str
) -> None:
    from gateway.settings.load import default_data_dir

    assert default_data_dir(environ, user_id) == expected


# --- faults

EVERYTHING_WRONG = f"""
server: {{port: 70000, workers: yes, foo: 1, tls_key: /nowhere}}
storages: {{archive: {{kind: s3, secret_access_key: 3}}, b: {{}}, c: {{kind: ftp}}, d: 7, "E e": {{kind: memory}}}}
default_storage: x
logging: {{level: loud}}
playback: {{signing_keys: [{{kid: a, secret: short}}, {{kidd: {SECRET}}}]}}
database: {{url: "mysql://me:{SECRET}@host/name", pool_min_size: 20}}
zzz: 1
"""


def test_all_faults_are_reported_together(tmp_path: Path) -> None:
    environ = {
        "SEEKGATE_X": "1",
        "SEEKGATE_SERVER__HOST": "a b",
        "SEEKGATE_CORS__ALLOWED_ORIGINS": "[1",
        "SEEKGATE_DATA_DIR_FILE": "/nowhere",
    }
    assert faults_of(tmp_path, EVERYTHING_WRONG, environ).keys() == {
        "cors.allowed_origins",
        "data_dir",
        "database.pool_max_size",
        "database.url",
        "default_storage",
        "logging.level",
        "playback.signing_keys.0.secret",
        "playback.signing_keys.1.kid",
        "playback.signing_keys.1.kidd",
        "playback.signing_keys.1.secret",
        "server.foo",
        "server.host",
        "server.port",
        "server.tls_key",
        "server.workers",
        "storages.E e",
        "storages.archive.bucket",
        "storages.archive.secret_access_key",
        "storages.b.kind",
        "storages.c.kind",
        "storages.d",
        "x",
        "zzz",
    }


def test_no_fault_shows_a_secret(tmp_path: Path) -> None:
    found = "\n".join(faults_of(tmp_path, EVERYTHING_WRONG).values())
    assert "short" not in found
    assert SECRET not in found


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        pytest.param("STORAGES", f'{{"a": {{"kind": "s3", "secret_access_key": "{SECRET}"}}}}', id="all storages"),
        pytest.param("STORAGES__A", f'{{"kind": "s3", "secret_access_key": "{SECRET}"}}', id="a storage"),
        pytest.param("UPLOADS", f"internal_secret={SECRET}", id="a section"),
        pytest.param("PLAYBACK__SIGNING_KEYS", SECRET, id="no list"),
        pytest.param("PLAYBACK__SIGNING_KEYS", f"[{SECRET}]", id="a list of no mappings"),
    ],
)
def test_text_in_the_place_of_settings_is_not_shown(tmp_path: Path, variable: str, text: str) -> None:
    found = "\n".join(faults_of(tmp_path, "", {f"SEEKGATE_{variable}": text}).values())
    assert "text; allowed: " in found
    assert SECRET not in found


def test_the_fault_of_a_variable_for_a_section_says_how_one_setting_is_given(tmp_path: Path) -> None:
    found = faults_of(tmp_path, "", {"SEEKGATE_STORAGES": "{}"})
    assert found["storages"].endswith("(a variable gives one setting: SEEKGATE_STORAGES__...)")


@pytest.mark.parametrize(
    ("text", "name", "given", "allowed"),
    [
        pytest.param("server: {port: 70000}", "server.port", "70000", "less than or equal to 65535", id="too large"),
        pytest.param("server: {port: on}", "server.port", "True", "a number, not true or false", id="YAML's on"),
        pytest.param("server: {prt: 1}", "server.prt", "a name that is not a setting", "host, port, workers", id="unknown"),
        pytest.param("server: 5", "server", "5", "a mapping", id="no section"),
        pytest.param("cors: {allowed_origins: https://a.example}", "cors.allowed_origins", "text", "a list, as [a, b]", id="no list"),
        pytest.param("storages: {a: {kind: s3}}", "storages.a.bucket", "nothing", "a value", id="missing"),
        pytest.param("storages: {a: {kind: ftp}}", "storages.a.kind", "'ftp'", "local, memory, s3 or synthetic", id="a kind"),
        pytest.param("default_storage: x", "default_storage", "'x'", "local", id="no such storage"),
        pytest.param("logging: {level: loud}", "logging.level", "'loud'", "'debug', 'info'", id="a choice"),
        pytest.param("cors: {allowed_origins: [https://A.example/x]}", "cors.allowed_origins.0", "'https://A.example/x'", "scheme://host[:port]", id="an origin with a path"),
        pytest.param("server: {tls_certificate: /nowhere}", "server.tls_certificate", "'/nowhere'", "a file that exists", id="no file"),
        pytest.param("server: {public_url: 'https://u:p@h'}", "server.public_url", "'https://***@h'", "without user", id="a user in a URL"),
        pytest.param("server: {port: 0, workers: 2}", "server.workers", "2", "1 while port is 0", id="workers without a port"),
        pytest.param(f"playback: {{signing_keys: [{{kid: a b, secret: {SECRET}}}]}}", "playback.signing_keys.0.kid", "'a b'", "letters", id="a kid"),
        pytest.param("delivery: {cache_control_private: private}", "delivery.cache_control_private", "'private'", "max-age=", id="max-age not first"),
        pytest.param('delivery: {cache_control_private: "max-age=1\\r\\nX: y"}', "delivery.cache_control_private", r"'max-age=1\r\nX: y'", "max-age=", id="a header in a header"),
        pytest.param("deletions: {poll_seconds: .inf}", "deletions.poll_seconds", "inf", "31536000", id="infinity"),
        pytest.param("deletions: {poll_seconds: -1}", "deletions.poll_seconds", "-1", "greater than 0", id="negative"),
    ],
)  # fmt: skip
def test_a_fault_names_the_setting_what_was_given_and_what_is_allowed(
    tmp_path: Path, text: str, name: str, given: str, allowed: str
) -> None:
    found = faults_of(tmp_path, text)
    assert list(found) == [name]
    assert f"{name}: given {given}; allowed: " in found[name]
    assert allowed in found[name].partition("allowed: ")[2]


def test_a_fault_names_the_variable_that_gave_it(tmp_path: Path) -> None:
    found = faults_of(tmp_path, "", {"SEEKGATE_SERVER__PORT": "many"})
    assert found["server.port"] == "server.port: given by SEEKGATE_SERVER__PORT 'many'; allowed: a whole number"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("server:\n  port: : 1", "line 2", id="no YAML"),
        pytest.param("server:\n  port: 1\n  port: 2", "line 3: 'port' is given twice", id="a name twice"),
        pytest.param("- 1", "a mapping of settings", id="a list"),
        pytest.param("!!python/object/apply:os.getcwd []", "line 1", id="an object"),
    ],
)
def test_a_malformed_file_is_reported_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    found = faults_of(tmp_path, text, {"SEEKGATE_SERVER__PORT": "x"})
    assert reason in found[f"--config {tmp_path / 'settings.yaml'}"]
    assert "server.port" in found


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "absent.yaml", {})


def test_a_setting_given_by_variable_and_file_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "port"
    path.write_text("1")
    found = faults_of(tmp_path, "", {"SEEKGATE_SERVER__PORT": "1", "SEEKGATE_SERVER__PORT_FILE": str(path)})
    assert "SEEKGATE_SERVER__PORT_FILE also by SEEKGATE_SERVER__PORT" in found["server.port"]


@settings(max_examples=50, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["server", "port", "storages", "local", "kind", "playback", "signing_keys", "x", "data_dir", "default_storage"]), inner)))  # fmt: skip
def test_any_document_is_a_configuration_or_faults(document: Any) -> None:
    overrides = document if isinstance(document, dict) else {"server": document}
    try:
        load(None, {"XDG_DATA_HOME": "/x"}, overrides)
    except ConfigError as error:
        assert error.faults  # noqa: PT017 - both outcomes are right


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text("ABCDEFIKLORSTVX_", min_size=1).map("SEEKGATE_{}".format), st.text()))
def test_any_environment_is_a_configuration_or_faults(environ: dict[str, str]) -> None:
    try:
        load(None, environ | {"XDG_DATA_HOME": "/x"})
    except ConfigError as error:
        assert error.faults  # noqa: PT017 - both outcomes are right


# --- what is shown


def test_the_redacted_configuration_is_yaml_without_secrets(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        f"""
        playback: {{signing_keys: [{{kid: a, secret: {SECRET}}}]}}
        database: {{url: "postgresql://me:{SECRET}@host/name?password={SECRET}"}}
        storages: {{s: {{kind: s3, bucket: b, access_key_id: id, secret_access_key: {SECRET}, session_token: {SECRET}}}}}
        """,
    )
    shown = redacted(config)
    assert SECRET not in shown
    assert SECRET not in repr(config.storages)
    assert yaml.safe_load(shown)["database"]["url"] == "postgresql://***@host/name?***"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("embedded", "embedded"),
        ("postgresql://host/name", "postgresql://host/name"),
        ("postgresql://me:a@b/c@host:1/name", "postgresql://***@host:1/name"),
        ("me:secret@host", "(hidden)"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    ("settings", "base_url"),
    [
        pytest.param({}, "http://127.0.0.1:81", id="the default"),
        pytest.param({"host": "0.0.0.0"}, "http://127.0.0.1:81", id="every address"),
        pytest.param({"host": "::"}, "http://[::1]:81", id="every IPv6 address"),
        pytest.param({"public_url": "https://m.example/x/"}, "https://m.example/x", id="a public URL"),
    ],
)
def test_the_base_url_follows_from_the_settings(settings: dict[str, str], base_url: str) -> None:
    assert load(None, {}, {"server": settings}).server.base_url(81) == base_url
