"""Integrity: Content-MD5, checksums as header and trailer, aws-chunked, bodies that break off."""

import base64
import hashlib
import zlib

import pytest
from harness import aws_error, covers

BODY = b"hello world"
# Of BODY; the CRCs as their catalogues give them for this text (CRC-32C: RFC 3720's polynomial).
SUMS = {
    "crc32": base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode(),
    "crc32c": "yZRlqg==",
    "sha1": base64.b64encode(hashlib.sha1(BODY).digest()).decode(),
    "sha256": base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
}


def chunked(body, trailer="", chunk=65536):
    """aws-chunked, unsigned."""
    pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return coded + b"0\r\n" + trailer.encode() + b"\r\n"


@covers("s3", "PutObject")
@pytest.mark.parametrize("kind", SUMS)
def test_a_checksum_in_a_header(raw, s3, bucket, kind):
    answer = raw("PUT", f"/{bucket}/k", BODY, {f"x-amz-checksum-{kind}": SUMS[kind]})
    assert answer.status == 200
    assert answer.headers[f"x-amz-checksum-{kind}"] == SUMS[kind]
    assert answer.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    shown = raw("GET", f"/{bucket}/k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert shown.headers[f"x-amz-checksum-{kind}"] == SUMS[kind]
    plain = raw("GET", f"/{bucket}/k")
    assert f"x-amz-checksum-{kind}" not in plain.headers
    part = raw(
        "GET", f"/{bucket}/k", headers={"x-amz-checksum-mode": "ENABLED", "Range": "bytes=0-1"}
    )
    assert f"x-amz-checksum-{kind}" not in part.headers


@covers("s3", "PutObject", error="BadDigest")
@pytest.mark.parametrize("kind", [*SUMS, "crc64nvme"])
def test_a_checksum_that_does_not_hold(raw, bucket, kind):
    size = {"crc32": 4, "crc32c": 4, "sha1": 20, "sha256": 32, "crc64nvme": 8}[kind]
    wrong = base64.b64encode(b"\1" * size).decode()
    answer = raw("PUT", f"/{bucket}/k", BODY, {f"x-amz-checksum-{kind}": wrong})
    assert answer.status == 400
    assert "<Code>BadDigest</Code>" in answer.text
    text = f"The {kind.upper()} you specified did not match the calculated checksum."
    assert text in answer.text
    answer = raw("PUT", f"/{bucket}/k", BODY, {f"x-amz-checksum-{kind}": "AAA="})
    assert f"Value for x-amz-checksum-{kind} header is invalid." in answer.text
    assert raw("GET", f"/{bucket}/k").status == 404


def test_crc64nvme_is_the_default(raw, bucket):
    answer = raw("PUT", f"/{bucket}/k", b"123456789")
    # The check value of CRC-64/NVME: ae8b14860a799888.
    expected = base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()
    assert answer.headers["x-amz-checksum-crc64nvme"] == expected
    assert answer.headers["x-amz-checksum-type"] == "FULL_OBJECT"


@covers("s3", "PutObject", error="InvalidDigest")
def test_content_md5(raw, bucket):
    right = base64.b64encode(hashlib.md5(BODY).digest()).decode()
    assert raw("PUT", f"/{bucket}/k", BODY, {"Content-MD5": right}).status == 200
    wrong = base64.b64encode(hashlib.md5(b"").digest()).decode()
    answer = raw("PUT", f"/{bucket}/k", BODY, {"Content-MD5": wrong})
    assert answer.status == 400 and "<Code>BadDigest</Code>" in answer.text
    assert "The Content-MD5 you specified did not match what we received." in answer.text
    assert f"<CalculatedDigest>{right}</CalculatedDigest>" in answer.text
    for value in ("", "AAAA", "no base64"):
        answer = raw("PUT", f"/{bucket}/k", BODY, {"Content-MD5": value or '""'})
        assert answer.status == 400 and "<Code>InvalidDigest</Code>" in answer.text


@covers("s3", "PutObject", error="InvalidRequest")
def test_checksums_that_make_no_sense(raw, bucket):
    both = {"x-amz-checksum-crc32": SUMS["crc32"], "x-amz-checksum-sha1": SUMS["sha1"]}
    answer = raw("PUT", f"/{bucket}/k", BODY, both)
    assert "Multiple checksum Types are not allowed" in answer.text
    answer = raw("PUT", f"/{bucket}/k", BODY, {"x-amz-sdk-checksum-algorithm": "SHA1"})
    assert "x-amz-sdk-checksum-algorithm specified, but no corresponding" in answer.text
    answer = raw("PUT", f"/{bucket}/k", BODY, {"x-amz-sdk-checksum-algorithm": "MD4"})
    assert "Checksum algorithm provided is unsupported" in answer.text
    answer = raw("PUT", f"/{bucket}/k", BODY, {"x-amz-checksum-xxhash3": "AAAA"})
    assert "Checksum algorithm provided is unsupported" in answer.text


@covers("s3", "PutObject")
@pytest.mark.parametrize("kind", SUMS)
def test_a_checksum_in_a_trailer(raw, get, bucket, kind):
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(BODY)),
        "x-amz-trailer": f"x-amz-checksum-{kind}",
    }
    body = chunked(BODY, f"x-amz-checksum-{kind}:{SUMS[kind]}\r\n", chunk=8192)
    answer = raw(
        "PUT", f"/{bucket}/k", body, headers, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    )
    assert answer.status == 200, answer.text
    assert answer.headers[f"x-amz-checksum-{kind}"] == SUMS[kind]
    assert get("k") == BODY
    shown = raw("GET", f"/{bucket}/k")
    assert "content-encoding" not in shown.headers
    wrong = chunked(BODY, f"x-amz-checksum-{kind}:{SUMS[kind][::-1]}\r\n", chunk=8192)
    answer = raw(
        "PUT", f"/{bucket}/k", wrong, headers, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    )
    assert answer.status == 400


@covers("s3", "PutObject", error="IncompleteBody")
@pytest.mark.parametrize("size", [100, 100_000])
def test_a_body_that_breaks_off(raw, s3, bucket, noise, size):
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    body = noise(size)
    try:
        raw("PUT", f"/{bucket}/k", body[: size // 2], length=size, close_early=True)
    except (IndexError, ConnectionError):
        pass  # no answer is an answer, too
    headers = {
        "x-amz-decoded-content-length": str(size),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    coded = chunked(body)[: size // 2] + b"\r\n0\r\n\r\n"
    answer = raw(
        "PUT", f"/{bucket}/k", coded, headers, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    )
    assert answer.status == 400
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"before"


@covers("s3", "PutObject", error="XAmzContentSHA256Mismatch")
def test_a_signed_hash_that_does_not_hold(raw, bucket):
    answer = raw("PUT", f"/{bucket}/k", BODY, payload=hashlib.sha256(b"other").hexdigest())
    assert answer.status == 400
    assert "<Code>XAmzContentSHA256Mismatch</Code>" in answer.text
    answer = raw("PUT", f"/{bucket}/k", BODY, payload=hashlib.sha256(BODY).hexdigest())
    assert answer.status == 200


@covers("s3", "PutObject", error="EntityTooLarge")
def test_more_than_five_gigabytes_at_once(raw, bucket):
    answer = raw("PUT", f"/{bucket}/k", b"", length=5 * 1024**3 + 1)
    assert answer.status == 400
    assert "<Code>EntityTooLarge</Code>" in answer.text
    assert "<MaxSizeAllowed>5368709120</MaxSizeAllowed>" in answer.text


def test_boto3_checks_what_it_reads(s3, bucket, noise):
    body = noise(100_000)
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
        answer = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert answer["Body"].read() == body
        assert f"Checksum{algorithm}" in answer
    with aws_error("BadDigest", http_status=400):
        s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumSHA1="A" * 27 + "=")
