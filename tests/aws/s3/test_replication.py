"""Replication: rules and their checks; copies in other buckets, regions and accounts."""

import json

import pytest
from harness import aws_error, covers, until

from .conftest import PATH_STYLE

OTHER = "210987654321"


@pytest.fixture
def role(client, unique, account):
    """The ARN of a role that S3 may assume and that may replicate."""
    iam = client("iam")
    name = unique("role")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName=name,
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
            }
        ),
    )
    return made["Role"]["Arn"]


@pytest.fixture
def target(client, unique):
    """target(region, account...) makes a versioned bucket: its client and its name."""

    def make(region="eu-west-1", versioned=True, **more):
        s3 = client("s3", region=region, config=PATH_STYLE, **more)
        name = unique("target")
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **({} if region == "us-east-1" else place))
        if versioned:
            s3.put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": "Enabled"}
            )
        return s3, name

    return make


def rule(name, **more):
    return {
        "ID": "r",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{name}"},
        **more,
    }


@pytest.fixture
def replicate(s3, bucket, role):
    def put(*rules, role=role):
        s3.put_bucket_replication(
            Bucket=bucket, ReplicationConfiguration={"Role": role, "Rules": list(rules)}
        )

    return put


def status_of(s3, bucket, key):
    return s3.head_object(Bucket=bucket, Key=key).get("ReplicationStatus")


@covers("s3", "PutBucketReplication")
@covers("s3", "GetBucketReplication")
@covers("s3", "DeleteBucketReplication")
@covers("s3", "GetBucketReplication", error="ReplicationConfigurationNotFoundError")
def test_a_configuration_comes_back(s3, versioned, replicate, role, target):
    _, name = target()
    with aws_error("ReplicationConfigurationNotFoundError", 404):
        s3.get_bucket_replication(Bucket=versioned)
    wanted = rule(name, Filter={"And": {"Prefix": "a", "Tags": [{"Key": "k", "Value": "v"}]}})
    replicate(wanted)
    found = s3.get_bucket_replication(Bucket=versioned)["ReplicationConfiguration"]
    assert found == {"Role": role, "Rules": [wanted]}
    with aws_error("InvalidBucketState", 409):
        s3.put_bucket_versioning(
            Bucket=versioned, VersioningConfiguration={"Status": "Suspended"}
        )
    s3.delete_bucket_replication(Bucket=versioned)
    with aws_error("ReplicationConfigurationNotFoundError", 404):
        s3.get_bucket_replication(Bucket=versioned)


@covers("s3", "PutBucketReplication", error=["InvalidRequest", "InvalidArgument", "MalformedXML"])
def test_configurations_are_checked(s3, bucket, replicate, target):
    _, name = target()
    with aws_error("InvalidRequest", 400, match="Versioning must be 'Enabled'"):
        replicate(rule(name))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    _, plain = target(versioned=False)
    with aws_error("InvalidRequest", 400, match="must have versioning enabled"):
        replicate(rule(plain))
    with aws_error("InvalidRequest", 400, "Destination bucket must exist."):
        replicate(rule(f"{name}-not"))
    with aws_error("InvalidRequest", 400, match="cannot be the same"):
        replicate(rule(bucket))
    with aws_error("InvalidRequest", 400, "Invalid bucket ARN."):
        replicate(rule(name, Destination={"Bucket": "x"}))
    with aws_error("InvalidArgument", 400, "Invalid Role ARN"):
        replicate(rule(name), role="x")
    with aws_error("InvalidRequest", 400, match="Rule Id must be unique"):
        replicate(rule(name), rule(name, Priority=2))
    with aws_error("InvalidRequest", 400, match="Found duplicate priority 1"):
        replicate(rule(name), rule(name, ID="other"))
    without = rule(name)
    del without["Priority"]
    with aws_error("InvalidRequest", 400, match="Priority must be specified"):
        replicate(without)
    without = rule(name)
    del without["DeleteMarkerReplication"]
    with aws_error("InvalidRequest", 400, match="DeleteMarkerReplication must be specified"):
        replicate(without)
    with aws_error("MalformedXML", 400):
        replicate(rule(name, Prefix="a"))


@covers("s3", "PutObject")
@covers("s3", "HeadObject")
def test_new_versions_are_copied_to_another_region(s3, versioned, replicate, target, put):
    there, name = target()
    put("before")
    replicate(rule(name))
    made = put("a", b"text", Metadata={"m": "1"}, Tagging="k=v", ContentType="a/b")
    until(lambda: status_of(s3, versioned, "a") == "COMPLETED")
    found = there.get_object(Bucket=name, Key="a")
    assert found["Body"].read() == b"text"
    # AWS: "the replicas have the same ... version ID".
    assert found["VersionId"] == made["VersionId"]
    assert found["ReplicationStatus"] == "REPLICA"
    assert (found["Metadata"], found["ContentType"]) == ({"m": "1"}, "a/b")
    assert there.get_object_tagging(Bucket=name, Key="a")["TagSet"] == [
        {"Key": "k", "Value": "v"}
    ]
    # What was there before stays where it is.
    assert status_of(s3, versioned, "before") is None
    assert [o["Key"] for o in there.list_objects_v2(Bucket=name)["Contents"]] == ["a"]
    # The replica lives on without its source.
    s3.delete_object(Bucket=versioned, Key="a", VersionId=made["VersionId"])
    assert there.get_object(Bucket=name, Key="a")["Body"].read() == b"text"


@covers("s3", "PutObject")
def test_filters_and_classes(s3, versioned, replicate, target, put):
    there, name = target("us-east-1")
    destination = {"Bucket": f"arn:aws:s3:::{name}", "StorageClass": "STANDARD_IA"}
    replicate(rule(name, Filter={"Prefix": "in/"}, Destination=destination))
    put("out/a")
    put("in/a")
    until(lambda: status_of(s3, versioned, "in/a") == "COMPLETED")
    assert status_of(s3, versioned, "out/a") is None
    (found,) = there.list_objects_v2(Bucket=name)["Contents"]
    assert (found["Key"], found["StorageClass"]) == ("in/a", "STANDARD_IA")


@covers("s3", "DeleteObject")
@pytest.mark.parametrize("status", ["Enabled", "Disabled"])
def test_delete_markers_follow_the_rule(s3, versioned, replicate, target, put, status):
    there, name = target()
    replicate(rule(name, DeleteMarkerReplication={"Status": status}))
    put("a")
    until(lambda: status_of(s3, versioned, "a") == "COMPLETED")
    marker = s3.delete_object(Bucket=versioned, Key="a")["VersionId"]
    put("b")
    until(lambda: status_of(s3, versioned, "b") == "COMPLETED")

    def markers():
        found = there.list_object_versions(Bucket=name).get("DeleteMarkers", [])
        return [item["VersionId"] for item in found]

    if status == "Enabled":
        until(lambda: markers() == [marker])
    else:
        assert markers() == []


@covers("s3", "PutObject")
def test_another_account_must_let_it_in(s3, versioned, replicate, target, put, role):
    there, name = target(account=OTHER)
    replicate(rule(name))
    put("a")
    until(lambda: status_of(s3, versioned, "a") == "FAILED")
    there.put_bucket_policy(
        Bucket=name,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": role},
                        "Action": ["s3:ReplicateObject", "s3:ReplicateDelete"],
                        "Resource": f"arn:aws:s3:::{name}/*",
                    }
                ],
            }
        ),
    )
    put("b", b"2")
    until(lambda: status_of(s3, versioned, "b") == "COMPLETED")
    assert there.get_object(Bucket=name, Key="b")["Body"].read() == b"2"


@covers("s3", "PutObject")
def test_large_objects_are_copied(s3, versioned, replicate, target, put, noise):
    there, name = target()
    replicate(rule(name))
    data = noise(6_000_000)
    put("a", data)
    until(lambda: status_of(s3, versioned, "a") == "COMPLETED")
    assert there.get_object(Bucket=name, Key="a")["Body"].read() == data
