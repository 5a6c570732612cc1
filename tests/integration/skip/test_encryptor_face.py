"""The face for encryptors answers as draft-cisco-skip-02 says, and gives nothing away by a wrong question."""

import socket
import ssl

import httpx
import pytest

from tests.integration.skip.conftest import KEY, KEY_ID, Face

MINE = f"/key/{KEY_ID}?remoteSystemID=KP-B"


def test_capabilities_name_the_peers_an_encryptor_may_ask_for(face: Face) -> None:
    with face.client() as first, face.client("fw-2") as second:
        answered = first.get("/capabilities")

        assert answered.status_code == 200
        assert answered.headers["Cache-Control"] == "no-store"
        assert answered.json() == {
            "entropy": True,
            "key": True,
            "algorithm": "CSPRNG+MLKEM768",
            "localSystemID": "KP-A",
            "remoteSystemID": ["KP-B", "KP-C"],
        }
        assert second.get("/capabilities").json()["remoteSystemID"] == ["KP-C"]


def test_a_fresh_key_has_the_size_that_was_asked_for(face: Face) -> None:
    with face.client() as client:
        assert client.get("/key?remoteSystemID=KP-B").json() == {"keyId": "0" * 32, "key": "0" * 64}
        assert len(client.get("/key?remoteSystemID=KP-B&size=128").json()["key"]) == 32


def test_a_key_is_fetched_by_its_id_in_any_case_and_once(face: Face) -> None:
    with face.client() as client:
        assert client.get(MINE.replace(KEY_ID, KEY_ID.upper())).json() == {"keyId": KEY_ID, "key": KEY.hex()}
        again = client.get(MINE)

    assert again.status_code == 400
    assert again.headers["Cache-Control"] == "no-store"
    assert set(again.json()) == {"error", "trace_id", "request_id"}


def test_entropy_has_the_bits_that_were_asked_for(face: Face) -> None:
    with face.client() as client:
        plain, short = client.get("/entropy").json(), client.get("/entropy?minentropy=128").json()

    assert (len(plain["randomStr"]), plain["minentropy"]) == (64, 256)
    assert (len(short["randomStr"]), short["minentropy"]) == (32, 128)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["/capabilities", "/key?remoteSystemID=KP-B", MINE, "/entropy"])
def test_no_other_method_runs_anything(face: Face, method: str, path: str) -> None:
    with face.client() as client:
        answered = client.request(method, path)

        assert (answered.status_code, answered.headers["Allow"]) == (405, "GET")
        assert face.shelf.asked == 0


@pytest.mark.parametrize(
    "path", ["/", "/keys", "/key/", "/capabilities/", "/entropy/", MINE.replace("?", "/?"), "/key/a/b", "/docs"]
)
def test_an_unknown_path_is_404(face: Face, path: str) -> None:
    with face.client() as client:
        assert client.get(path).status_code == 404
        assert client.get(MINE).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/key",
        "/key?remoteSystemID=",
        "/key?remotesystemid=KP-B",
        "/key?remoteSystemID=KP-B&remoteSystemID=KP-B",
        "/key?remoteSystemID=KP-X",
        "/key?remoteSystemID=KP-*",
        "/key?remoteSystemID=KP-[B]",
        "/key?remoteSystemID=KP-B&size=8",
        "/key?remoteSystemID=KP-B&size=129",
        "/key?remoteSystemID=KP-B&size=520",
        "/key?remoteSystemID=KP-B&size=-256",
        "/key?remoteSystemID=KP-B&size=256.0",
        "/key?remoteSystemID=KP-B&size=%D9%A2%D9%A5%D9%A6",
        "/key?remoteSystemID=KP-B&size=256&size=128",
        f"/key/{KEY_ID}",
        f"/key/{KEY_ID}?remoteSystemID=KP-C",
        f"/key/{KEY_ID}?remoteSystemID=KP-?",
        f"/key/{KEY_ID}?remoteSystemID=KP-B&remoteSystemID=KP-C",
        f"/key/{KEY_ID[:-1]}?remoteSystemID=KP-B",
        f"/key/{'f' * 32}?remoteSystemID=KP-B",
        "/key/zz-not-hex?remoteSystemID=KP-B",
        "/entropy?minentropy=",
        "/entropy?minentropy=7",
        "/entropy?minentropy=4096",
    ],
)
def test_a_question_that_is_not_in_order_is_400_and_leaves_the_key(face: Face, path: str) -> None:
    with face.client() as client:
        assert client.get(path).status_code == 400
        assert client.get(MINE).status_code == 200


def test_an_encryptor_gets_keys_of_its_own_peers_only(face: Face) -> None:
    with face.client("fw-2") as client:
        assert client.get(MINE).status_code == 403
        assert client.get("/key?remoteSystemID=KP-B").status_code == 403
        assert face.shelf.asked == 0


def test_a_certificate_of_nobody_in_the_settings_is_403_and_named_in_the_log(
    face: Face, caplog: pytest.LogCaptureFixture
) -> None:
    with face.client("unlisted") as client:
        answers = [client.get(path) for path in (MINE, "/capabilities", "/entropy")]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert face.shelf.asked == 0
    assert "unlisted" in caplog.text
    assert not [answer for answer in answers if "unlisted" in answer.text]


@pytest.mark.parametrize("certificate", [None, "peer"])
def test_without_a_certificate_of_the_authority_nothing_is_answered(face: Face, certificate: str | None) -> None:
    with face.client(certificate) as client, pytest.raises(httpx.TransportError):
        client.get(MINE)

    assert face.shelf.asked == 0


def test_what_is_away_is_503_and_says_when_to_ask_again(face: Face) -> None:
    face.shelf.away = True
    with face.client() as client:
        answered = client.get("/key?remoteSystemID=KP-B")

    assert (answered.status_code, answered.headers["Retry-After"]) == (503, "5")


def test_another_host_header_and_a_closed_connection_are_taken(face: Face) -> None:
    with face.client() as client:
        answered = client.get(MINE, headers={"Host": "KP-A", "Connection": "close"})

    assert answered.status_code == 200
    assert answered.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("version", "suites", "taken"),
    [
        (ssl.TLSVersion.TLSv1_3, None, "TLS_AES_256_GCM_SHA384"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256", None),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305", None),
    ],
)
def test_only_the_suites_of_the_draft_are_spoken(
    face: Face, version: ssl.TLSVersion, suites: str | None, taken: str | None
) -> None:
    context = face.context()
    context.minimum_version = context.maximum_version = version
    if suites:
        context.set_ciphers(suites)
    with httpx.Client(verify=context) as client:
        if taken is None:
            with pytest.raises(httpx.ConnectError):
                client.get(f"https://127.0.0.1:{face.port}/capabilities")
            return
        with client.stream("GET", f"https://127.0.0.1:{face.port}/capabilities") as answered:
            connection = answered.extensions["network_stream"].get_extra_info("ssl_object")
            assert connection.cipher()[0] == taken


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed(face: Face, version: ssl.TLSVersion) -> None:
    context = face.context()
    context.minimum_version = context.maximum_version = version
    kept = None
    for _ in range(2):
        with (
            socket.create_connection(("127.0.0.1", face.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1", session=kept) as connection,
        ):
            connection.sendall(b"GET /capabilities HTTP/1.1\r\nHost: KP-A\r\nConnection: close\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            assert not connection.session_reused
            kept = connection.session
