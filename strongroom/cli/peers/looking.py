"""`strongroom peers list` and `strongroom peers status`: what is known of the other key providers."""

from collections.abc import Sequence
from typing import Any

import click

from strongroom.catalog.skip_key_queries import count_keys, count_known
from strongroom.catalog.skip_keys import KeyState
from strongroom.catalog.skip_peers import PeerStatus, SkipPeer, find_peer
from strongroom.cli.command import Command
from strongroom.cli.documents import row_document
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.errors import ExitCode
from strongroom.keysync.psks import Psks, PskView
from strongroom.services import Services
from strongroom.settings import PeerSettings

_NOT_SHOWN = {"good", "sent_seq", "seq", "boot", "boot_said_at"}


@click.command("list", cls=Command, examples=("strongroom peers list", "strongroom peers list --json"))
@click.pass_obj
def list_command(invocation: Invocation) -> None:
    """Show the peers of the configuration and how each was last; asks none of them."""
    with invocation.services() as services:
        peers = list(services.settings.require_skip().peers.values())
        known = _known(services, peers)
    if invocation.screen.json:
        items = [_peer_document(peer, known.get(peer.known_as)) for peer in peers]
        invocation.screen.document({"items": items})
        return
    rows = [_row(peer, known.get(peer.known_as)) for peer in peers]
    invocation.screen.table(("PEER", "SYSTEM ID", "STATUS", "SINCE", "ADDRESS"), rows)


@click.command("status", cls=Command, examples=("strongroom peers status", "strongroom peers status porto --json"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def status(invocation: Invocation, names: tuple[str, ...]) -> ExitCode:
    """Show for each peer NAME, by default for all, its heartbeats, keys in stock and shared secrets.

    Ends with 4 when a peer is not online.
    """
    with invocation.services() as services:
        skip = services.settings.require_skip()
        peers = [skip.get_peer(name) for name in names] or list(skip.peers.values())
        items = _describe(services, peers)
    if invocation.screen.json:
        invocation.screen.document({"items": items})
    else:
        columns = ("PEER", "STATUS", "ANSWERED", "#MS", "#CLOCK", "#OURS", "#THEIRS", "SECRETS")
        invocation.screen.table(columns, [_status_row(item) for item in items])
        for item in items:
            if item.get("silence"):
                invocation.screen.warn(f"{item['name']}: {item['silence']}")
    return ExitCode.OK if all(item["status"] == PeerStatus.ONLINE for item in items) else ExitCode.UNHEALTHY


def _known(services: Services, peers: Sequence[PeerSettings]) -> dict[str, SkipPeer]:
    with services.catalog.read() as session:
        found = [find_peer(session, peer.known_as) for peer in peers]
    return {peer.system_id: peer for peer in found if peer is not None}


def _describe(services: Services, peers: Sequence[PeerSettings]) -> list[dict[str, Any]]:
    psks = Psks(services.catalog, services.keks, services.clock, services.random)
    known = _known(services, peers)
    with services.catalog.read() as session:
        counts = count_keys(session, services.clock.now())
        kept = {peer.known_as: count_known(session, peer.known_as) for peer in peers}
    items = []
    for peer in peers:
        ours = sum(number for of, state, _, number in counts if of == peer.known_as and state is KeyState.SYNCED)
        theirs = sum(number for of, state, _, number in counts if of == peer.known_as and state is KeyState.HELD)
        document = _peer_document(peer, known.get(peer.known_as))
        secrets = [_secret_document(view) for view in psks.views(peer.known_as)]
        figures = {"keys_ours": ours, "keys_theirs": theirs, "ids_kept": kept[peer.known_as]}
        items.append(document | figures | {"secrets": secrets})
    return items


def _peer_document(peer: PeerSettings, known: SkipPeer | None) -> dict[str, Any]:
    row = {} if known is None else {k: v for k, v in row_document(known).items() if k not in _NOT_SHOWN}
    base = {"name": peer.name, "url": peer.url, "minimum_profile": peer.minimum_profile}
    return {"status": PeerStatus.UNKNOWN.value, **row, **base, "system_id": peer.known_as}


def _secret_document(view: PskView) -> dict[str, Any]:
    return {"psk_id": view.psk_id, "state": view.state, "since": view.since.isoformat()}


def _row(peer: PeerSettings, known: SkipPeer | None) -> tuple[str, ...]:
    state = (PeerStatus.UNKNOWN.value, "-") if known is None else (known.status.value, moment(known.since))
    return peer.name, peer.known_as, *state, peer.url


def _status_row(item: dict[str, Any]) -> tuple[str, ...]:
    secrets = ", ".join(f"{secret['psk_id']} {secret['state']}" for secret in item["secrets"]) or "none"
    return (
        item["name"],
        item["status"],
        item.get("answered_at") or "-",
        _figure(item.get("round_trip_ms"), "{:.1f}"),
        _figure(item.get("offset_seconds"), "{:+.1f} s"),
        str(item["keys_ours"]),
        str(item["keys_theirs"]),
        secrets,
    )


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
