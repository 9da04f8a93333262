"""Versions: what writes and deletes do in buckets with versioning on, suspended and never on."""

import pytest
from harness import aws_error, covers


def suspend(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def enable(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def versions(s3, bucket, key="k"):
    page = s3.list_object_versions(Bucket=bucket, Prefix=key)
    return [item["VersionId"] for item in page.get("Versions", [])]


@covers("s3", "PutObject")
@covers("s3", "GetObject")
def test_every_version_stays(s3, versioned, put, get):
    ids = [put("k", text)["VersionId"] for text in (b"1", b"2" * 50_000, b"3")]
    assert len(set(ids)) == 3 and all(len(version) == 32 for version in ids)
    assert get("k") == b"3"
    assert get("k", VersionId=ids[0]) == b"1"
    assert get("k", VersionId=ids[1]) == b"2" * 50_000
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=ids[0])["VersionId"] == ids[0]


@covers("s3", "DeleteObject")
@covers("s3", "GetObject", error="MethodNotAllowed")
def test_a_delete_marker_hides_and_its_removal_shows(s3, versioned, put, get, raw):
    first = put("k", b"1")["VersionId"]
    answer = s3.delete_object(Bucket=versioned, Key="k")
    marker = answer["VersionId"]
    assert answer["DeleteMarker"] is True
    with aws_error("NoSuchKey", http_status=404) as error:
        get("k")
    headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    assert headers["x-amz-version-id"] == marker
    # AWS: "a GET request for a delete marker by its version gives 405 (Method Not Allowed)".
    with aws_error("MethodNotAllowed", http_status=405) as error:
        get("k", VersionId=marker)
    headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true" and "last-modified" in headers
    assert headers["allow"] == "DELETE"
    assert get("k", VersionId=first) == b"1"
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 0
    answer = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert answer["DeleteMarker"] is True and answer["VersionId"] == marker
    assert get("k") == b"1"
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 1


@covers("s3", "DeleteObject")
def test_deleting_the_newest_version_shows_the_one_before(s3, versioned, put, get):
    ids = [put("k", text)["VersionId"] for text in (b"1", b"2", b"3")]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert get("k") == b"2"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[0])
    assert get("k") == b"2"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[1])
    with aws_error("NoSuchKey"):
        get("k")
    # A version that is not there any more: the delete succeeds.
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[1])
    with aws_error("NoSuchVersion", http_status=404):
        get("k", VersionId=ids[1])


def test_markers_upon_markers(s3, versioned, put, get):
    put("k", b"1")
    markers = [s3.delete_object(Bucket=versioned, Key="k")["VersionId"] for _ in range(2)]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=markers[1])
    with aws_error("NoSuchKey"):
        get("k")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=markers[0])
    assert get("k") == b"1"
    # A marker for what never was.
    assert s3.delete_object(Bucket=versioned, Key="never")["DeleteMarker"] is True


def test_versioning_begins_over_a_null_version(s3, bucket, put, get):
    put("k", b"null one")
    enable(s3, bucket)
    second = put("k", b"second")["VersionId"]
    assert get("k", VersionId="null") == b"null one"
    assert versions(s3, bucket) == [second, "null"]
    suspend(s3, bucket)
    # AWS: "Adding objects to versioning-suspended buckets": the version "null" is overwritten.
    answer = put("k", b"null two")
    assert answer["VersionId"] == "null"
    assert versions(s3, bucket) == ["null", second]
    assert get("k") == b"null two"
    answer = s3.delete_object(Bucket=bucket, Key="k")
    assert answer["VersionId"] == "null" and answer["DeleteMarker"] is True
    assert versions(s3, bucket) == [second]
    put("k", b"null three")
    page = s3.list_object_versions(Bucket=bucket)
    assert "DeleteMarkers" not in page
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert get("k") == b"second"


@covers("s3", "GetObject", error="InvalidArgument")
@covers("s3", "GetObject", error="NoSuchVersion")
def test_version_ids_that_cannot_be(s3, put, get, bucket, raw):
    put("k")
    with aws_error("InvalidArgument", http_status=400, message="Invalid version id specified"):
        get("k", VersionId="x")
    with aws_error("NoSuchVersion", http_status=404):
        get("k", VersionId="x" * 32)
    assert get("k", VersionId="null") == b"text"
    answer = raw("GET", f"/{bucket}/k?versionId=")
    assert answer.status == 400 and "Version id cannot be the empty string" in answer.text


@covers("s3", "DeleteObjects")
def test_deleting_many_with_versions(s3, versioned, put):
    first = put("k", b"1")["VersionId"]
    put("k", b"2")
    answer = s3.delete_objects(
        Bucket=versioned,
        Delete={"Objects": [{"Key": "k"}, {"Key": "k", "VersionId": first}, {"Key": "other"}]},
    )
    by_key = {(item["Key"], item.get("VersionId")): item for item in answer["Deleted"]}
    assert by_key[("k", None)]["DeleteMarker"] is True
    assert len(by_key[("k", None)]["DeleteMarkerVersionId"]) == 32
    assert "DeleteMarker" not in by_key[("k", first)]
    assert by_key[("other", None)]["DeleteMarker"] is True
    marker = by_key[("k", None)]["DeleteMarkerVersionId"]
    answer = s3.delete_objects(
        Bucket=versioned,
        Delete={"Objects": [{"Key": "k", "VersionId": marker}, {"Key": "k", "VersionId": "bad"}]},
    )
    assert answer["Deleted"] == [
        {
            "Key": "k",
            "VersionId": marker,
            "DeleteMarker": True,
            "DeleteMarkerVersionId": marker,
        }
    ]
    assert answer["Errors"][0]["Code"] == "NoSuchVersion"


@covers("s3", "CopyObject")
def test_copying_versions(s3, versioned, put, get):
    first = put("k", b"1")["VersionId"]
    put("k", b"2")
    answer = s3.copy_object(
        Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": first}
    )
    assert answer["CopySourceVersionId"] == first
    assert get("k") == b"1" and get("k", VersionId=answer["VersionId"]) == b"1"
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with aws_error("InvalidRequest", http_status=400):
        s3.copy_object(
            Bucket=versioned,
            Key="x",
            CopySource={"Bucket": versioned, "Key": "k", "VersionId": marker},
        )
    with aws_error("NoSuchKey", http_status=404):
        s3.copy_object(Bucket=versioned, Key="x", CopySource=f"{versioned}/k")
    with aws_error("NoSuchVersion", http_status=404):
        s3.copy_object(
            Bucket=versioned,
            Key="x",
            CopySource={"Bucket": versioned, "Key": "k", "VersionId": "x" * 32},
        )


@pytest.mark.parametrize("size", [10, 100_000])
def test_copies_outlive_their_source(s3, bucket, put, get, noise, size):
    body = noise(size)
    put("a", body)
    for source, target in (("a", "b"), ("b", "c"), ("a", "d")):
        s3.copy_object(Bucket=bucket, Key=target, CopySource=f"{bucket}/{source}")
    for key in ("a", "c", "b"):
        s3.delete_object(Bucket=bucket, Key=key)
        assert get("d") == body
    put("d", b"over")
    assert get("d") == b"over"
