"""Configurations of buckets that are checked, kept and returned."""

import base64
import hashlib

import pytest
from harness import aws_error, covers

from .conftest import PATH_STYLE

MALFORMED = (
    "The XML you provided was not well-formed or did not validate against our published schema"
)


@pytest.fixture
def free(client):
    return client("s3", config=PATH_STYLE, is_validated=False)


# ---- CORS ----


@covers("s3", "PutBucketCors")
@covers("s3", "GetBucketCors")
@covers("s3", "DeleteBucketCors")
@covers("s3", "GetBucketCors", error="NoSuchCORSConfiguration")
def test_cors_rules_come_back(s3, bucket):
    rules = [
        {
            "ID": "one",
            "AllowedMethods": ["GET", "PUT"],
            "AllowedOrigins": ["https://*.example.com", "http://a.example"],
            "AllowedHeaders": ["x-*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 60,
        },
        {"AllowedMethods": ["HEAD"], "AllowedOrigins": ["*"]},
    ]
    with aws_error("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"):
        s3.get_bucket_cors(Bucket=bucket)
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    s3.delete_bucket_cors(Bucket=bucket)
    with aws_error("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)


@covers("s3", "PutBucketCors", error=["InvalidRequest", "MalformedXML"])
@pytest.mark.parametrize(
    ("rule", "code", "text"),
    [
        ({"AllowedMethods": ["PATCH"]}, "InvalidRequest", "unsupported HTTP method"),
        ({"AllowedOrigins": ["*a*"]}, "InvalidRequest", "more than one wildcard"),
        ({"AllowedHeaders": ["*a*"]}, "InvalidRequest", "more than one wildcard"),
        ({"ExposeHeaders": ["x-*"]}, "InvalidRequest", "wildcard for ExposeHeader"),
        ({"AllowedOrigins": []}, "MalformedXML", "not well-formed"),
    ],
)
def test_cors_rules_are_checked(s3, bucket, rule, code, text):
    whole = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], **rule}
    with aws_error(code, 400, match=text):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [whole]})


@covers("s3", "PutBucketCors", error="InvalidRequest")
def test_there_are_at_most_a_hundred_rules(s3, bucket):
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    with aws_error("InvalidRequest", 400, match="100 rules"):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule] * 101})


# ---- bodies ----


@covers("s3", "PutBucketCors", error=["MalformedXML", "BadDigest", "InvalidDigest"])
def test_bodies_are_checked(raw, bucket):
    assert MALFORMED in raw("PUT", f"/{bucket}?cors", b"<CORS").text
    assert MALFORMED in raw("PUT", f"/{bucket}?cors", b"").text
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><CORSConfiguration>&b;</CORSConfiguration>'
    assert MALFORMED in raw("PUT", f"/{bucket}?cors", bomb).text
    body = (
        b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>"
        b"<AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"
    )
    right = base64.b64encode(hashlib.md5(body).digest()).decode()
    wrong = base64.b64encode(hashlib.md5(b"").digest()).decode()
    answer = raw("PUT", f"/{bucket}?cors", body, {"Content-MD5": wrong})
    assert answer.status == 400
    assert "<Code>BadDigest</Code>" in answer.text
    assert "<Code>InvalidDigest</Code>" in raw(
        "PUT", f"/{bucket}?cors", body, {"Content-MD5": "x"}
    ).text
    assert raw("PUT", f"/{bucket}?cors", body, {"Content-MD5": right}).status == 200


# ---- tagging ----


@covers("s3", "PutBucketTagging")
@covers("s3", "GetBucketTagging")
@covers("s3", "DeleteBucketTagging")
@covers("s3", "GetBucketTagging", error="NoSuchTagSet")
def test_tags_come_back(s3, bucket):
    tags = [{"Key": "team", "Value": "a"}, {"Key": "empty", "Value": ""}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    with aws_error("NoSuchTagSet", 404, "The TagSet does not exist"):
        s3.get_bucket_tagging(Bucket=bucket)


@covers("s3", "PutBucketTagging", error=["InvalidTag", "BadRequest"])
@pytest.mark.parametrize(
    ("tags", "code", "text"),
    [
        ([("a", "1"), ("a", "2")], "InvalidTag", "Cannot provide multiple Tags with the same key"),
        ([("aws:a", "1")], "InvalidTag", "System tags cannot be added/updated by requester"),
        ([("a" * 129, "1")], "InvalidTag", "The TagKey you have provided is invalid"),
        ([("a", "1" * 257)], "InvalidTag", "The TagValue you have provided is invalid"),
        ([(str(i), "") for i in range(51)], "BadRequest", "greater than 50"),
    ],
)
def test_tags_are_checked(s3, free, bucket, tags, code, text):
    tag_set = [{"Key": key, "Value": value} for key, value in tags]
    with aws_error(code, 400, match=text) as error:
        free.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_set})
    assert error.code in ("InvalidTag", "BadRequest")


# ---- versioning ----


@covers("s3", "PutBucketVersioning")
@covers("s3", "GetBucketVersioning")
def test_versioning_goes_on_and_is_suspended(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


@covers("s3", "PutBucketVersioning", error=["NotImplemented", "MalformedXML",
                                            "IllegalVersioningConfigurationException",
                                            "InvalidBucketState"])  # fmt: skip
def test_versioning_is_checked(s3, bucket, unique):
    with aws_error("NotImplemented", 501, match="MFA delete"):
        s3.put_bucket_versioning(
            Bucket=bucket,
            MFA="arn:aws:iam::1:mfa/a 123456",
            VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"},
        )
    with aws_error("MalformedXML", 400, MALFORMED):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "On"})
    with aws_error("IllegalVersioningConfigurationException", 400):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={})
    locked = unique("locked")
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    with aws_error("InvalidBucketState", 409, match="Object Lock configuration is present"):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})


# ---- object lock ----


@covers("s3", "PutObjectLockConfiguration")
@covers("s3", "GetObjectLockConfiguration")
@covers("s3", "GetObjectLockConfiguration", error="ObjectLockConfigurationNotFoundError")
@covers("s3", "PutObjectLockConfiguration", error="InvalidBucketState")
def test_object_lock_needs_versioning(s3, bucket):
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    wanted = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    with aws_error("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)
    with aws_error("InvalidBucketState", 409):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
    found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert found == wanted


@covers("s3", "PutObjectLockConfiguration", error=["MalformedXML", "InvalidArgument"])
@pytest.mark.parametrize(
    ("retention", "code"),
    [
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Days": 1}, "MalformedXML"),
        ({"Mode": "SOFT", "Days": 1}, "MalformedXML"),
        ({"Mode": "COMPLIANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "COMPLIANCE", "Days": 36501}, "InvalidArgument"),
        ({"Mode": "COMPLIANCE", "Years": 101}, "InvalidArgument"),
    ],
)
def test_default_retention_is_checked(s3, versioned, retention, code):
    with aws_error(code, 400):
        s3.put_object_lock_configuration(
            Bucket=versioned,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": retention},
            },
        )


# ---- encryption ----


def _encryption(algorithm, **more):
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, **more},
                "BucketKeyEnabled": False,
            }
        ]
    }


@covers("s3", "PutBucketEncryption")
@covers("s3", "GetBucketEncryption")
@covers("s3", "DeleteBucketEncryption")
def test_encryption_is_never_off(s3, bucket):
    def found():
        return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]

    # AWS: since January 2023 every bucket has SSE-S3.
    assert found() == _encryption("AES256")
    wanted = _encryption("aws:kms", KMSMasterKeyID="alias/a")
    wanted["Rules"][0]["BucketKeyEnabled"] = True
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=wanted)
    assert found() == wanted
    s3.delete_bucket_encryption(Bucket=bucket)
    assert found() == _encryption("AES256")


@covers("s3", "PutBucketEncryption", error=["MalformedXML", "InvalidArgument"])
def test_encryption_is_checked(s3, bucket):
    with aws_error("MalformedXML", 400):
        s3.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration=_encryption("ROT13")
        )
    with aws_error("InvalidArgument", 400, match="a KMSMasterKeyID is not applicable"):
        s3.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration=_encryption("AES256", KMSMasterKeyID="k"),
        )


# ---- ownership and public access ----


@covers("s3", "GetBucketOwnershipControls")
@covers("s3", "PutBucketOwnershipControls")
@covers("s3", "DeleteBucketOwnershipControls")
@covers("s3", "GetBucketOwnershipControls", error="OwnershipControlsNotFoundError")
@covers("s3", "PutBucketOwnershipControls", error=["InvalidBucketAclWithObjectOwnership",
                                                   "MalformedXML"])  # fmt: skip
def test_ownership_controls(s3, bucket):
    def found():
        controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
        return controls["Rules"][0]["ObjectOwnership"]

    def put(ownership):
        s3.put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": ownership}]}
        )

    # AWS: since April 2023 the default.
    assert found() == "BucketOwnerEnforced"
    put("BucketOwnerPreferred")
    assert found() == "BucketOwnerPreferred"
    s3.put_bucket_acl(Bucket=bucket, ACL="log-delivery-write")
    with aws_error("InvalidBucketAclWithObjectOwnership", 400):
        put("BucketOwnerEnforced")
    with aws_error("MalformedXML", 400):
        put("Anybody")
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    with aws_error("OwnershipControlsNotFoundError", 404):
        s3.get_bucket_ownership_controls(Bucket=bucket)


@covers("s3", "GetPublicAccessBlock")
@covers("s3", "PutPublicAccessBlock")
@covers("s3", "DeletePublicAccessBlock")
@covers("s3", "GetPublicAccessBlock", error="NoSuchPublicAccessBlockConfiguration")
def test_public_access_is_blocked_by_default(s3, bucket):
    def found():
        return s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]

    assert all(found().values()) and len(found()) == 4
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    assert [name for name, value in found().items() if value] == ["BlockPublicAcls"]
    s3.delete_public_access_block(Bucket=bucket)
    with aws_error("NoSuchPublicAccessBlockConfiguration", 404):
        s3.get_public_access_block(Bucket=bucket)


# ---- payment, acceleration, attribute-based access control ----


@covers("s3", "GetBucketRequestPayment")
@covers("s3", "PutBucketRequestPayment")
@covers("s3", "PutBucketRequestPayment", error="MalformedXML")
def test_requesters_may_be_made_to_pay(s3, client, bucket, put):
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(
        Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"}
    )
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    put("a")
    s3.put_bucket_policy(Bucket=bucket, Policy=_allow("210987654321", bucket))
    other = client("s3", account="210987654321", config=PATH_STYLE)
    # AWS: others must say that they pay.
    with aws_error("AccessDenied", 403):
        other.get_object(Bucket=bucket, Key="a")
    paid = other.get_object(Bucket=bucket, Key="a", RequestPayer="requester")
    assert paid["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-charged"] == "requester"
    with aws_error("MalformedXML", 400):
        s3.put_bucket_request_payment(
            Bucket=bucket, RequestPaymentConfiguration={"Payer": "Nobody"}
        )


def _allow(principal, bucket):
    return (
        '{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "%s"}, "Action": "s3:GetObject",'
        ' "Resource": "arn:aws:s3:::%s/*"}]}' % (principal, bucket)
    )


@covers("s3", "PutBucketAccelerateConfiguration")
@covers("s3", "GetBucketAccelerateConfiguration")
@covers("s3", "PutBucketAccelerateConfiguration", error=["InvalidRequest", "MalformedXML"])
def test_acceleration_is_remembered(s3, bucket, unique):
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.put_bucket_accelerate_configuration(
        Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"}
    )
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"
    with aws_error("MalformedXML", 400):
        s3.put_bucket_accelerate_configuration(
            Bucket=bucket, AccelerateConfiguration={"Status": "Maybe"}
        )
    dotted = unique("a.b")
    s3.create_bucket(Bucket=dotted)
    with aws_error("InvalidRequest", 400, match="periods"):
        s3.put_bucket_accelerate_configuration(
            Bucket=dotted, AccelerateConfiguration={"Status": "Enabled"}
        )


@covers("s3", "PutBucketAbac")
@covers("s3", "GetBucketAbac")
def test_abac_is_remembered(s3, bucket):
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"]["Status"] == "Disabled"
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"})
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"]["Status"] == "Enabled"


# ---- configurations by id ----

KINDS = {
    "inventory": (
        "InventoryConfiguration",
        lambda name: {
            "Id": name,
            "IsEnabled": True,
            "IncludedObjectVersions": "All",
            "Schedule": {"Frequency": "Daily"},
            "Destination": {
                "S3BucketDestination": {"Bucket": "arn:aws:s3:::there", "Format": "CSV"}
            },
        },
    ),
    "analytics": (
        "AnalyticsConfiguration",
        lambda name: {"Id": name, "Filter": {"Prefix": "a/"}, "StorageClassAnalysis": {}},
    ),
    "metrics": ("MetricsConfiguration", lambda name: {"Id": name, "Filter": {"Prefix": "a/"}}),
    "intelligent_tiering": (
        "IntelligentTieringConfiguration",
        lambda name: {
            "Id": name,
            "Status": "Enabled",
            "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}],
        },
    ),
}


@covers("s3", "PutBucketInventoryConfiguration")
@covers("s3", "GetBucketInventoryConfiguration")
@covers("s3", "ListBucketInventoryConfigurations")
@covers("s3", "DeleteBucketInventoryConfiguration")
@covers("s3", "PutBucketAnalyticsConfiguration")
@covers("s3", "GetBucketAnalyticsConfiguration")
@covers("s3", "ListBucketAnalyticsConfigurations")
@covers("s3", "DeleteBucketAnalyticsConfiguration")
@covers("s3", "PutBucketMetricsConfiguration")
@covers("s3", "GetBucketMetricsConfiguration")
@covers("s3", "ListBucketMetricsConfigurations")
@covers("s3", "DeleteBucketMetricsConfiguration")
@covers("s3", "PutBucketIntelligentTieringConfiguration")
@covers("s3", "GetBucketIntelligentTieringConfiguration")
@covers("s3", "ListBucketIntelligentTieringConfigurations")
@covers("s3", "DeleteBucketIntelligentTieringConfiguration")
@covers("s3", "GetBucketInventoryConfiguration", error="NoSuchConfiguration")
@covers("s3", "DeleteBucketInventoryConfiguration", error="NoSuchConfiguration")
@covers("s3", "GetBucketAnalyticsConfiguration", error="NoSuchConfiguration")
@covers("s3", "DeleteBucketAnalyticsConfiguration", error="NoSuchConfiguration")
@covers("s3", "GetBucketMetricsConfiguration", error="NoSuchConfiguration")
@covers("s3", "DeleteBucketMetricsConfiguration", error="NoSuchConfiguration")
@covers("s3", "GetBucketIntelligentTieringConfiguration", error="NoSuchConfiguration")
@covers("s3", "DeleteBucketIntelligentTieringConfiguration", error="NoSuchConfiguration")
@covers("s3", "PutBucketInventoryConfiguration", error="InvalidArgument")
@pytest.mark.parametrize("kind", KINDS)
def test_configurations_by_id(s3, bucket, kind):
    member, make = KINDS[kind]
    put = getattr(s3, f"put_bucket_{kind}_configuration")
    get = getattr(s3, f"get_bucket_{kind}_configuration")
    delete = getattr(s3, f"delete_bucket_{kind}_configuration")
    for name in ("b", "a"):
        put(Bucket=bucket, Id=name, **{member: make(name)})
    assert get(Bucket=bucket, Id="a")[member] == make("a")
    listed = getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=bucket)
    assert listed["IsTruncated"] is False
    assert [item["Id"] for item in listed[f"{member}List"]] == ["a", "b"]
    delete(Bucket=bucket, Id="a")
    for call in (get, delete):
        with aws_error(
            "NoSuchConfiguration", 404, "The specified configuration does not exist."
        ):
            call(Bucket=bucket, Id="a")
    with aws_error("InvalidArgument", 400):
        put(Bucket=bucket, Id="a", **{member: make("other")})


@covers("s3", "ListBucketMetricsConfigurations")
@covers("s3", "ListBucketMetricsConfigurations", error="InvalidArgument")
def test_lists_of_configurations_are_paged(s3, bucket):
    for i in range(101):
        name = f"{i:03}"
        s3.put_bucket_metrics_configuration(
            Bucket=bucket, Id=name, MetricsConfiguration={"Id": name}
        )
    first = s3.list_bucket_metrics_configurations(Bucket=bucket)
    assert first["IsTruncated"] is True
    assert len(first["MetricsConfigurationList"]) == 100
    second = s3.list_bucket_metrics_configurations(
        Bucket=bucket, ContinuationToken=first["NextContinuationToken"]
    )
    assert [item["Id"] for item in second["MetricsConfigurationList"]] == ["100"]
    with aws_error("InvalidArgument", 400):
        s3.list_bucket_metrics_configurations(Bucket=bucket, ContinuationToken="!")


@covers("s3", "PutBucketInventoryConfiguration", error="InvalidRequest")
def test_an_inventory_names_a_bucket(s3, bucket):
    wrong = KINDS["inventory"][1]("a")
    wrong["Destination"]["S3BucketDestination"]["Bucket"] = "there"
    with aws_error("InvalidRequest", 400, "Invalid bucket ARN."):
        s3.put_bucket_inventory_configuration(
            Bucket=bucket, Id="a", InventoryConfiguration=wrong
        )
