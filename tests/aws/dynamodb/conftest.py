"""Fixtures of the DynamoDB tests: a client and tables that are ready for use."""

import time

import pytest
from harness import tables

TYPES = {"pk": "S", "sk": "N", "n": "N", "g": "S", "h": "N", "l": "S", "b": "B"}


@pytest.fixture
def ddb(client):
    return client("dynamodb")


@pytest.fixture
def wait_active(ddb):
    """Waits until the table and its indexes are ACTIVE."""

    def wait(name, client=ddb):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            table = client.describe_table(TableName=name)["Table"]
            states = [table["TableStatus"]]
            states += [index["IndexStatus"] for index in table.get("GlobalSecondaryIndexes", [])]
            if set(states) == {"ACTIVE"}:
                return table
            time.sleep(0.02)
        pytest.fail(f"table {name} did not become ACTIVE: {states}")

    return wait


def key_schema(names):
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
    ]


def index(name, keys, projection="ALL"):
    """An index: projection is "ALL", "KEYS_ONLY" or a list of attributes."""
    project = {"ProjectionType": projection}
    if isinstance(projection, list):
        project = {"ProjectionType": "INCLUDE", "NonKeyAttributes": projection}
    return {"IndexName": name, "KeySchema": key_schema(keys), "Projection": project}


@pytest.fixture
def new_table(ddb, unique, wait_active):
    """new_table("pk", "sk", gsi=[("name", ("g",), "ALL")], lsi=[...]) -> its name. Types of the
    attributes are those of TYPES unless given: types={"pk": "B"}."""

    def make(*keys, gsi=(), lsi=(), types=None, client=ddb, **more):
        name = unique("table")
        more.setdefault("BillingMode", "PAY_PER_REQUEST")
        used = set(keys).union(*[part[1] for part in (*gsi, *lsi)])
        of_name = {**TYPES, **(types or {})}
        if gsi:
            more["GlobalSecondaryIndexes"] = [index(*one) for one in gsi]
        if lsi:
            more["LocalSecondaryIndexes"] = [index(*one) for one in lsi]
        client.create_table(
            TableName=name,
            KeySchema=key_schema(keys),
            AttributeDefinitions=[
                {"AttributeName": one, "AttributeType": of_name[one]} for one in sorted(used)
            ],
            **more,
        )
        wait_active(name, client)
        return name

    return make


@pytest.fixture
def streams(client):
    return client("dynamodbstreams")


@pytest.fixture
def status_of(ddb):
    """status_of(name) -> TableStatus, or None when there is no such table."""

    def get(name, client=ddb):
        try:
            return client.describe_table(TableName=name)["Table"]["TableStatus"]
        except client.exceptions.ResourceNotFoundException:
            return None

    return get


@pytest.fixture
def make_table(ddb, unique, wait_active):
    """make_table() -> name of an ACTIVE table with the hash key "id" (S). `range`: name of a range
    key (S); everything else goes to CreateTable."""

    def make(name=None, range=None, client=ddb, **more):
        name = name or unique("table")
        types = {"id": "S"}
        if range:
            types[range] = "S"
        request = {
            "TableName": name,
            "AttributeDefinitions": tables.attributes(**types),
            "KeySchema": tables.keys("id", *([range] if range else [])),
            "BillingMode": "PAY_PER_REQUEST",
            **more,
        }
        client.create_table(**request)
        wait_active(name, client=client)
        return name

    return make


@pytest.fixture
def read_stream(streams):
    """read_stream(arn) -> all records of all shards, in the order of their numbers."""

    def read(arn, client=streams):
        records = []
        shards = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        for shard in shards:
            iterator = client.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                answer = client.get_records(ShardIterator=iterator)
                records += answer["Records"]
                iterator = answer.get("NextShardIterator")
                if not answer["Records"]:
                    break
        return sorted(records, key=lambda one: int(one["dynamodb"]["SequenceNumber"]))

    return read
