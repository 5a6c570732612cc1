"""One moto server as three AWS regions, each behind an HTTP proxy that counts calls and answers some of them itself."""

import http.client
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.services.moto import ACCESS_KEY, SECRET_KEY
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, make_private_directory
from tests.services.s3 import S3Region
from tests.services.sharing import regions_started_once

AWS_REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")
_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/")
_METHODS = ("GET", "PUT", "POST", "HEAD", "DELETE")
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "proxy-connection", "expect"}


@dataclass(frozen=True)
class Call:
    """A request that came by: `ec2`, `CreateSnapshot`, the region it was signed for, and its form fields."""

    service: str
    action: str
    region: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Rule:
    """What happens to calls of one action, so many times."""

    action: str
    times: int
    answer: tuple[int, str, str | Callable[[Call], str]] | None = None
    edit: Callable[[bytes], bytes] | None = None
    lose: bool = False
    before: Callable[[], None] | None = None
    when: Callable[[Call], bool] = lambda _: True


@dataclass
class FaultProxy:
    """Forwards to `target` and does to each call what the first rule that fits says; `url` is where it listens."""

    target: str
    calls: list[Call] = field(default_factory=list)
    url: str = ""
    _rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(
        self,
        action: str,
        code: str,
        message: str = "refused",
        *,
        status: int = 400,
        times: int = 1_000_000,
        when: Callable[[Call], bool] = lambda _: True,
    ) -> None:
        """Answer calls with an error of AWS, without passing them on."""
        self._add(Rule(action, times, answer=(status, code, message), when=when))

    def edit(self, action: str, edit: Callable[[bytes], bytes], *, times: int = 1_000_000) -> None:
        """Pass calls on and change what comes back."""
        self._add(Rule(action, times, edit=edit))

    def replace(self, action: str, old: str, new: str, *, times: int = 1_000_000) -> None:
        """Pass calls on and replace some words of what comes back."""
        self.edit(action, lambda body: body.replace(old.encode(), new.encode()), times=times)

    def lose(self, action: str, *, times: int = 1) -> None:
        """Pass calls on, and hang up without an answer."""
        self._add(Rule(action, times, lose=True))

    def before(self, action: str, what: Callable[[], None], *, times: int = 1) -> None:
        """Do something before calls are passed on."""
        self._add(Rule(action, times, before=what))

    def answer(self, action: str, body: str | Callable[[Call], str], *, times: int = 1_000_000) -> None:
        """Answer calls with a body, or what a function makes of them, without passing them on."""
        self._add(Rule(action, times, answer=(200, "", body)))

    def behave(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def actions(self) -> list[str]:
        """Return what was called so far."""
        return [call.action for call in self.calls]

    def rule_for(self, call: Call) -> Rule | None:
        """Note the call and return the rule for it."""
        with self._lock:
            self.calls.append(call)
            for rule in self._rules:
                if rule.action in {call.action, "*"} and rule.times > 0 and rule.when(call):
                    rule.times -= 1
                    return rule
        return None

    def _add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = self._recognise(body)
        rule = self.proxy.rule_for(call)
        if rule is not None and rule.before is not None:
            rule.before()
        if rule is not None and rule.answer is not None:
            status, code, said = rule.answer
            words = said if isinstance(said, str) else said(call)
            content = words if status == 200 else _error_body(call, code, words)
            self._answer(status, [("Content-Type", "text/xml")], content.encode())
            return
        status, headers, content_bytes = self._forward(body)
        if rule is not None and rule.lose:
            self.close_connection = True
            self.connection.close()
            return
        self._answer(status, headers, rule.edit(content_bytes) if rule is not None and rule.edit else content_bytes)

    def _recognise(self, body: bytes) -> Call:
        scope = _SCOPE.search(self.headers.get("Authorization", ""))
        region, service = scope.groups() if scope else ("", "")
        if target := self.headers.get("X-Amz-Target"):
            return Call(service, target.rpartition(".")[2], region, {"body": body.decode(errors="replace")})
        text = body.decode(errors="replace") if b"Action=" in body else urlsplit(self.path).query
        fields = {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
        return Call(service, fields.get("Action", f"{self.command} {self.path}"), region, fields)

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        to = urlsplit(self.proxy.target)
        assert to.hostname is not None
        connection = http.client.HTTPConnection(to.hostname, to.port, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            connection.request(self.command, self.path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP | {"content-length", "server", "date"}:
                self.send_header(name, value)
        length = {n.lower(): v for n, v in headers}.get("content-length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _error_body(call: Call, code: str, message: str) -> str:
    if call.service == "ec2":
        return f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
    if call.service in {"rds", "sts", "iam"}:
        return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    if call.service == "s3":
        return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return json.dumps({"__type": code, "message": message})


@contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    """Run a proxy in front of the HTTP server of `target`."""
    proxy = FaultProxy(target)
    handler = type("Handler", (_Handler,), {"proxy": proxy} | {f"do_{method}": _Handler.serve for method in _METHODS})
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    server.daemon_threads = True
    proxy.url = f"http://{LOOPBACK}:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def _start(directory: Path) -> list[S3Region]:
    make_private_directory(directory)
    port = ReservedPort()
    region = S3Region("aws", f"http://{LOOPBACK}:{port.number}", ACCESS_KEY, SECRET_KEY)
    Server("aws", [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port.number)], directory).start(
        region.answers
    )
    port.release()
    return [region]


@pytest.fixture(scope="session")
def aws_server(run_directory: Path, worker_id: str) -> str:
    """The address of one moto server that plays every AWS region.

    Every worker has its own: some tests look at a whole account, or empty it.
    """
    directory = run_directory / f"aws-{worker_id}"
    return regions_started_once(directory, lambda: _start(directory))["aws"].endpoint


@pytest.fixture
def aws_regions(aws_server: str) -> Iterator[dict[str, FaultProxy]]:
    """A fault proxy in front of each AWS region, by its AWS name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(fault_proxy(aws_server)) for name in AWS_REGIONS}
