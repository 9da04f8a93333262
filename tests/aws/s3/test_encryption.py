"""Encryption at rest: SSE-S3, SSE-KMS with and without bucket keys, SSE-C, defaults of buckets."""

import base64
import hashlib
import os

import pytest
from harness import aws_error, covers

CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}


@pytest.fixture
def kms(client):
    return client("kms")


@covers("s3", "PutObject")
@pytest.mark.parametrize("size", [100, 100_000])
def test_kms(s3, kms, bucket, put, get, noise, size):
    body = noise(size)
    answer = put("k", body, ServerSideEncryption="aws:kms")
    # AWS: without a key, the AWS managed key aws/s3.
    managed = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    assert answer["SSEKMSKeyId"] == managed
    # AWS: ETags of objects under KMS are no MD5 digests.
    assert answer["ETag"] != f'"{hashlib.md5(body).hexdigest()}"'
    assert get("k") == body
    assert get("k", Range="bytes=33-77") == body[33:78]
    key = kms.create_key()["KeyMetadata"]
    answer = put("k", body, ServerSideEncryption="aws:kms", SSEKMSKeyId=key["KeyId"])
    assert answer["SSEKMSKeyId"] == key["Arn"]
    assert get("k") == body
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key["Arn"])
    kms.disable_key(KeyId=key["KeyId"])
    with aws_error("KMS.DisabledException", http_status=400):
        get("k")
    with aws_error("KMS.NotFoundException", http_status=400):
        put("x", b"", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/nowhere")


def test_bucket_keys(s3, kms, bucket, put, get):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "BucketKeyEnabled": True}
    for name in ("a", "b"):
        assert put(name, name.encode(), **options)["BucketKeyEnabled"] is True
    assert get("a") == b"a" and get("b") == b"b"
    assert s3.head_object(Bucket=bucket, Key="a")["BucketKeyEnabled"] is True


def test_the_key_policy_decides(client, s3, kms, bucket, put, get):
    # AWS: "Using server-side encryption with AWS KMS keys": reading needs kms:Decrypt, writing
    # kms:GenerateDataKey.
    iam = client("iam")
    iam.create_user(UserName="reader")
    iam.put_user_policy(
        UserName="reader",
        PolicyName="s3",
        PolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",'
        '"Resource":"*"}}',
    )
    keys = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = client("s3", access_key=keys["AccessKeyId"], secret_key=keys["SecretAccessKey"])
    put("k", b"secret", ServerSideEncryption="aws:kms")
    put("plain", b"open")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    put("k", b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert reader.get_object(Bucket=bucket, Key="plain")["Body"].read() == b"open"
    with aws_error("AccessDenied", http_status=403):
        reader.get_object(Bucket=bucket, Key="k")
    with aws_error("AccessDenied", http_status=403):
        reader.put_object(
            Bucket=bucket, Key="x", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
        )


def test_the_default_of_the_bucket(s3, kms, bucket, put, get):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": key,
                    },
                    "BucketKeyEnabled": True,
                }
            ]
        },
    )
    answer = put("k", b"text")
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", key)
    assert answer["BucketKeyEnabled"] is True
    assert get("k") == b"text"
    assert put("k", b"text", ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"


@pytest.mark.parametrize("size", [100, 100_000])
def test_keys_of_customers(s3, bucket, put, get, noise, size):
    body = noise(size)
    answer = put("k", body, **CUSTOMER)
    md5 = base64.b64encode(hashlib.md5(CUSTOMER["SSECustomerKey"]).digest()).decode()
    assert answer["SSECustomerKeyMD5"] == md5
    assert "ServerSideEncryption" not in answer
    assert get("k", **CUSTOMER) == body
    assert s3.head_object(Bucket=bucket, Key="k", **CUSTOMER)["SSECustomerAlgorithm"] == "AES256"
    with aws_error("InvalidRequest", http_status=400):
        get("k")
    with aws_error("AccessDenied", http_status=403):
        get("k", **{**CUSTOMER, "SSECustomerKey": b"x" * 32})
    put("plain", b"open")
    with aws_error("InvalidRequest", http_status=400):
        get("plain", **CUSTOMER)


@covers("s3", "PutObject", error="InvalidArgument")
@covers("s3", "PutObject", error="InvalidEncryptionAlgorithmError")
def test_encryption_that_is_refused(s3, bucket, put):
    with aws_error("InvalidArgument", http_status=400):
        put("k", ServerSideEncryption="rot13")
    with aws_error("InvalidArgument", http_status=400):
        put("k", ServerSideEncryption="AES256", SSEKMSKeyId="alias/aws/s3")
    with aws_error("InvalidArgument", http_status=400):
        put("k", ServerSideEncryption="AES256", **CUSTOMER)
    with aws_error("InvalidArgument", http_status=400):
        put("k", **{**CUSTOMER, "SSECustomerKey": b"short"})
    with aws_error("InvalidEncryptionAlgorithmError", http_status=400):
        put("k", **{**CUSTOMER, "SSECustomerAlgorithm": "DES"})


def test_what_lies_on_the_disk(new_server, client):
    server = new_server(is_stored=True)
    s3 = client("s3", server=server)
    s3.create_bucket(Bucket="at-rest-bucket")
    text = b"the secret text of this test " * 4000
    for name, options in (
        ("aes", {"ServerSideEncryption": "AES256"}),
        ("kms", {"ServerSideEncryption": "aws:kms"}),
        ("customer", CUSTOMER),
        ("small", {"ServerSideEncryption": "AES256"}),
    ):
        body = text if name != "small" else text[:1000]
        s3.put_object(Bucket="at-rest-bucket", Key=name, Body=body, **options)
    found = []
    for folder, _, names in os.walk(server.data_dir):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                if b"the secret text" in file.read():
                    found.append(name)
    assert not found
