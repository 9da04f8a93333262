"""Other clients of DynamoDB: PynamoDB, and the DocumentClient of the JavaScript SDK."""

import json
import subprocess

import pytest
from harness.server import clean_environment
from pynamodb.attributes import (
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, LocalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite


def test_the_document_client(virga, account, scripts):
    done = subprocess.run(
        ["node", scripts / "document_client.js"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=clean_environment(VIRGA_ENDPOINT=virga.endpoint, VIRGA_ACCOUNT=account),
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["item"] == {
        "artist": "a",
        "year": 1999,
        "tags": ["x", "y"],
        "nested": {"list": [1, "two", None, True], "empty": {}},
        "bytes": [0, 255],
    }
    assert got["updated"] == {"nested": {"list": ["one"]}, "plays": 1}
    assert got["batch"] == [{"artist": "b", "year": 3}]
    assert got["years"] == [22, 21, 20]
    assert got["scanned"] == 26
    assert got["refused"] == "ConditionalCheckFailedException"
    assert got["cancelled"] == "TransactionCanceledException"
    assert got["gone"] == {"artist": "b", "year": 0}
    assert got["missing"] is True


@pytest.fixture
def thread(virga, account, unique):
    """A model of PynamoDB whose table exists."""

    class ByViews(GlobalSecondaryIndex):
        class Meta:
            projection = AllProjection()
            read_capacity_units = 1
            write_capacity_units = 1

        forum = UnicodeAttribute(hash_key=True)
        views = NumberAttribute(range_key=True)

    class ByDate(LocalSecondaryIndex):
        class Meta:
            projection = AllProjection()

        forum = UnicodeAttribute(hash_key=True)
        posted = UTCDateTimeAttribute(range_key=True)

    class Author(MapAttribute):
        name = UnicodeAttribute()
        age = NumberAttribute(null=True)

    class Thread(Model):
        class Meta:
            table_name = unique("thread")
            host = virga.endpoint
            region = "us-east-1"
            aws_access_key_id = account
            aws_secret_access_key = "secret"
            read_capacity_units = 1
            write_capacity_units = 1

        forum = UnicodeAttribute(hash_key=True)
        subject = UnicodeAttribute(range_key=True)
        views = NumberAttribute(default=0)
        posted = UTCDateTimeAttribute(null=True)
        tags = UnicodeSetAttribute(null=True)
        author = Author(null=True)
        log = ListAttribute(null=True)
        extra = JSONAttribute(null=True)
        expires = TTLAttribute(null=True)
        version = VersionAttribute()
        by_views = ByViews()
        by_date = ByDate()

    Thread.Author = Author
    Thread.create_table(wait=True)
    assert Thread.exists()
    yield Thread
    Thread.delete_table()


def test_pynamodb_saves_and_finds(thread):
    author = thread.Author(name="ann", age=3)
    thread("f", "one", views=5, tags={"a", "b"}, author=author, log=[1, "x"], extra={"k": 1}).save()
    found = thread.get("f", "one")
    assert found.author.name == "ann"
    assert found.tags == {"a", "b"}
    assert found.log == [1, "x"]
    assert found.extra == {"k": 1}
    assert found.version == 1
    with thread.batch_write() as batch:
        for number in range(60):
            batch.save(thread("f", f"s{number:02}", views=number))
    assert thread.count("f", thread.subject.startswith("s")) == 60
    subjects = [one.subject for one in thread.query("f", thread.subject.between("s10", "s12"))]
    assert subjects == ["s10", "s11", "s12"]
    most = list(thread.by_views.query("f", thread.views > 57, scan_index_forward=False))
    assert [one.views for one in most] == [59, 58]
    assert len(list(thread.scan(thread.views < 5, page_size=7))) == 5
    assert len(list(thread.batch_get([("f", "s01"), ("f", "s02"), ("f", "none")]))) == 2
    with pytest.raises(DoesNotExist):
        thread.get("f", "none")


def test_pynamodb_updates_under_conditions(thread):
    one = thread("f", "one", views=1)
    one.save()
    one.update(actions=[thread.views.add(2), thread.tags.add({"x"})])
    assert (one.views, one.tags) == (3, {"x"})
    with pytest.raises(UpdateError):
        one.update(actions=[thread.views.set(9)], condition=thread.views == 1)
    stale = thread.get("f", "one")
    one.update(actions=[thread.views.set(4)])
    stale.views = 100
    with pytest.raises(PutError):  # the version is not what it was
        stale.save()
    with pytest.raises(PutError):
        thread("f", "one").save(condition=thread.forum.does_not_exist())
    connection = Connection(
        region="us-east-1",
        host=thread.Meta.host,
    )
    connection.session.set_credentials(thread.Meta.aws_access_key_id, "secret")
    with pytest.raises(TransactWriteError), TransactWrite(connection=connection) as transaction:
        transaction.condition_check(thread, "f", "one", condition=thread.views == 77)
        transaction.save(thread("f", "two"))
    with TransactWrite(connection=connection) as transaction:
        transaction.update(one, actions=[thread.views.set(10)])
        transaction.save(thread("f", "two"))
    assert thread.get("f", "one").views == 10
    assert thread.count("f") == 2
