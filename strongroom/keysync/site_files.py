"""Files of a site on their way to where its provider reads them; only a newer certificate replaces one."""

import os
import tempfile
from pathlib import Path

from cryptography import x509

from strongroom.errors import ConflictError, InvalidInputError
from strongroom.settings import SkipSettings


class BundleError(InvalidInputError):
    """A folder is not what `strongroom peers setup` wrote for a site."""

    code = "keysync.bundle"


class AlreadyProviderError(ConflictError):
    """The configuration has a `[skip]` of its own, or a file lies where another belongs; nothing was replaced."""

    code = "keysync.already_provider"


def copy_files(source: Path, target: Path, suffix: str = "") -> None:
    """Copy what is not there yet, of all files or those that end in `suffix`; raises AlreadyProviderError."""
    target.mkdir(mode=0o700, exist_ok=True)
    for path in sorted(source.glob(f"*{suffix}")):
        content, copy = read_part(path), target / path.name
        if copy.exists() and copy.read_bytes() != content:
            raise AlreadyProviderError(f"{copy} is another file.", next_step="Move it away and call this again.")
        if not copy.exists():
            _write_new(copy, content)


def renew_certificates(source: Path, skip: SkipSettings) -> tuple[Path, ...]:
    """Put new certificates and keys of both faces in the place of older ones of the same authority; return which.

    Raises AlreadyProviderError where what is there is newer or another authority's, and then replaces none.
    """
    peer, face = skip.peer_face, skip.encryptor_face
    faces = {"peer": (peer.certificate, peer.key), "encryptor-face": (face.certificate, face.key)}
    found = {name: places for name, places in faces.items() if (source / f"{name}.pem").exists()}
    moves = [(source / name, place, key) for name, (place, key) in found.items() if place and key]
    for new, place, _ in moves:
        _verify_follows(place, new.with_suffix(".pem"))
    for new, place, key in moves:
        _write_over(key, read_part(new.with_suffix(".key")))
        _write_over(place, read_part(new.with_suffix(".pem")))
    return tuple(place for _, place, _ in moves)


def read_part(path: Path) -> bytes:
    """Return a file of a folder; raises BundleError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read: {error.strerror}.", next_step="Name the folder of one site that the set-up wrote."
        ) from None


def _verify_follows(place: Path, new: Path) -> None:
    old, coming = _certificate(place), _certificate(new)
    if old.issuer != coming.issuer or old.not_valid_before_utc > coming.not_valid_before_utc:
        raise AlreadyProviderError(
            f"{place} is newer than {new}, or another authority's.", next_step="Replace it by hand if that is meant."
        )


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_part(path))
    except ValueError:
        raise BundleError(f"{path} holds no certificate.", next_step="Take the file that the set-up made.") from None


def _write_new(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _write_over(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    Path(name).replace(path)
