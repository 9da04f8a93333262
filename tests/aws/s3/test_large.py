"""Large objects and many small ones: nothing is held whole.

VIRGA_TEST_LARGE_MB is the size of the large object (256; 5120 shows the 5 GB that the issue names),
VIRGA_TEST_SMALL_FILES the number of small ones (300; 10000).
"""

import hashlib
import os

import pytest

LARGE = int(os.environ.get("VIRGA_TEST_LARGE_MB", "256")) * 1024 * 1024
SMALL_FILES = int(os.environ.get("VIRGA_TEST_SMALL_FILES", "300"))
MEMORY_LIMIT_KB = 64 * 1024


@pytest.fixture
def server(new_server):
    return new_server(is_stored=True)


def is_sanitized(server):
    with open(f"/proc/{server.process.pid}/maps") as maps:
        return "asan" in maps.read()


def peak_kb(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        (line,) = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1])


def write_noise(path, size):
    """A file that repeats nowhere within a part; gives its digest."""
    digest = hashlib.sha256()
    block = bytearray(os.urandom(1024 * 1024))
    with open(path, "wb") as file:
        for number in range(size // len(block)):
            block[:8] = number.to_bytes(8, "big")
            file.write(block)
            digest.update(block)
    return digest.hexdigest()


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
    return digest.hexdigest()


def test_a_large_file_up_and_down(server, aws, tmp_path):
    source, back = tmp_path / "source", tmp_path / "back"
    digest = write_noise(source, LARGE)
    there = ("--endpoint-url", server.endpoint)
    aws("s3", "mb", "s3://large-bucket", *there)
    aws("s3", "cp", str(source), "s3://large-bucket/large", *there)
    aws("s3", "cp", "s3://large-bucket/large", "s3://large-bucket/copy", *there)
    aws("s3", "rm", "s3://large-bucket/large", *there)
    source.unlink()
    aws("s3", "cp", "s3://large-bucket/copy", str(back), *there)
    assert digest_of(back) == digest
    if not is_sanitized(server):
        assert peak_kb(server) < MEMORY_LIMIT_KB


def test_one_large_put(server, client, tmp_path):
    s3 = client("s3", server=server)
    s3.create_bucket(Bucket="large-bucket")
    path = tmp_path / "source"
    digest = write_noise(path, LARGE)
    for options in ({}, {"ServerSideEncryption": "AES256"}):
        with open(path, "rb") as file:
            s3.put_object(Bucket="large-bucket", Key="k", Body=file, **options)
        back = hashlib.sha256()
        for block in s3.get_object(Bucket="large-bucket", Key="k")["Body"].iter_chunks(1024 * 1024):
            back.update(block)
        assert back.hexdigest() == digest
    if not is_sanitized(server):
        assert peak_kb(server) < MEMORY_LIMIT_KB


def test_many_small_files(server, aws, tmp_path):
    folder = tmp_path / "many"
    for number in range(SMALL_FILES):
        path = folder / str(number % 50) / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file {number}")
    there = ("--endpoint-url", server.endpoint)
    aws("s3", "mb", "s3://many-bucket", *there)
    aws("s3", "sync", "--quiet", str(folder), "s3://many-bucket/x", *there)
    back = tmp_path / "back"
    aws("s3", "sync", "--quiet", "s3://many-bucket/x", str(back), *there)
    found = {path.relative_to(back): path.read_text() for path in back.rglob("*.txt")}
    assert len(found) == SMALL_FILES
    assert all(text == f"file {path.stem}" for path, text in found.items())
    if not is_sanitized(server):
        assert peak_kb(server) < MEMORY_LIMIT_KB
