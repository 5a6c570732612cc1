"""The plan: for every source the policy it follows, and for every backup why it stays or that it goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import database_now
from strongroom.catalog.retention import AgreedPolicy, list_agreed
from strongroom.cycles import rare_cycle_searches
from strongroom.retention.candidates import Block, Decision
from strongroom.retention.engine import Rules, plan_source
from strongroom.retention.gathering import SourceBackups, gather
from strongroom.retention.terms import Terms
from strongroom.services import Services
from strongroom.settings import Settings

BY_SETTINGS = "settings"
"""Who agreed to terms that nobody had to approve."""

NEED_SOMEBODY = (Block.UNKNOWN_POLICY, Block.EVERYTHING, Block.SHORTENED, Block.SHARE)
"""What does not pass by itself: somebody has to look at it, and there is an alert."""


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What is to become of the backups of one source, newest first."""

    source: str
    policy: str
    wanted: Terms | None
    """What the settings promise now; none where the policy is not in them."""
    agreed: Terms | None
    decisions: Sequence[Decision]

    @property
    def going(self) -> list[Decision]:
        """Return the backups that go, oldest first."""
        return [one for one in reversed(self.decisions) if one.goes]

    @property
    def shorter_in(self) -> tuple[str, ...]:
        """Name the rules that were longer when they were agreed upon."""
        return self.wanted.shorter_in(self.agreed) if self.wanted and self.agreed else ()

    @property
    def trouble(self) -> Block | None:
        """Return what somebody has to decide before the rest of the source can go."""
        blocks = {block for one in self.decisions for block in one.blocks}
        return next((block for block in NEED_SOMEBODY if block in blocks), None)


def make_plan(services: Services, *, source: str | None = None, max_share: float | None = None) -> list[SourcePlan]:
    """Plan every source that has backups, or one, from the catalog as it is now; writes nothing."""
    with rare_cycle_searches(), services.catalog.read() as session:
        return plan_sources(services, session, source=source, max_share=max_share)


def plan_sources(
    services: Services, session: Session, *, source: str | None = None, max_share: float | None = None
) -> list[SourcePlan]:
    """Plan inside a transaction."""
    now, settings = earliest_now(services, session), services.settings
    share = settings.retention.max_share_percent / 100 if max_share is None else max_share
    agreed = list_agreed(session)
    plans = []
    for found in gather(session, now, source):
        name, wanted = policy_of(settings, found)
        before = Terms.parse(agreed[found.source].terms) if found.source in agreed else None
        decisions = plan_source(found.candidates, Rules(wanted, before, share), now)
        plans.append(SourcePlan(found.source, name, wanted, before, decisions))
    return plans


def earliest_now(services: Services, session: Session) -> datetime:
    """Return the time by this machine's clock or by the database's, whichever says less: a clock that has jumped ahead
    makes no backup old."""
    return min(services.clock.now(), database_now(session))


def policy_of(settings: Settings, found: SourceBackups) -> tuple[str, Terms | None]:
    """Return the policy that a source follows, as configured or else that of its newest backup, and its terms."""
    configured = settings.sources.get(found.source)
    name = found.policy if configured is None else configured.policy
    policy = settings.policies.get(name)
    return name, None if policy is None else Terms.of(policy)


def new_agreement(services: Services, plan: SourcePlan, terms: Terms, by: str) -> AgreedPolicy:
    """Return the row that says to which terms somebody agreed now."""
    return AgreedPolicy(
        source=plan.source, policy=plan.policy, terms=terms.as_json(), agreed_by=by, agreed_at=services.clock.now()
    )
