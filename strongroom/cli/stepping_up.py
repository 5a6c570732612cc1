"""What commands that destroy ask of operators: a fresh code, and that of a second one where the table says so."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from strongroom.access.principals import Principal, PrincipalKind, Role
from strongroom.audit.acting import acting, find_actor
from strongroom.cli.actor import actor
from strongroom.cli.acts import local_user
from strongroom.cli.errors import OperatorNeededError
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions
from strongroom.services import Services
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import StepUps, ask
from strongroom.stepup.confirming import approve, confirm
from strongroom.stepup.opening import open_step_ups
from strongroom.stepup.spending import permitted

# Accounts bring password hashing with them, which is needed only where there are any.
if TYPE_CHECKING:
    from strongroom.accounts.roster import AccountView


@contextmanager
def stepped_up(
    invocation: Invocation, services: Services, act: Act, persons: OperatorOptions, *, besides: str | None = None
) -> Iterator[str]:
    """Let an act that destroys happen inside the block, once operators have shown their codes for it.

    Gives the name to write down: the operator's, else the user's of this machine. Where no admin has a second factor,
    nothing more is asked than before. `besides` names whom the act is about, who does not count. Raises
    OperatorNeededError, StepUpRefusedError, StepUpWaitingError and what the check of codes raises.
    """
    people = open_people(services, besides)
    if not people.any_admin:
        invocation.screen.say("No admin who could be asked has a second factor: nobody's code is asked for.")
        yield actor()
        return
    principal = people.get(persons.operator)
    asking = find_actor() or local_user()
    who = replace(asking, kind=principal.kind, id=principal.id, name=principal.name, address=asking.name)
    # What codes and challenges leave are rows of their own, not that of the act.
    with acting(replace(who, operation="")):
        reference = _proven(people, principal, act, persons)
    with acting(who), permitted(people.means, principal, act, reference):
        yield principal.signature


@dataclass(frozen=True, slots=True)
class People:
    """The operators who may be asked, and what their step-ups work with."""

    means: StepUps
    accounts: "Mapping[str, AccountView]"

    @property
    def any_admin(self) -> bool:
        """Say whether there is an admin whose code can be asked for."""
        return any(account.role is Role.ADMIN and account.enrolled for account in self.accounts.values())

    def get(self, name: str | None) -> Principal:
        """Return an operator by name; raises OperatorNeededError."""
        account = self.accounts.get((name or "").strip().lower())
        if account is None:
            raise OperatorNeededError(
                "This needs the code of an operator who has an account here.",
                next_step="Say whose with --as OPERATOR; see `strongroom accounts list`.",
            )
        return Principal(str(account.id), account.name, PrincipalKind.OPERATOR, account.role)


def open_people(services: Services, besides: str | None = None) -> People:
    """Return who may be asked: everybody with an account, besides one."""
    from strongroom.accounts.opening import open_codes

    accounts, codes = open_codes(services)
    others = [account for account in accounts.list() if account.disabled_at is None and account.name != besides]
    return People(open_step_ups(services, codes), {account.name: account for account in others})


def _proven(people: People, principal: Principal, act: Act, persons: OperatorOptions) -> str:
    """Ask for the codes, and return the id of the challenge that they were for."""
    means = people.means
    reference = persons.step_up or str(ask(means, principal, act).id)
    challenge = confirm(means, principal, reference, code=ask_code(principal.name), typed=act.target)
    if challenge.needs_approval and challenge.approved_by is None and persons.second is not None:
        second = people.get(persons.second)
        approve(means, second, reference, code=ask_code(second.name))
    return reference


def ask_code(name: str) -> str:
    """Return the code that an operator types, or the next line of stdin where nobody types; it is never shown.

    Raises OperatorNeededError where there is none.
    """
    if sys.stdin.isatty():
        typed: str = click.prompt(f"Code of {name}", hide_input=True, err=True)
        return typed
    given = sys.stdin.readline().strip()
    # Nothing is no guess: it is neither counted nor an alert.
    if not given:
        raise OperatorNeededError(
            f"No code of {name} was given.",
            next_step="Run it in a terminal, which asks for the code, or give codes on stdin, a line each.",
        )
    return given
