"""`strongroom secrets register`: note every encrypted column of an application, so that none is forgotten."""

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand
from strongroom.cli.secrets.speaking import Speaker
from strongroom.rotation.registry import register_columns
from strongroom.rotation.wishing import find_mapped_targets


@click.command(
    "register",
    cls=SecretsCommand,
    examples=("strongroom secrets register --model app.models:Base",),
)
@click.option("--model", required=True, help="A mapped class, or the base of all, as module:Class.")
@click.option("--database", help="Name of the database in the settings; needed where there are several.")
@click.option("--app", help="Name of the application in its tokens, if not as the settings say.")
@click.pass_obj
def register(invocation: Invocation, model: str, database: str | None, app: str | None) -> None:
    """Note every encrypted column that an application maps.

    A version of the keys is removed only when no registered column needs it. A column that is re-encrypted is
    registered by that, with all columns that are mapped beside it.
    """
    speaker = Speaker.of(invocation)
    with invocation.services() as services:
        targets = find_mapped_targets(services.settings, model, database, app)
        with services.catalog.begin() as session:
            register_columns(session, targets)
    for target in targets:
        speaker.line("  - {place}", place=target.place)
    speaker.line("[OK] Encrypted columns registered: {count}", count=len(targets))
    speaker.document({"columns": [target.as_stored() for target in targets]})
