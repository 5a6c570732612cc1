"""A stand-in for the transit engine of Vault or OpenBao: its HTTP API on loopback, over real AES-256-GCM."""

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "s.token-of-the-tests"
MOUNT = "transit"


@dataclass
class Transit:
    """The engine: named keys with versions, and what it was asked for."""

    keys: dict[str, list[bytes]] = field(default_factory=dict)
    sealed: bool = False
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def rotate(self, name: str) -> None:
        """Make a key, or a new version of it."""
        self.keys.setdefault(name, []).append(os.urandom(32))

    def answer(self, path: str, token: str | None, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer a call as the engine does."""
        self.asked.append(path)
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        _, _, mount, verb, name = path.split("/")
        if mount != MOUNT or (verb == "keys" and name not in self.keys):
            return 404, {"errors": []}
        if name not in self.keys:
            return 400, {"errors": ["encryption key not found"]}
        return {"keys": self._key, "encrypt": self._encrypt, "decrypt": self._decrypt}[verb](name, sent)

    def _key(self, name: str, _: dict[str, str]) -> tuple[int, dict[str, Any]]:
        return 200, {"data": {"latest_version": len(self.keys[name])}}

    def _encrypt(self, name: str, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        nonce, aad = os.urandom(12), base64.b64decode(sent.get("associated_data", ""))
        sealed = AESGCM(self.keys[name][-1]).encrypt(nonce, base64.b64decode(sent["plaintext"]), aad)
        text = base64.b64encode(nonce + sealed).decode()
        return 200, {"data": {"ciphertext": f"vault:v{len(self.keys[name])}:{text}"}}

    def _decrypt(self, name: str, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        try:
            _, version, text = sent["ciphertext"].split(":")
            raw, aad = base64.b64decode(text), base64.b64decode(sent.get("associated_data", ""))
            opened = AESGCM(self.keys[name][int(version[1:]) - 1]).decrypt(raw[:12], raw[12:], aad)
        except (ValueError, IndexError, InvalidTag):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(opened).decode()}}


@contextmanager
def transit_server() -> Iterator[Transit]:
    """Serve an engine without keys until the block ends."""
    engine = Transit()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, said = engine.answer(self.path, self.headers.get("X-Vault-Token"), json.loads(body or b"{}"))
            answer = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - the name http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    engine.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
