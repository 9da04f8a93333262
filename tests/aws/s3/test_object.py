"""Objects: put, get, head, delete; headers and metadata; ranges; conditions; names."""

import base64
import datetime
import hashlib
import json

import pytest
from harness import aws_error, covers

from .conftest import quoted

KILO = 1024


@covers("s3", "PutObject")
@covers("s3", "GetObject")
@pytest.mark.parametrize("size", [0, 1, 1000, 32 * KILO, 32 * KILO + 1, 300_000, 6_000_000])
def test_an_object_comes_back_as_it_went(s3, bucket, noise, size):
    body = noise(size)
    answer = s3.put_object(Bucket=bucket, Key="k", Body=body)
    # AWS: "Objects created by the PUT Object ... and are encrypted by SSE-S3 or plaintext, have
    # ETags that are an MD5 digest of their object data."
    assert answer["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert answer["ServerSideEncryption"] == "AES256"
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == body
    assert found["ContentLength"] == size
    assert found["ETag"] == answer["ETag"]
    assert found["AcceptRanges"] == "bytes"
    # AWS: the default of Content-Type.
    assert found["ContentType"] == "binary/octet-stream"
    assert "VersionId" not in found


@covers("s3", "HeadObject")
def test_head_has_the_headers_of_get(s3, bucket):
    s3.put_object(
        Bucket=bucket,
        Key="page",
        Body=b"<p>",
        CacheControl="max-age=5",
        ContentDisposition='attachment; filename="x"',
        ContentEncoding="gzip",
        ContentLanguage="de",
        ContentType="text/html",
        Expires=datetime.datetime(2030, 1, 2, 3, 4, 5),
        Metadata={"Some-Name": "value", "other": "x"},
        StorageClass="STANDARD_IA",
        Tagging="a=1&b=2",
        WebsiteRedirectLocation="/elsewhere",
    )
    head = s3.head_object(Bucket=bucket, Key="page")
    get = s3.get_object(Bucket=bucket, Key="page")
    for answer in (head, get):
        assert answer["CacheControl"] == "max-age=5"
        assert answer["ContentDisposition"] == 'attachment; filename="x"'
        assert answer["ContentEncoding"] == "gzip"
        assert answer["ContentLanguage"] == "de"
        assert answer["ContentType"] == "text/html"
        assert answer["ExpiresString"] == "Wed, 02 Jan 2030 03:04:05 GMT"
        # AWS: "Amazon S3 stores user-defined metadata keys in lowercase."
        assert answer["Metadata"] == {"some-name": "value", "other": "x"}
        assert answer["StorageClass"] == "STANDARD_IA"
        assert answer["WebsiteRedirectLocation"] == "/elsewhere"
        assert answer["ContentLength"] == 3
    assert head["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"] == "2"


@covers("s3", "GetObject", error="NoSuchKey")
def test_a_key_that_is_not_there(s3, bucket, raw):
    with aws_error("NoSuchKey", http_status=404, message="The specified key does not exist."):
        s3.get_object(Bucket=bucket, Key="nowhere")
    with aws_error("404", http_status=404):
        s3.head_object(Bucket=bucket, Key="nowhere")
    answer = raw("GET", f"/{bucket}/nowhere")
    # AWS: "REST error responses": the elements of the document.
    assert "<Key>nowhere</Key>" in answer.text
    assert "<HostId>" in answer.text and "<RequestId>" in answer.text
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["x-amz-id-2"] in answer.text


@covers("s3", "PutObject")
def test_writing_again_replaces(s3, put, get, bucket, noise):
    for body in (b"one", noise(100_000), b"three", noise(200_000)):
        put("k", body)
        assert get("k") == body
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


@covers("s3", "DeleteObject")
def test_deleting_what_is_there_and_what_is_not(s3, put, bucket):
    put("k")
    for _ in range(2):
        answer = s3.delete_object(Bucket=bucket, Key="k")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert "DeleteMarker" not in answer
    with aws_error("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


@covers("s3", "PutObject", error="NoSuchBucket")
def test_a_bucket_that_is_not_there(s3, unique):
    with aws_error("NoSuchBucket", http_status=404, message="The specified bucket does not exist"):
        s3.put_object(Bucket=unique("nowhere"), Key="k", Body=b"x")


# ---- names ----


@pytest.mark.parametrize(
    "key",
    [
        "a/../b",
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "//",
        "/leading",
        "trailing/",
        "a//b",
        "a b+c%20d",
        "%2e%2e/x",
        "%",
        "ümläut/日本語/🦄",
        "q?uestion&amp=1#hash",
        "tab\tnew\nline",
        "<xml>&'\"",
        "é" * 512,
        "k" * 1024,
        "~!@$^*()_-=[]{}|;:',.",
    ],
)
@covers("s3", "PutObject")
def test_any_utf8_is_a_key(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_paths_are_not_normalised(raw, bucket):
    # AWS: "Object key naming guidelines": periods and slashes are characters like others.
    for path in ("/x/../y", "/x/./y", "//x", "/x//y", "/%2e%2e/z"):
        assert raw("PUT", f"/{bucket}{path}", path.encode()).status == 200
    for path in ("/x/../y", "/x/./y", "//x", "/x//y", "/../z"):
        expected = path if path != "/../z" else "/%2e%2e/z"
        assert raw("GET", f"/{bucket}{path}").text == expected


@covers("s3", "PutObject", error="KeyTooLongError")
def test_a_key_of_1025_bytes(s3, bucket):
    for key in ("k" * 1025, "é" * 513):
        with aws_error("KeyTooLongError", http_status=400, message="Your key is too long"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"")


def test_keys_that_are_no_text(raw, bucket):
    for path in ("/%ff%fe", "/%00", "/%c0%af"):
        answer = raw("PUT", f"/{bucket}{path}", b"x")
        assert answer.status == 400 and "<Code>InvalidURI</Code>" in answer.text


# ---- metadata ----


@covers("s3", "PutObject", error="MetadataTooLarge")
def test_two_kilobytes_of_metadata(s3, bucket):
    # AWS: "the user-defined metadata is limited to 2 KB": the sum of names and values.
    s3.put_object(Bucket=bucket, Key="k", Metadata={"n" * 48: "v" * 2000})
    with aws_error(
        "MetadataTooLarge",
        http_status=400,
        message="Your metadata headers exceed the maximum allowed metadata size",
    ):
        s3.put_object(Bucket=bucket, Key="k", Metadata={"n" * 48: "v" * 2001})


@covers("s3", "PutObject", error="InvalidStorageClass")
def test_an_unknown_storage_class(s3, bucket):
    with aws_error(
        "InvalidStorageClass",
        http_status=400,
        message="The storage class you specified is not valid",
    ):
        s3.put_object(Bucket=bucket, Key="k", StorageClass="COLD")


@covers("s3", "PutObject", error="InvalidRedirectLocation")
def test_a_redirect_must_be_a_url_or_path(s3, bucket):
    with aws_error("InvalidRedirectLocation", http_status=400):
        s3.put_object(Bucket=bucket, Key="k", WebsiteRedirectLocation="ftp://x")


@covers("s3", "PutObject", error="NotImplemented")
def test_appending_is_for_directory_buckets(s3, bucket):
    with aws_error("NotImplemented", http_status=501):
        s3.put_object(Bucket=bucket, Key="k", WriteOffsetBytes=0, Body=b"x")


# ---- ranges ----


@covers("s3", "GetObject")
@pytest.mark.parametrize("size", [1000, 100_000])
def test_ranges(s3, bucket, noise, size):
    body = noise(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    cases = {
        "bytes=0-0": (0, 1),
        "bytes=10-19": (10, 20),
        "bytes=990-": (990, size),
        "bytes=-7": (size - 7, size),
        f"bytes=5-{size * 2}": (5, size),
    }
    for header, (start, end) in cases.items():
        answer = s3.get_object(Bucket=bucket, Key="k", Range=header)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert answer["ContentRange"] == f"bytes {start}-{end - 1}/{size}"
        assert answer["Body"].read() == body[start:end]
        head = s3.head_object(Bucket=bucket, Key="k", Range=header)
        assert head["ContentLength"] == end - start
    # AWS: "Amazon S3 doesn't support retrieving multiple ranges of data per GET request."
    for header in ("bytes=0-1,5-6", "bytes=9-2", "lines=1-2"):
        answer = s3.get_object(Bucket=bucket, Key="k", Range=header)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert answer["Body"].read() == body


@covers("s3", "GetObject", error="InvalidRange")
def test_a_range_beyond_the_end(s3, put, bucket, raw):
    put("k", b"12345")
    with aws_error(
        "InvalidRange", http_status=416, message="The requested range is not satisfiable"
    ):
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=5-9")
    answer = raw("GET", f"/{bucket}/k", headers={"Range": "bytes=7-"})
    assert answer.status == 416
    assert answer.headers["content-range"] == "bytes */5"
    assert "<ActualObjectSize>5</ActualObjectSize>" in answer.text
    assert "<RangeRequested>bytes=7-</RangeRequested>" in answer.text


# ---- conditions ----


@covers("s3", "GetObject", error="PreconditionFailed")
@covers("s3", "GetObject", error="NotModified")
def test_conditional_reads(s3, put, bucket):
    etag = put("k")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    before = modified - datetime.timedelta(seconds=10)
    after = modified + datetime.timedelta(seconds=10)

    def read(**conditions):
        return s3.get_object(Bucket=bucket, Key="k", **conditions)["Body"].read()

    assert read(IfMatch=etag) == b"text"
    assert read(IfMatch='"other", ' + etag) == b"text"
    assert read(IfMatch="*") == b"text"
    assert read(IfNoneMatch='"other"') == b"text"
    assert read(IfModifiedSince=before) == b"text"
    assert read(IfUnmodifiedSince=after) == b"text"
    assert read(IfUnmodifiedSince=modified) == b"text"
    # RFC 9110, 13.2.2: If-Match decides without If-Unmodified-Since, If-None-Match without
    # If-Modified-Since. AWS says the same of GetObject.
    assert read(IfMatch=etag, IfUnmodifiedSince=before) == b"text"
    assert read(IfNoneMatch='"other"', IfModifiedSince=modified) == b"text"
    text = "At least one of the pre-conditions you specified did not hold"
    for conditions in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": before}):
        with aws_error("PreconditionFailed", http_status=412, message=text):
            read(**conditions)
    for conditions in (
        {"IfNoneMatch": etag},
        {"IfModifiedSince": modified},
        {"IfNoneMatch": etag, "IfModifiedSince": before},
    ):
        with aws_error("304", http_status=304) as error:
            read(**conditions)
        assert error.response["ResponseMetadata"]["HTTPHeaders"]["etag"] == etag


@covers("s3", "PutObject", error="PreconditionFailed")
def test_conditional_writes(s3, put, get, bucket):
    # AWS: "Add preconditions to S3 operations with conditional requests".
    first = put("k", b"1", IfNoneMatch="*")
    with aws_error("PreconditionFailed", http_status=412):
        put("k", b"2", IfNoneMatch="*")
    assert get("k") == b"1"
    second = put("k", b"2", IfMatch=first["ETag"])
    with aws_error("PreconditionFailed", http_status=412):
        put("k", b"3", IfMatch=first["ETag"])
    assert get("k") == b"2"
    with aws_error("NoSuchKey", http_status=404):
        put("other", b"3", IfMatch=second["ETag"])
    for conditions in ({"IfNoneMatch": second["ETag"]}, {"IfMatch": "*"}):
        with aws_error("NotImplemented", http_status=501):
            put("k", b"3", **conditions)


@covers("s3", "DeleteObject", error="PreconditionFailed")
def test_conditional_deletes(s3, put, bucket):
    etag = put("k")["ETag"]
    with aws_error("PreconditionFailed", http_status=412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch='"other"')
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    put("k")
    s3.delete_object(Bucket=bucket, Key="k", IfMatch="*")
    with aws_error("NoSuchKey", http_status=404):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch="*")
    with aws_error("NotImplemented", http_status=501):
        s3.delete_object(Bucket=bucket, Key="k", IfMatchSize=4)


# ---- overrides ----


@covers("s3", "GetObject")
def test_headers_of_the_answer_can_be_asked_for(s3, put, bucket):
    put("k", ContentType="text/plain")
    answer = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseCacheControl="no-cache",
        ResponseContentDisposition="inline",
        ResponseContentEncoding="br",
        ResponseContentLanguage="fr",
        ResponseContentType="application/json",
        ResponseExpires=datetime.datetime(2031, 1, 1),
    )
    assert answer["CacheControl"] == "no-cache"
    assert answer["ContentDisposition"] == "inline"
    assert answer["ContentEncoding"] == "br"
    assert answer["ContentLanguage"] == "fr"
    assert answer["ContentType"] == "application/json"
    assert answer["ExpiresString"] == "Wed, 01 Jan 2031 00:00:00 GMT"


def test_an_override_cannot_add_headers(raw, put, bucket):
    put("k")
    path = f"/{bucket}/k?response-content-type=text%2Fplain%0D%0AX-Evil%3A%201"
    answer = raw("GET", path)
    assert "x-evil" not in answer.headers


# ---- delete many ----


@covers("s3", "DeleteObjects")
def test_deleting_many(s3, put, bucket):
    for number in range(5):
        put(f"k{number}")
    wanted = [{"Key": f"k{number}"} for number in range(3)] + [{"Key": "not there"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert [item["Key"] for item in answer["Deleted"]] == [item["Key"] for item in wanted]
    assert "Errors" not in answer
    answer = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "k3"}], "Quiet": True}
    )
    assert "Deleted" not in answer
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k4"]


@covers("s3", "DeleteObjects", error="InvalidRequest")
@covers("s3", "DeleteObjects", error="BadDigest")
@covers("s3", "DeleteObjects", error="MalformedXML")
def test_deleting_many_needs_a_digest_and_xml(raw, bucket):
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    answer = raw("POST", f"/{bucket}?delete", body)
    assert answer.status == 400
    assert "Missing required header for this request: Content-MD5" in answer.text
    answer = raw("POST", f"/{bucket}?delete", body, {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
    assert "<Code>BadDigest</Code>" in answer.text
    for broken in (b"<Delete>", b"<Delete/>", b"text", b"<Delete><Object/></Delete>"):
        md5 = hashlib.md5(broken).digest()
        headers = {"Content-MD5": base64.b64encode(md5).decode()}
        answer = raw("POST", f"/{bucket}?delete", broken, headers)
        assert answer.status == 400 and "<Code>MalformedXML</Code>" in answer.text


def test_at_most_a_thousand_keys_at_once(s3, put, bucket):
    put("k0")
    keys = [{"Key": f"k{number}"} for number in range(1001)]
    with aws_error(
        "MalformedXML",
        http_status=400,
        message="The XML you provided was not well-formed or did not validate against our "
        "published schema",
    ):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys[:1000]})
    assert len(answer["Deleted"]) == 1000
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@covers("s3", "DeleteObjects")
@pytest.mark.parametrize("is_quiet", [False, True])
def test_keys_that_are_not_deleted_are_told_quiet_or_not(s3, put, bucket, is_quiet):
    for key in ("kept/a", "b", "c"):
        put(key)
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:DeleteObject",
                        "Resource": f"arn:aws:s3:::{bucket}/kept/*",
                    }
                ],
            }
        ),
    )
    wanted = [
        {"Key": "kept/a"},
        {"Key": "b"},
        {"Key": "c", "VersionId": "x" * 32},
        {"Key": "c", "ETag": '"other"'},
    ]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": is_quiet})
    told = [(item["Key"], item["Code"], item.get("VersionId")) for item in answer["Errors"]]
    assert told == [
        ("kept/a", "AccessDenied", None),
        ("c", "NoSuchVersion", "x" * 32),
        ("c", "PreconditionFailed", None),
    ]
    assert answer["Errors"][1]["Message"] == "The specified version does not exist."
    assert answer.get("Deleted", []) == ([] if is_quiet else [{"Key": "b"}])
    left = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert left == ["c", "kept/a"]


# ---- refused ----


def test_select_and_torrents(s3, put, bucket):
    # AWS has both closed: S3 Select to new customers since July 2024, torrents since April 2022.
    put("k")
    with aws_error("NotImplemented", http_status=501):
        s3.get_object_torrent(Bucket=bucket, Key="k")
    with aws_error("NotImplemented", http_status=501):
        s3.select_object_content(
            Bucket=bucket,
            Key="k",
            Expression="SELECT 1",
            ExpressionType="SQL",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        )


@covers("s3", "RestoreObject")
@covers("s3", "RestoreObject", error="InvalidObjectState")
@covers("s3", "GetObject", error="InvalidObjectState")
def test_archived_objects_are_restored_first(s3, put, get, bucket, clock):
    put("cold", b"ice", StorageClass="GLACIER")
    put("warm")
    with aws_error("InvalidObjectState", http_status=403):
        get("cold")
    with aws_error("ObjectNotInActiveTierError", http_status=403):
        s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{bucket}/cold")
    with aws_error("InvalidObjectState", http_status=403):
        s3.restore_object(Bucket=bucket, Key="warm", RestoreRequest={"Days": 1})
    answer = s3.restore_object(Bucket=bucket, Key="cold", RestoreRequest={"Days": 2})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert get("cold") == b"ice"
    head = s3.head_object(Bucket=bucket, Key="cold")
    assert head["Restore"].startswith('ongoing-request="false", expiry-date="')
    again = s3.restore_object(Bucket=bucket, Key="cold", RestoreRequest={"Days": 3})
    assert again["ResponseMetadata"]["HTTPStatusCode"] == 200
    clock.advance("120h")
    with aws_error("InvalidObjectState", http_status=403):
        get("cold")


# ---- attributes ----


@covers("s3", "GetObjectAttributes")
@covers("s3", "GetObjectAttributes", error="InvalidArgument")
def test_attributes(s3, put, bucket):
    etag = put("k", b"hello", ChecksumAlgorithm="SHA256")["ETag"].strip('"')
    answer = s3.get_object_attributes(
        Bucket=bucket,
        Key="k",
        ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"],
    )
    assert answer["ETag"] == etag
    assert answer["ObjectSize"] == 5
    assert answer["StorageClass"] == "STANDARD"
    assert answer["Checksum"]["ChecksumSHA256"] == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
    assert "ObjectParts" not in answer
    with aws_error("InvalidArgument", http_status=400):
        s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Colour"])


def test_a_quoted_key_is_the_key(raw, bucket, get):
    key = "a b/ü+~"
    assert raw("PUT", f"/{bucket}/{quoted(key)}", b"x").status == 200
    assert get(key) == b"x"
