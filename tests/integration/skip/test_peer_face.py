"""Two providers speak over real TLS and remember messages in a real Valkey; only what they keep is in memory."""

import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from api.peer.app import PeerFace, create_app
from api.peer.errors import PeerFaceMissingError
from api.peer.listening import listener
from api.peer.nonces import RedisNonces
from api.peer.redis_client import open_redis
from api.tls.serving import make_server
from strongroom.clock import SystemClock, system_random
from strongroom.keysync.certificates import Authority, Issued
from strongroom.keysync.keeping import Psk, PskState
from strongroom.keysync.letters import LARGEST_BODY
from strongroom.keysync.messages import Heartbeat, KeyItem, KeyStatus
from strongroom.keysync.opening import make_sender, open_receiver
from strongroom.keysync.receiving import Receiver
from strongroom.keysync.sending import Sender
from strongroom.keysync.wire_errors import PeerAnswerError, PeerRefusedError, PeerUnreachableError, TlsMissingError
from strongroom.settings import BrokerSettings, PeerFaceSettings, PeerSettings, SkipSettings
from tests.services.ports import ReservedPort
from tests.services.valkey import Valkey
from tests.unit.keysync.memory import SECRET, MemoryKeeper

REFUSED = (400, b'{"error":"refused"}')


def write(directory: Path, name: str, issued: Issued) -> None:
    (directory / f"{name}.pem").write_bytes(issued.certificate)
    (directory / f"{name}.key").write_bytes(issued.key)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What providers show: A and B, a stranger C of the same authority, A of another authority, one without a name."""
    directory = tmp_path_factory.mktemp("shown")
    now = datetime.now(UTC)
    ours, others = Authority("Peers", now, 10), Authority("Encryptors", now, 10)
    (directory / "ca.pem").write_bytes(ours.certificate)
    for system_id in ("KP-A", "KP-B", "KP-C"):
        write(directory, system_id, ours.issue_provider(system_id, ["127.0.0.1"], now, 5))
    write(directory, "false-KP-A", others.issue_provider("KP-A", ["127.0.0.1"], now, 5))
    write(directory, "nameless", ours.issue_encryptor("KP-A", now, 5))
    return directory


def settings_of(system_id: str, peer: str, shown: Path, ports: dict[str, int], name: str | None = None) -> SkipSettings:
    name = name or system_id
    face = PeerFaceSettings(
        port=ports[system_id],
        certificate=shown / f"{name}.pem",
        key=shown / f"{name}.key",
        peer_ca=shown / "ca.pem",
    )
    url = f"https://127.0.0.1:{ports[peer]}"
    return SkipSettings(
        system_id=system_id, peer_face=face, peers={"other": PeerSettings(name="other", system_id=peer, url=url)}
    )


@dataclass
class Town:
    """B's face, which runs, and A's sending end."""

    shown: Path
    ports: dict[str, int]
    keeper: MemoryKeeper
    receiver: Receiver
    a: Sender
    a_keeper: MemoryKeeper
    stop: Callable[[], None]
    senders: list[Sender] = field(default_factory=list)
    standing: dict[str, str] = field(default_factory=dict)

    def client(self, name: str) -> httpx.Client:
        context = ssl.create_default_context(cafile=self.shown / "ca.pem")
        context.load_cert_chain(self.shown / f"{name}.pem", self.shown / f"{name}.key")
        return httpx.Client(base_url=f"https://127.0.0.1:{self.ports['KP-B']}", verify=context, trust_env=False)

    def sender(self, name: str, system_id: str = "KP-A") -> Sender:
        """Return the sending end of somebody who shows a certificate."""
        skip = settings_of(system_id, "KP-B", self.shown, self.ports | {system_id: 1}, name)
        return self.opened(skip, keeper_of("KP-B"))

    def opened(self, skip: SkipSettings, keeper: MemoryKeeper) -> Sender:
        """Return a sending end whose connections are closed at the end."""
        self.senders.append(make_sender(skip, SystemClock(), system_random)(keeper))
        return self.senders[-1]


def keeper_of(peer: str) -> MemoryKeeper:
    return MemoryKeeper({peer: [Psk("psk-1", PskState.CURRENT, SECRET)]})


@pytest.fixture
def town(shown: Path, valkey: Valkey) -> Iterator[Town]:
    reserved = {"KP-A": ReservedPort(), "KP-B": ReservedPort()}
    ports = {name: port.number for name, port in reserved.items()}
    skip, keeper, clock = settings_of("KP-B", "KP-A", shown, ports), keeper_of("KP-A"), SystemClock()
    nonces = RedisNonces(open_redis(skip, BrokerSettings(url=SecretStr(valkey.url))), "KP-B", timedelta(seconds=300))
    nonces.begin(clock.now())
    receiver = open_receiver(skip, keeper, nonces, clock=clock, random=system_random)

    def standing_of(peer: str) -> dict[str, str]:
        if secret := town.standing.get(peer):
            raise RuntimeError(secret)
        return {"peer": peer}

    server = make_server(create_app(PeerFace(receiver, standing_of, nonces.verify), system_random), [listener(skip)])
    thread = threading.Thread(target=server.run)
    thread.start()

    def stop() -> None:
        for sender in town.senders:
            sender.close()
        server.should_exit = True
        thread.join(10)

    a_keeper = keeper_of("KP-B")
    a = make_sender(settings_of("KP-A", "KP-B", shown, ports), clock, system_random)(a_keeper)
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive()
        town = Town(shown, ports, keeper, receiver, a, a_keeper, stop, [a])
        yield town
    finally:
        stop()
        for port in reserved.values():
            port.release()


def fresh_key(number: int) -> KeyItem:
    now = SystemClock().now().replace(microsecond=0)
    return KeyItem(f"{number:032x}", system_random(32), 256, now, now + timedelta(hours=1), "KP-A")


def test_heartbeats_keys_capabilities_and_voids_arrive(town: Town):
    items = [fresh_key(number) for number in range(300)]

    beat = town.a.heartbeat("KP-B", Heartbeat())
    ack = town.a.push("KP-B", items)
    town.a.exchange("KP-B")
    assert list(town.keeper.keys.values()) == items
    town.a.void("KP-B", [item.key_id for item in items[:299]])

    assert abs(beat.offset) < timedelta(seconds=5)
    assert {verdict.status for verdict in ack.verdicts} == {KeyStatus.STORED}
    assert len(town.keeper.keys) == 1
    assert town.a_keeper.capable["KP-B"].local_id == "KP-B"


@pytest.mark.parametrize("name", ["KP-C", "nameless"])
def test_a_stranger_of_the_same_authority_is_refused(town: Town, name: str):
    with town.client(name) as client:
        answers = [client.post("/sync", content=b"{}"), client.get("/status/sync"), client.get("/status/health")]

    assert {(answer.status_code, answer.content) for answer in answers} == {REFUSED}


def test_a_certificate_of_another_authority_does_not_get_through(town: Town):
    with pytest.raises(PeerUnreachableError):
        town.sender("false-KP-A").heartbeat("KP-B", Heartbeat())
    assert not any(town.receiver.refusals.counts().values())


def test_a_message_of_one_who_shows_another_certificate_is_refused(town: Town):
    with town.client("KP-A") as client:
        taken = capture(town, client)

    assert taken == REFUSED
    assert town.receiver.refusals.counts()["replay"] == 1


def capture(town: Town, client: httpx.Client) -> tuple[int, bytes]:
    """Send a message of A a second time, as somebody who saw it could."""
    seen: list[bytes] = []
    wire = town.a._wires("KP-B")
    whole, wire.post = wire.post, lambda body, seconds: seen.append(body) or whole(body, seconds)  # type: ignore[method-assign,func-returns-value] # listens in
    town.a.heartbeat("KP-B", Heartbeat())
    answer = client.post("/sync", content=seen[0])
    return answer.status_code, answer.content


def test_who_answers_as_somebody_else_is_not_believed(town: Town):
    skip = settings_of("KP-A", "KP-B", town.shown, town.ports)
    skip = skip.model_copy(
        update={"peers": {"c": PeerSettings(name="c", system_id="KP-C", url=skip.peers["other"].url)}}
    )
    sender = make_sender(skip, SystemClock(), system_random)(keeper_of("KP-C"))

    with pytest.raises(PeerUnreachableError, match="certificate"):
        sender.heartbeat("KP-C", Heartbeat())


def test_a_body_that_is_too_long_is_refused_before_it_is_all_read(town: Town):
    def endless() -> Iterator[bytes]:
        for _ in range(LARGEST_BODY // 1024 + 2):
            yield b"x" * 1024

    with town.client("KP-A") as client:
        answer = client.post("/sync", content=endless())

    assert (answer.status_code, answer.content) == REFUSED
    assert town.receiver.refusals.counts()["size"] == 1


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sync"), ("PUT", "/sync"), ("POST", "/sync/"), ("GET", "/key"), ("GET", "/")]
)
def test_what_is_not_there_is_answered_as_what_is_refused(town: Town, method: str, path: str):
    with town.client("KP-A") as client:
        answer = client.request(method, path)

    assert (answer.status_code, answer.content) == REFUSED


def test_a_peer_sees_how_synchronisation_goes(town: Town):
    with town.client("KP-A") as client:
        assert client.get("/status/sync").json() == {"peer": "KP-A"}
        assert client.get("/status/health").json() == {"status": "pass"}


def test_what_nobody_thought_of_is_answered_as_what_is_away_and_tells_nothing(
    town: Town, caplog: pytest.LogCaptureFixture
):
    logging.getLogger("uvicorn.error").addHandler(caplog.handler)
    town.standing["KP-A"] = SECRET.hex()
    with town.client("KP-A") as client:
        answer = client.get("/status/sync")
    town.stop()

    assert (answer.status_code, answer.content) == (503, b'{"error":"unavailable"}')
    assert "skip.failed" in caplog.text
    assert SECRET.hex() not in caplog.text
    assert "Traceback" not in caplog.text


def test_without_redis_nothing_is_taken(town: Town, valkey: Valkey):
    town.a.heartbeat("KP-B", Heartbeat())
    valkey.stop()

    with pytest.raises(PeerAnswerError):
        town.a.push("KP-B", [fresh_key(1)])
    with town.client("KP-A") as client:
        assert client.get("/status/health").status_code == 503
    assert town.keeper.keys == {}

    valkey.start()
    # The first message was sent before the new memory began.
    with pytest.raises(PeerRefusedError):
        town.a.push("KP-B", [fresh_key(1)])
    assert town.a.push("KP-B", [fresh_key(1)]).verdicts


def test_a_peer_where_nobody_listens_is_unreachable(town: Town):
    town.ports["KP-B"] = town.ports["KP-A"]

    with pytest.raises(PeerUnreachableError):
        town.sender("KP-A").heartbeat("KP-B", Heartbeat(), within=2.0)


def test_peers_are_not_spoken_to_nor_listened_to_without_tls(shown: Path):
    skip = SkipSettings(
        system_id="KP-A", peers={"b": PeerSettings(name="b", system_id="KP-B", url="https://127.0.0.1:1")}
    )

    with pytest.raises(TlsMissingError):
        make_sender(skip, SystemClock(), system_random)(keeper_of("KP-B")).heartbeat("KP-B", Heartbeat())
    with pytest.raises(PeerFaceMissingError):
        listener(skip)
