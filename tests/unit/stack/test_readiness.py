"""Whom the stack asks whether its processes work."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from stack.errors import PortTakenError
from stack.readiness import Stack


class Stranger(BaseHTTPRequestHandler):
    """An API of another installation: it is ready, and does not know our token."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/health") else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_another_installation_on_the_port_is_named() -> None:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"

        with pytest.raises(PortTakenError) as refused:
            Stack(url, url, "our token", f"{url}/metrics").waiting_for(60)
        server.shutdown()

    assert url in refused.value.what
    assert "[api]" in refused.value.next_step
