"""One round of the watcher, and the loop around it.

A thread goes through rounds with the catalog: it evaluates if it leads, routes, and hands deliveries and pings to a
pool, so that an address that hangs keeps nobody waiting. The main thread never touches the catalog: it notices when
rounds stop ending, whatever holds them, and then speaks to people directly.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete
from sqlalchemy.orm import Session

from strongroom.alerts.holding import read_holding
from strongroom.alerts.outbox import Claimed, claim_due, has_due, note_failed, note_sent
from strongroom.alerts.personal import has_personal, route_personal
from strongroom.alerts.reminding import Reminder
from strongroom.alerts.routing import GROUP_WAIT, Router, has_unrouted
from strongroom.alerts.sending import KEYED, Sender
from strongroom.alerts.trying import queue_tests
from strongroom.alerts.wording import Wording
from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState, PersonalNotice
from strongroom.catalog.alerts import AlertNotice
from strongroom.catalog.dbtime import database_now
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.jobs.processes import ProcessIdentity, forget_process, record_heartbeat
from strongroom.levels.alerting import look_at_levels
from strongroom.services import Services
from strongroom.spans.recording import Span, span
from strongroom.tracing import bind, carried, get_trace_id
from strongroom.watch.catalog_away import CatalogAway
from strongroom.watch.leader import give_up_lease, hold_lease
from strongroom.watch.missed import look_for_missed, look_for_stuck
from strongroom.watch.pings import Ping, Pinger, note_told
from strongroom.watch.signs import look_for_signs

log = logging.getLogger(__name__)

ROUND_SECONDS = 1.0
EVALUATION_SECONDS = 5.0
RENEWAL_SECONDS = 5.0
LEVEL_SECONDS = 30.0
HEARTBEAT_SECONDS = 10.0
SENDERS = 8
KEPT_FOR = timedelta(days=30)
SECONDS_TO_END = 20.0


class Watcher:
    """Evaluates, routes and sends for one process; several may run, on one host or on several."""

    def __init__(self, services: Services, sender: Sender, identity: ProcessIdentity) -> None:
        self._services = services
        self._sender = sender
        self._identity = identity
        self._away = CatalogAway(sender, services.settings.alerts.silent_seconds)
        self._pinger = Pinger(services.settings.pings, sender.client, sender.env)
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="send")
        self._busy: set[tuple[str, str]] = set()
        self._began = services.clock.monotonic()
        self._evaluated = self._measured = self._beaten = self._held = float("-inf")
        self._leads = False
        self._keyed = frozenset(c.name for c in services.settings.channels.values() if c.kind in KEYED)

    def run(self, stop: threading.Event) -> None:
        """Go through rounds until asked to stop, then let what is being sent end."""
        rounds = threading.Thread(target=self._go_round, args=(stop,), name="rounds", daemon=True)
        rounds.start()
        while not stop.wait(ROUND_SECONDS):
            self._away.look()
        rounds.join(SECONDS_TO_END)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def round(self) -> None:
        """Go through one round; raises CatalogUnavailableError."""
        self._lead()
        self._settle_absence()
        if self._leads:
            self._evaluate()
        with self._services.catalog.read() as session:
            unrouted, due = has_unrouted(session) or has_personal(session), has_due(session)
        if unrouted:
            self._route()
        if unrouted or due:
            self._send_due()

    def run_once(self) -> None:
        """Look and send once, and let another lead."""
        self.round()
        # What has just been written waits a moment for others of its cause.
        self._services.clock.sleep(GROUP_WAIT.total_seconds())
        self.round()
        self._pool.shutdown(wait=True)
        self._end()

    def finish_sending(self) -> None:
        """Wait until everything that was handed to the pool is done."""
        self._pool.shutdown(wait=True)
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="send")

    def _go_round(self, stop: threading.Event) -> None:
        while not stop.wait(ROUND_SECONDS):
            with bind(trace_id=self._services.random(16).hex()):
                self._go_one_round()
        self._end()

    def _go_one_round(self) -> None:
        try:
            self.round()
        except UnavailableError as error:
            log.warning("this round was cut short: %s", error.what)
            self._submit_pings(self._pinger.plan_evaluator(self._seconds(), well=False))
        except Exception:
            # The watcher goes on whatever happens; a round that never ends well is told outside and to people.
            log.exception("this round failed in a way nobody foresaw")
            self._submit_pings(self._pinger.plan_evaluator(self._seconds(), well=False))

    def _end(self) -> None:
        try:
            with self._services.catalog.begin() as session:
                give_up_lease(session, self._identity.name)
                forget_process(session, self._identity.name)
        except StrongroomError as error:
            log.warning("the lease and the sign of life are left behind: %s", error.what)

    def _lead(self) -> None:
        """Renew the lease, and with it the proof that the catalog takes what is written."""
        if self._seconds() - self._held < RENEWAL_SECONDS:
            return
        self._leads = False
        with self._services.catalog.begin() as session:
            if self._seconds() - self._beaten >= HEARTBEAT_SECONDS:
                record_heartbeat(session, self._identity)
                self._beaten = self._seconds()
            self._leads = hold_lease(session, self._identity.name)
        self._held = self._seconds()
        self._away.note_answer()

    def _settle_absence(self) -> None:
        if not self._away.is_known:
            return
        with self._services.catalog.begin() as session:
            self._away.settle(session, database_now(session))
        self._away.over()

    def _evaluate(self) -> None:
        if self._seconds() - self._evaluated < EVALUATION_SECONDS:
            return
        self._evaluated = self._seconds()
        with span("watch evaluate"), self._services.catalog.begin() as session:
            self._look(session, database_now(session))
            pings = self._pinger.plan(session, self._seconds())
        self._submit_pings(pings)
        self._submit_pings(self._pinger.plan_evaluator(self._seconds(), well=True))

    def _look(self, session: Session, now: datetime) -> None:
        settings = self._services.settings
        silent = settings.alerts.silent_seconds
        # What has just been started has not had the time to give a sign of life.
        if self._seconds() - self._began >= silent:
            look_for_signs(session, silent, now)
        look_for_missed(session, settings, now)
        look_for_stuck(session, settings, now)
        if self._seconds() - self._measured >= LEVEL_SECONDS:
            self._measured = self._seconds()
            look_at_levels(session, settings, now)
        queue_tests(session, settings.channels.values(), now)
        Reminder(self._router(session, now)).remind(session)
        _forget_old(session, now)

    def _route(self) -> None:
        with span("watch route"), self._services.catalog.begin() as session:
            now = database_now(session)
            self._router(session, now).route(session)
            route_personal(session, self._services.settings.channels, now)

    def _router(self, session: Session, now: datetime) -> Router:
        settings = self._services.settings
        holding = read_holding(session, settings.home.name, now)
        return Router(settings.channels, Wording(settings.alerts.page_url, now, settings.alerts.runbook_url), holding)

    def _send_due(self) -> None:
        """Claim only what can be sent at once: what waits in a queue of this process would keep others from it."""
        free = SENDERS - len(self._busy)
        if free <= 0:
            return
        with self._services.catalog.begin() as session:
            busy = Counter(name for _, name in list(self._busy))
            claimed = claim_due(session, self._identity.name, free, busy, self._keyed)
        for delivery in claimed:
            self._submit((str(delivery.id), delivery.channel), partial(self._send, delivery))

    def _submit_pings(self, pings: list[Ping]) -> None:
        for ping in pings:
            if ("ping", ping.name) not in self._busy:
                self._submit(("ping", ping.name), partial(self._ping, ping))

    def _submit(self, key: tuple[str, str], work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except StrongroomError as error:
                log.warning("what was sent could not be written down: %s", error.what)
            finally:
                self._busy.discard(key)

        self._busy.add(key)
        self._pool.submit(carried(run))

    def _send(self, delivery: Claimed) -> None:
        told = {"strongroom.channel": delivery.channel}
        # In the story of what the message is about.
        with bind(trace_id=delivery.message.trace_id or get_trace_id()), span("alert send", attributes=told) as sent:
            self._deliver(delivery, sent)

    def _deliver(self, delivery: Claimed, sent: Span) -> None:
        catalog, channels = self._services.catalog, self._services.settings.channels
        try:
            complaint = self._sender.send(delivery.channel, delivery.message, delivery.recipient)
        except StrongroomError as error:
            sent.fail(type(error).__name__)
            log.warning("channel %s did not take a message: %s", delivery.channel, error.what)
            with catalog.begin() as session:
                note_failed(session, delivery, error, channels)
            return
        with catalog.begin() as session:
            note_sent(session, delivery, complaint)

    def _ping(self, ping: Ping) -> None:
        with span("watch ping", attributes={"strongroom.ping": ping.name}):
            if self._pinger.send(ping, self._seconds()):
                note_told(self._services.catalog, ping)

    def _seconds(self) -> float:
        return self._services.clock.monotonic()


def _forget_old(session: Session, now: datetime) -> None:
    """Drop what was said a month ago; alerts and what happened to them stay."""
    old = now - KEPT_FOR
    for told in (AlertNotice, PersonalNotice):
        session.execute(delete(told).where(told.routed_at < old))
    finished = AlertDelivery.state == DeliveryState.SENT, AlertDelivery.finished_at < old
    session.execute(delete(AlertDelivery).where(*finished))
