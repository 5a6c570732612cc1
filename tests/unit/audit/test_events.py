"""What is written down is printable, bounded, and says who acts."""

import asyncio
import threading

import pytest

from strongroom.access.principals import SYSTEM, Principal, PrincipalKind
from strongroom.audit.acting import Actor, acting, describe, find_actor, find_binding
from strongroom.audit.events import AuditEvent, digest, printable

ANA = Actor(PrincipalKind.OPERATOR, "1", "ana", operation="POST /v1/backups")


@pytest.mark.parametrize("text", ["line\nbreak", "\0", "\x1b[31m", "\ud800", "\u202e", "a\u2028b"])
def test_what_cannot_be_printed_is_not_kept(text: str) -> None:
    event = AuditEvent("user_updated", text, reason=text)

    assert event.target.isprintable()
    assert "\N{REPLACEMENT CHARACTER}" in event.target
    event.reason.encode()


def test_what_is_too_long_says_that_it_was() -> None:
    event = AuditEvent("a" * 1000, "b" * 10**6, reason="c" * 501)

    assert (len(event.action), len(event.target), len(event.reason)) == (120, 500, 500)
    assert event.target.endswith("…")
    assert printable("exact", 5) == "exact"


@pytest.mark.parametrize("value", ["secret", "g" * 63, "é" * 64])
def test_what_is_no_digest_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        AuditEvent("user_updated", before=value)


def test_a_digest_is_of_the_value_and_not_of_its_spelling() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})


def test_an_inner_actor_gives_way_to_the_outer_one() -> None:
    assert find_actor() is None
    with acting(ANA):
        with acting(Actor.of(SYSTEM)):
            assert find_actor() == Actor(PrincipalKind.SYSTEM, "system", "strongroom")
        assert find_actor() == ANA
    assert find_actor() is None


def test_the_target_of_an_act_can_become_known_on_the_way() -> None:
    describe("nobody is bound")
    with acting(ANA):
        describe("shop")
        binding = find_binding()
        assert binding is not None
        assert binding.target == "shop"


@pytest.mark.parametrize(
    ("operation", "owed"),
    [("POST /v1/backups", True), ("cli: init", True), ("GET /v1/jobs", False), ("", False), ("POST /v1/none", False)],
)
def test_what_does_more_than_read_owes_a_row(operation: str, owed: bool) -> None:
    with acting(Actor.of(Principal("1", "ana", PrincipalKind.OPERATOR), operation)):
        binding = find_binding()
        assert binding is not None
        assert binding.owes_a_row is owed


def test_threads_and_tasks_that_begin_inside_belong_to_the_actor_or_to_nobody() -> None:
    found: list[Actor | None] = []

    async def ask() -> None:
        found.append(await asyncio.to_thread(find_actor))

    with acting(ANA):
        asyncio.run(ask())
        thread = threading.Thread(target=lambda: found.append(find_actor()))
        thread.start()
        thread.join()

    assert found == [ANA, None]
