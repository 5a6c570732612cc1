from collections.abc import Callable

import pytest
import redis

from tests.services.valkey import Valkey


def test_a_broker_answers_on_its_port_and_its_socket(valkey: Valkey) -> None:
    with valkey.client() as by_socket, redis.Redis.from_url(valkey.url) as by_port:
        by_socket.set("greeting", "hello")
        assert by_port.get("greeting") == b"hello"


def test_a_broker_refuses_a_client_without_the_password(valkey: Valkey) -> None:
    with redis.Redis(unix_socket_path=str(valkey.socket)) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_a_stopped_broker_keeps_its_data_for_the_next_start(valkey: Valkey) -> None:
    with valkey.client() as client:
        client.set("kept", "yes")
    valkey.stop()
    with pytest.raises(redis.ConnectionError), valkey.client() as client:
        client.ping()
    valkey.start()
    with valkey.client() as client:
        assert client.get("kept") == b"yes"


def test_brokers_of_one_session_are_strangers(start_valkey: Callable[[], Valkey], valkey: Valkey) -> None:
    with start_valkey().client() as one, valkey.client() as other:
        one.set("mine", "1")
        assert other.get("mine") is None
