"""Every call that AWS sources make, each with the permission it needs; `docs/aws.md` is compared with this list."""

from enum import Enum


class AwsCall(Enum):
    """One operation of one service, as `(service, operation)`, with the permission where it is called otherwise."""

    DESCRIBE_VOLUMES = ("ec2", "DescribeVolumes")
    DESCRIBE_SNAPSHOTS = ("ec2", "DescribeSnapshots")
    CREATE_SNAPSHOT = ("ec2", "CreateSnapshot")
    COPY_SNAPSHOT = ("ec2", "CopySnapshot")
    DELETE_SNAPSHOT = ("ec2", "DeleteSnapshot")
    CREATE_VOLUME = ("ec2", "CreateVolume")

    DESCRIBE_DB_INSTANCES = ("rds", "DescribeDBInstances")
    DESCRIBE_DB_CLUSTERS = ("rds", "DescribeDBClusters")
    DESCRIBE_DB_SNAPSHOTS = ("rds", "DescribeDBSnapshots")
    DESCRIBE_DB_CLUSTER_SNAPSHOTS = ("rds", "DescribeDBClusterSnapshots")
    CREATE_DB_SNAPSHOT = ("rds", "CreateDBSnapshot")
    CREATE_DB_CLUSTER_SNAPSHOT = ("rds", "CreateDBClusterSnapshot")
    COPY_DB_SNAPSHOT = ("rds", "CopyDBSnapshot")
    COPY_DB_CLUSTER_SNAPSHOT = ("rds", "CopyDBClusterSnapshot")
    DELETE_DB_SNAPSHOT = ("rds", "DeleteDBSnapshot")
    DELETE_DB_CLUSTER_SNAPSHOT = ("rds", "DeleteDBClusterSnapshot")
    RESTORE_DB_INSTANCE = ("rds", "RestoreDBInstanceFromDBSnapshot")
    RESTORE_DB_CLUSTER = ("rds", "RestoreDBClusterFromSnapshot")
    CREATE_DB_INSTANCE = ("rds", "CreateDBInstance")
    ADD_TAGS_TO_RESOURCE = ("rds", "AddTagsToResource")

    LIST_OBJECTS = ("s3", "ListObjectsV2", "s3:ListBucket")
    LIST_OBJECT_VERSIONS = ("s3", "ListObjectVersions", "s3:ListBucketVersions")
    GET_OBJECT = ("s3", "GetObject")
    GET_OBJECT_VERSION = ("s3", "GetObject", "s3:GetObjectVersion")
    GET_OBJECT_TAGGING = ("s3", "GetObjectTagging")
    GET_OBJECT_VERSION_TAGGING = ("s3", "GetObjectTagging", "s3:GetObjectVersionTagging")
    GET_BUCKET_VERSIONING = ("s3", "GetBucketVersioning")
    PUT_OBJECT = ("s3", "PutObject")
    PUT_TAGGED_OBJECT = ("s3", "PutObject", "s3:PutObjectTagging")
    CREATE_MULTIPART_UPLOAD = ("s3", "CreateMultipartUpload", "s3:PutObject")
    UPLOAD_PART = ("s3", "UploadPart", "s3:PutObject")
    COMPLETE_MULTIPART_UPLOAD = ("s3", "CompleteMultipartUpload", "s3:PutObject")
    ABORT_MULTIPART_UPLOAD = ("s3", "AbortMultipartUpload")
    DELETE_OBJECT = ("s3", "DeleteObject")

    DESCRIBE_LOG_GROUPS = ("logs", "DescribeLogGroups")
    FILTER_LOG_EVENTS = ("logs", "FilterLogEvents")
    CREATE_LOG_GROUP = ("logs", "CreateLogGroup")
    CREATE_LOG_STREAM = ("logs", "CreateLogStream")
    DESCRIBE_LOG_STREAMS = ("logs", "DescribeLogStreams")
    PUT_LOG_EVENTS = ("logs", "PutLogEvents")

    DESCRIBE_KEY = ("kms", "DescribeKey")
    GENERATE_SEALED_DATA_KEY = ("kms", "GenerateDataKeyWithoutPlaintext")
    DECRYPT = ("kms", "Decrypt")
    RE_ENCRYPT = ("kms", "ReEncrypt", "kms:ReEncryptFrom")
    GET_CALLER_IDENTITY = ("sts", "GetCallerIdentity")
    SIMULATE_PRINCIPAL_POLICY = ("iam", "SimulatePrincipalPolicy")

    @property
    def repeatable(self) -> bool:
        """Say whether a call whose answer got lost may be made again: one that makes a thing without a name may not."""
        return self not in {AwsCall.CREATE_SNAPSHOT, AwsCall.COPY_SNAPSHOT, AwsCall.CREATE_VOLUME}

    def __init__(self, service: str, operation: str, permission: str | None = None) -> None:
        self.service = service
        self.operation = operation
        self.permission = permission or f"{service}:{operation}"

    @property
    def method(self) -> str:
        """Return the name that botocore gives the operation."""
        # The AWS client is an extra: commands that need none of it start without.
        from botocore import xform_name

        name: str = xform_name(self.operation)
        return name
