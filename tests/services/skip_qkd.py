"""skip-qkd from PyPI, an encryptor that others wrote, in a virtual environment of its own.

It needs sslpsk3, which is built from source against OpenSSL and is therefore kept out of .venv: only the tests that ask
with it need a compiler. tests/install-services installs what building takes.
"""

import fcntl
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.requirement import service_is_missing

HERE = Path(__file__).parent
PLACE = HERE.parents[1] / ".venv" / "skip-qkd"
PYTHON = PLACE / "bin" / "python"
LOCKS = (HERE / "skip-qkd-build.pins", HERE / "skip-qkd.pins")

SCRIPT = """\
import json, sys
from skip_qkd import MTLSConfig, SkipQKDClient
order = json.load(sys.stdin)
client = SkipQKDClient(
    server_address=order["address"],
    server_id=order["server_id"],
    mtls_config=MTLSConfig(*order["files"]),
)
print(json.dumps(getattr(client, order["call"])(*order["arguments"]), default=vars))
"""


@dataclass(frozen=True)
class SkipQkd:
    """Asks with files of an `encryptors` folder: `identity` is their path without ending."""

    address: str
    identity: Path

    def call(self, name: str, *arguments: object) -> object:
        """Call one method of the client in a process of its own and return what it gives; fails as it fails."""
        files = [self.identity.with_name("encryptor-ca.pem"), f"{self.identity}.pem", f"{self.identity}.key"]
        order = {"address": self.address, "server_id": "KP", "files": [str(file) for file in files]}
        done = subprocess.run(
            [str(PYTHON), "-c", SCRIPT],
            input=json.dumps(order | {"call": name, "arguments": arguments}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def skip_qkd() -> type[SkipQkd]:
    """Return the client's class, when it is installed."""
    PLACE.parent.mkdir(exist_ok=True)
    with (PLACE.parent / "skip-qkd.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        stamp, wanted = PLACE / "done", "".join(lock.read_text() for lock in LOCKS)
        if not stamp.exists() or stamp.read_text() != wanted:
            _install()
            stamp.write_text(wanted)
    return SkipQkd


def _install() -> None:
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-build-isolation")
    for command in (
        (sys.executable, "-m", "venv", "--clear", str(PLACE)),
        (*pip, "--requirement", str(LOCKS[0])),
        (*pip, "--requirement", str(LOCKS[1])),
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            service_is_missing(f"skip-qkd cannot be installed (gcc, libssl-dev, python3-dev): {done.stderr[-300:]}")
