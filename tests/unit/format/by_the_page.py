"""A reader of repository format 1 that was written from docs/format.md alone and uses no line of Strongroom.

It shows that the page is enough to get data back without the program, and says so again at every change of either.
`Reader(objects, region, unwrap).restore(source, backup)` yields what the tree has, with contents, or one of REFUSALS.
"""

import base64
import hashlib
import hmac
import json
import struct
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DATA, TREE, DIRECTORY, HEAD, PACKS, TREE_RUNS, PACK_TABLES = range(1, 8)
BLOCK = 65536
FRAME = struct.Struct(">4sBBBBQQQ")
HEADER = struct.Struct(">8sH6s16s16s16s")
FOOTER = struct.Struct(">4sIQQQ")
ROW = struct.Struct(">B3sQII32s")

Unwrap = Callable[[Mapping[str, Any]], bytes]
Pack = tuple[bytes, list[tuple[int, int]]]


class RefusedError(Exception):
    """The bytes are not what was written."""


def demand(holds: object, what: str) -> None:
    """Raise RefusedError unless it holds."""
    if not holds:
        raise RefusedError(what)


def hkdf(secret: bytes, salt: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info.encode()).derive(secret)


def canonical(context: Mapping[str, str]) -> str:
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def subtree(leaves: list[bytes], key: bytes) -> bytes:
    """Return the digest of a perfect subtree."""
    if len(leaves) == 1:
        return leaves[0]
    half = len(leaves) // 2
    return blake3(b"\1" + subtree(leaves[:half], key) + subtree(leaves[half:], key), key=key).digest()


def with_key_file(text: str, name: str) -> Unwrap:
    """Return what opens wrapped keys with the KEK of that name in a key file."""
    versions = json.loads(text)["keys"][name]["versions"]
    keys = {version: base64.b64decode(one["key"]) for version, one in versions.items()}
    for version, key in keys.items():
        check = hmac.digest(key, b"strongroom key check 1", "sha256")[:8].hex()
        demand(check == versions[version]["check"], "the key file is damaged")

    def unwrap(slot: Mapping[str, Any]) -> bytes:
        wrapped = base64.b64decode(slot["wrapped"])
        demand(slot["provider"] == "local" and len(wrapped) == 61 and wrapped[0] == 1, "layout of a wrapped key")
        data = f"strongroom-local-kek 1\n{slot['version']}\n{canonical(slot['context'])}".encode()
        return AESGCM(keys[slot["version"]]).decrypt(wrapped[1:13], wrapped[13:], data)

    return unwrap


def with_recovery_key(paper: str) -> Unwrap:
    """Return what opens wrapped keys with the line of a recovery kit that begins with SRK1."""
    letters = paper.strip().removeprefix("SRK1-").replace("-", "")
    raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
    secret, check = raw[:32], raw[32:]
    demand(hashlib.sha256(b"strongroom recovery key text 1" + secret).digest()[:4] == check, "a letter is wrong")
    private = X25519PrivateKey.from_private_bytes(secret)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def unwrap(slot: Mapping[str, Any]) -> bytes:
        wrapped = base64.b64decode(slot["wrapped"])
        demand(slot["provider"] == "recovery" and len(wrapped) == 81 and wrapped[0] == 1, "layout of a wrapped key")
        ephemeral, version = wrapped[1:33], slot["version"]
        demand(version == hashlib.sha256(public).hexdigest()[:16], "made for another recovery key")
        shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        key = hkdf(shared, ephemeral + public, "strongroom-recovery-key 1")
        data = f"strongroom-recovery-key 1\n{version}\n{canonical(slot['context'])}".encode()
        return AESGCM(key).decrypt(bytes(12), wrapped[33:], data)

    return unwrap


@dataclass(frozen=True)
class Frame:
    """One frame: what kind it is, its plaintext, and whether it says that it is the last."""

    kind: int
    plain: bytes
    last: bool
    end: int


def open_frame(raw: bytes, offset: int, number: int, key: bytes, context: bytes) -> Frame:
    """Open the frame with that number; `context` is repository and session id."""
    demand(len(raw) >= offset + FRAME.size, "a frame is cut off")
    header = raw[offset : offset + FRAME.size]
    magic, version, kind, flags, zero, found, length, sealed = FRAME.unpack(header)
    demand((magic, version, zero, found) == (b"SRFR", 1, 0, number), "header of a frame")
    end = offset + FRAME.size + sealed
    demand(length <= 16 << 20 and end <= len(raw) and flags < 4, "lengths of a frame")
    body = AESGCM(key).decrypt(number.to_bytes(12, "big"), raw[offset + FRAME.size : end], header + context)
    plain = zstandard.ZstdDecompressor().decompress(body, max_output_size=length) if flags & 1 else body
    demand(len(plain) == length, "length of a frame")
    return Frame(kind, plain, bool(flags & 2), end)


class Reader:
    """One region: its objects by key, and what opens the keys that are wrapped for it."""

    def __init__(self, objects: Mapping[str, bytes], region: str, unwrap: Unwrap) -> None:
        self._objects, self._region, self._unwrap = objects, region, unwrap
        self._packs: dict[tuple[bytes, bytes], Pack] = {}
        self._root_key = self._root()
        signer = Ed25519PrivateKey.from_private_bytes(self._derive(self._root_key, "sign"))
        self._verifier = signer.public_key()
        self._signed(f"keys/repo/{self._region}.{self._root_version}", "key-slot")
        repo = self._signed("repo", "repository")
        public = base64.b64encode(self._verifier.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
        demand((repo["format"], repo["repo"], repo["verify_key"]) == (1, str(self._repo), public), "another repository")

    def backups(self) -> list[tuple[str, uuid.UUID]]:
        """Return source and id of every backup that is there and was not retired."""
        names = [key.split("/") for key in sorted(self._objects) if key.startswith("c/")]
        alive = [(source, uuid.UUID(one)) for _, source, one in names if f"x/{source}/{one}" not in self._objects]
        return [found for found in alive if self._commit(*found)["outcome"] == "commit"]

    def head(self, source: str, backup: uuid.UUID) -> dict[str, Any]:
        """Return what the manifest says of the backup."""
        return self._manifest(source, backup)[0]

    def restore(self, source: str, backup: uuid.UUID) -> Iterator[tuple[str, list[Any], bytes]]:
        """Yield what each record of the tree is (enter, item or leave) with its entry and content without holes."""
        head, packs, runs = self._manifest(source, backup)
        records = self._records(packs, runs)
        carried: list[Any] = []
        seen = 0
        for record in records:
            if record[0] == 4:
                carried += record[1]
                continue
            if record[0] == 2:
                yield "leave", [], b""
                continue
            entry, seen = record[1], seen + 1
            extents, carried = carried + entry[14], []
            content = b"".join(self._extent(packs, extent) for extent in extents if extent[0] == 1)
            # Other names of a file that came before carry its digest and no extents.
            if entry[13] and (extents or not entry[5]):
                demand(self._digest(source, content, grows=any(entry[15:16])) == entry[13], "digest of a content")
            yield "enter" if record[0] == 1 else "item", [*entry[:14], extents], content
        demand(seen == head["entries"], "number of entries")

    def _digest(self, source: str, content: bytes, *, grows: bool) -> bytes:
        key = self._derive(self._root_key, f"content/{source}")
        if not grows:
            return blake3(content, key=key).digest()
        growing = self._derive(self._root_key, f"growing/{source}")
        count = max(0, len(content) // BLOCK - 1)
        leaves = [blake3(b"\0" + content[at * BLOCK :][:BLOCK], key=growing).digest() for at in range(count)]
        blocks, start = leaves[:1], 0
        for size in (1 << bit for bit in reversed(range(count.bit_length())) if count >> bit & 1):
            blocks.append(subtree(leaves[start : start + size], growing))
            start += size
        end = blake3(content[count * BLOCK :], key=key).digest()
        return blake3(b"\2" + count.to_bytes(8, "big") + b"".join(blocks) + end, key=growing).digest()

    def _derive(self, secret: bytes, purpose: str) -> bytes:
        return hkdf(secret, self._repo.bytes, f"strongroom/1/{purpose}")

    def _root(self) -> bytes:
        prefix = f"keys/repo/{self._region}."
        for key in sorted(key for key in self._objects if key.startswith(prefix)):
            slot = self._payload(key)
            self._root_version, self._repo = slot["version"], uuid.UUID(slot["context"]["repo"])
            demand(slot["context"] == {"purpose": "root", "repo": str(self._repo)}, "context of the root slot")
            return self._unwrap(slot)
        raise RefusedError("no slot of the root secret for this region")

    def _payload(self, key: str) -> dict[str, Any]:
        demand(key in self._objects, f"{key} is missing")
        found: dict[str, Any] = json.loads(self._objects[key].partition(b"\n")[2])
        return found

    def _signed(self, key: str, kind: str) -> dict[str, Any]:
        demand(key in self._objects, f"{key} is missing")
        line, _, payload = self._objects[key].partition(b"\n")
        magic, version, found, signature = line.decode("ascii").split(" ")
        demand((magic, version, found) == ("strongroom-record", "1", kind), f"{key} is another record")
        bare = base64.b64decode(signature, validate=True)
        demand(base64.b64encode(bare).decode() == signature, f"{key} has a signature in another spelling")
        self._verifier.verify(bare, b"strongroom record v1\0" + kind.encode() + b"\0" + payload)
        return self._payload(key)

    def _commit(self, source: str, backup: uuid.UUID) -> dict[str, Any]:
        commit = self._signed(f"c/{source}/{backup.hex}", "commit")
        named = (commit["repo"], commit["source"], commit["backup_id"])
        demand(named == (str(self._repo), source, str(backup)), "the commit record of another backup")
        return commit

    def _data_key(self, source: str, backup: uuid.UUID, session: uuid.UUID) -> bytes:
        prefix = f"keys/{backup.hex}/{session.hex}.{self._region}."
        for key in sorted(key for key in self._objects if key.startswith(prefix)):
            slot = self._signed(key, "key-slot")
            said = {name: slot["context"][name] for name in ("purpose", "repo", "source", "backup", "session")}
            ids = {"repo": str(self._repo), "backup": str(backup), "session": str(session)}
            demand(said == {"purpose": "backup", "source": source, **ids}, "context of a slot")
            demand(key == f"{prefix}{slot['version']}" and slot["region"] == self._region, "a slot of another place")
            return self._unwrap(slot)
        raise RefusedError("no slot of the backup for this region: its keys are destroyed, or were never made here")

    def _manifest(self, source: str, backup: uuid.UUID) -> tuple[dict[str, Any], dict[int, list[Any]], list[Any]]:
        commit = self._commit(source, backup)
        demand(commit["outcome"] == "commit", "the backup was never made")
        session = uuid.UUID(commit["session_id"])
        raw = self._objects.get(f"m/{source}/{backup.hex}.{session.hex}.mf", b"")
        whole = (len(raw), base64.b64encode(hashlib.sha256(raw).digest()).decode())
        demand(whole == (commit["manifest_size"], commit["manifest_sha256"]), "another manifest")
        self._verifier.verify(raw[-64:], b"strongroom manifest v1\0" + hashlib.sha256(raw[:-64]).digest())
        ids = (self._repo.bytes, session.bytes, backup.bytes)
        demand(HEADER.unpack_from(raw) == (b"STRGMANF", 1, bytes(6), *ids), "header of a manifest")
        key = self._derive(self._data_key(source, backup, session), f"manifest/{session}")
        frames = list(self._frames(raw[:-64], key, self._repo.bytes + session.bytes))
        demand(frames[0].kind == HEAD and frames[-1].last, "frames of a manifest")
        head = msgspec.msgpack.decode(frames[0].plain)
        demand((head["repo"], head["backup_id"]) == (str(self._repo), str(backup)), "ids in a manifest")
        rows = {kind: [] for kind in (PACKS, TREE_RUNS, PACK_TABLES)}
        for frame in frames[1:]:
            rows[frame.kind] += msgspec.msgpack.decode(frame.plain)
        return head, self._all_packs(rows[PACKS], rows[PACK_TABLES]), rows[TREE_RUNS]

    def _frames(self, raw: bytes, key: bytes, context: bytes) -> Iterator[Frame]:
        offset, number, last = HEADER.size, 0, False
        while offset < len(raw):
            demand(not last, "a frame behind the last one")
            frame = open_frame(raw, offset, number, key, context)
            yield frame
            offset, number, last = frame.end, number + 1, frame.last

    def _all_packs(self, listed: list[Any], tables: list[Any]) -> dict[int, list[Any]]:
        packs = {row[0]: row for row in listed}
        for ordinal, count in tables:
            frame = self._frame(packs, ordinal, 0)
            more = msgspec.msgpack.decode(frame.plain)
            demand(frame.kind == PACKS and len(more) == count, "a table of packs")
            demand(not packs.keys() & {row[0] for row in more}, "an ordinal that means two packs")
            packs |= {row[0]: row for row in more}
        return packs

    def _records(self, packs: dict[int, list[Any]], runs: list[Any]) -> Iterator[Any]:
        for ordinal, first, *rest in runs:
            for number in range(first, first + (rest[0] if rest else 1)):
                frame = self._frame(packs, ordinal, number)
                demand(frame.kind == TREE, "a frame of the tree")
                yield from msgspec.msgpack.decode(frame.plain)

    def _extent(self, packs: dict[int, list[Any]], extent: list[int]) -> bytes:
        _, ordinal, number, start, length = extent
        frame = self._frame(packs, ordinal, number)
        demand(frame.kind == DATA and start + length <= len(frame.plain), "an extent outside its frame")
        return frame.plain[start : start + length]

    def _frame(self, packs: dict[int, list[Any]], ordinal: int, number: int) -> Frame:
        _, session, digest, size, key = packs[ordinal]
        raw, directory = self._pack(session, digest, size, key)
        demand(number < len(directory), "a frame that the pack does not have")
        kind, offset = directory[number]
        frame = open_frame(raw, offset, number, key, self._repo.bytes + session)
        demand(frame.kind == kind and not frame.last, "a frame that its pack lists otherwise")
        return frame

    def _pack(self, session: bytes, digest: bytes, size: int, key: bytes) -> Pack:
        if (session, digest) not in self._packs:
            raw = self._objects.get(f"p/{session.hex()[-2:]}/{session.hex()}/{digest.hex()}.pk", b"")
            demand((len(raw), hashlib.sha256(raw).digest()) == (size, digest), "a pack is not what its name says")
            self._packs[session, digest] = (raw, self._directory(raw, session, key))
        return self._packs[session, digest]

    def _directory(self, raw: bytes, session: bytes, key: bytes) -> list[tuple[int, int]]:
        head = (b"STRGPACK", 1, bytes(6), self._repo.bytes, session, bytes(16))
        demand(HEADER.unpack_from(raw) == head, "header of a pack")
        magic, version, offset, count, length = FOOTER.unpack(raw[-FOOTER.size :])
        demand((magic, version, length) == (b"SRPF", 1, len(raw)), "footer of a pack")
        frame = open_frame(raw, offset, count, key, self._repo.bytes + session)
        demand(frame.kind == DIRECTORY and frame.last and frame.end == len(raw) - FOOTER.size, "directory of a pack")
        rows = list(ROW.iter_unpack(frame.plain))
        demand(len(rows) == count, "rows of a directory")
        place = HEADER.size
        for _, _, start, sealed, _, _ in rows:
            demand(start == place, "a gap between frames")
            place += FRAME.size + sealed
        return [(kind, start) for kind, _, start, _, _, _ in rows]


REFUSALS = (RefusedError, InvalidSignature, InvalidTag, ValueError, KeyError, msgspec.MsgspecError, struct.error)
"""Whatever keeps the reader from taking bytes for what they are not."""
