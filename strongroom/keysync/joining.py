"""Makes an installation the key provider that a site's folder describes: files, tables, secrets, in this order.

Each part is left as it is where it is there already, so that a second call finishes what a first began. The folder of
an addition brings the same for a provider that there is; certificates in it replace older ones.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from strongroom.keysync.additions import ADDITION
from strongroom.keysync.additions import FORMAT as ADDITION_FORMAT
from strongroom.keysync.psk_file import read_psk
from strongroom.keysync.site_files import (
    AlreadyProviderError,
    BundleError,
    copy_files,
    read_part,
    renew_certificates,
)
from strongroom.settings import Settings, SkipSettings, load_settings

_TABLES, _FILES, _PSKS = "skip.toml", "skip", "psks"


class PskShown(Protocol):
    """What may be shown of a secret."""

    @property
    def psk_id(self) -> str:
        """Return its id."""


class PskShelf(Protocol):
    """Where shared secrets are kept."""

    def install(self, peer: str, psk_id: str, secret: bytes) -> object:
        """Keep a secret; raises where its id was used before."""

    def views(self, peer: str) -> Sequence[PskShown]:
        """Return what may be shown of a pair's secrets, those that are gone too."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The settings as they are now, and the certificates that took the place of older ones."""

    settings: Settings
    renewed: tuple[Path, ...] = ()


def add_site(config: Path, bundle: Path, env: Mapping[str, str]) -> Joined:
    """Copy a site's files beside strongroom.toml, add its tables and return the settings.

    Raises BundleError, AlreadyProviderError and what reading settings raises; then strongroom.toml is as it was.
    """
    if (bundle / ADDITION).exists():
        return _add_to_site(config, bundle, env)
    tables = read_part(bundle / _TABLES).decode()
    present = config.read_bytes().decode()
    settings = load_settings(config, env)
    if settings.skip is not None and tables not in present:
        raise AlreadyProviderError(
            f"{config.name} has a [skip] of its own, of {settings.skip.system_id}.",
            next_step=f"Take its [skip] tables out where this is to be another site; else merge {bundle / _TABLES} "
            "into them by hand.",
        )
    copy_files(bundle / _FILES, config.parent / _FILES)
    if settings.skip is None:
        _replace(config, f"{present.rstrip()}\n\n{tables}", env)
    return Joined(load_settings(config, env))


def _add_to_site(config: Path, bundle: Path, env: Mapping[str, str]) -> Joined:
    """Add tables and files to a provider that there is, certificates in the place of older ones."""
    settings = load_settings(config, env)
    skip = settings.require_skip()
    _verify_ours(bundle, skip)
    renewed: tuple[Path, ...] = ()
    if (bundle / _FILES).exists():
        renewed = renew_certificates(bundle / _FILES, skip)
        copy_files(bundle / _FILES, config.parent / _FILES, ".psk")
    present = config.read_bytes().decode()
    if (bundle / _TABLES).exists() and (tables := read_part(bundle / _TABLES).decode()) not in present:
        _replace(config, f"{present.rstrip()}\n{tables}", env)
    return Joined(load_settings(config, env), renewed)


def _verify_ours(bundle: Path, skip: SkipSettings) -> None:
    try:
        document = json.loads(read_part(bundle / ADDITION))
        owner = document["system_id"] if document["format"] == ADDITION_FORMAT else None
    except (ValueError, KeyError, TypeError):
        owner = None
    if owner is None:
        raise BundleError(f"{bundle / ADDITION} says nothing.", next_step="Make the addition anew.")
    if owner != skip.system_id:
        raise AlreadyProviderError(
            f"The folder is for {owner!s:.64}, and this is {skip.system_id}.", next_step="Join it at its own site."
        )


def install_secrets(psks: PskShelf, skip: SkipSettings, bundle: Path) -> list[str]:
    """Keep the secrets of a site's folder, and return the names of the peers they are shared with."""
    installed = []
    for path in sorted((bundle / _PSKS).glob("*.json")):
        peer = skip.get_peer(path.stem)
        psk = read_psk(path, own=skip.system_id, peer=peer.known_as)
        if psk.psk_id not in {shown.psk_id for shown in psks.views(peer.known_as)}:
            psks.install(peer.known_as, psk.psk_id, psk.secret)
        installed.append(peer.name)
    return installed


def _replace(config: Path, text: str, env: Mapping[str, str]) -> None:
    """Put new settings in the place of the old, once they are known to be in order."""
    descriptor, name = tempfile.mkstemp(dir=config.parent, prefix=f".{config.name}.", suffix=".new")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, stat.S_IMODE(config.stat().st_mode))
            os.fsync(descriptor)
        load_settings(Path(name), env)
        Path(name).replace(config)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
