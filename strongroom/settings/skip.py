"""Settings of the SKIP key provider: its two faces, the encryptors that ask it and the providers it pairs with."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from strongroom.settings.errors import UnknownPeerError
from strongroom.settings.fields import AnchoredPath, Flag, Limit, Name, Port, Section, Text
from strongroom.settings.named_secrets import NamedSecret, SecretPath, VariableName

_SYSTEM_ID = re.compile(r"[A-Za-z0-9._:@-]{1,64}")
_HTTPS = re.compile(r"https://[^/?#@\s]+")

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _system_id(text: str) -> str:
    # No glob characters: a concrete id must never read as a pattern. ASCII only: it travels in IKE and in certificates.
    if not _SYSTEM_ID.fullmatch(text):
        raise PydanticCustomError(
            "system_id", "A system id is made of letters, digits and `. _ : @ -`, at most 64 of them."
        )
    return text


def _address(url: str) -> str:
    url = url.rstrip("/")
    if not _HTTPS.fullmatch(url):
        raise PydanticCustomError("https", "This is not an address such as https://kp-b.example.org:8444.")
    return url


SystemId = Annotated[str, AfterValidator(_system_id)]
"""What a key provider is called on the wire; encryptors know the other site by it."""

PeerUrl = Annotated[str, AfterValidator(_address)]
Profile = Literal["v1", "v2"]


class EncryptorFaceSettings(Section):
    """Where encryptors ask for keys."""

    host: Text = Field("127.0.0.1", description="Address the face for encryptors listens on.")
    port: Port = Field(8443, description="Port for encryptors with a certificate.")
    certificate: AnchoredPath | None = Field(
        None, description="Certificate of this face, with its chain.", examples=["skip/encryptor-face.pem"]
    )
    key: AnchoredPath | None = Field(
        None, description="Private key of that certificate.", examples=["skip/encryptor-face.key"]
    )
    client_ca: AnchoredPath | None = Field(
        None, description="Authority whose certificates encryptors show.", examples=["skip/encryptor-ca.pem"]
    )
    psk_port: Port | None = Field(
        None, description="Port for encryptors with a pre-shared key; none means no such port.", examples=[8445]
    )
    plain_http: Flag = Field(False, description="Whether to speak without TLS, on loopback only: for tests.")
    requests_per_second: Limit = Field(500, description="Requests of one encryptor that are answered a second.")


class PeerFaceSettings(Section):
    """Where other key providers send keys; the certificate is shown to them by both sides of a connection."""

    host: Text = Field("127.0.0.1", description="Address the face for peers listens on.")
    port: Port = Field(8444, description="Port the face for peers listens on.")
    certificate: AnchoredPath | None = Field(
        None, description="Certificate with the URI `skip-kp:SYSTEM-ID`.", examples=["skip/peer.pem"]
    )
    key: AnchoredPath | None = Field(None, description="Private key of that certificate.", examples=["skip/peer.key"])
    peer_ca: AnchoredPath | None = Field(
        None, description="Authority of all key providers; not the one of encryptors.", examples=["skip/peer-ca.pem"]
    )


class EncryptorSettings(Section):
    """An encryptor that may ask for keys."""

    name: Name
    identity: Text | None = Field(
        None,
        description="URI, DNS name or common name in its certificate, or its PSK identity; by default its name.",
        examples=["urn:example:fw-1"],
    )
    psk_env: VariableName | None = Field(
        None, description="Variable with its pre-shared key, 64 hex digits or more.", examples=["FW_1_PSK"]
    )
    psk_file: SecretPath | None = Field(
        None, description="File of mode 600 with its pre-shared key.", examples=["skip/fw-1.psk"]
    )
    remotes: tuple[Text, ...] = Field(
        ("*",), min_length=1, description="System ids of peers it may ask keys for; `*`, `?` and `[...]` as in a shell."
    )

    @property
    def known_as(self) -> str:
        """Return the identity it shows."""
        return self.identity or self.name

    @property
    def psk(self) -> NamedSecret:
        """Return where its pre-shared key is."""
        return NamedSecret("psk", self.psk_env, self.psk_file)


class PeerSettings(Section):
    """Another key provider, with which this one shares keys."""

    name: Name
    system_id: SystemId | None = Field(
        None, description="What it is called on the wire; by default its name.", examples=["KP-B"]
    )
    url: PeerUrl = Field(description="Address of its face for peers.", examples=["https://kp-b.example.org:8444"])
    minimum_profile: Profile = Field("v2", description="The weakest wire profile that is taken from it, and sent.")
    low_water: int = Field(
        256, strict=True, ge=1, le=100_000, description="Keys it has confirmed below which more are sent."
    )
    high_water: int = Field(1024, strict=True, ge=1, le=100_000, description="Keys it has confirmed at most.")
    batch: int = Field(128, strict=True, ge=1, le=500, description="Keys in one message at most.")

    @property
    def known_as(self) -> str:
        """Return its system id."""
        return self.system_id or self.name


class SkipSettings(Section):
    """The SKIP key provider."""

    system_id: SystemId = Field(
        description="What this provider is called; it travels in clear, so it names no place.", examples=["KP-A"]
    )
    algorithm: Text = Field(
        "CSPRNG+MLKEM768", max_length=32, description="What encryptors hear about how keys are made."
    )
    key_ttl_seconds: int = Field(
        3600, strict=True, ge=60, le=86_400, description="Seconds after which a key that nobody asked for is dropped."
    )
    window_seconds: int = Field(
        300, strict=True, ge=30, le=300, description="Seconds that the clocks of two peers may be apart."
    )
    most_held: int = Field(
        200_000, strict=True, ge=1, le=10_000_000, description="Unspent keys of one peer that are kept at most."
    )
    heartbeat_seconds: int = Field(
        10, strict=True, ge=5, le=60, description="Seconds between heartbeats; after three without answer: offline."
    )
    refill_seconds: int = Field(
        30, strict=True, ge=5, le=300, description="Seconds between looks at the pools; a heartbeat looks as well."
    )
    log_level: Literal["debug", "info", "warning", "error"] | None = Field(
        None, description="The least that the faces write to their logs, in place of LOG_LEVEL.", examples=["warning"]
    )
    nonces_url: SecretStr | None = Field(
        None,
        description="Address of the Redis that remembers messages; by default the broker.",
        examples=["SKIP_REDIS_URL"],
    )
    encryptor_face: EncryptorFaceSettings = Field(EncryptorFaceSettings.defaults(), description="Where encryptors ask.")
    peer_face: PeerFaceSettings = Field(PeerFaceSettings.defaults(), description="Where peers send keys.")
    encryptors: dict[str, EncryptorSettings] = Field(default_factory=dict, description="Who may ask for keys.")
    peers: dict[str, PeerSettings] = Field(default_factory=dict, description="Who keys are shared with.")

    def get_peer(self, name: str) -> PeerSettings:
        """Return the peer of this name or system id; raises UnknownPeerError."""
        peer = self.peers.get(name) or self.find_system(name)
        if peer is None:
            raise UnknownPeerError(
                f"There is no peer {name[:64]!r}.", next_step=f"Configured peers: {', '.join(self.peers) or 'none'}."
            )
        return peer

    def find_system(self, system_id: str) -> PeerSettings | None:
        """Return the peer with this system id, or None."""
        return next((peer for peer in self.peers.values() if peer.known_as == system_id), None)
