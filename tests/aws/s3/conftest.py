"""Fixtures of the S3 tests: a client, buckets, and requests made by hand, whole or byte by byte."""

import os
import socket
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

PATH_STYLE = Config(s3={"addressing_style": "path"})


class Answer:
    """What a raw request was answered: status, headers in lower case, body."""

    def __init__(self, stream, method="GET"):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                break
            head += line
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        length = int(self.headers.get("content-length", 0))
        self.body = stream.read(length) if method != "HEAD" and length else b""

    @property
    def text(self):
        return self.body.decode()


@pytest.fixture
def s3(client):
    """Path style, no checksums but those that a test asks for."""
    return client("s3", config=PATH_STYLE)


@pytest.fixture
def bucket(s3, unique):
    """A bucket; what is left in it goes with the server."""
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def put(s3, bucket):
    """put("key", b"text", ...) into the test's bucket."""

    def make(key, body=b"text", **more):
        return s3.put_object(Bucket=bucket, Key=key, Body=body, **more)

    return make


@pytest.fixture
def get(s3, bucket):
    """The bytes of an object of the test's bucket."""

    def read(key, **more):
        return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()

    return read


@pytest.fixture
def raw(virga, account):
    """raw("PUT", "/b/k", body, headers) signed as the account; `path` goes out as it is. `sign`
    False: anonymous. `host` replaces the Host header. `payload` is x-amz-content-sha256."""

    def send(method, path, body=b"", headers=(), sign=True, host=None, payload="UNSIGNED-PAYLOAD",
             length=None, close_early=False):
        where = urlsplit(virga.endpoint)
        host = host or where.netloc
        sent = {"Host": host, **dict(headers)}
        if sign:
            request = AWSRequest(method, f"http://{host}{path}", headers=dict(headers), data=b"")
            signer = _Signer(Credentials(account, "secret"), "s3", "us-east-1")
            signer.said = payload
            signer.add_auth(request)
            sent.update(dict(request.headers.items()))
        sent["Content-Length"] = str(len(body) if length is None else length)
        head = f"{method} {path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
            connection.sendall(head.encode() + b"\r\n" + body)
            if close_early:
                connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                return Answer(stream, method)

    return send


class _Signer(S3SigV4Auth):
    """Signs the path as it is, and says of the payload what the test says."""

    def payload(self, request):
        return self.said

    def _should_sha256_sign_payload(self, request):
        return False

    def _normalize_url_path(self, path):
        return path


@pytest.fixture
def noise():
    """noise(5000000) is that many bytes that repeat nowhere."""
    return os.urandom


def quoted(key):
    return quote(key, safe="/~")
