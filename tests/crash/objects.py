"""Objects under crashes: puts, copies, multipart uploads and deletes, and what must be true of them.

Each writer has keys of its own and so knows which texts a key may have: after an acknowledged
operation the one that it wrote; after one without an answer that, or what was possible before.
"""

import random
import sqlite3
import time

from botocore.exceptions import BotoCoreError, ClientError

BUCKET = "crash-bucket"
WRITERS = 2
KEYS = 12  # of each writer
SIZES = (0, 10, 3000, 32768, 32769, 300_000)
PART = 5 * 1024 * 1024


class Broken(Exception):
    """A promise about objects that the server did not keep."""


def text(label, size):
    return (label.encode() * (size // len(label) + 1))[:size]


class Writer:
    def __init__(self, load, number):
        self._load = load
        self._rng = random.Random(load.seed * 77 + number)
        self.possible = {f"w{number}/k{key}": {None} for key in range(KEYS)}
        self._count = 0
        self._number = number
        self._client = None
        self.acknowledged = 0

    def run(self):
        while not self._load.is_over:
            if self._client is None:
                self._client = self._load.boto("s3")
            action = self._rng.choice([self._put] * 5 + [self._delete, self._copy, self._multipart])
            try:
                action(self._rng.choice(list(self.possible)))
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                    raise Broken(f"{action.__name__} was answered {error}") from error
            except (BotoCoreError, OSError):
                self._client = None
                time.sleep(0.01)

    def _do(self, key, new, operation):
        """`new` is (label, size), or None: gone."""
        before = self.possible[key]
        self.possible[key] = before | {new}
        operation()
        self.possible[key] = {new}
        self.acknowledged += 1

    def _label(self, size):
        self._count += 1
        return (f"<{self._number}:{self._count}>", size)

    def _put(self, key):
        new = self._label(self._rng.choice(SIZES))
        sse = self._rng.choice([{}, {"ServerSideEncryption": "AES256"}])
        self._do(
            key,
            new,
            lambda: self._client.put_object(Bucket=BUCKET, Key=key, Body=text(*new), **sse),
        )

    def _delete(self, key):
        self._do(key, None, lambda: self._client.delete_object(Bucket=BUCKET, Key=key))

    def _copy(self, key):
        source = self._rng.choice(list(self.possible))
        if source == key or len(self.possible[source]) != 1 or None in self.possible[source]:
            return
        (new,) = self.possible[source]
        self._do(
            key,
            new,
            lambda: self._client.copy_object(
                Bucket=BUCKET, Key=key, CopySource=f"{BUCKET}/{source}"
            ),
        )

    def _multipart(self, key):
        label, size = self._label(PART + 1000)
        body = text(label, size)
        upload = {
            "Bucket": BUCKET,
            "Key": key,
            "UploadId": self._client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"],
        }
        parts = []
        for number, piece in enumerate((body[:PART], body[PART:]), 1):
            answer = self._client.upload_part(**upload, PartNumber=number, Body=piece)
            part = {"PartNumber": number, "ETag": answer["ETag"]}
            if "ChecksumCRC32" in answer:
                part["ChecksumCRC32"] = answer["ChecksumCRC32"]
            parts.append(part)
        if self._rng.random() < 0.2:
            self._client.abort_multipart_upload(**upload)
            return
        self._do(
            key,
            (label, size),
            lambda: self._client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": parts}
            ),
        )


class Objects:
    """The writers of a load."""

    def __init__(self, load):
        self._load = load
        self.writers = [Writer(load, number) for number in range(WRITERS)]

    def prepare(self):
        while True:
            try:
                self._load.boto("s3").create_bucket(Bucket=BUCKET)
                return
            except (BotoCoreError, OSError):
                time.sleep(0.05)

    def write(self, number):
        self.writers[number].run()

    def check(self):
        """Reads everything back. Gives the number of objects that are there."""
        client = self._load.boto("s3")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        listed = {item["Key"]: item for page in pages for item in page.get("Contents", [])}
        for writer in self.writers:
            for key, possible in writer.possible.items():
                if key not in listed:
                    if None not in possible:
                        raise Broken(f"{key} is lost: it was one of {possible}")
                    continue
                body = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                wanted = [item for item in possible if item and text(*item) == body]
                if not wanted:
                    raise Broken(f"{key} has {body[:40]!r} ({len(body)}), not one of {possible}")
                if listed[key]["Size"] != len(body):
                    raise Broken(f"{key} is listed with {listed[key]['Size']} bytes")
        for item in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
            client.abort_multipart_upload(
                Bucket=BUCKET, Key=item["Key"], UploadId=item["UploadId"]
            )
        return len(listed)


# Each row that names a body, and uploads, which hold their lists.
REFERRERS = """
    SELECT body_key FROM s3_object UNION ALL SELECT body_key FROM s3_version
    UNION ALL SELECT body_key FROM s3_piece UNION ALL SELECT body_key FROM s3_upload
"""


def check_bodies(data_dir):
    """After a start, which sweeps: files and rows name each other, and the counts are right."""
    connection = sqlite3.connect(data_dir / "virga.db")
    named = {row[0] for row in connection.execute("SELECT file FROM s3_body WHERE file NOTNULL")}
    counted = dict(
        connection.execute(f"SELECT body_key, count(*) FROM ({REFERRERS}) GROUP BY body_key")
    )
    kept = dict(connection.execute("SELECT body_key, refs FROM s3_body"))
    connection.close()
    counted.pop(0, None)
    if counted != kept:
        wrong = {key for key in counted.keys() | kept.keys() if counted.get(key) != kept.get(key)}
        raise Broken(f"{len(wrong)} bodies are counted wrongly, of {len(kept)}")
    files = {path.name for path in (data_dir / "bodies").rglob("*") if path.is_file()}
    if files != named:
        raise Broken(f"{len(files - named)} files that no row names, {len(named - files)} lost")
