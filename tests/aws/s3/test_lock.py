"""Object lock: retention, legal holds, defaults of the bucket, what they forbid; tags of objects."""

import datetime

import pytest
from harness import aws_error, covers


def until(days):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)


@pytest.fixture
def locked(s3, unique):
    name = unique("locked")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@covers("s3", "PutObjectRetention")
@covers("s3", "GetObjectRetention")
@covers("s3", "DeleteObject", error="AccessDenied")
def test_governance(s3, locked):
    version = s3.put_object(
        Bucket=locked,
        Key="k",
        Body=b"x",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until(2),
        ChecksumAlgorithm="SHA256",
    )["VersionId"]
    where = {"Bucket": locked, "Key": "k", "VersionId": version}
    head = s3.head_object(**where)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    with aws_error(
        "AccessDenied",
        http_status=403,
        message="Access Denied because object protected by object lock.",
    ):
        s3.delete_object(**where)
    # A delete marker hides it, as always.
    marker = s3.delete_object(Bucket=locked, Key="k")["VersionId"]
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker)
    with aws_error("AccessDenied", http_status=403):
        s3.put_object_retention(**where, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until(1)})
    s3.put_object_retention(**where, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until(3)})
    assert s3.get_object_retention(**where)["Retention"]["Mode"] == "GOVERNANCE"
    s3.put_object_retention(**where, Retention={}, BypassGovernanceRetention=True)
    s3.delete_object(**where)


def test_compliance_ends_only_with_time(s3, locked, clock):
    version = s3.put_object(
        Bucket=locked,
        Key="k",
        Body=b"x",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=until(2),
        ChecksumAlgorithm="SHA256",
    )["VersionId"]
    where = {"Bucket": locked, "Key": "k", "VersionId": version}
    for wanted in ({"Mode": "GOVERNANCE", "RetainUntilDate": until(5)}, {}):
        with aws_error("AccessDenied", http_status=403):
            s3.put_object_retention(**where, Retention=wanted, BypassGovernanceRetention=True)
    with aws_error("AccessDenied", http_status=403):
        s3.delete_object(**where, BypassGovernanceRetention=True)
    clock.advance("49h")
    s3.delete_object(**where)


@covers("s3", "PutObjectLegalHold")
@covers("s3", "GetObjectLegalHold")
def test_legal_holds(s3, locked):
    version = s3.put_object(Bucket=locked, Key="k", Body=b"x")["VersionId"]
    where = {"Bucket": locked, "Key": "k", "VersionId": version}
    with aws_error("NoSuchObjectLockConfiguration", http_status=404):
        s3.get_object_legal_hold(**where)
    s3.put_object_legal_hold(**where, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**where)["LegalHold"]["Status"] == "ON"
    with aws_error("AccessDenied", http_status=403):
        s3.delete_object(**where, BypassGovernanceRetention=True)
    answer = s3.delete_objects(
        Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": version}]}
    )
    assert answer["Errors"][0]["Code"] == "AccessDenied"
    s3.put_object_legal_hold(**where, LegalHold={"Status": "OFF"})
    s3.delete_object(**where)


def test_the_default_of_the_bucket(s3, locked):
    s3.put_object_lock_configuration(
        Bucket=locked,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}},
        },
    )
    s3.put_object(Bucket=locked, Key="k", Body=b"x")
    head = s3.head_object(Bucket=locked, Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    days = (head["ObjectLockRetainUntilDate"] - head["LastModified"]).total_seconds() / 86400
    assert 2.99 < days < 3.01


@covers("s3", "PutObjectRetention", error="InvalidRequest")
@covers("s3", "PutObjectRetention", error="InvalidArgument")
@covers("s3", "PutObjectRetention", error="MalformedXML")
@covers("s3", "GetObjectRetention", error="InvalidRequest")
@covers("s3", "GetObjectRetention", error="NoSuchObjectLockConfiguration")
@covers("s3", "GetObjectLegalHold", error="NoSuchObjectLockConfiguration")
@covers("s3", "PutObjectLegalHold", error="MalformedXML")
def test_locks_that_are_refused(s3, bucket, locked, put):
    put("k")
    text = "Bucket is missing Object Lock Configuration"
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until(1)}
    with aws_error("InvalidRequest", http_status=400, message=text):
        s3.put_object_retention(Bucket=bucket, Key="k", Retention=retention)
    with aws_error("InvalidRequest", http_status=400, message=text):
        s3.get_object_retention(Bucket=bucket, Key="k")
    with aws_error("InvalidRequest", http_status=400, message=text):
        put("k", ObjectLockLegalHoldStatus="ON")
    s3.put_object(Bucket=locked, Key="k", Body=b"x")
    with aws_error("NoSuchObjectLockConfiguration", http_status=404):
        s3.get_object_retention(Bucket=locked, Key="k")
    past = {"Mode": "GOVERNANCE", "RetainUntilDate": until(-1)}
    with aws_error("InvalidArgument", http_status=400):
        s3.put_object_retention(Bucket=locked, Key="k", Retention=past)
    with aws_error("MalformedXML", http_status=400):
        s3.put_object_retention(Bucket=locked, Key="k", Retention={"Mode": "FOREVER"})
    with aws_error("MalformedXML", http_status=400):
        s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "MAYBE"})
    with aws_error("InvalidArgument", http_status=400):
        s3.put_object(Bucket=locked, Key="k", ObjectLockMode="GOVERNANCE")
    with aws_error("InvalidArgument", http_status=400):
        s3.put_object(
            Bucket=locked, Key="k", ObjectLockMode="X", ObjectLockRetainUntilDate=until(1)
        )


# ---- tags ----


@covers("s3", "PutObjectTagging")
@covers("s3", "GetObjectTagging")
@covers("s3", "DeleteObjectTagging")
def test_tags(s3, bucket, put):
    put("k", Tagging="a=1&b%20c=%C3%BC")
    where = {"Bucket": bucket, "Key": "k"}
    assert s3.get_object_tagging(**where)["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b c", "Value": "ü"},
    ]
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(10)]
    s3.put_object_tagging(**where, Tagging={"TagSet": tags})
    assert s3.get_object_tagging(**where)["TagSet"] == tags
    s3.delete_object_tagging(**where)
    assert s3.get_object_tagging(**where)["TagSet"] == []


@covers("s3", "PutObjectTagging", error="InvalidTag")
@covers("s3", "PutObjectTagging", error="BadRequest")
@covers("s3", "PutObjectTagging", error="NoSuchKey")
def test_tags_that_are_refused(s3, bucket, put):
    put("k")

    def tag(*pairs, key="k"):
        tags = [{"Key": name, "Value": value} for name, value in pairs]
        s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tags})

    text = "Object tags cannot be greater than 10"
    with aws_error("BadRequest", http_status=400, message=text):
        tag(*[(f"k{number}", "") for number in range(11)])
    with aws_error("InvalidTag", http_status=400):
        tag(("a", "1"), ("a", "2"))
    with aws_error("InvalidTag", http_status=400):
        tag(("a" * 129, ""))
    with aws_error("InvalidTag", http_status=400):
        tag(("a", "v" * 257))
    with aws_error("InvalidTag", http_status=400):
        tag(("aws:x", "v"))
    with aws_error("NoSuchKey", http_status=404):
        tag(("a", "1"), key="nowhere")
    with aws_error("InvalidArgument", http_status=400):
        put("k", Tagging="a=1&a=2")
