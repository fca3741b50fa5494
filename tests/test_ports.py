"""Ports that are chosen before a server starts."""

import socket

import pytest

from tests.ports import reserved_ports


def test_a_reserved_port_is_given_to_nobody_else_and_a_server_can_listen_there() -> None:
    with reserved_ports(1) as (port,):
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            pass
