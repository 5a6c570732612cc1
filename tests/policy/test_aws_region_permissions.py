"""What regions' buckets and KMS keys are asked for is in docs/aws.md; nothing else makes a client of AWS."""

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.policy.project import product_files, python_files, relative, syntax
from tests.policy.test_aws_permissions import actions_below

CLIENTS = {"strongroom/aws/client.py", "strongroom/storage/s3_client.py", "strongroom/keyring/aws_kms_client.py"}
OTHER_WAYS = {"get_waiter", "resource", "generate_presigned_url", "upload_file", "upload_fileobj", "download_file"}

NEEDED = {
    "s3": {
        "copy_object": {"s3:GetObject", "s3:PutObject"},
        # With a version, or of one under a lock, the last two.
        "delete_object": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
        "head_object": {"s3:GetObject", "s3:GetObjectVersion"},
        "get_bucket_versioning": {"s3:GetBucketVersioning"},
        "get_object": {"s3:GetObject"},
        "get_object_retention": {"s3:GetObjectRetention"},
        "list_object_versions": {"s3:ListBucketVersions"},
        "list_objects_v2": {"s3:ListBucket"},
        "put_object": {"s3:PutObject", "s3:PutObjectRetention"},
        "put_object_retention": {"s3:PutObjectRetention"},
    },
    "kms": {
        "decrypt": {"kms:Decrypt"},
        "describe_key": {"kms:DescribeKey"},
        "encrypt": {"kms:Encrypt"},
        "generate_data_key": {"kms:GenerateDataKey"},
        "re_encrypt": {"kms:ReEncryptFrom", "kms:ReEncryptTo"},
    },
}


def calls_made(files: list[Path], service: str) -> set[str]:
    """Return the methods of the service that something called `client` is asked for, pages among them."""
    model = botocore.session.Session().get_service_model(service)
    methods = {xform_name(operation) for operation in model.operation_names}
    return methods & set(chain.from_iterable(_asked(syntax(path)) for path in files))


def _asked(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        # Not only where it is called: a method that is handed on is called elsewhere.
        if isinstance(node, ast.Attribute) and _name(node.value) in {"client", "_client"}:
            yield node.attr
        if isinstance(node, ast.Call) and _name(node.func) in {"get_paginator", "getattr"}:
            yield from (one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@pytest.mark.parametrize(
    ("room", "service", "heading"),
    [
        ("storage", "s3", "### Permissions of a bucket that is a region\n"),
        ("keyring", "kms", "### Permissions of a KMS key that wraps data keys\n"),
    ],
)
def test_the_policies_of_regions_are_what_their_calls_need_and_nothing_more(
    room: str, service: str, heading: str
) -> None:
    files = [path for path in python_files("strongroom") if relative(path).startswith(f"strongroom/{room}/")]
    assert calls_made(files, service) == NEEDED[service].keys()
    assert actions_below(heading) == set().union(*NEEDED[service].values())


def test_clients_are_made_in_one_place_for_each_room() -> None:
    makers = set()
    for path in product_files():
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Import) and any(_makes_clients(alias.name) for alias in node.names):
                makers.add(relative(path))
            if isinstance(node, ast.ImportFrom) and _makes_clients(node.module or ""):
                makers.add(relative(path))
            if isinstance(node, ast.Call) and _name(node.func) in {"import_module", "__import__"}:
                makers |= {relative(path) for one in node.args if _names_maker(one)}
    assert makers == CLIENTS


def _makes_clients(module: str) -> bool:
    return module.partition(".")[0] == "boto3" or module == "botocore.session"


def _names_maker(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and _makes_clients(str(node.value))


def test_clients_are_called_in_the_ways_that_these_tests_see() -> None:
    for path in product_files():
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in OTHER_WAYS, f"{relative(path)}:{node.lineno}"
