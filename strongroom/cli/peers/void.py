"""`strongroom peers void`: begin anew after a restore that nobody could notice."""

import click

from strongroom.cli.command import Command
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.stepping_up import stepped_up
from strongroom.keysync.voiding import void_all
from strongroom.stepup.acts import Act


@click.command("void", cls=Command, examples=("strongroom peers void --yes",))
@click.option("--yes", is_flag=True, help="Do it without asking.")
@operator_options
@click.pass_obj
def void(invocation: Invocation, persons: OperatorOptions, *, yes: bool) -> None:
    """Void every unspent key, here at once and at the peers with the next heartbeat; secrets stay.

    For after a disk was set back to a snapshot, a SQLite catalog was put back from any copy, or a base backup of
    PostgreSQL was started without recovery.signal: it may hold keys that were given since. A PostgreSQL database that
    was restored otherwise, or promoted, is noticed without it.
    """
    if not yes:
        click.confirm("Void every key that is shared with peers?", abort=True, err=True)
    act = Act("peers.void", "peers")
    with invocation.services() as services, stepped_up(invocation, services, act, persons):
        voided = void_all(services)
    if invocation.screen.json:
        invocation.screen.document({"voided": voided})
        return
    invocation.screen.say(f"{voided} unspent keys were voided; pools are filled with new ones.")
