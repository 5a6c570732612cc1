"""`strongroom peers selftest` says at once what it cannot be asked."""

import pytest

from strongroom.cli.main import main


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("127.0.0.1:8443",), "does not begin with https://"),
        (("https://127.0.0.1:1", "--secondary", "kp-b:8443"), "does not begin with https://"),
        (("https://127.0.0.1:1", "--test", "sync"), "takes --secondary"),
        (("https://127.0.0.1:1", "--identity", "nowhere/fw-1"), "cannot be used"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    options: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["peers", "selftest", *options]) == 2

    assert says in capsys.readouterr().err
