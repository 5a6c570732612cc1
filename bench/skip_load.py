"""Asks a key provider at a steady rate, as encryptors do, and says how long each answer took after its moment."""

import http.client
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

CONNECTIONS = 8


@dataclass
class Answers:
    """Seconds from the moment a question was due to its answer, and what else came."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """Seconds that a question was sent too late although its connection was free: whoever measures waits for a core."""
    cpu_share: float = 0.0
    """Processor time of whoever measures, of one core."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def ask_steadily(address: str, identity: Path, path: str, *, rate: float, seconds: float) -> Answers:
    """Send `rate` questions a second over some connections.

    Every answer counts from the moment its question was due, also where the one before it on its connection was late.
    """
    answers, lock = Answers(), threading.Lock()
    began = time.perf_counter() + 1.0
    total = int(rate * seconds)

    def ask(first: int) -> None:
        connection = _connect(address, identity)
        for number in range(first, total, CONNECTIONS):
            due = began + number / rate
            is_free = time.perf_counter() < due
            time.sleep(max(0.0, due - time.perf_counter()))
            late = time.perf_counter() - due if is_free else 0.0
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                failure = "" if answer.status == 200 else str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                failure, connection = type(error).__name__, _connect(address, identity)
            with lock:
                answers.late.append(late)
                answers.seconds.append(time.perf_counter() - due)
                if failure:
                    answers.failures.append(failure)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CONNECTIONS)]
    busy = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.cpu_share = (time.process_time() - busy) / seconds
    return answers


def _connect(address: str, identity: Path) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=identity.with_name("encryptor-ca.pem"))
    context.load_cert_chain(f"{identity}.pem", f"{identity}.key")
    host, _, port = address.partition(":")
    return http.client.HTTPSConnection(host, int(port), context=context, timeout=10)
