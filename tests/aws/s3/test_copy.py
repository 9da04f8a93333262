"""CopyObject: directives, conditions, itself, encryption, buckets and accounts."""

import hashlib

import pytest
from harness import aws_error, covers


@covers("s3", "CopyObject")
def test_a_copy_has_everything_but_class_and_acl(s3, bucket, put, get):
    etag = put(
        "a b/ü",
        b"body",
        ContentType="text/plain",
        CacheControl="no-store",
        Metadata={"x": "y"},
        Tagging="t=1",
        StorageClass="STANDARD_IA",
        WebsiteRedirectLocation="/r",
    )["ETag"]
    answer = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/ü"})
    assert answer["CopyObjectResult"]["ETag"] == etag
    head = s3.head_object(Bucket=bucket, Key="copy")
    assert (head["ContentType"], head["CacheControl"]) == ("text/plain", "no-store")
    assert head["Metadata"] == {"x": "y"}
    # AWS: "the following are not copied": storage class, redirect.
    assert "StorageClass" not in head and "WebsiteRedirectLocation" not in head
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [
        {"Key": "t", "Value": "1"}
    ]
    assert get("copy") == b"body"


@covers("s3", "CopyObject")
def test_directives_replace(s3, bucket, put):
    put("a", ContentType="text/plain", Metadata={"x": "y"}, Tagging="t=1")
    s3.copy_object(
        Bucket=bucket,
        Key="b",
        CopySource=f"{bucket}/a",
        MetadataDirective="REPLACE",
        Metadata={"new": "1"},
        TaggingDirective="REPLACE",
        Tagging="u=2",
    )
    head = s3.head_object(Bucket=bucket, Key="b")
    assert head["Metadata"] == {"new": "1"}
    assert head["ContentType"] == "binary/octet-stream"
    assert s3.get_object_tagging(Bucket=bucket, Key="b")["TagSet"] == [{"Key": "u", "Value": "2"}]


@covers("s3", "CopyObject", error="InvalidRequest")
def test_a_copy_onto_itself_must_change_something(s3, bucket, put, get):
    put("a", b"body")
    with aws_error("InvalidRequest", http_status=400) as error:
        s3.copy_object(Bucket=bucket, Key="a", CopySource=f"{bucket}/a")
    assert error.message.startswith("This copy request is illegal because it is trying to copy an")
    for change in (
        {"MetadataDirective": "REPLACE", "Metadata": {"n": "1"}},
        {"StorageClass": "STANDARD_IA"},
        {"ServerSideEncryption": "AES256"},
        {"WebsiteRedirectLocation": "/x"},
    ):
        s3.copy_object(Bucket=bucket, Key="a", CopySource=f"{bucket}/a", **change)
        assert get("a") == b"body"


@covers("s3", "CopyObject", error="PreconditionFailed")
def test_conditions_on_the_source(s3, bucket, put):
    etag = put("a")["ETag"]
    copy = {"Bucket": bucket, "Key": "b", "CopySource": f"{bucket}/a"}
    s3.copy_object(**copy, CopySourceIfMatch=etag)
    s3.copy_object(**copy, CopySourceIfNoneMatch='"x"')
    for conditions in (
        {"CopySourceIfMatch": '"x"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfUnmodifiedSince": "2020-01-01"},
        {"IfNoneMatch": "*"},
    ):
        with aws_error("PreconditionFailed", http_status=412):
            s3.copy_object(**copy, **conditions)


@covers("s3", "CopyObject", error="InvalidArgument")
@covers("s3", "CopyObject", error="NoSuchBucket")
@covers("s3", "CopyObject", error="NoSuchKey")
def test_sources_and_directives_that_are_refused(s3, bucket, put, raw):
    put("a")
    for source in (bucket, "/", f"{bucket}/"):
        answer = raw("PUT", f"/{bucket}/b", headers={"x-amz-copy-source": source})
        assert answer.status == 400 and "<Code>InvalidArgument</Code>" in answer.text
    with aws_error("InvalidArgument", http_status=400, message="Unknown metadata directive."):
        s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", MetadataDirective="X")
    with aws_error("NoSuchKey", http_status=404):
        s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/nowhere")
    with aws_error("NoSuchBucket", http_status=404):
        s3.copy_object(Bucket=bucket, Key="b", CopySource="no-such-bucket-here/a")


@covers("s3", "CopyObject")
@pytest.mark.parametrize("size", [100, 100_000])
def test_between_buckets_and_accounts(client, s3, bucket, put, unique, noise, size):
    body = noise(size)
    put("a", body)
    other_account = "222222222222"
    other = client("s3", account=other_account)
    target = unique("other")
    other.create_bucket(Bucket=target)
    with aws_error("AccessDenied", http_status=403):
        other.copy_object(Bucket=target, Key="b", CopySource=f"{bucket}/a")
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},'
        '"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}' % (other_account, bucket)
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    other.copy_object(Bucket=target, Key="b", CopySource=f"{bucket}/a")
    s3.delete_object(Bucket=bucket, Key="a")
    assert other.get_object(Bucket=target, Key="b")["Body"].read() == body


@covers("s3", "CopyObject")
@pytest.mark.parametrize("source", ["", "AES256", "aws:kms", "customer"])
@pytest.mark.parametrize("target", ["", "AES256", "aws:kms", "customer"])
@pytest.mark.parametrize("size", [1000, 70_000])
def test_any_encryption_to_any_other(s3, bucket, put, get, noise, source, target, size):
    body, first, second = noise(size), noise(32), noise(32)
    wrapped = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": first}
    put_options, copy_options, get_options = {}, {}, {}
    if source == "customer":
        put_options = wrapped
        copy_options = {"CopySource" + name: value for name, value in wrapped.items()}
    elif source:
        put_options = {"ServerSideEncryption": source}
    if target == "customer":
        get_options = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": second}
        copy_options |= get_options
    elif target:
        copy_options["ServerSideEncryption"] = target
    put("a", body, **put_options)
    answer = s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", **copy_options)
    assert get("b", **get_options) == body
    assert get("b", Range="bytes=17-33", **get_options) == body[17:34]
    if target in ("", "AES256"):
        assert answer["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        assert answer["ServerSideEncryption"] == "AES256"
    elif target == "aws:kms":
        assert answer["ServerSideEncryption"] == "aws:kms"
