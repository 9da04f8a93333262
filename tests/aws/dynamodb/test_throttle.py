"""Provisioned throughput, when it is enforced (--dynamodb-throttle).

AWS: DynamoDB developer guide, "Burst capacity": up to 300 seconds of unused capacity are kept.
"""

import pytest
from harness import aws_error
from harness.tables import attributes, index, keys

UNITS = {"ReadCapacityUnits": 2, "WriteCapacityUnits": 2}
EXCEEDED = (
    "The level of configured provisioned throughput for the table was exceeded. Consider "
    "increasing your provisioning level with the UpdateTable API."
)


@pytest.fixture
def throttled(client, new_server, wait_active):
    """throttled(**more) -> a client, its server and the name of a table with two units of each."""

    def make(**more):
        server = new_server(dynamodb_throttle=True)
        ddb = client("dynamodb", server=server)
        ddb.create_table(
            TableName="table",
            **{
                "AttributeDefinitions": attributes(id="S"),
                "KeySchema": keys("id"),
                "ProvisionedThroughput": UNITS,
                **more,
            },
        )
        wait_active("table", client=ddb)
        return ddb, server

    return make


def until_refused(call, limit=50):
    """How often the call was let in before it was refused."""
    for done in range(limit):
        try:
            call()
        except Exception as error:
            assert type(error).__name__ == "ProvisionedThroughputExceededException"
            return done
    return None


def test_reads_and_writes_draw_on_buckets(throttled):
    ddb, server = throttled()
    item = {"id": {"S": "a"}}
    assert 2 <= until_refused(lambda: ddb.put_item(TableName="table", Item=item)) < 20
    with aws_error(
        "ProvisionedThroughputExceededException", http_status=400, message=EXCEEDED
    ):
        ddb.put_item(TableName="table", Item=item)
    ddb.get_item(TableName="table", Key=item)
    assert until_refused(lambda: ddb.get_item(TableName="table", Key=item)) is not None
    # Five minutes of rest are kept, and no more.
    server.command("clock", "advance", "1h")
    done = until_refused(lambda: ddb.put_item(TableName="table", Item=item), limit=900)
    assert 600 <= done < 700


def test_a_refused_write_has_not_happened(throttled):
    ddb, server = throttled()
    large = {"x": {"S": "x" * 20000}}
    ddb.put_item(TableName="table", Item={"id": {"S": "a"}, **large})
    with aws_error("ProvisionedThroughputExceededException"):
        ddb.put_item(TableName="table", Item={"id": {"S": "b"}})
    with aws_error("ProvisionedThroughputExceededException"):
        ddb.transact_write_items(
            TransactItems=[{"Put": {"TableName": "table", "Item": {"id": {"S": "c"}}}}]
        )
    with aws_error("ProvisionedThroughputExceededException"):
        ddb.batch_write_item(RequestItems={"table": [{"PutRequest": {"Item": {"id": {"S": "d"}}}}]})
    server.command("clock", "advance", "1m")
    assert ddb.scan(TableName="table")["Count"] == 1


def test_an_index_has_its_own(throttled):
    small = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    ddb, _ = throttled(
        AttributeDefinitions=attributes(id="S", other="S"),
        ProvisionedThroughput={"ReadCapacityUnits": 1000, "WriteCapacityUnits": 1000},
        GlobalSecondaryIndexes=[index("other", "other", ProvisionedThroughput=small)],
    )
    number = 0

    def put():
        nonlocal number
        number += 1
        ddb.put_item(
            TableName="table", Item={"id": {"S": f"k{number}"}, "other": {"S": "same"}}
        )

    assert until_refused(put) is not None
    with aws_error("ProvisionedThroughputExceededException", match="global secondary indexes"):
        put()
    ddb.put_item(TableName="table", Item={"id": {"S": "not in the index"}})


def test_on_demand_refuses_nothing(client, new_server, wait_active):
    ddb = client("dynamodb", server=new_server(dynamodb_throttle=True))
    ddb.create_table(
        TableName="table",
        AttributeDefinitions=attributes(id="S"),
        KeySchema=keys("id"),
        BillingMode="PAY_PER_REQUEST",
    )
    wait_active("table", client=ddb)
    for _ in range(30):
        ddb.put_item(TableName="table", Item={"id": {"S": "a"}})
