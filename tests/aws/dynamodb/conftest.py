"""Fixtures of the DynamoDB tests: a client and tables that are ready for use."""

import time

import pytest

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
