"""`strongroom peers ping`: send a heartbeat to other key providers now."""

from dataclasses import dataclass
from typing import Any

import click

from strongroom.cli.command import Command
from strongroom.cli.invocation import Invocation
from strongroom.errors import ExitCode, StrongroomError
from strongroom.keysync.messages import Heartbeat
from strongroom.keysync.opening import make_sender
from strongroom.keysync.provider import Provider, open_provider

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Pong:
    peer: str
    answered: bool
    milliseconds: float | None
    clock_seconds: float | None
    why: str = ""


@click.command("ping", cls=Command, examples=("strongroom peers ping", "strongroom peers ping porto"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def ping(invocation: Invocation, names: tuple[str, ...]) -> ExitCode:
    """Send an authenticated heartbeat to each peer NAME, by default to all, and prove its answer.

    Ends with 4 when one does not answer as it should.
    """
    with invocation.services() as services:
        skip = services.settings.require_skip()
        provider = open_provider(services, make_sender(skip, services.clock, services.random))
        peers = [skip.get_peer(name) for name in names] or list(skip.peers.values())
        pongs = [_ping(provider, peer.known_as, peer.name) for peer in peers]
    if invocation.screen.json:
        invocation.screen.document({"items": [_document(pong) for pong in pongs]})
    else:
        invocation.screen.table(("PEER", "ANSWER", "#MS", "#CLOCK", "WHY"), [_row(pong) for pong in pongs])
    return ExitCode.OK if all(pong.answered for pong in pongs) else ExitCode.UNHEALTHY


def _ping(provider: Provider, peer: str, name: str) -> _Pong:
    with provider.catalog.read() as session:
        level = provider.pool.level(session, peer, provider.clock.now())
    try:
        answer = provider.link.heartbeat(peer, Heartbeat(pool=level), within=_SECONDS)
    except StrongroomError as error:
        return _Pong(name, False, None, None, error.what)
    return _Pong(name, True, answer.round_trip.total_seconds() * 1000, answer.offset.total_seconds())


def _document(pong: _Pong) -> dict[str, Any]:
    return {
        "peer": pong.peer,
        "answered": pong.answered,
        "milliseconds": pong.milliseconds,
        "clock_seconds": pong.clock_seconds,
        "why": pong.why,
    }


def _row(pong: _Pong) -> tuple[str, ...]:
    if pong.milliseconds is None or pong.clock_seconds is None:
        return pong.peer, "none", "-", "-", pong.why
    return pong.peer, "proven", f"{pong.milliseconds:.1f}", f"{pong.clock_seconds:+.1f} s", ""
