"""The manifest: signed, sealed, and refused as soon as anything in it is not what was written."""

import dataclasses
import hashlib
import uuid

import pytest

from strongroom.keyring.secret import SecretKey
from strongroom.repository.errors import TamperedError, TruncatedError, UnknownVersionError
from strongroom.repository.frame import HEADER_BYTES, parse_header
from strongroom.repository.head import ManifestHead, PackRef, TreeRun
from strongroom.repository.manifest import HEADER, ROWS_PER_SHARD, SIGNATURE_BYTES, open_manifest, seal_manifest
from strongroom.tree.content import Problem, ProblemKind
from tests.unit.repository.damage import REFUSALS, cuts, flips
from tests.unit.repository.room import Room, SteadyClock

DATA_KEY = SecretKey(bytes(range(32)))


@pytest.fixture
def head(room: Room) -> ManifestHead:
    packs = tuple(PackRef(n, bytes(16), n.to_bytes(32, "big"), 100 + n, n.to_bytes(32, "little")) for n in range(5))
    return ManifestHead(
        repo=room.repository.repo_id,
        source="db",
        source_kind="files",
        backup_id=uuid.UUID(int=3),
        session_id=uuid.UUID(int=4),
        kind="full",
        policy="critical-data",
        parent_id=None,
        created_at=SteadyClock().now(),
        entries=9,
        files=8,
        source_bytes=7,
        stored_bytes=6,
        reused_bytes=5,
        problem_count=1,
        problems=(Problem("a\\xff", ProblemKind.VANISHED, "gone"),),
        facts={"server_version": "17.1", "bytes": 5},
        packs=packs,
        tree=(TreeRun(4, 0), TreeRun(4, 1)),
    )


def reopen(room: Room, raw: bytes, head: ManifestHead) -> ManifestHead:
    return open_manifest(room.repository, DATA_KEY, raw, head.backup_id, head.session_id)


def resigned(room: Room, parts: list[bytes]) -> bytes:
    """Sign other contents with the repository's own key, as a thief of the key could."""
    body = b"".join(parts)
    return body + room.repository.sign_manifest(hashlib.sha256(body).digest())


def frames_of(raw: bytes) -> list[bytes]:
    frames, at = [], HEADER.size
    while at < len(raw) - SIGNATURE_BYTES:
        end = at + HEADER_BYTES + parse_header(raw[at:]).sealed_length
        frames.append(raw[at:end])
        at = end
    return frames


def test_a_manifest_says_what_it_was_told(room: Room, head: ManifestHead) -> None:
    assert reopen(room, seal_manifest(room.repository, DATA_KEY, head), head) == head


def test_long_tables_are_kept_in_shards(room: Room, head: ManifestHead) -> None:
    packs = tuple(PackRef(n, bytes(16), bytes(32), n, bytes(32)) for n in range(2 * ROWS_PER_SHARD + 1))
    tree = tuple(TreeRun(0, n) for n in range(ROWS_PER_SHARD + 1))
    long = dataclasses.replace(head, packs=packs, tree=tree)

    raw = seal_manifest(room.repository, DATA_KEY, long)

    assert len(frames_of(raw)) == 1 + 3 + 2
    assert reopen(room, raw, head) == long


def test_flipped_bits_are_refused(room: Room, head: ManifestHead) -> None:
    for changed in flips(seal_manifest(room.repository, DATA_KEY, head), 300):
        with pytest.raises(REFUSALS):
            reopen(room, changed, head)


def test_truncations_are_refused(room: Room, head: ManifestHead) -> None:
    for short in cuts(seal_manifest(room.repository, DATA_KEY, head), 200):
        with pytest.raises(REFUSALS):
            reopen(room, short, head)


def test_the_signature_is_verified_before_anything_is_opened(room: Room, head: ManifestHead) -> None:
    raw = seal_manifest(room.repository, DATA_KEY, head)

    with pytest.raises(TamperedError, match="signature"):
        reopen(room, raw[:100] + b"\0" + raw[101:], head)


def test_frames_out_of_order_are_refused_even_when_signed(room: Room, head: ManifestHead) -> None:
    raw = seal_manifest(room.repository, DATA_KEY, head)
    header, (first, second, third) = raw[: HEADER.size], frames_of(raw)

    for frames in (
        [second, first, third],
        [first, second, second, third],
        [first, third],
        [first, second, third, third],
    ):
        with pytest.raises(TamperedError):
            reopen(room, resigned(room, [header, *frames]), head)
    with pytest.raises(TruncatedError):
        reopen(room, resigned(room, [header, first, second]), head)


def test_frames_of_another_manifest_are_refused_even_when_signed(room: Room, head: ManifestHead) -> None:
    raw = seal_manifest(room.repository, DATA_KEY, head)
    other = seal_manifest(room.repository, DATA_KEY, dataclasses.replace(head, session_id=uuid.UUID(int=5)))

    with pytest.raises(TamperedError):
        reopen(room, resigned(room, [raw[: HEADER.size], *frames_of(other)]), head)


def test_a_manifest_of_another_backup_session_or_repository_is_refused(room: Room, head: ManifestHead) -> None:
    other_backup = dataclasses.replace(head, backup_id=uuid.UUID(int=8))
    other_session = dataclasses.replace(head, session_id=uuid.UUID(int=9))
    for other in (other_backup, other_session):
        with pytest.raises(TamperedError, match="another backup or session"):
            reopen(room, seal_manifest(room.repository, DATA_KEY, other), head)
    with pytest.raises(TamperedError, match="signature"):
        reopen(room, seal_manifest(Room(seed=2).repository, DATA_KEY, head), head)


def test_a_manifest_that_lists_a_pack_twice_is_refused(room: Room, head: ManifestHead) -> None:
    twice = dataclasses.replace(head, packs=(*head.packs, head.packs[0]))

    with pytest.raises(TamperedError, match="twice"):
        reopen(room, seal_manifest(room.repository, DATA_KEY, twice), head)


def test_another_data_key_opens_nothing(room: Room, head: ManifestHead) -> None:
    raw = seal_manifest(room.repository, SecretKey(bytes(32)), head)

    with pytest.raises(TamperedError):
        reopen(room, raw, head)


def test_a_newer_version_is_told_apart(room: Room, head: ManifestHead) -> None:
    raw = bytearray(seal_manifest(room.repository, DATA_KEY, head))
    raw[9] = 2

    with pytest.raises(UnknownVersionError):
        reopen(room, bytes(raw), head)
