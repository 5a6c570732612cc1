"""Who is at the other end of a TLS connection: a URI in its certificate says which key provider it is."""

from collections.abc import Iterable

SCHEME = "skip-kp:"


def find_provider(uris: Iterable[str]) -> str | None:
    """Return the system id of a key provider from the URIs of its certificate; None unless there is exactly one."""
    ids = [uri.removeprefix(SCHEME) for uri in uris if uri.startswith(SCHEME)]
    return ids[0] if len(ids) == 1 and ids[0] else None


def uri_of(system_id: str) -> str:
    """Return the URI that a key provider's certificate has to carry."""
    return SCHEME + system_id
