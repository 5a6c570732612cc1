"""`strongroom step-up`: what operators wish to destroy, and what a second one thinks of it."""

from collections.abc import Sequence

import click

from strongroom.catalog.step_up import StepUpChallenge
from strongroom.cli.command import Group
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.cli.stepping_up import ask_code, open_people
from strongroom.stepup.challenges import cancel, list_challenges
from strongroom.stepup.confirming import approve
from strongroom.stepup.reporting import challenge_document, state_of


@click.group("step-up", cls=Group)
def step_up() -> None:
    """See what operators wish to destroy; approve or cancel it."""


@step_up.command("list", examples=("strongroom step-up list", "strongroom step-up list --json"))
@click.pass_obj
def list_command(invocation: Invocation) -> None:
    """List the step-ups that are open, newest first."""
    with invocation.services() as services:
        _show(list_challenges(open_people(services).means), invocation.screen)


@step_up.command("approve", examples=("strongroom step-up approve 0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d --as bento",))
@click.argument("challenge", metavar="ID")
@click.option("--as", "operator", metavar="OPERATOR", required=True, help="Whose code is asked for.")
@click.pass_obj
def approve_command(invocation: Invocation, challenge: str, operator: str) -> None:
    """Approve the step-up ID of another operator, with a code of one's own; look at it in the list first."""
    with invocation.services() as services:
        people = open_people(services)
        principal = people.get(operator)
        _show([approve(people.means, principal, challenge, code=ask_code(principal.name))], invocation.screen)


@step_up.command("cancel", examples=("strongroom step-up cancel 0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d --as bento",))
@click.argument("challenge", metavar="ID")
@click.option("--as", "operator", metavar="OPERATOR", required=True, help="Who cancels it.")
@click.pass_obj
def cancel_command(invocation: Invocation, challenge: str, operator: str) -> None:
    """End the step-up ID, whoever asked for it, before it is used."""
    with invocation.services() as services:
        people = open_people(services)
        _show([cancel(people.means, people.get(operator), challenge)], invocation.screen)


def _show(found: Sequence[StepUpChallenge], screen: Screen) -> None:
    if screen.json:
        screen.document({"items": [challenge_document(one) for one in found]})
        return
    rows = [
        (str(one.id), one.account_name, one.verb, one.target, one.subject, state_of(one), moment(one.expires_at))
        for one in found
    ]
    screen.table(("STEP-UP", "WHO", "WHAT", "TARGET", "OF", "STATE", "UNTIL"), rows)
