"""Multipart uploads: parts, copies of parts, lists, completion, checksums, aborts."""

import base64
import hashlib
import os
import zlib

import pytest
from harness import aws_error, covers

PART = 5 * 1024 * 1024


class Upload:
    def __init__(self, s3, bucket, key, **more):
        self.s3, self.bucket, self.key = s3, bucket, key
        self.answer = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)
        self.id = self.answer["UploadId"]
        self.parts = []
        self.bytes = b""

    @property
    def where(self):
        return {"Bucket": self.bucket, "Key": self.key, "UploadId": self.id}

    def part(self, number, body, **more):
        answer = self.s3.upload_part(**self.where, PartNumber=number, Body=body, **more)
        part = {"PartNumber": number, "ETag": answer["ETag"]}
        part.update(
            {
                name: value
                for name, value in answer.items()
                if name.startswith("Checksum") and name != "ChecksumType"
            }
        )
        self.parts.append(part)
        self.bytes += body
        return answer

    def copy(self, number, source, **more):
        answer = self.s3.upload_part_copy(
            **self.where, PartNumber=number, CopySource=source, **more
        )
        self.parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
        return answer

    def complete(self, parts=None, **more):
        return self.s3.complete_multipart_upload(
            **self.where, MultipartUpload={"Parts": parts or self.parts}, **more
        )


@pytest.fixture
def upload(s3, bucket):
    return lambda key="k", **more: Upload(s3, bucket, key, **more)


def multipart_etag(*parts):
    # AWS: "Checking object integrity": the MD5 of the parts' MD5s and their number.
    joined = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(joined).hexdigest()}-{len(parts)}"'


@covers("s3", "CreateMultipartUpload")
@covers("s3", "UploadPart")
@covers("s3", "CompleteMultipartUpload")
def test_parts_become_an_object(virga, s3, bucket, get, upload, noise):
    u = upload(ContentType="text/plain", Metadata={"a": "b"}, Tagging="x=y")
    bodies = [noise(PART), noise(PART + 1), noise(10)]
    for number, body in enumerate(bodies, 1):
        assert u.part(number, body)["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    answer = u.complete()
    assert answer["ETag"] == multipart_etag(*bodies)
    assert answer["Location"] == f"{virga.endpoint}/{bucket}/k"
    assert answer["Key"] == "k"
    assert get("k") == u.bytes
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ContentLength"] == len(u.bytes)
    assert head["ContentType"] == "text/plain"
    assert head["Metadata"] == {"a": "b"}
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "x", "Value": "y"}]
    # Ranges over the seams.
    for start, end in ((PART - 3, PART + 2), (0, 2 * PART + 5), (2 * PART, 2 * PART + 11)):
        assert get("k", Range=f"bytes={start}-{end - 1}") == u.bytes[start:end]


@covers("s3", "GetObject")
def test_a_part_of_an_object_by_its_number(s3, bucket, upload, noise):
    u = upload()
    bodies = {2: noise(PART), 5: noise(PART), 9: noise(77)}
    for number, body in bodies.items():
        u.part(number, body)
    u.complete()
    for number, body in enumerate(bodies.values(), 1):
        answer = s3.get_object(Bucket=bucket, Key="k", PartNumber=number)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert answer["PartsCount"] == 3
        assert answer["Body"].read() == body
    with aws_error("InvalidPartNumber", http_status=416):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=4)
    with aws_error("InvalidRequest", http_status=400):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=1, Range="bytes=0-1")
    with aws_error("InvalidArgument", http_status=400):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=10001)


def test_a_part_again_replaces_it(get, upload, noise):
    u = upload()
    u.part(1, noise(PART))
    u.parts.clear()
    u.bytes = b""
    u.part(1, noise(PART))
    u.part(2, b"end")
    u.complete()
    assert get("k") == u.bytes


def test_parts_that_are_not_named_are_dropped(s3, bucket, get, upload, noise):
    u = upload()
    first = noise(PART)
    u.part(1, first)
    u.part(2, noise(PART))
    u.part(3, b"end")
    u.complete(parts=[u.parts[0], u.parts[2]])
    assert get("k") == first + b"end"
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"])
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2


@covers("s3", "CompleteMultipartUpload", error="EntityTooSmall")
@covers("s3", "CompleteMultipartUpload", error="InvalidPart")
@covers("s3", "CompleteMultipartUpload", error="InvalidPartOrder")
@covers("s3", "CompleteMultipartUpload", error="MalformedXML")
def test_completions_that_fail(s3, bucket, upload, noise, raw):
    u = upload()
    u.part(1, noise(100))
    u.part(2, noise(100))
    with aws_error(
        "EntityTooSmall",
        http_status=400,
        message="Your proposed upload is smaller than the minimum allowed size",
    ):
        u.complete()
    with aws_error("InvalidPartOrder", http_status=400):
        u.complete(parts=list(reversed(u.parts)))
    with aws_error("InvalidPart", http_status=400):
        u.complete(parts=[{"PartNumber": 3, "ETag": u.parts[0]["ETag"]}])
    with aws_error("InvalidPart", http_status=400):
        u.complete(parts=[{"PartNumber": 1, "ETag": u.parts[1]["ETag"]}])
    for body in (b"", b"<CompleteMultipartUpload/>", b"<x"):
        answer = raw("POST", f"/{bucket}/k?uploadId={u.id}", body)
        assert answer.status == 400 and "<Code>MalformedXML</Code>" in answer.text
    # Nothing of it was half done.
    assert len(s3.list_parts(**u.where)["Parts"]) == 2


@covers("s3", "UploadPart", error="NoSuchUpload")
@covers("s3", "UploadPart", error="InvalidArgument")
@covers("s3", "AbortMultipartUpload", error="NoSuchUpload")
@covers("s3", "ListParts", error="NoSuchUpload")
@covers("s3", "CompleteMultipartUpload", error="NoSuchUpload")
def test_uploads_that_are_not_there(s3, bucket, upload):
    u = upload()
    with aws_error("InvalidArgument", http_status=400):
        u.part(0, b"x")
    with aws_error("InvalidArgument", http_status=400):
        u.part(10001, b"x")
    other = {**u.where, "Key": "other"}
    for where in (other, {**u.where, "UploadId": "x" * 64}):
        with aws_error("NoSuchUpload", http_status=404):
            s3.upload_part(**where, PartNumber=1, Body=b"x")
        with aws_error("NoSuchUpload", http_status=404):
            s3.abort_multipart_upload(**where)
        with aws_error("NoSuchUpload", http_status=404):
            s3.list_parts(**where)
        with aws_error("NoSuchUpload", http_status=404):
            s3.complete_multipart_upload(
                **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]}
            )


@covers("s3", "CompleteMultipartUpload")
@pytest.mark.parametrize(
    "more", [{}, {"ChecksumAlgorithm": "SHA256"}, {"ServerSideEncryption": "aws:kms"}]
)
def test_completing_again_is_answered_the_same(s3, versioned, get, upload, noise, more):
    u = upload(**more)
    checksum = {"ChecksumAlgorithm": "SHA256"} if "ChecksumAlgorithm" in more else {}
    u.part(1, noise(PART), **checksum)
    u.part(2, b"end", **checksum)
    first = u.complete(IfNoneMatch="*")
    again = u.complete(IfNoneMatch="*")
    for answer in (first, again):
        del answer["ResponseMetadata"]
    assert again == first
    assert len(first["VersionId"]) == 32
    versions = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [version["VersionId"] for version in versions] == [first["VersionId"]]
    # What was made since stays.
    s3.put_object(Bucket=versioned, Key="k", Body=b"newer")
    assert u.complete()["VersionId"] == first["VersionId"]
    assert get("k") == b"newer"


@covers("s3", "CompleteMultipartUpload", error="NoSuchUpload")
def test_a_completed_upload_is_gone_for_all_else(s3, bucket, upload, noise):
    u = upload()
    u.part(1, noise(PART))
    u.part(2, b"end")
    u.complete()
    with aws_error("NoSuchUpload", http_status=404):
        u.complete(parts=u.parts[:1])
    with aws_error("InvalidPartOrder", http_status=400):
        u.complete(parts=u.parts[::-1])
    with aws_error("NoSuchUpload", http_status=404):
        s3.complete_multipart_upload(
            **{**u.where, "Key": "other"}, MultipartUpload={"Parts": u.parts}
        )
    with aws_error("NoSuchUpload", http_status=404):
        s3.upload_part(**u.where, PartNumber=3, Body=b"more")
    with aws_error("NoSuchUpload", http_status=404):
        s3.list_parts(**u.where)
    with aws_error("NoSuchUpload", http_status=404):
        s3.abort_multipart_upload(**u.where)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


@covers("s3", "CompleteMultipartUpload", error="NoSuchUpload")
def test_a_completion_is_known_for_a_day(clock, upload):
    u = upload()
    u.part(1, b"text")
    u.complete()
    clock.advance("23h")
    u.complete()
    clock.advance("61m")
    with aws_error("NoSuchUpload", http_status=404):
        u.complete()


@covers("s3", "AbortMultipartUpload")
def test_aborting(s3, bucket, upload, noise):
    u = upload()
    u.part(1, noise(100_000))
    s3.abort_multipart_upload(**u.where)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with aws_error("NoSuchUpload"):
        s3.list_parts(**u.where)


@covers("s3", "ListParts")
def test_listing_parts_by_pages(s3, upload):
    u = upload()
    for number in range(1, 6):
        u.part(number, b"x" * number)
    first = s3.list_parts(**u.where, MaxParts=2)
    assert [part["PartNumber"] for part in first["Parts"]] == [1, 2]
    assert first["IsTruncated"] and first["NextPartNumberMarker"] == 2
    rest = s3.list_parts(**u.where, PartNumberMarker=2)
    assert [part["Size"] for part in rest["Parts"]] == [3, 4, 5]
    assert not rest["IsTruncated"]
    assert rest["StorageClass"] == "STANDARD"


@covers("s3", "ListMultipartUploads")
def test_listing_uploads(s3, bucket, upload):
    uploads = [upload(key) for key in ("a/1", "a/2", "b", "b", "c/d/e")]
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [item["Key"] for item in listed] == ["a/1", "a/2", "b", "b", "c/d/e"]
    assert {item["UploadId"] for item in listed} == {u.id for u in uploads}
    folded = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [item["Prefix"] for item in folded["CommonPrefixes"]] == ["a/", "c/"]
    assert [item["Key"] for item in folded["Uploads"]] == ["b", "b"]
    below = s3.list_multipart_uploads(Bucket=bucket, Prefix="a/")
    assert [item["Key"] for item in below["Uploads"]] == ["a/1", "a/2"]
    seen = []
    more = {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=2, **more)
        seen += [(item["Key"], item["UploadId"]) for item in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        more = {
            "KeyMarker": page["NextKeyMarker"],
            "UploadIdMarker": page["NextUploadIdMarker"],
        }
    assert seen == [(item["Key"], item["UploadId"]) for item in listed]


# ---- copies of parts ----


@covers("s3", "UploadPartCopy")
def test_parts_copied_from_objects(s3, bucket, put, get, upload, noise):
    small, large = noise(1000), noise(PART + 1000)
    put("small", small)
    put("large", large)
    multi = upload("multi")
    multi.part(1, noise(PART))
    multi.part(2, noise(5000))
    multi.complete()
    u = upload("copy")
    u.copy(1, f"{bucket}/large")
    # Over the seam of two parts.
    answer = u.copy(2, f"{bucket}/multi", CopySourceRange=f"bytes=7-{PART + 99}")
    expected = multi.bytes[7 : PART + 100]
    assert answer["CopyPartResult"]["ETag"] == f'"{hashlib.md5(expected).hexdigest()}"'
    u.copy(3, f"{bucket}/small", CopySourceRange="bytes=10-19")
    answer = u.complete()
    whole = large + expected + small[10:20]
    assert answer["ETag"] == multipart_etag(large, expected, small[10:20])
    # The sources may go: what they share stays.
    for key in ("small", "large", "multi"):
        s3.delete_object(Bucket=bucket, Key=key)
    assert get("copy") == whole
    assert get("copy", Range=f"bytes={PART + 990}-{PART + 1010}") == whole[PART + 990 : PART + 1011]


@covers("s3", "UploadPartCopy")
@pytest.mark.parametrize("sse", [None, "aws:kms"])
def test_an_empty_object_is_a_part(bucket, put, get, upload, noise, sse):
    put("empty", b"")
    source = upload("source", **({"ServerSideEncryption": sse} if sse else {}))
    source.part(1, b"")
    source.complete()
    alone = upload("alone")
    for name in ("empty", "source"):
        answer = alone.copy(1, f"{bucket}/{name}")
        assert answer["CopyPartResult"]["ETag"] == f'"{hashlib.md5(b"").hexdigest()}"'
    alone.parts.pop()
    assert alone.complete()["ETag"] == multipart_etag(b"")
    assert get("alone") == b""
    # At the end of others, and from what was copied itself.
    first = noise(PART)
    behind = upload("behind", **({"ServerSideEncryption": sse} if sse else {}))
    behind.part(1, first)
    behind.copy(2, f"{bucket}/alone")
    behind.complete()
    assert get("behind") == first


@covers("s3", "UploadPartCopy", error="InvalidArgument")
@covers("s3", "UploadPartCopy", error="NoSuchKey")
@covers("s3", "UploadPartCopy", error="PreconditionFailed")
def test_copies_of_parts_that_fail(s3, bucket, put, upload):
    put("source", b"0123456789")
    u = upload()
    for header in ("bytes=0-10", "bytes=5-", "0-4", "bytes=4-2"):
        with aws_error("InvalidArgument", http_status=400):
            u.copy(1, f"{bucket}/source", CopySourceRange=header)
    with aws_error("NoSuchKey", http_status=404):
        u.copy(1, f"{bucket}/nowhere")
    with aws_error("PreconditionFailed", http_status=412):
        u.copy(1, f"{bucket}/source", CopySourceIfMatch='"x"')


@pytest.mark.parametrize("source_sse", [None, "AES256", "aws:kms"])
@pytest.mark.parametrize("target_sse", [None, "AES256", "aws:kms"])
def test_parts_change_their_encryption(bucket, put, get, upload, noise, source_sse, target_sse):
    body = noise(PART + 5)
    put("source", body, **({"ServerSideEncryption": source_sse} if source_sse else {}))
    u = upload("k", **({"ServerSideEncryption": target_sse} if target_sse else {}))
    u.copy(1, f"{bucket}/source")
    u.copy(2, f"{bucket}/source", CopySourceRange="bytes=100-199")
    end = noise(40_000)
    u.part(3, end)
    with aws_error("EntityTooSmall"):
        u.complete()
    u.complete(parts=[u.parts[0], u.parts[2]])
    assert get("k") == body + end
    assert get("k", Range=f"bytes={PART}-{PART + 30}") == (body + end)[PART : PART + 31]


# ---- checksums ----


@covers("s3", "CompleteMultipartUpload")
@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "CRC32"])
def test_composite_checksums(s3, bucket, upload, noise, algorithm):
    u = upload(ChecksumAlgorithm=algorithm)
    assert u.answer["ChecksumType"] == "COMPOSITE"
    name = f"Checksum{algorithm}"
    bodies = [noise(PART), noise(1234)]
    for number, body in enumerate(bodies, 1):
        u.part(number, body, ChecksumAlgorithm=algorithm)
    sums = [base64.b64decode(part[name]) for part in u.parts]
    if algorithm == "SHA256":
        assert sums == [hashlib.sha256(body).digest() for body in bodies]
        joined = hashlib.sha256(b"".join(sums)).digest()
    elif algorithm == "SHA1":
        joined = hashlib.sha1(b"".join(sums)).digest()
    else:
        joined = zlib.crc32(b"".join(sums)).to_bytes(4, "big")
    answer = u.complete()
    assert answer["ChecksumType"] == "COMPOSITE"
    assert answer[name].endswith("-2")
    assert answer[name] == base64.b64encode(joined).decode() + "-2"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[name] == answer[name]
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "Checksum"], MaxParts=1
    )["ObjectParts"]
    assert attributes["IsTruncated"] and attributes["NextPartNumberMarker"] == 1
    assert attributes["Parts"][0][name] == u.parts[0][name]
    assert attributes["Parts"][0]["Size"] == PART


def test_full_object_checksums(upload, noise):
    u = upload(ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    u.part(1, noise(PART), ChecksumAlgorithm="CRC32")
    u.part(2, noise(999), ChecksumAlgorithm="CRC32")
    answer = u.complete()
    expected = base64.b64encode(zlib.crc32(u.bytes).to_bytes(4, "big")).decode()
    assert answer["ChecksumCRC32"] == expected
    assert answer["ChecksumType"] == "FULL_OBJECT"


@covers("s3", "CompleteMultipartUpload", error="BadDigest")
@covers("s3", "CompleteMultipartUpload", error="InvalidRequest")
@covers("s3", "CreateMultipartUpload", error="InvalidRequest")
@covers("s3", "UploadPart", error="InvalidRequest")
@covers("s3", "UploadPart", error="BadDigest")
def test_checksums_that_do_not_hold(upload, noise):
    u = upload(ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    with aws_error("InvalidRequest", http_status=400):
        u.part(1, b"x", ChecksumAlgorithm="SHA256")
    with aws_error("BadDigest", http_status=400):
        u.part(1, b"x", ChecksumCRC32="AAAAAA==")
    u.part(1, b"abc", ChecksumAlgorithm="CRC32")
    with aws_error("BadDigest", http_status=400):
        u.complete(ChecksumCRC32="AAAAAA==")
    with aws_error("InvalidRequest", http_status=400):
        u.complete(MpuObjectSize=4)
    with aws_error("InvalidRequest", http_status=400):
        u.complete(ChecksumType="COMPOSITE")
    u.complete(MpuObjectSize=3)
    with aws_error("InvalidRequest", http_status=400):
        upload(ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT")
    with aws_error("InvalidRequest", http_status=400):
        upload(ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE")


def test_conditions_of_a_completion(put, get, upload):
    put("k", b"before")
    u = upload()
    u.part(1, b"after")
    with aws_error("PreconditionFailed", http_status=412):
        u.complete(IfNoneMatch="*")
    assert get("k") == b"before"
    u.complete()
    assert get("k") == b"after"


@pytest.mark.parametrize("sse", [{}, {"ServerSideEncryption": "AES256"}])
def test_many_parts_out_of_order(get, upload, sse):
    u = upload(**sse)
    bodies = {number: os.urandom(PART if number < 4 else 10) for number in range(1, 5)}
    for number in (3, 1, 4, 2):
        u.part(number, bodies[number])
    u.complete(parts=sorted(u.parts, key=lambda part: part["PartNumber"]))
    assert get("k") == b"".join(bodies.values())
