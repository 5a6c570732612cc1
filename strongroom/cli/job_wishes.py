"""Cancelling, pausing and resuming: a job by its id, a re-encryption with all its jobs by its number."""

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.catalog.jobs import Job
from strongroom.catalog.reencryption import ReencryptionJob
from strongroom.cli.documents import row_document
from strongroom.cli.screen import Screen
from strongroom.ids import parse_id
from strongroom.jobs.ledger import Ledger
from strongroom.rotation.campaigns import cancel_reencryption, pause_reencryption, resume_reencryption
from strongroom.services import Services


@dataclass(frozen=True, slots=True)
class Verb:
    """What is wished, of one job and of a re-encryption."""

    of_job: Callable[[Ledger, str], Job]
    of_reencryption: Callable[[Services, int], ReencryptionJob]


CANCEL = Verb(lambda ledger, text: ledger.request_cancel(parse_id(text, "job")), cancel_reencryption)
PAUSE = Verb(lambda ledger, text: ledger.request_pause(parse_id(text, "job")), pause_reencryption)
RESUME = Verb(lambda ledger, text: ledger.resume(parse_id(text, "job")), resume_reencryption)


def wish(services: Services, text: str, verb: Verb, screen: Screen, said: Callable[[Job], str]) -> None:
    """Do what is wished of the job or the re-encryption that the text names, and say how it stands then.

    Raises what the ledger, and ReencryptionNotFoundError and ReencryptionOverError, say against it.
    """
    if text.isascii() and text.isdigit():
        _show(verb.of_reencryption(services, int(text)), screen)
        return
    job = verb.of_job(services.ledger, text)
    if screen.json:
        screen.document(row_document(job))
    else:
        screen.line(f"Job {job.id} {said(job)}.")


def _show(job: ReencryptionJob, screen: Screen) -> None:
    if screen.json:
        screen.document(row_document(job))
    else:
        screen.line(f"Re-encryption {job.id} is {job.state}.")
        screen.say("What is worked on at this moment heeds that within seconds.")
