"""Files that others must not read: keys, tokens and the catalog."""

import stat
from collections.abc import Iterator
from pathlib import Path

from strongroom.doctor.finding import Finding
from strongroom.settings import Settings

OTHERS = stat.S_IRWXO
GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def find_open_files(settings: Settings) -> Iterator[Finding]:
    """Yield the files that are there and can be read or changed by whoever should not."""
    for path in _own(settings):
        yield from _look(path, GROUP_AND_OTHERS)
    # Keys of TLS belong to a group now and then, as ssl-cert of Debian.
    for path in _of_tls(settings):
        yield from _look(path, OTHERS)


def _own(settings: Settings) -> Iterator[Path]:
    keys = settings.keyring.path
    yield from (keys, keys.with_name(f"{keys.name}.copy"), settings.column_keys.file)
    if settings.metrics.token_file is not None:
        yield settings.metrics.token_file
    address = settings.catalog_url.get_secret_value()
    if address.startswith("sqlite:///"):
        yield Path(address.removeprefix("sqlite:///"))
    if settings.skip is not None:
        yield from (encryptor.psk_file for encryptor in settings.skip.encryptors.values() if encryptor.psk_file)


def _of_tls(settings: Settings) -> Iterator[Path]:
    faces = () if settings.skip is None else (settings.skip.encryptor_face.key, settings.skip.peer_face.key)
    yield from (path for path in (settings.broker.key_file, *faces) if path is not None)


def _look(path: Path, forbidden: int) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        # What is not there is for those to complain about who need it.
        return
    if mode & forbidden:
        yield Finding(
            "open_file",
            f"{path} has the mode {mode:04o}: others may read or change it.",
            f"chmod 600 {path}, and replace what is in it if others could log in here.",
        )
