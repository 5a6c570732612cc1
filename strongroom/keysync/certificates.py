"""The two authorities of key providers, and the certificates they sign.

One authority signs what encryptors and the faces for them show, the other what key providers show each other. They are
apart so that an encryptor's certificate opens no door for peers, nor the other way round. Keys are P-384 (the highest
strength TLS 1.2 and 1.3 are used with here), signatures SHA-384.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from strongroom.keysync.identities import uri_of

_BACKDATED = timedelta(hours=1)
"""Clocks of two sites are never quite the same."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("A private key is never pickled.")


class Authority:
    """Signs certificates; its key exists in this object, and in `private_key` for whoever keeps it."""

    def __init__(self, name: str, now: datetime, days: int) -> None:
        self._key = ec.generate_private_key(ec.SECP384R1())
        self._name = _common_name(name)
        self._not_after = now + timedelta(days=days)
        self._certificate = self._sign_own(now)

    @classmethod
    def open(cls, certificate: bytes, key: bytes) -> "Authority":
        """Return one that was made before; raises ValueError where the two are not PEM, or do not belong together."""
        opened = cls.__new__(cls)
        opened._certificate = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError("not a key on an elliptic curve")
        if private.public_key() != opened._certificate.public_key():
            raise ValueError("the key is not the certificate's")
        opened._key, opened._name = private, opened._certificate.subject
        opened._not_after = opened._certificate.not_valid_after_utc
        return opened

    @property
    def not_after(self) -> datetime:
        """Return when it ends, and with it all that it signed."""
        return self._not_after

    @property
    def certificate(self) -> bytes:
        """Return the certificate that others trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def private_key(self) -> bytes:
        """Return the key that signs; keep it away from every provider."""
        return _private(self._key)

    def issue_provider(self, system_id: str, hosts: Sequence[str], now: datetime, days: int) -> Issued:
        """Return what a key provider shows its peers, as server and as client."""
        names = [x509.UniformResourceIdentifier(uri_of(system_id)), *_hosts(hosts)]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._issue(system_id, names, usages, now, days)

    def issue_server(self, name: str, hosts: Sequence[str], now: datetime, days: int) -> Issued:
        """Return what a face for encryptors shows."""
        return self._issue(name, _hosts(hosts), [ExtendedKeyUsageOID.SERVER_AUTH], now, days)

    def issue_encryptor(self, name: str, now: datetime, days: int) -> Issued:
        """Return what an encryptor shows: its name as common name."""
        return self._issue(name, [], [ExtendedKeyUsageOID.CLIENT_AUTH], now, days)

    def _sign_own(self, now: datetime) -> x509.Certificate:
        builder = self._builder(self._name, self._key.public_key(), now, self._not_after)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA384())

    def _issue(
        self,
        name: str,
        names: Sequence[x509.GeneralName],
        usages: Sequence[x509.ObjectIdentifier],
        now: datetime,
        days: int,
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP384R1())
        until = min(now + timedelta(days=days), self._not_after)
        builder = (
            self._builder(_common_name(name), key.public_key(), now, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA384())
        return Issued(certificate.public_bytes(serialization.Encoding.PEM), _private(key))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, until: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def _hosts(hosts: Sequence[str]) -> list[x509.GeneralName]:
    return [_host(host) for host in hosts]


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
