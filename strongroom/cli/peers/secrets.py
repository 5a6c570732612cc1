"""`strongroom peers rotate-psk` and `strongroom peers revoke`: the secrets shared with another key provider."""

from pathlib import Path

import click

from strongroom.cli.command import Command
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.stepping_up import stepped_up
from strongroom.keysync.handing_over import hand_out, take_over
from strongroom.keysync.images import leave_no_image
from strongroom.keysync.psks import Psks
from strongroom.services import Services
from strongroom.stepup.acts import Act


@click.command(
    "rotate-psk",
    cls=Command,
    examples=(
        "strongroom peers rotate-psk porto --write porto.json",
        "strongroom peers rotate-psk lisbon --read porto.json",
    ),
)
@click.argument("name")
@click.option("--write", "written", type=click.Path(path_type=Path), help="Make a secret, keep it, write it to carry.")
@click.option("--read", "carried", type=click.Path(path_type=Path), help="Keep the secret that the other side wrote.")
@click.option("--cancel", is_flag=True, help="Give up the one that waits for the other side.")
@click.pass_obj
def rotate_psk(invocation: Invocation, name: str, written: Path | None, carried: Path | None, *, cancel: bool) -> None:
    """Give the pair with peer NAME a new secret: --write on one side, --read on the other.

    Carry the file in private and delete it afterwards. The new secret is used once both sides have shown that they
    have it; the old one is erased a while later. Keys flow meanwhile. --cancel gives up one that the other side has
    not read, as where each side has written one.
    """
    if [written is not None, carried is not None, cancel].count(True) != 1:
        raise click.UsageError("Give --write FILE on one side, and --read FILE on the other; or --cancel.")
    if cancel:
        _give_up(invocation, name)
        return
    with invocation.services() as services:
        skip, psks = services.settings.require_skip(), _psks(services)
        own, peer = skip.system_id, skip.get_peer(name).known_as
        if written is not None:
            with changing_files(services, written):
                psk, state = hand_out(psks, written, own=own, peer=peer, random=services.random)
        elif carried is not None:
            psk, state = take_over(psks, carried, own=own, peer=peer)
    if invocation.screen.json:
        invocation.screen.document({"peer": name, "psk_id": psk.psk_id, "state": state.value})
        return
    invocation.screen.say(f"Secret {psk.psk_id} of the pair with {name} is {state.value}.")
    if written is not None:
        invocation.screen.warn(f"{written} holds the secret. Carry it to {name} in private, then delete it.")


def _give_up(invocation: Invocation, name: str) -> None:
    with invocation.services() as services:
        given_up = _psks(services).give_up(services.settings.require_skip().get_peer(name).known_as)
    if invocation.screen.json:
        invocation.screen.document({"peer": name, "given_up": given_up})
        return
    what = f"Secret {given_up[0]} of the pair with {name} is erased." if given_up else f"None waits for {name}."
    invocation.screen.say(what)


@click.command("revoke", cls=Command, examples=("strongroom peers revoke porto --yes",))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@operator_options
@click.pass_obj
def revoke(invocation: Invocation, name: str, persons: OperatorOptions, *, yes: bool) -> None:
    """Drop every secret shared with peer NAME and void all its unspent keys, at once.

    For a secret that others may know. No key flows until both sides have a new one.
    """
    with invocation.services() as services:
        peer = services.settings.require_skip().get_peer(name)
        if not yes:
            click.confirm(f"Drop the secrets shared with {peer.name} and void its keys?", abort=True, err=True)
        with stepped_up(invocation, services, Act("peers.revoke", peer.name), persons):
            voided = _psks(services).revoke(peer.known_as)
    if invocation.screen.json:
        invocation.screen.document({"peer": peer.name, "voided": voided})
        return
    invocation.screen.say(f"Nothing is shared with {peer.name} any more; {voided} unspent keys were voided.")
    invocation.screen.say(
        f"Do the same there at once: until then {peer.name} gives keys that cannot be had here. "
        f"Then, on one side: strongroom peers rotate-psk {peer.name} --write FILE; "
        "on the other, with its name for this side: --read FILE."
    )


def _psks(services: Services) -> Psks:
    leave_no_image()
    return Psks(services.catalog, services.keks, services.clock, services.random)
