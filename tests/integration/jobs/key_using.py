"""Two processes of an application with an encrypted column, run as programs of their own by the tests of rotation.

    python key_using.py write RING_FILE TOKENS_FILE CATALOG_URL    appends tokens under the active version
    python key_using.py read RING_FILE TOKENS_FILE CATALOG_URL     reads every token; prints each outcome that is new

Both report the ring they hold, as an application does, and end at the end of their standard input.
"""

import sys
import threading
import time
from pathlib import Path

from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.holder import KeyRingHolder
from strongroom.columnkeys.ring import KeyRing
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat
from strongroom.errors import StrongroomError
from strongroom.jobs.key_reporting import KeyReporter, reporting

PLACE = ColumnPlace("shop", "usuarios", "_otp_secret")


def cipher_of(ring: KeyRing) -> ColumnCipher:
    return ColumnCipher(ring, PLACE, format=TokenFormat.AES_GCM, binding=Binding.COLUMN)


def write(holder: KeyRingHolder, tokens: Path, ended: threading.Event) -> None:
    with tokens.open("a") as file:
        while not ended.is_set():
            file.write(cipher_of(holder.ring()).encrypt("secret", None) + "\n")
            file.flush()
            time.sleep(0.002)


def read(holder: KeyRingHolder, tokens: Path, ended: threading.Event) -> None:
    """Read with the ring in hand alone: no search for a version that is not in it."""
    seen: set[str] = set()
    rest = ""
    with tokens.open() as file:
        while not ended.is_set():
            # What ends without a line break is still being written.
            *lines, rest = (rest + file.read()).split("\n")
            new = {attempt(holder.ring(), line) for line in lines} - seen
            for outcome in sorted(new):
                print(outcome, flush=True)
            seen |= new
            time.sleep(0.002)


def attempt(ring: KeyRing, token: str) -> str:
    try:
        cipher_of(ring).decrypt(token, None)
    except StrongroomError as error:
        return error.code
    return f"read {token.partition(':')[0]}"


def main() -> None:
    role, ring, tokens, catalog_url = sys.argv[1:]
    KeyReporter.interval = 0.2
    ended = threading.Event()
    holder = KeyRingHolder(EnvCryptoFile(Path(ring)))
    with reporting(catalog_url, holder):
        print("ready", flush=True)
        work = threading.Thread(target=write if role == "write" else read, args=(holder, Path(tokens), ended))
        work.start()
        sys.stdin.read()
        ended.set()
        work.join()


if __name__ == "__main__":
    main()
