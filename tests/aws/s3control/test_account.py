"""S3 Control: the account's public access block, tags by ARN, what is refused."""

import json
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from harness import aws_error, covers

PATH_STYLE = Config(s3={"addressing_style": "path"})


@pytest.fixture
def control(client, virga):
    """Clients put the account in front of the host, which no name server knows."""

    def make(region="us-east-1", **more):
        made = client("s3control", region=region, **more)
        where = urlsplit(virga.endpoint)

        def send_there(request, **_):
            parts = urlsplit(request.url)
            request.headers["Host"] = parts.netloc
            request.url = parts._replace(netloc=where.netloc).geturl()

        made.meta.events.register("before-send.s3-control.*", send_there)
        return made

    return make


@pytest.fixture
def s3(client):
    return client("s3", config=PATH_STYLE)


@pytest.fixture
def bucket(s3, unique):
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    return name


ALL = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@covers("s3control", "PutPublicAccessBlock")
@covers("s3control", "GetPublicAccessBlock")
@covers("s3control", "DeletePublicAccessBlock")
@covers("s3control", "GetPublicAccessBlock", error="NoSuchPublicAccessBlockConfiguration")
def test_the_block_of_an_account(control, account):
    mine = control()
    with aws_error(
        "NoSuchPublicAccessBlockConfiguration",
        404,
        "The public access block configuration was not found",
    ):
        mine.get_public_access_block(AccountId=account)
    mine.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=ALL)
    found = mine.get_public_access_block(AccountId=account)
    assert found["PublicAccessBlockConfiguration"] == ALL
    mine.delete_public_access_block(AccountId=account)
    with aws_error("NoSuchPublicAccessBlockConfiguration", 404):
        mine.get_public_access_block(AccountId=account)


@covers("s3control", "PutPublicAccessBlock")
def test_it_counts_beside_that_of_each_bucket(control, s3, bucket, account):
    policy = json.dumps(
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"arn:aws:s3:::{bucket}/*",
                }
            ]
        }
    )
    s3.delete_public_access_block(Bucket=bucket)
    control().put_public_access_block(
        AccountId=account, PublicAccessBlockConfiguration={"BlockPublicPolicy": True}
    )
    with aws_error("AccessDenied", 403, match="BlockPublicPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    control().delete_public_access_block(AccountId=account)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)


@covers("s3control", "PutPublicAccessBlock", error="AccessDenied")
@covers("s3control", "GetPublicAccessBlock", error="AccessDenied")
@covers("s3control", "DeletePublicAccessBlock", error="AccessDenied")
def test_other_accounts_are_none_of_ours(control):
    mine = control()
    with aws_error("AccessDenied", 403):
        mine.get_public_access_block(AccountId="000000000001")
    with aws_error("AccessDenied", 403):
        mine.delete_public_access_block(AccountId="000000000001")
    with aws_error("AccessDenied", 403):
        mine.put_public_access_block(
            AccountId="000000000001", PublicAccessBlockConfiguration=ALL
        )


@covers("s3control", "TagResource")
@covers("s3control", "UntagResource")
@covers("s3control", "ListTagsForResource")
def test_tags_of_a_bucket_by_its_arn(control, s3, bucket, account):
    mine = control()
    arn = f"arn:aws:s3:::{bucket}"
    assert mine.list_tags_for_resource(AccountId=account, ResourceArn=arn)["Tags"] == []
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    mine.tag_resource(
        AccountId=account,
        ResourceArn=arn,
        Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}],
    )
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [
        {"Key": "a", "Value": "2"},
        {"Key": "b", "Value": "3"},
    ]
    mine.untag_resource(AccountId=account, ResourceArn=arn, TagKeys=["a"])
    found = mine.list_tags_for_resource(AccountId=account, ResourceArn=arn)["Tags"]
    assert found == [{"Key": "b", "Value": "3"}]


@covers("s3control", "TagResource", error=["NoSuchResource", "InvalidTag", "NotImplemented"])
@covers("s3control", "UntagResource", error="NoSuchResource")
@covers("s3control", "ListTagsForResource", error="NoSuchResource")
def test_tags_of_what_is_not_there(control, bucket, account):
    mine = control()
    gone = {"AccountId": account, "ResourceArn": "arn:aws:s3:::no-such-bucket-here"}
    tags = [{"Key": "a", "Value": "1"}]
    with aws_error("NoSuchResource", 404):
        mine.tag_resource(**gone, Tags=tags)
    with aws_error("NoSuchResource", 404):
        mine.untag_resource(**gone, TagKeys=["a"])
    with aws_error("NoSuchResource", 404):
        mine.list_tags_for_resource(**gone)
    with aws_error("InvalidTag", 400):
        mine.tag_resource(
            AccountId=account,
            ResourceArn=f"arn:aws:s3:::{bucket}",
            Tags=[{"Key": "aws:a", "Value": "1"}],
        )
    with aws_error("NotImplemented", 501):
        mine.tag_resource(
            AccountId=account,
            ResourceArn=f"arn:aws:s3:us-east-1:{account}:storage-lens-group/a",
            Tags=tags,
        )


@covers("s3control", "CreateAccessPoint", error="NotImplemented", is_all=True)
@covers("s3control", "ListAccessPoints", error="NotImplemented", is_all=True)
def test_access_points_are_refused(control, bucket, account):
    mine = control()
    with aws_error("NotImplemented", 501, match="CreateAccessPoint"):
        mine.create_access_point(AccountId=account, Name="point", Bucket=bucket)
    with aws_error("NotImplemented", 501, match="ListAccessPoints"):
        mine.list_access_points(AccountId=account)


@covers("s3control", "GetPublicAccessBlock")
def test_the_host_names_account_and_region(client, account, virga):
    where = urlsplit(virga.endpoint)
    made = client("s3control", region="eu-west-1", endpoint_url=None)

    def send_there(request, **_):
        parts = urlsplit(request.url)
        assert parts.netloc == f"{account}.s3-control.eu-west-1.amazonaws.com"
        request.headers["Host"] = parts.netloc
        request.url = parts._replace(scheme="http", netloc=where.netloc).geturl()

    made.meta.events.register("before-send.s3-control.*", send_there)
    made.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=ALL)
    found = made.get_public_access_block(AccountId=account)
    assert found["PublicAccessBlockConfiguration"] == ALL
