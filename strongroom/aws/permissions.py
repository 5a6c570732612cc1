"""Which permissions each kind of source needs: the calls it makes, and what services do on its behalf."""

from dataclasses import dataclass

from strongroom.aws.calls import AwsCall

_WITH_A_KEY = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
"""What EC2 does with a KMS key for whoever asks it for encrypted snapshots and volumes."""


@dataclass(frozen=True, slots=True)
class KindPermissions:
    """The calls of backups and of restores, and what AWS checks beyond them while it serves those of backups."""

    backup: tuple[AwsCall, ...]
    restore: tuple[AwsCall, ...]
    besides: tuple[str, ...] = ()

    @property
    def all(self) -> frozenset[str]:
        """Return the name of every permission."""
        return frozenset({call.permission for call in (*self.backup, *self.restore)} | set(self.besides))

    @property
    def of_backups(self) -> frozenset[str]:
        """Return the name of every permission that backups need."""
        return frozenset({call.permission for call in self.backup} | set(self.besides))


PERMISSIONS: dict[str, KindPermissions] = {
    "ebs": KindPermissions(
        backup=(
            AwsCall.DESCRIBE_VOLUMES,
            AwsCall.DESCRIBE_SNAPSHOTS,
            AwsCall.CREATE_SNAPSHOT,
            AwsCall.COPY_SNAPSHOT,
            AwsCall.DELETE_SNAPSHOT,
            AwsCall.DESCRIBE_KEY,
        ),
        restore=(AwsCall.DESCRIBE_VOLUMES, AwsCall.DESCRIBE_SNAPSHOTS, AwsCall.CREATE_VOLUME),
        besides=("ec2:CreateTags", *_WITH_A_KEY),
    ),
    "rds": KindPermissions(
        backup=(
            AwsCall.DESCRIBE_DB_INSTANCES,
            AwsCall.DESCRIBE_DB_CLUSTERS,
            AwsCall.DESCRIBE_DB_SNAPSHOTS,
            AwsCall.DESCRIBE_DB_CLUSTER_SNAPSHOTS,
            AwsCall.CREATE_DB_SNAPSHOT,
            AwsCall.CREATE_DB_CLUSTER_SNAPSHOT,
            AwsCall.COPY_DB_SNAPSHOT,
            AwsCall.COPY_DB_CLUSTER_SNAPSHOT,
            AwsCall.DELETE_DB_SNAPSHOT,
            AwsCall.DELETE_DB_CLUSTER_SNAPSHOT,
            AwsCall.DESCRIBE_KEY,
        ),
        restore=(
            AwsCall.RESTORE_DB_INSTANCE,
            AwsCall.RESTORE_DB_CLUSTER,
            AwsCall.CREATE_DB_INSTANCE,
            AwsCall.DESCRIBE_DB_INSTANCES,
            AwsCall.DESCRIBE_DB_CLUSTERS,
        ),
        besides=("rds:AddTagsToResource", "kms:CreateGrant"),
    ),
    "s3": KindPermissions(
        backup=(
            AwsCall.LIST_OBJECTS,
            AwsCall.LIST_OBJECT_VERSIONS,
            AwsCall.GET_OBJECT,
            AwsCall.GET_OBJECT_VERSION,
            AwsCall.GET_OBJECT_TAGGING,
            AwsCall.GET_OBJECT_VERSION_TAGGING,
        ),
        restore=(
            AwsCall.LIST_OBJECTS,
            AwsCall.GET_BUCKET_VERSIONING,
            AwsCall.PUT_OBJECT,
            AwsCall.PUT_TAGGED_OBJECT,
            AwsCall.CREATE_MULTIPART_UPLOAD,
            AwsCall.UPLOAD_PART,
            AwsCall.COMPLETE_MULTIPART_UPLOAD,
            AwsCall.ABORT_MULTIPART_UPLOAD,
            AwsCall.DELETE_OBJECT,
        ),
    ),
    "cloudwatch-logs": KindPermissions(
        backup=(AwsCall.DESCRIBE_LOG_GROUPS, AwsCall.FILTER_LOG_EVENTS),
        restore=(
            AwsCall.CREATE_LOG_GROUP,
            AwsCall.CREATE_LOG_STREAM,
            AwsCall.DESCRIBE_LOG_STREAMS,
            AwsCall.PUT_LOG_EVENTS,
        ),
    ),
}

CHECKING = (
    AwsCall.GET_CALLER_IDENTITY,
    AwsCall.SIMULATE_PRINCIPAL_POLICY,
    AwsCall.GENERATE_SEALED_DATA_KEY,
    AwsCall.DECRYPT,
    AwsCall.RE_ENCRYPT,
    AwsCall.ADD_TAGS_TO_RESOURCE,
)
"""The calls of `strongroom sources check` itself. The first needs no permission; the last four are tried only there."""
