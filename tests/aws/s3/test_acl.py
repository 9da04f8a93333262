"""Access control lists: canned, granted by headers, as XML; what they allow."""

import pytest
from harness import aws_error, covers

from .conftest import PATH_STYLE

OTHER = "210987654321"
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"


@pytest.fixture
def other(client):
    return client("s3", account=OTHER, config=PATH_STYLE)


@pytest.fixture
def listed(s3, bucket):
    """A bucket in which lists count, and may be public."""
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    s3.delete_public_access_block(Bucket=bucket)
    return bucket


def owner_of(s3):
    return s3.list_buckets()["Owner"]["ID"]


def grants(answer):
    return {
        (grant["Grantee"].get("URI", grant["Grantee"].get("ID")), grant["Permission"])
        for grant in answer["Grants"]
    }


@covers("s3", "GetBucketAcl")
@covers("s3", "GetObjectAcl")
def test_the_owner_has_full_control(s3, bucket, put):
    put("a")
    mine = owner_of(s3)
    for answer in (s3.get_bucket_acl(Bucket=bucket), s3.get_object_acl(Bucket=bucket, Key="a")):
        assert answer["Owner"]["ID"] == mine
        assert grants(answer) == {(mine, "FULL_CONTROL")}
        assert answer["Grants"][0]["Grantee"]["Type"] == "CanonicalUser"


@covers("s3", "PutBucketAcl", error="AccessControlListNotSupported")
@covers("s3", "PutObjectAcl", error="AccessControlListNotSupported")
@covers("s3", "PutObject", error="AccessControlListNotSupported")
def test_lists_are_out_of_use_by_default(s3, bucket, put):
    put("a", ACL="bucket-owner-full-control")
    text = "The bucket does not allow ACLs"
    with aws_error("AccessControlListNotSupported", 400, text):
        put("a", ACL="public-read")
    with aws_error("AccessControlListNotSupported", 400, text):
        s3.put_object_acl(Bucket=bucket, Key="a", ACL="public-read")
    with aws_error("AccessControlListNotSupported", 400, text):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")


@covers("s3", "PutBucketAcl")
@covers("s3", "PutObjectAcl")
@pytest.mark.parametrize(
    ("canned", "expected"),
    [
        ("private", set()),
        ("public-read", {(ALL_USERS, "READ")}),
        ("public-read-write", {(ALL_USERS, "READ"), (ALL_USERS, "WRITE")}),
        ("authenticated-read", {(AUTHENTICATED, "READ")}),
    ],
)
def test_canned_lists(s3, listed, put, canned, expected):
    put("a")
    expected = expected | {(owner_of(s3), "FULL_CONTROL")}
    s3.put_bucket_acl(Bucket=listed, ACL=canned)
    assert grants(s3.get_bucket_acl(Bucket=listed)) == expected
    s3.put_object_acl(Bucket=listed, Key="a", ACL=canned)
    assert grants(s3.get_object_acl(Bucket=listed, Key="a")) == expected
    put("b", ACL=canned)
    assert grants(s3.get_object_acl(Bucket=listed, Key="b")) == expected


@covers("s3", "PutBucketAcl", error="AccessDenied")
@covers("s3", "PutObject", error="AccessDenied")
def test_public_lists_are_blocked(s3, listed, put):
    s3.put_public_access_block(
        Bucket=listed, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    with aws_error("AccessDenied", 403, match="BlockPublicAcls setting"):
        s3.put_bucket_acl(Bucket=listed, ACL="public-read")
    with aws_error("AccessDenied", 403, match="BlockPublicAcls setting"):
        put("a", ACL="public-read")


@covers("s3", "PutObject")
def test_anybody_reads_what_is_public(s3, listed, put, raw):
    put("open", b"open", ACL="public-read")
    put("closed")
    assert raw("GET", f"/{listed}/open", sign=False).body == b"open"
    assert raw("GET", f"/{listed}/closed", sign=False).status == 403
    assert raw("GET", f"/{listed}/missing", sign=False).status == 403
    assert raw("GET", f"/{listed}", sign=False).status == 403
    s3.put_bucket_acl(Bucket=listed, ACL="public-read")
    assert "<Key>open</Key>" in raw("GET", f"/{listed}", sign=False).text
    assert raw("GET", f"/{listed}/missing", sign=False).status == 404
    assert raw("PUT", f"/{listed}/new", b"x", sign=False).status == 403
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    assert raw("PUT", f"/{listed}/new", b"x", sign=False).status == 200
    # AWS: IgnorePublicAcls: the lists stay, and do not count.
    s3.put_public_access_block(
        Bucket=listed, PublicAccessBlockConfiguration={"IgnorePublicAcls": True}
    )
    assert raw("GET", f"/{listed}/open", sign=False).status == 403


@covers("s3", "PutObject")
@covers("s3", "GetObject", error="AccessDenied")
def test_authenticated_read_is_for_every_account(s3, listed, other, put, raw):
    put("a", b"1", ACL="authenticated-read")
    assert other.get_object(Bucket=listed, Key="a")["Body"].read() == b"1"
    assert raw("GET", f"/{listed}/a", sign=False).status == 403


@covers("s3", "PutBucketAcl")
@covers("s3", "PutObject")
def test_grants_by_headers(s3, listed, other, put):
    theirs = owner_of(other)
    put("a", b"1", GrantRead=f'id="{theirs}"', GrantFullControl=f"id={owner_of(s3)}")
    assert grants(s3.get_object_acl(Bucket=listed, Key="a")) == {
        (theirs, "READ"),
        (owner_of(s3), "FULL_CONTROL"),
    }
    assert other.get_object(Bucket=listed, Key="a")["Body"].read() == b"1"
    with aws_error("AccessDenied", 403):
        other.get_object_acl(Bucket=listed, Key="a")
    s3.put_bucket_acl(Bucket=listed, GrantWrite=f'id="{theirs}"')
    other.put_object(Bucket=listed, Key="b", Body=b"2")


@covers("s3", "GetObject", error="AccessDenied")
def test_an_object_belongs_to_who_wrote_it(s3, listed, other, put):
    s3.put_bucket_acl(Bucket=listed, GrantWrite=f'id="{owner_of(other)}"')
    other.put_object(Bucket=listed, Key="theirs", Body=b"2")
    assert other.get_object_acl(Bucket=listed, Key="theirs")["Owner"]["ID"] == owner_of(other)
    # AWS: "the bucket owner doesn't have permissions on objects they don't own".
    with aws_error("AccessDenied", 403):
        s3.get_object(Bucket=listed, Key="theirs")
    other.put_object(
        Bucket=listed, Key="shared", Body=b"3", ACL="bucket-owner-full-control"
    )
    assert s3.get_object(Bucket=listed, Key="shared")["Body"].read() == b"3"
    # The bucket's owner may always delete.
    s3.delete_object(Bucket=listed, Key="theirs")


@covers("s3", "PutBucketAcl")
@covers("s3", "PutObjectAcl")
def test_lists_as_xml(s3, listed, other, put):
    put("a", b"1")
    mine = {"ID": owner_of(s3), "Type": "CanonicalUser"}
    policy = {
        "Owner": {"ID": owner_of(s3)},
        "Grants": [
            {"Grantee": mine, "Permission": "FULL_CONTROL"},
            {"Grantee": {"URI": ALL_USERS, "Type": "Group"}, "Permission": "READ_ACP"},
            {
                "Grantee": {"ID": owner_of(other), "Type": "CanonicalUser"},
                "Permission": "WRITE_ACP",
            },
        ],
    }
    s3.put_bucket_acl(Bucket=listed, AccessControlPolicy=policy)
    assert len(other.get_bucket_acl(Bucket=listed)["Grants"]) == 3
    other.put_bucket_acl(Bucket=listed, AccessControlPolicy=policy)
    s3.put_object_acl(Bucket=listed, Key="a", AccessControlPolicy=policy)
    assert len(other.get_object_acl(Bucket=listed, Key="a")["Grants"]) == 3


@covers("s3", "PutBucketAcl", error=["InvalidArgument", "InvalidRequest", "MalformedACLError",
                                     "MissingSecurityHeader", "UnexpectedContent", "AccessDenied",
                                     "UnresolvableGrantByEmailAddress"])  # fmt: skip
def test_lists_are_checked(s3, client, listed):
    free = client("s3", config=PATH_STYLE, is_validated=False)
    owner = {"ID": owner_of(s3)}

    def refused(code, match=None, status=400, **request):
        with aws_error(code, status, match=match):
            free.put_bucket_acl(Bucket=listed, **request)

    refused("InvalidArgument", ACL="everybody")
    refused("InvalidArgument", ACL="bucket-owner-read")
    refused("InvalidArgument", "Invalid id", GrantRead='id="1234"')
    refused("InvalidArgument", "Invalid group uri", GrantRead='uri="http://a"')
    refused("InvalidArgument", GrantRead="nonsense")
    refused("UnresolvableGrantByEmailAddress", GrantRead='emailAddress="a@example.com"')
    refused("InvalidRequest", "not allowed", ACL="private", GrantRead=f'id="{owner["ID"]}"')
    refused("MissingSecurityHeader", "missing a required header")
    policy = {"Owner": owner, "Grants": []}
    refused("UnexpectedContent", ACL="private", AccessControlPolicy=policy)
    refused("MalformedACLError", AccessControlPolicy={"Grants": []})
    refused(
        "AccessDenied",
        status=403,
        AccessControlPolicy={"Owner": {"ID": "0" * 64}, "Grants": []},
    )


@covers("s3", "GetObjectAcl", error=["NoSuchKey", "NoSuchVersion", "MethodNotAllowed"])
@covers("s3", "PutObjectAcl", error="NoSuchKey")
def test_lists_of_what_is_not_there(s3, versioned, put):
    with aws_error("NoSuchKey", 404):
        s3.get_object_acl(Bucket=versioned, Key="a")
    with aws_error("NoSuchKey", 404):
        s3.put_object_acl(Bucket=versioned, Key="a", ACL="private")
    put("a")
    marker = s3.delete_object(Bucket=versioned, Key="a")["VersionId"]
    with aws_error("MethodNotAllowed", 405):
        s3.get_object_acl(Bucket=versioned, Key="a", VersionId=marker)
    with aws_error("NoSuchVersion", 404):
        s3.get_object_acl(Bucket=versioned, Key="a", VersionId="x" * 32)
