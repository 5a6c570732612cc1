"""What a porter and its walk say to each other arrives whole."""

import fcntl
import signal
import socket
import sys
import termios
import threading

from strongroom.sources.files.loads import receive


def test_a_signal_in_the_middle_of_a_batch_does_not_end_it():
    ours, theirs = socket.socketpair()
    is_interrupted = threading.Event()

    def interrupted(*_: object) -> None:
        # By then the first half was taken out of the socket, and the rest is waited for.
        left = fcntl.ioctl(ours, termios.FIONREAD, bytes(4))
        if not int.from_bytes(left, sys.byteorder):
            is_interrupted.set()

    def send() -> None:
        theirs.sendall(b"first half")
        is_interrupted.wait()
        theirs.sendall(b", the rest")

    sender = threading.Thread(target=send)
    before = signal.signal(signal.SIGALRM, interrupted)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with ours, theirs:
            sender.start()
            assert receive(ours, 20) == b"first half, the rest"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        is_interrupted.set()
        sender.join()
