"""Form uploads: PostObject, its policy documents, its answers."""

import base64
import hashlib
import hmac
import json

import pytest
from harness import covers


def form(fields, file=b"text", filename="a.txt", boundary="xyz", file_type="text/plain"):
    """A multipart/form-data body and its headers."""
    body = b""
    for name, value in fields.items():
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        ).encode()
    if file is not None:
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{filename}"\r\nContent-Type: {file_type}\r\n\r\n'
        ).encode()
        body += file + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@pytest.fixture
def post(raw, bucket):
    def send(fields, headers=(), **more):
        body, own = form(fields, **more)
        return raw("POST", f"/{bucket}", body, headers={**own, **dict(headers)}, sign=False)

    return send


@pytest.fixture
def signed(s3, bucket):
    """signed("key", fields..., conditions=[...]) are the fields of a form that boto3 signs."""

    def make(key, conditions=(), **fields):
        named = [{name: value} for name, value in fields.items()]
        return s3.generate_presigned_post(
            bucket, key, Fields=fields, Conditions=[*named, *conditions]
        )["fields"]

    return make


@covers("s3", "PostObject")
@pytest.mark.parametrize("size", [0, 5, 40_000, 3_000_000])
def test_a_file_is_uploaded(s3, bucket, post, signed, get, noise, size):
    data = noise(size)
    answer = post(signed("up/${filename}"), file=data, filename="C:\\dir\\b.txt")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["etag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert answer.headers["location"].endswith(f"/{bucket}/up%2Fb.txt")
    assert get("up/b.txt") == data


@covers("s3", "PostObject")
def test_fields_are_headers(s3, bucket, post, signed):
    fields = {
        "Content-Type": "image/png",
        "Cache-Control": "no-store",
        "x-amz-meta-one": "1",
        "x-amz-storage-class": "STANDARD_IA",
        "tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>",
    }
    assert post(signed("k", **fields)).status == 204
    found = s3.head_object(Bucket=bucket, Key="k")
    assert found["ContentType"] == "image/png"
    assert found["CacheControl"] == "no-store"
    assert found["Metadata"] == {"one": "1"}
    assert found["StorageClass"] == "STANDARD_IA"
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "b c"}]


@covers("s3", "PostObject")
@pytest.mark.parametrize(("asked", "status"), [("200", 200), ("201", 201), ("418", 204)])
def test_the_form_chooses_its_answer(bucket, post, signed, asked, status):
    answer = post(signed("k", success_action_status=asked))
    assert answer.status == status
    if status == 201:
        assert answer.text.count("<PostResponse") == 1
        for element in (f"<Bucket>{bucket}</Bucket>", "<Key>k</Key>", "<ETag>", "<Location>"):
            assert element in answer.text


@covers("s3", "PostObject")
def test_the_form_may_redirect(bucket, post, signed):
    answer = post(signed("a b", success_action_redirect="http://example.com/done?x=1"))
    assert answer.status == 303
    location = answer.headers["location"]
    assert location.startswith(f"http://example.com/done?x=1&bucket={bucket}&key=a%20b&etag=%22")


@covers("s3", "PostObject", error=["AccessDenied", "EntityTooLarge", "EntityTooSmall",
                                   "InvalidPolicyDocument"])  # fmt: skip
def test_policies_are_kept(bucket, post, signed, account):
    fields = signed("k", acl="bucket-owner-full-control")
    answer = post({**fields, "x-amz-meta-a": "1"})
    assert answer.status == 403
    assert "Invalid according to Policy: Extra input fields: x-amz-meta-a" in answer.text
    assert post({**fields, "x-ignore-a": "1"}).status == 204
    answer = post({**fields, "acl": "private"})
    assert answer.status == 403
    assert "Policy Condition failed: [&quot;eq&quot;, &quot;$acl&quot;" in answer.text
    answer = post({**fields, "key": "other"})
    assert "Invalid according to Policy: Policy Condition failed" in answer.text
    sized = signed("k", conditions=[["content-length-range", 3, 5]])
    answer = post(sized, file=b"123456")
    assert (answer.status, "<Code>EntityTooLarge</Code>" in answer.text) == (400, True)
    assert "<MaxSizeAllowed>5</MaxSizeAllowed>" in answer.text
    answer = post(sized, file=b"12")
    assert (answer.status, "<Code>EntityTooSmall</Code>" in answer.text) == (400, True)
    assert post(sized, file=b"1234").status == 204


def sign_v4(fields, document, secret="secret", key_id="1"):
    """Signs as the AWS documentation says it, with nobody's help."""
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    scope = ("20260101", "us-east-1", "s3", "aws4_request")
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return {
        **fields,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "/".join((key_id, *scope)),
        "x-amz-date": "20260101T000000Z",
        "policy": policy,
        "x-amz-signature": hmac.new(key, policy.encode(), hashlib.sha256).hexdigest(),
    }


ANYTHING = [
    ["starts-with", f"${name}", ""]
    for name in ("key", "x-amz-algorithm", "x-amz-credential", "x-amz-date")
]


@covers("s3", "PostObject", error=["AccessDenied", "InvalidPolicyDocument"])
@pytest.mark.parametrize(
    ("document", "status", "text"),
    [
        ({"expiration": "2000-01-01T00:00:00Z", "conditions": ANYTHING}, 403, "Policy expired"),
        ({"conditions": ANYTHING}, 400, "missing expiration"),
        ({"expiration": "soon", "conditions": ANYTHING}, 400, "Invalid &apos;expiration&apos; value"),
        ({"expiration": "2100-01-01T00:00:00Z"}, 400, "missing conditions"),
        (
            {"expiration": "2100-01-01T00:00:00Z", "conditions": [["like", "$key", "a"]]},
            400,
            "Invalid Condition",
        ),
        ([], 400, "Invalid JSON"),
    ],
)
def test_policy_documents_are_checked(post, account, document, status, text):
    answer = post(sign_v4({"key": "k"}, document, key_id=account))
    assert (answer.status, text in answer.text) == (status, True), answer.text


@covers("s3", "PostObject")
@covers("s3", "PostObject", error=["SignatureDoesNotMatch", "InvalidAccessKeyId"])
def test_signatures_of_issued_keys_are_verified(client, bucket, post, unique):
    iam = client("iam")
    name = unique("user")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="p",
        PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": '
        f'"s3:PutObject", "Resource": "arn:aws:s3:::{bucket}/mine/*"}}]}}',
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    document = {"expiration": "2100-01-01T00:00:00Z", "conditions": ANYTHING}

    def sent(path, secret=key["SecretAccessKey"], key_id=key["AccessKeyId"]):
        return post(sign_v4({"key": path}, document, secret, key_id))

    assert sent("mine/a").status == 204
    answer = sent("other/a")
    assert (answer.status, "is not authorized to perform: s3:PutObject" in answer.text) == (
        403,
        True,
    )
    answer = sent("mine/a", secret="wrong")
    assert (answer.status, "<Code>SignatureDoesNotMatch</Code>" in answer.text) == (403, True)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    answer = sent("mine/a")
    assert (answer.status, "<Code>InvalidAccessKeyId</Code>" in answer.text) == (403, True)


@covers("s3", "PostObject")
def test_version_2_forms_are_taken(client, bucket, post, unique):
    iam = client("iam")
    name = unique("user")
    iam.create_user(UserName=name)
    iam.attach_user_policy(
        UserName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    document = {
        "expiration": "2100-01-01T00:00:00Z",
        "conditions": [{"bucket": bucket}, ["starts-with", "$key", "a"]],
    }
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    signature = hmac.new(key["SecretAccessKey"].encode(), policy.encode(), hashlib.sha1).digest()
    fields = {
        "key": "ab",
        "AWSAccessKeyId": key["AccessKeyId"],
        "policy": policy,
        "signature": base64.b64encode(signature).decode(),
    }
    assert post(fields).status == 204
    answer = post({**fields, "signature": "x"})
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text


@covers("s3", "PostObject", error=["InvalidArgument", "MalformedPOSTRequest", "AccessDenied",
                                   "PreconditionFailed", "UserKeyMustBeSpecified",
                                   "MaxPostPreDataLengthExceededError", "NoSuchBucket"])  # fmt: skip
def test_forms_are_checked(raw, bucket, post, signed):
    def refused(answer, status, code, text):
        assert (answer.status, f"<Code>{code}</Code>" in answer.text) == (status, True), answer.text
        assert text in answer.text

    refused(post({}), 400, "InvalidArgument", "a field named &apos;key&apos;")
    refused(post({"key": "k"}, file=None), 400, "InvalidArgument", "exactly one file upload")
    refused(post({"key": ""}), 400, "UserKeyMustBeSpecified", "")
    refused(post({"key": "k"}), 403, "AccessDenied", "Access Denied")
    refused(post({"key": "k", "policy": "e30="}), 400, "InvalidArgument", "AWSAccessKeyId")
    refused(
        post({"key": "k", "x": "y" * 21_000}),
        400,
        "MaxPostPreDataLengthExceededError",
        "fields preceding the upload file were too large",
    )
    broken = raw(
        "POST",
        f"/{bucket}",
        b"nonsense",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
        sign=False,
    )
    refused(broken, 400, "MalformedPOSTRequest", "not well-formed multipart/form-data")
    plain = raw("POST", f"/{bucket}", b"a=b", headers={"Content-Type": "text/plain"}, sign=False)
    refused(plain, 412, "PreconditionFailed", "enclosure-type multipart/form-data")
    body, headers = form({"key": "k"})
    gone = raw("POST", "/no-such-bucket-here", body, headers=headers, sign=False)
    refused(gone, 404, "NoSuchBucket", "The specified bucket does not exist")


@covers("s3", "PostObject")
def test_anybody_may_upload_where_the_bucket_lets_them(s3, bucket, post, get):
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy='{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", '
        f'"Resource": "arn:aws:s3:::{bucket}/*"}}]}}',
    )
    assert post({"key": "k"}, file=b"1").status == 204
    assert get("k") == b"1"
