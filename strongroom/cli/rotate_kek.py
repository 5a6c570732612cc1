"""`strongroom rotate-kek`: give a region a new key-encryption key version and move its key slots to it."""

from contextlib import nullcontext

import click

from strongroom.audit.acting import describe
from strongroom.cli.command import Command
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.figures import count
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.stepping_up import stepped_up
from strongroom.cli.waiting import Waiting, waiting_options
from strongroom.errors import ExitCode
from strongroom.keyring.key_file import KeyFile
from strongroom.services import Services
from strongroom.stepup.acts import Act
from strongroom.upkeep.rotating import RotationRequest, request_rotation


@click.command(
    "rotate-kek",
    cls=Command,
    examples=(
        "strongroom rotate-kek --region us-east-1",
        "strongroom rotate-kek --region us-east-1 --keep-version --remove-old",
    ),
)
@click.option("--region", required=True, help="The region whose key-encryption key is rotated.")
@click.option("--keep-version", is_flag=True, help="Make no new version; only move slots to the current one.")
@click.option("--remove-old", is_flag=True, help="Remove the slots of earlier versions after reading the new ones.")
@waiting_options
@operator_options
@click.pass_obj
def rotate_kek(
    invocation: Invocation,
    region: str,
    waiting: Waiting,
    persons: OperatorOptions,
    *,
    keep_version: bool,
    remove_old: bool,
) -> ExitCode:
    """Renew a region's key; no data is written.

    Makes a new version of the key in the key file and wraps every data key anew. A key in KMS is rotated there, or
    replaced in the settings, before this. Keep a copy of the key file afterwards.
    Ends with 3 when a region did not answer.
    """
    screen = invocation.screen
    with invocation.services() as services:
        act = Act("keys.remove_slots", region)
        with stepped_up(invocation, services, act, persons) if remove_old else nullcontext():
            if not keep_version:
                _make_version(services, region)
            job = request_rotation(services, RotationRequest(region, remove_old, trace_id_of(services)))
        if not await_job(services, job, waiting, screen):
            return ExitCode.OK
        result = services.ledger.get(job.id).result or {}
    if screen.json:
        screen.event("summary", **result)
    else:
        screen.line(
            f"{region}: version {result['version']}, {count(result['backups'], 'backup')}, "
            f"{count(result['written'], 'key slot')} written, {result['removed']} removed; "
            f"{count(result['catalog_keys'], 'key')} of the catalog moved."
        )
    for missed in result["regions_missed"]:
        screen.warn(f"region {missed} did not answer; run the command with --keep-version when it is back.")
    return ExitCode.PARTIAL if result["regions_missed"] else ExitCode.OK


def _make_version(services: Services, region: str) -> None:
    kek = services.settings.get_region(region).kek
    if kek.provider == "local":
        file = KeyFile(services.settings.keyring.path)
        describe(region)
        with changing_files(services, file.path, last=False):
            describe(reason=f"key {kek.key}, version {file.rotate(kek.key)}")
