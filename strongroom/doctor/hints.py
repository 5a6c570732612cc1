"""What is in order and still makes a bad night worse: nobody who hears of it, no key on paper, too few copies."""

from collections.abc import Callable, Iterator

from strongroom.access.principals import Role
from strongroom.catalog.accounts import is_enrolled, list_accounts
from strongroom.doctor.finding import Finding
from strongroom.errors import StrongroomError
from strongroom.repository.recovering import list_recipients
from strongroom.services import Services
from strongroom.settings import Settings

FEWEST_REGIONS = 3


def find_hints(services: Services) -> Iterator[Finding]:
    """Yield what should be added; what cannot be looked at now is no hint, as the doctor finds that by itself."""
    yield from _channels(services.settings)
    yield from _regions(services.settings)
    for look in (_recovery_key, _admins):
        yield from _if_there(look, services)


def _channels(settings: Settings) -> Iterator[Finding]:
    if not settings.channels:
        yield Finding(
            "no_channel",
            "There is no channel: nobody hears of alerts.",
            "Add one under [channels]; then try it: strongroom alerts test --all",
        )


def _regions(settings: Settings) -> Iterator[Finding]:
    if (there := len(settings.regions)) < FEWEST_REGIONS:
        yield Finding(
            "few_regions",
            f"There are {there} of {FEWEST_REGIONS} regions: losing places costs backups sooner.",
            "Add regions under [regions], in other places; then: strongroom init --upgrade",
        )


def _recovery_key(services: Services) -> Iterator[Finding]:
    repository = services.open_repository()
    if not list_recipients(repository, services.stores[services.settings.home.name]):
        yield Finding(
            "no_recovery_kit",
            "There is no recovery key: backups can be read with the keys of the regions only.",
            "Make one, and keep it on paper elsewhere: strongroom recovery-kit FILE",
        )


def _admins(services: Services) -> Iterator[Finding]:
    with services.catalog.read() as session:
        bare = [
            account.name
            for account in list_accounts(session)
            if account.role == Role.ADMIN.name.lower()
            and account.disabled_at is None
            and not is_enrolled(session, account.id)
        ]
    for name in bare:
        yield Finding(
            "admin_without_factor",
            f"The admin {name} has no second factor: whoever has the password may enrol one.",
            f"Have {name} log in and enrol one, or: strongroom accounts disable {name}",
        )


def _if_there(look: Callable[[Services], Iterator[Finding]], services: Services) -> list[Finding]:
    try:
        return list(look(services))
    except StrongroomError:
        return []
