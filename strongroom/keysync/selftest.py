"""Tries a key provider, or two that are peers, from outside: what must come back, and how long it took."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import httpx

from strongroom.clock import Clock
from strongroom.keysync.asking_keys import Answer, Encryptor
from strongroom.keysync.trials import Finding, Trial

UNKNOWN_ID = "f" * 32
_CAPABILITIES = {"entropy": bool, "key": bool, "algorithm": str, "localSystemID": str, "remoteSystemID": list}


@dataclass(frozen=True, slots=True)
class _Step:
    kind: Trial
    what: str
    run: Callable[[], str]
    """Returns what is wrong, or nothing."""


def run_selftest(first: Encryptor, second: Encryptor | None, kind: Trial, clock: Clock) -> Iterator[Finding]:
    """Yield a finding for each thing that is tried. Keys it gets are spent, and shown nowhere."""
    for step in _steps(first, second):
        if kind in (Trial.ALL, step.kind):
            yield _tried(step, clock)


def _tried(step: _Step, clock: Clock) -> Finding:
    began = clock.monotonic()
    try:
        wrong = step.run()
    except httpx.HTTPError as error:
        wrong = f"no answer: {str(error) or type(error).__name__}"
    except KeyError as error:
        wrong = f"the answer has no {error}"
    return Finding(step.kind, step.what, not wrong, (clock.monotonic() - began) * 1000, wrong)


def _steps(first: Encryptor, second: Encryptor | None) -> Iterator[_Step]:
    for provider in (first, second):
        if provider is None:
            continue
        yield _Step(Trial.CONNECTIVITY, f"{provider.url} answers /capabilities", partial(_capable, provider))
        yield from _conformance(provider)
        yield _Step(Trial.ENTROPY, f"{provider.url} gives entropy", partial(_entropy, provider))
    if second is not None:
        for one, other in ((first, second), (second, first)):
            what = f"a key of {one.url} is the same at {other.url}, once"
            yield _Step(Trial.SYNC, what, partial(_same_key, one, other))
            what = f"128 bits of {one.url} arrive at {other.url}"
            yield _Step(Trial.SYNC, what, partial(_same_key, one, other, size="128"))


def _conformance(provider: Encryptor) -> Iterator[_Step]:
    expected = {
        ("GET", "/key/zz-not-hex"): 400,
        ("GET", f"/key/{UNKNOWN_ID}"): 400,
        ("GET", "/key"): 400,
        ("GET", "/unknown"): 404,
        ("GET", "/capabilities/"): 404,
        ("HEAD", "/key"): 405,
        ("OPTIONS", "/key"): 405,
        ("POST", "/key"): 405,
        ("DELETE", f"/key/{UNKNOWN_ID}"): 405,
    }
    for (method, path), status in expected.items():
        what = f"{provider.url} answers {method} {path} with {status}"

        def run(method: str = method, path: str = path, status: int = status) -> str:
            answer = provider.ask(path, method)
            if answer.status == 405 and "GET" not in answer.headers.get("Allow", ""):
                return "no Allow header"
            return _unless(answer, status)

        yield _Step(Trial.CONFORMANCE, what, run)


def _capable(provider: Encryptor) -> str:
    answer = provider.ask("/capabilities")
    wrong = _unless(answer, 200)
    fields = [name for name, kind in _CAPABILITIES.items() if not isinstance(answer.document.get(name), kind)]
    if not wrong and (fields or not answer.document["remoteSystemID"]):
        return f"not as the draft has them: {', '.join(fields or ['remoteSystemID'])}"
    return wrong


def _entropy(provider: Encryptor) -> str:
    samples = set()
    for bits in ("128", "256"):
        answer = provider.ask("/entropy", minentropy=bits)
        if wrong := _unless(answer, 200):
            return wrong
        if len(answer.document["randomStr"]) != int(bits) // 4:
            return f"not {bits} bits"
        samples.add(answer.document["randomStr"][:32])
    return "" if len(samples) == 2 else "the same twice"


def _same_key(one: Encryptor, other: Encryptor, **size: str) -> str:
    told = [(encryptor.url, encryptor.ask("/capabilities")) for encryptor in (one, other)]
    wrong = [f"{url}/capabilities {_unless(answer, 200)}" for url, answer in told if answer.status != 200]
    if wrong:
        return "; ".join(wrong)
    return _same_key_of([answer.document["localSystemID"] for _, answer in told], one, other, **size)


def _same_key_of(ids: Sequence[str], one: Encryptor, other: Encryptor, **size: str) -> str:
    given = one.ask("/key", remoteSystemID=ids[1], **size)
    if wrong := _unless(given, 200):
        return wrong
    place = f"/key/{given.document['keyId']}"
    if other.ask(place, remoteSystemID=ids[1]).status != 400:
        return "the key was given for another remote system"
    fetched = other.ask(place, remoteSystemID=ids[0])
    if wrong := _unless(fetched, 200):
        return f"the other side: {wrong}"
    if fetched.document["key"] != given.document["key"]:
        return "the two keys differ"
    if len(given.document["key"]) != int(size.get("size", "256")) // 4:
        return "the key has another size"
    again = other.ask(place, remoteSystemID=ids[0])
    return "" if again.status == 400 else "the key was given twice"


def _unless(answer: Answer, status: int) -> str:
    return "" if answer.status == status else f"answered {answer.status} {answer.document.get('error', '')}".rstrip()
