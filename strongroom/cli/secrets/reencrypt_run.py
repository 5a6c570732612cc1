"""Running a re-encryption in this process, or following workers that do, with a bar on a terminal."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.catalog.reencryption import OPEN_STATES, ReencryptionState
from strongroom.cli.errors import WaitInterruptedError
from strongroom.cli.following import SECONDS_BETWEEN_LOOKS, verify_succeeded
from strongroom.cli.here import run_here
from strongroom.cli.screen import Screen
from strongroom.cli.secrets.speaking import Speaker
from strongroom.rotation.campaigns import get_reencryption, open_jobs_of
from strongroom.rotation.status import ReencryptionStatus, describe_reencryption
from strongroom.services import Services


def run_reencryption(services: Services, number: int, speaker: Speaker) -> None:
    """Run what is left of a re-encryption, one range after the other.

    Raises JobFailedError with the error of the range that failed, JobPausedError, WaitInterruptedError on Ctrl-C.
    """
    with _bar(services, number, speaker):
        try:
            while left := open_jobs_of(services, number):
                verify_succeeded(run_here(services, left[0], Screen(json=speaker.screen.json, quiet=True)))
        except WaitInterruptedError:
            raise _interrupted(number) from None


def follow_reencryption(services: Services, number: int, speaker: Speaker) -> None:
    """Wait until workers have brought a re-encryption to its end; raises WaitInterruptedError on Ctrl-C."""
    with _bar(services, number, speaker):
        try:
            while _look(services, number)[0] in OPEN_STATES:
                services.clock.sleep(SECONDS_BETWEEN_LOOKS)
        except KeyboardInterrupt:
            raise _interrupted(number) from None


def _look(services: Services, number: int) -> tuple[ReencryptionState, ReencryptionStatus]:
    with services.catalog.begin() as session:
        job = get_reencryption(session, number)
        return job.state, describe_reencryption(session, job)


def _interrupted(number: int) -> WaitInterruptedError:
    return WaitInterruptedError(
        f"Re-encryption {number} was interrupted; a worker, if there is one, goes on with it.",
        next_step=f"Go on here: strongroom secrets reencrypt --resume --job-id {number}\n"
        f"Stop it:   strongroom jobs cancel {number}",
    )


@contextmanager
def _bar(services: Services, number: int, speaker: Speaker) -> Iterator[None]:
    """Draw how far it is while the block works, where somebody looks."""
    if not speaker.screen.interactive:
        yield
        return
    done = threading.Event()
    _, status = _look(services, number)
    bar = click.progressbar(
        length=max(1, status.total_rows), label=speaker.text("Re-encrypting"), show_pos=True, file=sys.stderr
    )
    with bar:
        watcher = threading.Thread(target=_draw, args=(services, number, bar.update, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _draw(services: Services, number: int, update: Callable[[int], None], done: threading.Event) -> None:
    shown = 0
    over = False
    while not over:
        # Once more after the end, so that a bar that is done looks it.
        over = done.wait(SECONDS_BETWEEN_LOOKS)
        try:
            _, status = _look(services, number)
        except CatalogUnavailableError:
            continue
        rows = min(status.total_rows, status.processed + status.skipped + status.errors)
        update(max(0, rows - shown))
        shown = max(shown, rows)
