"""Clients as people use them: the aws CLI, s3cmd, rclone, the JavaScript SDK; hosts; presigned URLs."""

import base64
import datetime
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urlsplit

import pytest
from botocore.compat import get_current_datetime
from botocore.config import Config
from harness import aws_error, covers
from harness.server import clean_environment

VIRTUAL = Config(s3={"addressing_style": "virtual"})


def fetch(url, method="GET", body=None, headers=None):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.fixture
def tree(tmp_path, noise):
    """A folder of files, with names that want quoting."""
    folder = tmp_path / "tree"
    for name in ("a.txt", "b c.txt", "d/e.bin", "d/f/ü.bin", "d/empty"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "d/empty" else noise(1000))
    (folder / "large.bin").write_bytes(noise(20_000_000))
    return folder


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# ---- aws CLI ----


def test_aws_cp_sync_mv_rb(aws, tree, tmp_path, unique):
    bucket = unique("cli")
    aws("s3", "mb", f"s3://{bucket}")
    aws("s3", "cp", str(tree / "large.bin"), f"s3://{bucket}/up/large.bin")
    aws("s3", "cp", f"s3://{bucket}/up/large.bin", str(tmp_path / "down.bin"))
    assert (tmp_path / "down.bin").read_bytes() == (tree / "large.bin").read_bytes()
    aws("s3", "cp", f"s3://{bucket}/up/large.bin", f"s3://{bucket}/copy.bin")
    aws("s3", "sync", str(tree), f"s3://{bucket}/tree")
    again = aws("s3", "sync", str(tree), f"s3://{bucket}/tree")
    assert again.stdout.strip() == ""
    back = tmp_path / "back"
    aws("s3", "sync", f"s3://{bucket}/tree", str(back))
    assert contents(back) == contents(tree)
    aws("s3", "mv", f"s3://{bucket}/copy.bin", f"s3://{bucket}/moved.bin")
    listed = aws("s3", "ls", f"s3://{bucket}", "--recursive").stdout
    assert "moved.bin" in listed and "copy.bin" not in listed
    (tree / "a.txt").unlink()
    aws("s3", "sync", str(tree), f"s3://{bucket}/tree", "--delete")
    assert "a.txt" not in aws("s3", "ls", f"s3://{bucket}/tree/").stdout
    url = aws("s3", "presign", f"s3://{bucket}/tree/b c.txt").stdout.strip()
    assert fetch(url) == (200, (tree / "b c.txt").read_bytes())
    aws("s3", "rb", f"s3://{bucket}", "--force")
    assert bucket not in aws("s3", "ls").stdout


# ---- virtual hosts ----


@pytest.fixture(autouse=True)
def names_below_localhost(monkeypatch):
    """Resolvers differ in whether they know BUCKET.localhost (RFC 6761); here they do."""
    resolve = socket.getaddrinfo

    def below(host, *more, **options):
        is_below = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if is_below else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", below)


@pytest.mark.parametrize(
    "host", ["{bucket}.s3.amazonaws.com", "{bucket}.s3.us-east-1.amazonaws.com",
             "{bucket}.s3.localhost:4566", "{bucket}.localhost:4566"]
)
def test_the_bucket_in_the_host(raw, s3, bucket, host):
    name = host.format(bucket=bucket)
    assert raw("PUT", "/a/b%20c", b"text", host=name).status == 200
    assert raw("GET", "/a/b%20c", host=name).text == "text"
    listed = raw("GET", "/?list-type=2", host=name)
    assert "<Key>a/b c</Key>" in listed.text and f"<Name>{bucket}</Name>" in listed.text
    assert s3.get_object(Bucket=bucket, Key="a/b c")["Body"].read() == b"text"
    assert raw("HEAD", "/", host=name).status == 200
    assert raw("DELETE", "/a/b%20c", host=name).status == 204


def test_the_bucket_in_the_path_of_an_aws_host(raw, bucket):
    for host in ("s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.localhost"):
        assert raw("PUT", f"/{bucket}/k", b"x", host=host).status == 200


def test_boto3_with_virtual_hosts(virga, client, bucket):
    port = urlsplit(virga.endpoint).port
    s3 = client("s3", endpoint_url=f"http://localhost:{port}", config=VIRTUAL)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert urlsplit(url).hostname == f"{bucket}.localhost"
    assert fetch(url) == (200, b"x")


def test_a_multipart_location_names_the_host(client, virga, bucket):
    port = urlsplit(virga.endpoint).port
    s3 = client("s3", endpoint_url=f"http://localhost:{port}", config=VIRTUAL)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a b")
    where = {"Bucket": bucket, "Key": "a b", "UploadId": upload["UploadId"]}
    etag = s3.upload_part(**where, PartNumber=1, Body=b"x")["ETag"]
    answer = s3.complete_multipart_upload(
        **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    assert answer["Location"] == f"http://{bucket}.localhost:{port}/a%20b"


# ---- presigned URLs ----


@covers("s3", "GetObject")
@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_urls_for_every_method(client, bucket, version):
    s3 = client("s3", config=Config(signature_version=version, s3={"addressing_style": "path"}))
    params = {"Bucket": bucket, "Key": "a b/ü"}

    def url(operation, **more):
        return s3.generate_presigned_url(operation, Params={**params, **more}, ExpiresIn=60)

    assert fetch(url("put_object"), "PUT", b"text")[0] == 200
    assert fetch(url("get_object")) == (200, b"text")
    assert fetch(url("head_object"), "HEAD")[0] == 200
    overridden = url("get_object", ResponseContentType="text/x-test")
    with urllib.request.urlopen(overridden) as answer:
        assert answer.headers["Content-Type"] == "text/x-test"
    assert fetch(url("delete_object"), "DELETE")[0] == 204
    assert fetch(url("get_object"))[0] == 404


def test_presigned_urls_expire(client, put, bucket, monkeypatch):
    put("k")
    iam = client("iam")
    iam.create_user(UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    keys = iam.create_access_key(UserName="u")["AccessKey"]
    s3 = client(
        "s3",
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        config=Config(signature_version="s3v4"),
    )
    params = {"Bucket": bucket, "Key": "k"}
    assert fetch(s3.generate_presigned_url("get_object", Params=params, ExpiresIn=60))[0] == 200
    # Signatures go by the real time, whatever the server's clock was moved to.
    before = get_current_datetime() - datetime.timedelta(seconds=61)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: before)
    url = s3.generate_presigned_url("get_object", Params=params, ExpiresIn=60)
    status, body = fetch(url)
    assert status == 403 and b"<Code>AccessDenied</Code>" in body
    assert b"Request has expired" in body


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_links_of_an_accounts_own_key_expire_too(client, put, bucket, monkeypatch, version):
    put("k")
    s3 = client("s3", config=Config(signature_version=version))
    params = {"Bucket": bucket, "Key": "k"}
    assert fetch(s3.generate_presigned_url("get_object", Params=params, ExpiresIn=60))[0] == 200
    before = get_current_datetime() - datetime.timedelta(seconds=61)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: before)
    monkeypatch.setattr("botocore.auth.time.time", lambda: before.timestamp())
    status, body = fetch(s3.generate_presigned_url("get_object", Params=params, ExpiresIn=60))
    assert status == 403 and b"Request has expired" in body


def test_version_two_in_a_header(virga, raw, account, bucket):
    # AWS: "Signing and authenticating REST requests" (version 2), as old clients still do.
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    text = f"PUT\n\ntext/plain\n{date}\n/{bucket}/k"
    signature = base64.b64encode(
        hmac.new(b"secret", text.encode(), hashlib.sha1).digest()
    ).decode()
    headers = {
        "Date": date,
        "Content-Type": "text/plain",
        "Authorization": f"AWS {account}:{signature}",
    }
    assert raw("PUT", f"/{bucket}/k", b"x", headers, sign=False).status == 200


def test_nobody_may_read_without_permission(raw, put, bucket):
    put("k")
    answer = raw("GET", f"/{bucket}/k", sign=False)
    assert answer.status == 403 and "<Code>AccessDenied</Code>" in answer.text


def test_an_empty_body_is_invited_too(virga, raw, bucket):
    # botocore 1.43 takes the status of an answer without "100 Continue" for one that belongs to the
    # next request of the connection, which then hangs.
    answer = raw("PUT", f"/{bucket}/k", b"", {"Expect": "100-continue"})
    assert answer.status == 100


# ---- others ----


def environment(virga, account):
    return clean_environment(
        AWS_ACCESS_KEY_ID=account, AWS_SECRET_ACCESS_KEY="secret", AWS_REGION="us-east-1"
    )


def need(program):
    if not shutil.which(program):
        pytest.fail(f"{program} is not installed (debian/control names it)", pytrace=False)
    return program


def test_s3cmd(virga, account, tree, tmp_path, unique):
    bucket = unique("s3cmd")
    host = urlsplit(virga.endpoint).netloc
    options = [
        need("s3cmd"), "--config", os.devnull, "--access_key", account, "--secret_key", "secret",
        "--host", host, "--host-bucket", host, "--no-ssl", "--no-progress", "--region", "us-east-1",
    ]

    def run(*arguments):
        done = subprocess.run(
            [*options, *arguments], capture_output=True, text=True, timeout=120,
            env=environment(virga, account),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("mb", f"s3://{bucket}")
    run("sync", f"{tree}/", f"s3://{bucket}/tree/")
    run("put", "--multipart-chunk-size-mb=5", str(tree / "large.bin"), f"s3://{bucket}/large")
    back = tmp_path / "back"
    back.mkdir()
    run("sync", f"s3://{bucket}/tree/", f"{back}/")
    assert contents(back) == contents(tree)
    run("cp", f"s3://{bucket}/large", f"s3://{bucket}/copy")
    run("get", f"s3://{bucket}/copy", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == (tree / "large.bin").read_bytes()
    assert "tree/" in run("ls", f"s3://{bucket}")
    run("del", "--recursive", "--force", f"s3://{bucket}")
    run("rb", f"s3://{bucket}")


def test_rclone(virga, account, tree, tmp_path, unique):
    bucket = unique("rclone")
    remote = (
        f":s3,provider=Other,access_key_id={account},secret_access_key=secret,region=us-east-1,"
        f"force_path_style=true,endpoint='{virga.endpoint}':{bucket}"
    )

    def run(*arguments):
        done = subprocess.run(
            [need("rclone"), "--config", os.devnull, "--s3-upload-cutoff", "6M",
             "--s3-chunk-size", "5M", "--s3-acl", "bucket-owner-full-control",
             "--s3-bucket-acl", "private", *arguments],
            capture_output=True, text=True, timeout=120, env=environment(virga, account),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("mkdir", remote)
    run("copy", str(tree), f"{remote}/tree")
    run("check", str(tree), f"{remote}/tree")
    back = tmp_path / "back"
    run("sync", f"{remote}/tree", str(back))
    assert contents(back) == contents(tree)
    assert "large.bin" in run("lsf", "-R", f"{remote}/tree")
    run("purge", remote)


def test_javascript(virga, account, unique, scripts):
    done = subprocess.run(
        ["node", scripts / "s3_client.js", virga.endpoint, unique("js")],
        capture_output=True, text=True, timeout=120, env=environment(virga, account),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "fine"


def test_a_quoted_presigned_path(s3, put, bucket):
    put("x+y z", b"1")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x+y z"})
    assert quote("x+y z") in url
    assert fetch(url) == (200, b"1")
    with aws_error("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="x y z")
