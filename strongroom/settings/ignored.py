"""Variables that meant something once: whoever still sets one is told what to do instead."""

from collections.abc import Iterator, Mapping

GONE = {
    "STRONGROOM_API_TOKEN": (
        "there is no token for everybody any more. Make one for each machine with `strongroom tokens create`; people "
        "log in with an account of `strongroom accounts add`."
    ),
}


def find_ignored(env: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for every variable that is set here and that nothing reads any more; its value is not shown."""
    for variable, instead in GONE.items():
        if env.get(variable):
            yield f"{variable} is set and ignored: {instead}"
