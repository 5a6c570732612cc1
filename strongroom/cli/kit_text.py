"""The recovery kit: one page that is enough to restore without any of the machines."""

import hashlib
import json
from uuid import UUID

from strongroom import __version__
from strongroom.settings import RegionSettings

_SHOWN = ("bucket", "prefix", "endpoint", "s3_region", "path")

_PAGE = """\
STRONGROOM RECOVERY KIT

Print this page or keep it on an offline medium, and delete the file. Whoever has it and can read one of the regions
can read every backup.

Recovery key     {key_id}
{key}

Repository       {repository}
Fingerprint      {fingerprint}
                 (SHA-256 of the key that signs its records)
Made             {made}, Strongroom {version}

HOW TO RESTORE when machines, catalog and all other keys are lost

1. Install Strongroom {version} or later on any machine with Python: from the folder of wheels that lies with this page,
   pip install --no-index --find-links wheels 'strongroom[aws,postgres]'
   or from its sources: pip install './strongroom[aws,postgres]'. (aws: regions in S3; postgres: databases.)
   To make that folder, while the sources are there: pip wheel --wheel-dir wheels './strongroom[aws,postgres]'
2. In an empty folder, write the lines below into strongroom.toml. One region that answers is enough; leave out those
   that are lost, and have `home = true` in one of them. The access to a bucket is not on this page: set
   access_key_env and secret_key_env, or use what the AWS client finds.
3. Copy the recovery key, the line that begins with SRK1, into a file called kit.txt, and run: chmod 600 kit.txt
4. strongroom catalog rebuild --recovery-key-file kit.txt
5. strongroom backup list
6. strongroom restore run latest:SOURCE --target /an/empty/directory --here --recovery-key-file kit.txt
   A database needs a [sources.NAME] of kind "postgres" in strongroom.toml that names the server to restore to.

{regions}"""


def kit_text(
    *, key: str, key_id: str, repository: UUID, verify_key: bytes, made: str, regions: tuple[RegionSettings, ...]
) -> str:
    """Write the page; it holds the recovery key and no other secret."""
    return _PAGE.format(
        key=key,
        key_id=key_id,
        repository=repository,
        fingerprint=hashlib.sha256(verify_key).hexdigest(),
        made=made,
        version=__version__,
        regions="\n".join(_region(region) for region in regions),
    )


def _region(region: RegionSettings) -> str:
    lines = [f"[regions.{region.name}]", f'kind = "{region.kind}"']
    if region.home:
        lines.append("home = true")
    for name in _SHOWN:
        value = getattr(region, name)
        if value:
            # JSON spells a text as TOML does.
            lines.append(f"{name} = {json.dumps(str(value))}")
    return "\n".join(lines) + "\n"
