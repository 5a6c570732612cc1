"""Sources that hold what belongs to Strongroom itself: allowed, but hardly ever meant."""

from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from strongroom.settings.root import Settings
from strongroom.settings.sources import TreeSourceSettings


def find_overlaps(settings: Settings) -> Iterator[str]:
    """Yield a warning for every source that would back up a region or the key file."""
    for source in settings.sources.values():
        if not isinstance(source, TreeSourceSettings):
            continue
        for region in settings.regions:
            if region.path is not None and _holds(source, region.path, is_directory=True):
                yield (
                    f"source {source.name} holds the region {region.name}: each of its backups takes in all backups "
                    f"before. Leave {region.path} out with `exclude`, or put the region elsewhere."
                )
        if _holds(source, settings.keyring.path, is_directory=False):
            yield (
                f"source {source.name} holds the key file: copies would lie in backups that only this key opens, and "
                f"wherever they are restored to. Leave {settings.keyring.path} out with `exclude`, keep a copy apart."
            )


def _holds(source: TreeSourceSettings, place: Path, *, is_directory: bool) -> bool:
    root, inside = source.path.resolve(), place.resolve()
    if inside != root and root not in inside.parents:
        return False
    path = f"{inside.relative_to(root)}/" if is_directory else str(inside.relative_to(root))
    return not GitIgnoreSpec.from_lines(source.exclude).match_file(path)
