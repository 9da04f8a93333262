"""Server access logs: configurations, and the lines that are delivered."""

import json
import re
import time

import pytest
from harness import aws_error, covers

from .conftest import PATH_STYLE


@pytest.fixture
def target(s3, unique, account):
    """A bucket that takes logs of this account."""
    name = unique("logs")
    s3.create_bucket(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [statement]}))
    return name


def enabled(target, prefix="log/", **more):
    return {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": prefix, **more}}


@covers("s3", "PutBucketLogging")
@covers("s3", "GetBucketLogging")
def test_a_configuration_comes_back(s3, bucket, target):
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    wanted = enabled(
        target, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    )
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=wanted)
    found = s3.get_bucket_logging(Bucket=bucket)
    assert found["LoggingEnabled"] == wanted["LoggingEnabled"]
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


@covers("s3", "PutBucketLogging", error=["InvalidTargetBucketForLogging",
                                         "CrossLocationLoggingProhibited"])  # fmt: skip
def test_targets_are_checked(s3, client, bucket, target, unique):
    def refused(code, status, name, **more):
        with aws_error(code, status):
            s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=enabled(name, **more))

    refused("InvalidTargetBucketForLogging", 400, "no-such-bucket-here")
    other = client("s3", account="210987654321", config=PATH_STYLE)
    theirs = unique("theirs")
    other.create_bucket(Bucket=theirs)
    refused("InvalidTargetBucketForLogging", 400, theirs)
    far = unique("far")
    s3.create_bucket(Bucket=far, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    refused("CrossLocationLoggingProhibited", 403, far)
    grant = {
        "Grantee": {"Type": "CanonicalUser", "ID": s3.list_buckets()["Owner"]["ID"]},
        "Permission": "READ",
    }
    refused("InvalidTargetBucketForLogging", 400, target, TargetGrants=[grant])


@covers("s3", "PutBucketLogging")
def test_lines_are_delivered(clock, s3, bucket, target, put, raw):
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=enabled(target))
    put("a b", b"12345")
    s3.get_object(Bucket=bucket, Key="a b")
    raw("GET", f"/{bucket}/missing", sign=False)
    deadline = time.monotonic() + 20
    found = []
    while not found:
        assert time.monotonic() < deadline, "no log was delivered"
        clock.advance("2m")
        found = s3.list_objects_v2(Bucket=target).get("Contents", [])
    assert re.fullmatch(
        r"log/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}", found[0]["Key"]
    )
    text = s3.get_object(Bucket=target, Key=found[0]["Key"])["Body"].read().decode()
    lines = text.splitlines()
    # AWS: "Amazon S3 server access log format".
    owner = s3.list_buckets()["Owner"]["ID"]
    for line in lines:
        assert line.startswith(f"{owner} {bucket} [")
    get = next(line for line in lines if "REST.GET.OBJECT" in line and " 200 " in line)
    assert f'"GET /{bucket}/a%20b HTTP/1.1" 200 - 5 5 ' in get
    assert "AuthHeader" in get
    refused = next(line for line in lines if " 403 AccessDenied " in line)
    assert " REST.GET.OBJECT missing " in refused
    assert any("REST.PUT.OBJECT" in line for line in lines)
