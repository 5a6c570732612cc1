"""`strongroom peers join`: this installation becomes one of the sites of a set-up."""

from pathlib import Path

import click

from strongroom.cli.command import Command
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.keysync.images import leave_no_image
from strongroom.keysync.joining import add_site, install_secrets
from strongroom.keysync.psks import Psks
from strongroom.settings import find_config


@click.command("join", cls=Command, examples=("strongroom peers join /media/usb/lisbon",))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_obj
def join(invocation: Invocation, folder: Path) -> None:
    """Make this installation the site in FOLDER, which `strongroom peers setup` wrote.

    Copies its files beside strongroom.toml, adds its tables and keeps the secrets, sealed, in the catalog. Of a folder
    that brings something later, certificates replace older ones of the same authority. May be called again. Restart
    the service afterwards.
    """
    leave_no_image()
    env = invocation.environment()
    config = find_config(invocation.config, env)
    with changing_files(invocation, config, last=False):
        joined = add_site(config, folder, env)
    skip = joined.settings.require_skip()
    with invocation.services() as services:
        psks = Psks(services.catalog, services.keks, services.clock, services.random)
        names = install_secrets(psks, skip, folder)
    if invocation.screen.json:
        renewed = [str(path) for path in joined.renewed]
        invocation.screen.document({"system_id": skip.system_id, "peers": names, "renewed": renewed})
        return
    for path in joined.renewed:
        invocation.screen.say(f"Renewed {path}.")
    shared = f" New secrets are shared with {', '.join(names)}." if names else ""
    invocation.screen.say(f"This is {skip.system_id}.{shared}")
    invocation.screen.say(f"Delete {folder}, and restart the service.")
