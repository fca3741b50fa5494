"""What the access log shows of a path."""

import time

import pytest

from gateway.web.exchange import shown_path


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/recordings/rec_1", "/v1/recordings/rec_1"),
        ("/v1/uploads/up_1.2", "/v1/uploads/***"),
        ("/a/x%55P_1/b", "/a/***/b"),
        ("/shared/%256ck_1/embed", "/shared/***/embed"),
        ("/" + "a" * 39 + "/b", "/" + "a" * 39 + "/b"),
        ("/." + "a" * 40 + "./b", "/***/b"),
        ("/" + "é" * 600, "/" + "é" * 511 + "..."),
    ],
)
def test_segments_that_may_contain_a_secret_are_not_shown(path: str, shown: str) -> None:
    assert shown_path(path) == shown


@pytest.mark.parametrize("text", ["é", "a.", "up", "-" * 39 + ".", "%25"])
def test_a_path_of_32_kib_costs_little_time(text: str) -> None:
    started = time.process_time()
    shown_path("/" + text * (32 * 1024 // len(text)))
    assert time.process_time() - started < 1.0
