"""Who may: bucket policies, IAM policies, public access blocks, other accounts, the anonymous."""

import json

import pytest
from harness import aws_error, covers

from .conftest import PATH_STYLE

OTHER = "210987654321"


def statement(bucket, action="s3:GetObject", effect="Allow", principal="*", resource=None, **more):
    return {
        "Effect": effect,
        "Principal": principal,
        "Action": action,
        "Resource": resource or [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        **more,
    }


@pytest.fixture
def policy(s3, bucket):
    """policy(statement, ...) is the bucket's policy from now on."""

    def put(*statements, **more):
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        return s3.put_bucket_policy(Bucket=bucket, Policy=document, **more)

    return put


@pytest.fixture
def other(client):
    return client("s3", account=OTHER, config=PATH_STYLE)


@pytest.fixture
def user(client, unique):
    """user(policy statements) is a client of a new IAM user of the test's account."""

    def make(*statements):
        iam = client("iam")
        name = unique("user")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            iam.put_user_policy(
                UserName=name,
                PolicyName="p",
                PolicyDocument=json.dumps(
                    {"Version": "2012-10-17", "Statement": list(statements)}
                ),
            )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        made = client(
            "s3",
            access_key=key["AccessKeyId"],
            secret_key=key["SecretAccessKey"],
            config=PATH_STYLE,
        )
        made.arn = arn
        return made

    return make


@covers("s3", "PutBucketPolicy")
@covers("s3", "GetBucketPolicy")
@covers("s3", "DeleteBucketPolicy")
@covers("s3", "GetBucketPolicyStatus")
@covers("s3", "GetBucketPolicy", error="NoSuchBucketPolicy")
@covers("s3", "GetBucketPolicyStatus", error="NoSuchBucketPolicy")
def test_a_policy_is_kept_as_it_came(s3, bucket, policy):
    mine = statement(bucket, principal={"AWS": f"arn:aws:iam::{OTHER}:root"})
    answer = policy(mine)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    found = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert found["Statement"] == [mine]
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": False}
    s3.delete_bucket_policy(Bucket=bucket)
    for get in (s3.get_bucket_policy, s3.get_bucket_policy_status):
        with aws_error("NoSuchBucketPolicy", 404, "The bucket policy does not exist"):
            get(Bucket=bucket)


@covers("s3", "PutBucketPolicy", error="MalformedPolicy")
@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("[]", "first byte must be"),
        ("{", "valid JSON"),
        ({"Resource": "arn:aws:s3:::elsewhere/*"}, "Policy has invalid resource"),
        ({"Action": "sqs:SendMessage"}, "Policy has invalid action"),
        ({"Principal": None}, "rincipal"),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:role/nobody"}}, "Invalid principal"),
    ],
)
def test_policies_are_checked(s3, client, bucket, document, text):
    free = client("s3", config=PATH_STYLE, is_validated=False)
    if isinstance(document, dict):
        whole = {**statement(bucket), **document}
        whole = {key: value for key, value in whole.items() if value is not None}
        document = json.dumps({"Version": "2012-10-17", "Statement": [whole]})
    with aws_error("MalformedPolicy", 400, match=text):
        free.put_bucket_policy(Bucket=bucket, Policy=document)


@covers("s3", "PutBucketPolicy", error="MalformedPolicy")
def test_a_policy_has_at_most_20_kb(s3, bucket, policy):
    with aws_error("MalformedPolicy", 400):
        policy(statement(bucket, Sid="x" * 20480))


@covers("s3", "PutBucketPolicy", error="AccessDenied")
def test_public_policies_are_blocked(s3, bucket, policy, account):
    # AWS: "Access denied due to Block Public Access settings".
    with aws_error(
        "AccessDenied",
        403,
        f"User: arn:aws:iam::{account}:root is not authorized to perform: s3:PutBucketPolicy on "
        f'resource: "arn:aws:s3:::{bucket}" because public policies are prevented by the '
        "BlockPublicPolicy setting in S3 Block Public Access.",
    ):
        policy(statement(bucket))
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    policy(statement(bucket))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}


@covers("s3", "GetObject", error="AccessDenied")
def test_anybody_reads_what_is_public(s3, bucket, policy, put, raw):
    put("a", b"public")
    assert raw("GET", f"/{bucket}/a", sign=False).status == 403
    s3.delete_public_access_block(Bucket=bucket)
    policy(statement(bucket))
    answer = raw("GET", f"/{bucket}/a", sign=False)
    assert (answer.status, answer.body) == (200, b"public")
    # Who may not list the bucket does not learn what is not there.
    answer = raw("GET", f"/{bucket}/missing", sign=False)
    assert (answer.status, "<Code>AccessDenied</Code>" in answer.text) == (403, True)
    policy(statement(bucket, action=["s3:GetObject", "s3:ListBucket"]))
    assert "<Code>NoSuchKey</Code>" in raw("GET", f"/{bucket}/missing", sign=False).text
    # AWS: RestrictPublicBuckets leaves a public policy to the owner's account alone.
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    assert raw("GET", f"/{bucket}/a", sign=False).status == 403
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"public"


@covers("s3", "GetObject", error="AccessDenied")
def test_other_accounts_need_the_bucket_policy(s3, other, bucket, policy, put):
    put("a/1", b"1")
    with aws_error("AccessDenied", 403, "Access Denied"):
        other.get_object(Bucket=bucket, Key="a/1")
    policy(
        statement(bucket, principal={"AWS": OTHER}, resource=f"arn:aws:s3:::{bucket}/a/*"),
    )
    assert other.get_object(Bucket=bucket, Key="a/1")["Body"].read() == b"1"
    with aws_error("AccessDenied", 403, "Access Denied"):
        other.put_object(Bucket=bucket, Key="a/1", Body=b"")
    with aws_error("AccessDenied", 403, "Access Denied"):
        other.list_objects_v2(Bucket=bucket)


@covers("s3", "GetBucketPolicy", error="MethodNotAllowed")
def test_policies_are_the_owners_affair(other, bucket, policy):
    policy(statement(bucket, action="s3:*", principal={"AWS": OTHER}))
    # AWS: "If you have the correct permissions, but you're not using an identity that belongs to
    # the bucket owner's account, Amazon S3 returns a 405 Method Not Allowed error."
    with aws_error("MethodNotAllowed", 405):
        other.get_bucket_policy(Bucket=bucket)
    with aws_error("MethodNotAllowed", 405):
        other.delete_bucket_policy(Bucket=bucket)


@covers("s3", "GetObject", error="AccessDenied")
@covers("s3", "PutObject", error="AccessDenied")
def test_users_are_told_what_they_lack(user, bucket, put):
    put("a")
    nobody = user()
    # AWS: "Troubleshoot access denied (403 Forbidden) errors in Amazon S3".
    with aws_error(
        "AccessDenied",
        403,
        f"User: {nobody.arn} is not authorized to perform: s3:GetObject on resource: "
        f'"arn:aws:s3:::{bucket}/a" because no identity-based policy allows the s3:GetObject '
        "action",
    ):
        nobody.get_object(Bucket=bucket, Key="a")
    with aws_error("AccessDenied", 403, match="s3:PutObject"):
        nobody.put_object(Bucket=bucket, Key="a", Body=b"")
    with aws_error("AccessDenied", 403, match="s3:ListAllMyBuckets"):
        nobody.list_buckets()
    with aws_error("AccessDenied", 403, match="s3:CreateBucket"):
        nobody.create_bucket(Bucket=f"{bucket}-2")


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@covers("s3", "GetObject")
@covers("s3", "GetObject", error="AccessDenied")
def test_versions_have_actions_of_their_own(s3, user, versioned, put):
    version = put("a", b"1")["VersionId"]
    reader = user(allow("s3:GetObject"))
    assert reader.get_object(Bucket=versioned, Key="a")["Body"].read() == b"1"
    with aws_error("AccessDenied", 403, match="s3:GetObjectVersion "):
        reader.get_object(Bucket=versioned, Key="a", VersionId=version)
    with aws_error("AccessDenied", 403, match="s3:DeleteObjectVersion "):
        user(allow("s3:DeleteObject")).delete_object(
            Bucket=versioned, Key="a", VersionId=version
        )


@covers("s3", "PutObject", error="AccessDenied")
@pytest.mark.parametrize(
    ("header", "action"),
    [
        ({"Tagging": "a=b"}, "s3:PutObjectTagging"),
        ({"ACL": "bucket-owner-full-control"}, "s3:PutObjectAcl"),
        ({"ObjectLockLegalHoldStatus": "ON"}, "s3:PutObjectLegalHold"),
    ],
)
def test_headers_of_an_upload_need_permissions(user, bucket, header, action):
    writer = user(allow("s3:PutObject"))
    writer.put_object(Bucket=bucket, Key="a", Body=b"")
    with aws_error("AccessDenied", 403, match=action):
        writer.put_object(Bucket=bucket, Key="a", Body=b"", **header)


@covers("s3", "CopyObject", error="AccessDenied")
def test_a_copy_reads_its_source(user, bucket, put):
    put("secret/a")
    copier = user(
        allow("s3:PutObject"), allow("s3:GetObject", f"arn:aws:s3:::{bucket}/open/*")
    )
    with aws_error("AccessDenied", 403, match="s3:GetObject"):
        copier.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/secret/a")
    put("open/a")
    copier.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/open/a")


@covers("s3", "ListObjectsV2", error="AccessDenied")
@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_lists_are_bound_to_a_prefix(user, bucket, put, operation):
    put("home/a/1")
    lister = user(allow("s3:ListBucket", Condition={"StringLike": {"s3:prefix": "home/a/*"}}))
    found = getattr(lister, operation)(Bucket=bucket, Prefix="home/a/")
    assert [item["Key"] for item in found["Contents"]] == ["home/a/1"]
    with aws_error("AccessDenied", 403, match="s3:ListBucket"):
        getattr(lister, operation)(Bucket=bucket)


@covers("s3", "PutObject", error="AccessDenied")
@pytest.mark.parametrize(
    ("condition", "right", "wrong"),
    [
        ({"s3:x-amz-server-side-encryption": "AES256"}, {"ServerSideEncryption": "AES256"}, {}),
        ({"s3:x-amz-storage-class": "STANDARD_IA"}, {"StorageClass": "STANDARD_IA"}, {}),
        (
            {"s3:x-amz-acl": "bucket-owner-full-control"},
            {"ACL": "bucket-owner-full-control"},
            {"ACL": "private"},
        ),
        ({"s3:RequestObjectTag/team": "a"}, {"Tagging": "team=a"}, {"Tagging": "team=b"}),
    ],
)
def test_conditions_on_uploads(user, bucket, condition, right, wrong):
    writer = user(
        allow("s3:PutObject", Condition={"StringEquals": condition}),
        allow(["s3:PutObjectAcl", "s3:PutObjectTagging"]),
    )
    writer.put_object(Bucket=bucket, Key="a", Body=b"", **right)
    with aws_error("AccessDenied", 403, match="s3:PutObject "):
        writer.put_object(Bucket=bucket, Key="a", Body=b"", **wrong)


@covers("s3", "GetObject", error="AccessDenied")
def test_conditions_on_tags_that_are_there(user, bucket, put):
    put("open", Tagging="level=open")
    put("closed", Tagging="level=closed")
    reader = user(
        allow(
            "s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/level": "open"}}
        )
    )
    reader.get_object(Bucket=bucket, Key="open")
    with aws_error("AccessDenied", 403):
        reader.get_object(Bucket=bucket, Key="closed")


@covers("s3", "GetObject", error="AccessDenied")
def test_a_deny_in_the_bucket_policy_wins(s3, user, bucket, policy, put):
    put("a")
    reader = user(allow("s3:*"))
    policy(statement(bucket, effect="Deny", action="s3:GetObject"))
    with aws_error(
        "AccessDenied", 403, match="with an explicit deny in a resource-based policy"
    ):
        reader.get_object(Bucket=bucket, Key="a")
    with aws_error("AccessDenied", 403):
        s3.get_object(Bucket=bucket, Key="a")
    # The root of the account may always take the policy away.
    s3.delete_bucket_policy(Bucket=bucket)
    reader.get_object(Bucket=bucket, Key="a")


@covers("s3", "GetObject", error="AccessDenied")
def test_conditions_on_the_signature(s3, client, bucket, policy, put, raw):
    put("a", b"1")
    policy(
        statement(
            bucket,
            effect="Deny",
            Condition={"StringNotEquals": {"s3:authType": "REST-QUERY-STRING"}},
        )
    )
    with aws_error("AccessDenied", 403):
        s3.get_object(Bucket=bucket, Key="a")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})
    path = "/" + url.split("/", 3)[3]
    assert raw("GET", path, sign=False).body == b"1"
