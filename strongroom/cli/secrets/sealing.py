"""What a sealed copy of the column keys opens with: a passphrase, the recovery key of the installation, or both."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.speaking import Speaker
from strongroom.keyring.errors import PassphraseError
from strongroom.keyring.passphrase import PassphraseKekProvider
from strongroom.keyring.private_file import NotPrivateError, read_private
from strongroom.keyring.provider import KekProvider
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.keyring.recovery_text import read_key_file

VARIABLE = "STRONGROOM_SECRETS_PASSPHRASE"


@dataclass(frozen=True, slots=True)
class SealOptions:
    """How copies are sealed, as the command line says it."""

    passphrase_file: Path | None
    recovery_key: bool


def seal_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what its sealed copy opens with, as one argument `sealing`."""

    def with_sealing(*args: Any, passphrase_file: Path | None, recovery_key: bool, **kwargs: Any) -> Any:
        return command(*args, sealing=SealOptions(passphrase_file, recovery_key), **kwargs)

    with_sealing.__doc__ = command.__doc__
    recovery = click.option(
        "--recovery-key", is_flag=True, help="Seal the copy to the recovery key of the installation."
    )
    return passphrase_option(recovery(with_sealing))


passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"File of mode 600 that holds the passphrase of sealed copies; else {VARIABLE}, else it is asked for.",
)


def sealing_keys(invocation: Invocation, speaker: Speaker, options: SealOptions) -> list[KekProvider]:
    """Return what a new copy is sealed to; asks for a passphrase where nothing else was given.

    Raises PassphraseError where there is nobody to ask.
    """
    keys: list[KekProvider] = list(_recovery_keys(invocation)) if options.recovery_key else []
    passphrase = _given_passphrase(invocation, options.passphrase_file)
    if passphrase is None and not keys:
        passphrase = _asked_passphrase(speaker, twice=True)
    return keys if passphrase is None else [PassphraseKekProvider(passphrase), *keys]


def opening_keys(
    invocation: Invocation, speaker: Speaker, passphrase_file: Path | None, recovery_key_file: Path | None
) -> list[KekProvider]:
    """Return what an existing copy may be opened with; raises PassphraseError and RecoveryKeyError."""
    if recovery_key_file is not None:
        return [RecoveryKekProvider.of(read_key_file(recovery_key_file))]
    passphrase = _given_passphrase(invocation, passphrase_file)
    return [PassphraseKekProvider(passphrase or _asked_passphrase(speaker, twice=False))]


def _given_passphrase(invocation: Invocation, path: Path | None) -> str | None:
    if path is None:
        return invocation.environment().get(VARIABLE)
    try:
        return read_private(path).decode().strip()
    except NotPrivateError as error:
        raise PassphraseError(f"{path} is refused: {error}.", next_step=f"Run `chmod 600 {path}`.") from None
    except (OSError, UnicodeDecodeError):
        raise PassphraseError(f"{path} holds no passphrase.", next_step="Write one line of text into it.") from None


def _asked_passphrase(speaker: Speaker, *, twice: bool) -> str:
    if not sys.stdin.isatty():
        raise PassphraseError(
            "A copy of the column keys is sealed, and there is nobody to ask for a passphrase.",
            next_step=f"Set {VARIABLE}, or give --passphrase-file or --recovery-key.",
        )
    asked: str = click.prompt(
        speaker.text("Passphrase of the copy"), hide_input=True, confirmation_prompt=twice, err=True
    )
    return asked


def _recovery_keys(invocation: Invocation) -> Sequence[RecoveryKekProvider]:
    # Brings regions and ciphers with it, which most calls do without.
    from strongroom.repository.recovering import list_recipients
    from strongroom.upkeep.errors import NoRecoveryKeyError

    with invocation.services() as services:
        home = next(iter(services.stores.values()))
        found = list_recipients(services.open_repository(), home)
    if not found:
        raise NoRecoveryKeyError(
            "The home region names no recovery key.", next_step="Make one: strongroom recovery-kit FILE"
        )
    return found
