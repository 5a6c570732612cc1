"""What Celery is told about each kind of broker."""

import ssl

import pytest
from celery import Celery
from pydantic import SecretStr

from strongroom.settings import BrokerSettings
from worker.broker import QUEUE_NAMES, broker_configuration


def configuration(url, **more):
    return broker_configuration(BrokerSettings(url=SecretStr(url), **more))


def test_rabbitmq_has_quorum_queues_and_confirms_every_message():
    told = configuration("amqp://u:p@h//")

    assert [queue.name for queue in told["task_queues"]] == list(QUEUE_NAMES)
    assert {queue.queue_arguments["x-queue-type"] for queue in told["task_queues"]} == {"quorum"}
    assert told["broker_transport_options"]["confirm_publish"]


def test_redis_has_no_arguments_of_rabbitmq():
    told = configuration("redis://:p@h:6379/0")

    assert {queue.queue_arguments for queue in told["task_queues"]} == {None}
    assert told["broker_use_ssl"] is None
    assert "confirm_publish" not in told["broker_transport_options"]


@pytest.mark.parametrize("url", ["rediss://:p@h:6379/0", "amqps://u:p@h//"])
def test_tls_always_checks_the_certificate(url, tmp_path):
    tls = configuration(url, ca_file=tmp_path / "ca.pem")["broker_use_ssl"]

    assert ssl.CERT_REQUIRED in tls.values()
    assert str(tmp_path / "ca.pem") in tls.values()


def test_the_sentinels_have_a_password_of_their_own():
    url = "sentinel://:masters@one:26379;sentinel://:masters@two:26379"
    told = configuration(url, master="strongroom", sentinel_password=SecretStr("theirs"), tls=True)

    options = told["broker_transport_options"]
    assert options["master_name"] == "strongroom"
    assert (options["sentinel_kwargs"]["password"], options["sentinel_kwargs"]["ssl"]) == ("theirs", True)
    assert told["broker_use_ssl"]["ssl_cert_reqs"] == ssl.CERT_REQUIRED


@pytest.mark.parametrize("url", ["rediss://:p@h:6379/0", "redis://:p@h:6379/0", "amqps://u:p@h//"])
def test_celery_takes_what_it_is_told(url):
    app = Celery("test", set_as_current=False)
    app.conf.update(configuration(url))

    with app.connection_for_write() as connection:
        assert bool(connection.ssl) == url.startswith(("rediss", "amqps"))
