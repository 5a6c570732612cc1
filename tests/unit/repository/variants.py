"""What somebody who can write to a bucket may do to one object: every way, at every place, each result once."""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from strongroom.repository.frame import HEADER_BYTES, parse_header
from strongroom.repository.manifest import HEADER, SIGNATURE_BYTES
from strongroom.repository.pack import FOOTER, PACK_HEADER
from tests.unit.repository.exhibits import Exhibit


def flipped(raw: bytes, chance: random.Random) -> Iterator[bytes]:
    """Yield raw with one bit changed, and with all bits changed, at every byte."""
    for at, byte in enumerate(raw):
        for mask in (1 << chance.randrange(8), 0xFF):
            yield raw[:at] + bytes([byte ^ mask]) + raw[at + 1 :]


def truncated(raw: bytes) -> Iterator[bytes]:
    """Yield every beginning, and every end."""
    for at in range(len(raw)):
        yield raw[:at]
        yield raw[at + 1 :]


def lengthened(raw: bytes) -> Iterator[bytes]:
    """Yield raw with something behind it or before it: a zero, a part of itself, itself."""
    for tail in (b"\0", b"\n", raw[-32:], raw):
        yield raw + tail
        yield tail + raw


def spliced(raw: bytes, other: bytes) -> Iterator[bytes]:
    """Yield every beginning of raw before the end of another object, and the other object as a whole."""
    yield other
    for at in range(1, max(len(raw), len(other))):
        yield raw[:at] + other[at:]


def rearranged(frames: Sequence[bytes], foreign: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield frames with two of them swapped, one doubled, one dropped, and one put in from another object."""
    whole = list(frames)
    for one, other in combinations(range(len(whole)), 2):
        swapped = list(whole)
        swapped[one], swapped[other] = whole[other], whole[one]
        yield swapped
    for at in range(len(whole)):
        yield whole[:at] + whole[at + 1 :]
        for place in range(len(whole) + 1):
            yield [*whole[:place], whole[at], *whole[place:]]
    for at in range(len(whole)):
        for frame in foreign:
            yield [*whole[:at], frame, *whole[at + 1 :]]
            yield [*whole[:at], frame, *whole[at:]]


def frames_of(raw: bytes, start: int, end: int) -> list[bytes]:
    """Split an object into its frames."""
    frames, at = [], start
    while at < end:
        after = at + HEADER_BYTES + parse_header(raw[at:end]).sealed_length
        frames.append(raw[at:after])
        at = after
    return frames


def pack_frames(raw: bytes) -> list[bytes]:
    """Split a pack, its directory last."""
    return frames_of(raw, PACK_HEADER.size, len(raw) - FOOTER.size)


def rebuilt_pack(raw: bytes, frames: Sequence[bytes]) -> bytes:
    """Put a pack together from other frames, with a footer that fits them."""
    body = raw[: PACK_HEADER.size] + b"".join(frames)
    last = len(frames[-1]) if frames else 0
    magic, version, *_ = FOOTER.unpack(raw[-FOOTER.size :])
    return body + FOOTER.pack(
        magic, version, len(body) - last, len(frames) - 1 if frames else 0, len(body) + FOOTER.size
    )


def manifest_frames(raw: bytes) -> list[bytes]:
    """Split a manifest."""
    return frames_of(raw, HEADER.size, len(raw) - SIGNATURE_BYTES)


def checkpoint_frames(raw: bytes) -> list[bytes]:
    """Split a checkpoint."""
    return frames_of(raw, HEADER.size, len(raw))


def rebuilt_checkpoint(raw: bytes, frames: Sequence[bytes]) -> bytes:
    """Put a checkpoint together from other frames."""
    return raw[: HEADER.size] + b"".join(frames)


def all_variants(exhibit: Exhibit, others: Iterable[Exhibit], seed: int) -> Iterator[bytes]:
    """Yield what can be done to an object's bytes, whatever they mean."""
    yield from flipped(exhibit.raw, random.Random(f"{seed}:{exhibit.name}"))
    yield from truncated(exhibit.raw)
    yield from lengthened(exhibit.raw)
    for other in others:
        yield from spliced(exhibit.raw, other.raw)


class Seen:
    """Lets every variant of an object pass once, and never the object itself."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def fresh(self, exhibit: Exhibit, variants: Iterable[bytes]) -> Iterator[bytes]:
        for raw in variants:
            digest = hashlib.blake2b(exhibit.name.encode() + b"\0" + raw, digest_size=16).digest()
            if raw != exhibit.raw and digest not in self._digests:
                self._digests.add(digest)
                yield raw

    def __len__(self) -> int:
        return len(self._digests)
