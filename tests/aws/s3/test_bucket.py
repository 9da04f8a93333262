"""Buckets: create, look up, list, delete; names, regions, owners."""

import pytest
from harness import aws_error, covers

from .conftest import PATH_STYLE


@covers("s3", "CreateBucket")
@covers("s3", "HeadBucket")
@covers("s3", "GetBucketLocation")
def test_a_bucket_is_made_in_the_region_of_its_endpoint(s3, unique):
    name = unique("bucket")
    # OBSERVED: the path in us-east-1.
    assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    # AWS: GetBucketLocation: "Buckets in Region us-east-1 have a LocationConstraint of null."
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None


@covers("s3", "CreateBucket")
def test_us_east_1_makes_buckets_anywhere(s3, unique):
    name = unique("bucket")
    made = s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert made["Location"] == f"http://{name}.s3.amazonaws.com/"
    # boto3 follows the redirect by x-amz-bucket-region.
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"


@covers("s3", "HeadBucket", error="301")
def test_a_request_to_another_region_is_redirected(s3, raw, unique):
    name = unique("bucket")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    answer = raw("GET", f"/{name}")
    # AWS: "PermanentRedirect: The bucket that you are attempting to access must be addressed using
    # the specified endpoint"; 301.
    assert answer.status == 301
    assert answer.headers["x-amz-bucket-region"] == "eu-west-1"
    assert "<Code>PermanentRedirect</Code>" in answer.text
    assert f"<Endpoint>{name}.s3.eu-west-1.amazonaws.com</Endpoint>" in answer.text


@covers("s3", "CreateBucket", error="IllegalLocationConstraintException")
@pytest.mark.parametrize(
    ("constraint", "named"), [(None, "unspecified"), ("eu-west-1", "eu-west-1")]
)
def test_a_regional_endpoint_makes_buckets_of_its_region_only(client, unique, constraint, named):
    west = client("s3", region="us-west-2", config=PATH_STYLE)
    where = {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
    with aws_error(
        "IllegalLocationConstraintException",
        400,
        f"The {named} location constraint is incompatible for the region specific endpoint this "
        "request was sent to.",
    ):
        west.create_bucket(Bucket=unique("bucket"), **where)


@covers("s3", "CreateBucket", error="InvalidLocationConstraint")
@pytest.mark.parametrize("constraint", ["moon-west-1", "us-east-1"])
def test_a_location_that_is_none_is_refused(s3, unique, constraint):
    with aws_error(
        "InvalidLocationConstraint", 400, "The specified location-constraint is not valid"
    ):
        s3.create_bucket(
            Bucket=unique("bucket"), CreateBucketConfiguration={"LocationConstraint": constraint}
        )


@covers("s3", "CreateBucket", error="InvalidBucketName")
@pytest.mark.parametrize(
    "name",
    ["ab", "a" * 64, "Upper", "under_score", "-dash", "dot.", "a..b", "192.168.5.4", "xn--a",
     "sthree-a", "a-s3alias", "a--ol-s3", "amzn-s3-demo-a"],
)  # fmt: skip
def test_names_follow_the_rules(client, name):
    # AWS: "General purpose bucket naming rules".
    free = client("s3", config=PATH_STYLE, is_validated=False)
    with aws_error("InvalidBucketName", 400, "The specified bucket is not valid."):
        free.create_bucket(Bucket=name)


@covers("s3", "CreateBucket", error=["BucketAlreadyExists", "BucketAlreadyOwnedByYou"])
def test_names_are_unique(s3, client, unique):
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    # AWS: in us-east-1 a bucket of one's own may be created again.
    s3.create_bucket(Bucket=name)
    other = client("s3", account="210987654321", config=PATH_STYLE)
    with aws_error("BucketAlreadyExists", 409):
        other.create_bucket(Bucket=name)
    west = client("s3", region="us-west-2", config=PATH_STYLE)
    place = {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    with aws_error("BucketAlreadyOwnedByYou", 409):
        west.create_bucket(Bucket=name, **place)


@covers("s3", "CreateBucket", error="NotImplemented")
def test_directory_buckets_are_refused(s3, unique):
    with aws_error("NotImplemented", 501, "Directory buckets are not implemented."):
        s3.create_bucket(
            Bucket=unique("bucket"),
            CreateBucketConfiguration={
                "Location": {"Type": "AvailabilityZone", "Name": "use1-az4"},
                "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"},
            },
        )


@covers("s3", "CreateSession", error="NotImplemented", is_all=True)
def test_sessions_are_of_directory_buckets(s3, bucket):
    with aws_error("NotImplemented", 501):
        s3.create_session(Bucket=bucket)


@covers("s3", "CreateBucketMetadataTableConfiguration", error="NotImplemented", is_all=True)
@covers("s3", "CreateBucketMetadataConfiguration", error="NotImplemented", is_all=True)
def test_metadata_tables_are_refused(s3, bucket):
    destination = {"TableBucketArn": "arn:aws:s3tables:us-east-1:1:bucket/b", "TableName": "t"}
    with aws_error("NotImplemented", 501, match="Metadata"):
        s3.create_bucket_metadata_table_configuration(
            Bucket=bucket, MetadataTableConfiguration={"S3TablesDestination": destination}
        )
    with aws_error("NotImplemented", 501, match="Metadata"):
        s3.create_bucket_metadata_configuration(
            Bucket=bucket,
            MetadataConfiguration={
                "JournalTableConfiguration": {"RecordExpiration": {"Expiration": "DISABLED"}}
            },
        )


@covers("s3", "CreateBucket", error="InvalidBucketAclWithObjectOwnership")
def test_a_list_needs_an_ownership_that_allows_it(s3, unique):
    with aws_error("InvalidBucketAclWithObjectOwnership", 400):
        s3.create_bucket(Bucket=unique("bucket"), ACL="log-delivery-write")
    # AWS: new buckets block public access.
    with aws_error("InvalidBucketAclWithBlockPublicAccessError", 400):
        s3.create_bucket(
            Bucket=unique("bucket"), ACL="public-read", ObjectOwnership="ObjectWriter"
        )
    name = unique("bucket")
    s3.create_bucket(Bucket=name, ACL="log-delivery-write", ObjectOwnership="ObjectWriter")
    assert len(s3.get_bucket_acl(Bucket=name)["Grants"]) == 3


@covers("s3", "CreateBucket")
@covers("s3", "GetObjectLockConfiguration")
def test_a_bucket_with_object_lock_is_versioned(s3, unique):
    name = unique("bucket")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    found = s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}


@covers("s3", "HeadBucket", error="404")
@covers("s3", "GetBucketLocation", error="NoSuchBucket")
@covers("s3", "DeleteBucket", error="NoSuchBucket")
def test_a_bucket_that_is_not_there(s3, unique):
    name = unique("bucket")
    with aws_error("404", 404):
        s3.head_bucket(Bucket=name)
    with aws_error("NoSuchBucket", 404, "The specified bucket does not exist") as error:
        s3.get_bucket_location(Bucket=name)
    assert error.response["Error"]["BucketName"] == name
    with aws_error("NoSuchBucket", 404):
        s3.delete_bucket(Bucket=name)


@covers("s3", "ListBuckets")
def test_buckets_are_listed_by_name_page_by_page(s3, unique, account):
    stem = unique("list")
    names = [f"{stem}-{i}" for i in range(5)]
    for name in reversed(names):
        s3.create_bucket(Bucket=name)
    answer = s3.list_buckets()
    assert [b["Name"] for b in answer["Buckets"]] == names
    assert len(answer["Owner"]["ID"]) == 64
    assert "BucketRegion" not in answer["Buckets"][0]
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2})
    found = [b["Name"] for page in pages for b in page["Buckets"]]
    assert found == names
    one = s3.list_buckets(Prefix=f"{stem}-3")
    # AWS: BucketRegion: "If the request contains at least one valid parameter, it is included".
    assert [(b["Name"], b["BucketRegion"]) for b in one["Buckets"]] == [
        (f"{stem}-3", "us-east-1")
    ]
    assert s3.list_buckets(BucketRegion="eu-west-1")["Buckets"] == []


@covers("s3", "ListBuckets", error="InvalidArgument")
def test_pages_of_buckets_have_bounds(client):
    free = client("s3", config=PATH_STYLE, is_validated=False)
    for wrong in ({"MaxBuckets": 0}, {"MaxBuckets": 10001}, {"ContinuationToken": "!"}):
        with aws_error("InvalidArgument", 400):
            free.list_buckets(**wrong)


@covers("s3", "ListBuckets", error="AccessDenied")
def test_nobody_in_particular_has_no_buckets(raw):
    answer = raw("GET", "/", sign=False, host="s3.amazonaws.com")
    assert answer.status == 403
    assert "<Code>AccessDenied</Code>" in answer.text


@covers("s3", "DeleteBucket")
@covers("s3", "DeleteBucket", error="BucketNotEmpty")
def test_only_an_empty_bucket_goes(s3, bucket, put):
    put("a")
    with aws_error("BucketNotEmpty", 409, "The bucket you tried to delete is not empty"):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.create_multipart_upload(Bucket=bucket, Key="never finished")
    s3.delete_bucket(Bucket=bucket)
    with aws_error("404", 404):
        s3.head_bucket(Bucket=bucket)


@covers("s3", "DeleteBucket", error="BucketNotEmpty")
def test_versions_keep_a_bucket(s3, versioned, put):
    put("a")
    s3.delete_object(Bucket=versioned, Key="a")
    with aws_error(
        "BucketNotEmpty",
        409,
        "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
    ):
        s3.delete_bucket(Bucket=versioned)


@covers("s3", "HeadBucket", error="403")
@covers("s3", "GetBucketLocation", error="InvalidBucketOwnerAWSAccountID")
def test_the_expected_owner_is_checked(client, s3, bucket, account):
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    with aws_error("AccessDenied", 403, "Access Denied"):
        s3.get_bucket_location(Bucket=bucket, ExpectedBucketOwner="000000000001")
    with aws_error("InvalidBucketOwnerAWSAccountID", 400):
        s3.get_bucket_location(Bucket=bucket, ExpectedBucketOwner="somebody")
    other = client("s3", account="210987654321", config=PATH_STYLE)
    with aws_error("403", 403):
        other.head_bucket(Bucket=bucket)
    with aws_error("AccessDenied", 403, "Access Denied"):
        other.delete_bucket(Bucket=bucket)


@covers("s3", "GetObject", error="NotImplemented")
def test_access_points_are_refused(raw):
    answer = raw("GET", "/arn%3Aaws%3As3%3Aus-east-1%3A1%3Aaccesspoint%2Fa/k")
    assert answer.status == 501
    assert "Access points" in answer.text
