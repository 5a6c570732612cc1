"""Whether the permissions of a source are there: AWS is asked what its policies allow, or else they are tried."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient, access_of
from strongroom.aws.errors import CredentialsError
from strongroom.aws.permissions import PERMISSIONS
from strongroom.cloud.ebs import list_volumes
from strongroom.cloud.errors import NothingToCheckError
from strongroom.cloud.findings import Answer, Finding
from strongroom.cloud.places import AwsPlaces, regions_of
from strongroom.cloud.resources import CONTEXT, Identity, resources_for
from strongroom.cloud.surveying import look_at_database
from strongroom.cloud.trials import Place
from strongroom.cloud.trying import try_permission
from strongroom.errors import StrongroomError
from strongroom.settings import EbsSourceSettings, RdsSourceSettings, Settings, SourceSettings
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings, S3SourceSettings

_AT_HOME = {"ec2:CreateSnapshot", "rds:CreateDBSnapshot", "rds:CreateDBClusterSnapshot"}
"""What is done where the source is, and nowhere else."""
_OF_VERSIONS = {"s3:ListBucketVersions", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"}
_WHY = {"explicitDeny": "a policy denies it", "implicitDeny": "no policy allows it"}


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Who was asked about, what was found, and what else keeps the source from being backed up."""

    source: str
    identity: str
    findings: tuple[Finding, ...]
    troubles: tuple[str, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        """Return the permissions that are missing."""
        return tuple(finding for finding in self.findings if finding.answer is Answer.MISSING)

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """Return the permissions of which AWS would not tell."""
        return tuple(finding for finding in self.findings if finding.answer is Answer.UNKNOWN)


def check_source(settings: Settings, source: SourceSettings) -> CheckReport:
    """Ask AWS for every permission that the source's backups and restores from snapshots need, in every region.

    What the policy simulator does not tell is tried. Changes nothing.
    Raises NothingToCheckError, CredentialsError and AwsUnavailableError.
    """
    if source.kind not in PERMISSIONS:
        raise NothingToCheckError(
            f"Source {source.name} ({source.kind}) needs no permission of AWS.",
            next_step="Back it up: what it cannot read is named in the backup.",
        )
    findings: list[Finding] = []
    troubles: list[str] = []
    identity = ""
    for number, (client, key) in enumerate(_clients(settings, source)):
        who = Identity.of(str(client.call(AwsCall.GET_CALLER_IDENTITY)["Arn"]))
        identity = who.arn
        arn = None if key is None else _key_arn(client, key, troubles)
        place = Place(client, source, who.account, arn, at_home=number == 0)
        findings += (_or_tried(place, finding) for finding in _ask(place, who))
    _look(settings, source, troubles)
    return CheckReport(source.name, identity, tuple(findings), tuple(dict.fromkeys(troubles)))


def _clients(settings: Settings, source: SourceSettings) -> Iterator[tuple[AwsClient, str | None]]:
    if isinstance(source, EbsSourceSettings | RdsSourceSettings):
        places = AwsPlaces(settings)
        for region in regions_of(settings, source):
            aws = settings.get_region(region).aws
            yield places.client(region), None if aws is None else aws.kms_key
    elif isinstance(source, S3SourceSettings | CloudWatchLogsSourceSettings):
        yield AwsClient(access_of(source, source.region)), None


def _ask(place: Place, who: Identity) -> Iterator[Finding]:
    client, source = place.client, place.source
    asked = [
        (resources_for(permission, source, client.region, who.account, place.key), permission)
        for permission in sorted(_wanted(place))
    ]
    for resources, group in groupby(sorted(asked), key=lambda pair: pair[0]):
        yield from _simulate(client, who, resources, [permission for _, permission in group])


def _wanted(place: Place) -> set[str]:
    """Return the permissions that are needed in this region, without those of a key that is not there."""
    source = place.source
    kind = PERMISSIONS[source.kind]
    wanted = set(kind.all if source.kind in {"ebs", "rds"} else kind.of_backups)
    if isinstance(source, S3SourceSettings) and not source.versions:
        wanted -= _OF_VERSIONS
    if not place.at_home:
        wanted -= _AT_HOME
    return {permission for permission in wanted if place.key is not None or not permission.startswith("kms:")}


def _or_tried(place: Place, finding: Finding) -> Finding:
    """Return what the simulator said, or else what trying says."""
    return try_permission(place, finding.permission) if finding.answer is Answer.UNKNOWN else finding


def _simulate(client: AwsClient, who: Identity, resources: tuple[str, ...], permissions: list[str]) -> list[Finding]:
    if who.is_root:
        return [Finding(permission, client.region, Answer.ALLOWED) for permission in permissions]
    try:
        results = list(
            client.items(
                AwsCall.SIMULATE_PRINCIPAL_POLICY,
                "EvaluationResults",
                PolicySourceArn=who.principal,
                ActionNames=permissions,
                ResourceArns=list(resources),
                ContextEntries=CONTEXT,
            )
        )
    except CredentialsError:
        raise
    except StrongroomError as error:
        return [Finding(permission, client.region, Answer.UNKNOWN, error.what) for permission in permissions]
    said: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        said.setdefault(str(result["EvalActionName"]).lower(), []).append(result)
    return [_judge(permission, client.region, said.get(permission.lower(), [])) for permission in permissions]


def _judge(permission: str, region: str, results: list[Mapping[str, Any]]) -> Finding:
    """Say what the results for one permission, one or more for several resources, come to."""
    if not results:
        return Finding(permission, region, Answer.UNKNOWN, "AWS did not answer for it")
    for result in results:
        if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
            return Finding(permission, region, Answer.MISSING, "the organization denies it")
        decisions = [result["EvalDecision"]]
        decisions += [one["EvalResourceDecision"] for one in result.get("ResourceSpecificResults", [])]
        refusal = next((decision for decision in decisions if decision != "allowed"), None)
        if refusal is not None:
            return Finding(permission, region, Answer.MISSING, _WHY.get(refusal, refusal))
    return Finding(permission, region, Answer.ALLOWED)


def _key_arn(client: AwsClient, key: str, troubles: list[str]) -> str | None:
    try:
        found = client.call(AwsCall.DESCRIBE_KEY, KeyId=key)["KeyMetadata"]
    except CredentialsError:
        raise
    except StrongroomError as error:
        troubles.append(f"{error.what} {error.next_step}")
        return None
    if found.get("KeyState", "Enabled") != "Enabled":
        troubles.append(f"KMS key {key} in {client.region} is {found['KeyState']}. Enable it.")
    return str(found["Arn"])


def _look(settings: Settings, source: SourceSettings, troubles: list[str]) -> None:
    """See whether the source is there; what may not be listed is said in the words of AWS."""
    try:
        if isinstance(source, EbsSourceSettings):
            list_volumes(AwsPlaces(settings).client(regions_of(settings, source)[0]), source)
        elif isinstance(source, RdsSourceSettings):
            look_at_database(AwsPlaces(settings).client(regions_of(settings, source)[0]), source)
    except StrongroomError as error:
        troubles.append(f"{error.what} {error.next_step}")
