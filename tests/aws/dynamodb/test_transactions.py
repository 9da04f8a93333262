"""TransactWriteItems and TransactGetItems: all or nothing, reasons, tokens, conserved sums.

Texts are AWS's as recorded by nubo-db/dynamodb-conformance (transactWriteItems).
"""

import concurrent.futures
import random

import pytest
from harness import aws_error, covers

CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons "


@pytest.fixture
def table(new_table):
    return new_table("pk", gsi=[("by-g", ("g",), "ALL")])


def key(name):
    return {"pk": {"S": name}}


def get(ddb, table, name):
    return ddb.get_item(TableName=table, Key=key(name), ConsistentRead=True).get("Item")


@covers("dynamodb", "TransactWriteItems")
def test_all_four_actions(ddb, table):
    for name in ("updated", "deleted", "checked"):
        ddb.put_item(TableName=table, Item={**key(name), "v": {"N": "1"}})
    one = {":one": {"N": "1"}}
    answer = ddb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": {**key("new"), "g": {"S": "x"}}}},
            {
                "Update": {
                    "TableName": table,
                    "Key": key("updated"),
                    "UpdateExpression": "ADD v :one",
                    "ConditionExpression": "v = :one",
                    "ExpressionAttributeValues": one,
                }
            },
            {"Delete": {"TableName": table, "Key": key("deleted")}},
            {
                "ConditionCheck": {
                    "TableName": table,
                    "Key": key("checked"),
                    "ConditionExpression": "v = :one",
                    "ExpressionAttributeValues": one,
                }
            },
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    # AWS: a write in a transaction takes two units; the entry of the index is written, too.
    assert answer["ConsumedCapacity"] == [
        {"TableName": table, "CapacityUnits": 10.0, "WriteCapacityUnits": 10.0}
    ]
    assert get(ddb, table, "new") == {**key("new"), "g": {"S": "x"}}
    assert get(ddb, table, "updated")["v"] == {"N": "2"}
    assert get(ddb, table, "deleted") is None


def put(table, name, **more):
    return {"Put": {"TableName": table, "Item": key(name), **more}}


@covers("dynamodb", "TransactWriteItems", error="TransactionCanceledException")
def test_reasons_are_given_by_position(ddb, table):
    ddb.put_item(TableName=table, Item={**key("b"), "v": {"N": "1"}})
    new = {"ConditionExpression": "attribute_not_exists(pk)"}
    with aws_error(
        "TransactionCanceledException",
        http_status=400,
        message=CANCELLED + "[None, ConditionalCheckFailed, ConditionalCheckFailed]",
    ) as error:
        ddb.transact_write_items(
            TransactItems=[
                put(table, "a", **new),
                put(table, "b", **new, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
                {
                    "ConditionCheck": {
                        "TableName": table,
                        "Key": key("c"),
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
            ]
        )
    assert error.response["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": {**key("b"), "v": {"N": "1"}},
        },
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
    ]
    assert get(ddb, table, "a") is None


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            {"Put": {"Item": {"pk": {"N": "5"}}}},
            "One or more parameter values were invalid: Type mismatch for key pk expected: S "
            "actual: N",
        ),
        (
            {"Put": {"Item": {"pk": {"S": "a"}, "g": {"N": "5"}}}},
            "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S "
            "Actual: N IndexName: by-g",
        ),
        (
            {
                "Update": {
                    "Key": {"pk": {"S": "a"}},
                    "UpdateExpression": "SET g = :v",
                    "ExpressionAttributeValues": {":v": {"N": "5"}},
                }
            },
            "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S "
            "Actual: N IndexName: by-g",
        ),
        (
            {"Delete": {"Key": {"pk": {"N": "5"}}}},
            "The provided key element does not match the schema",
        ),
        (
            {
                "Update": {
                    "Key": {"pk": {"S": "a"}},
                    "UpdateExpression": "SET v = :v",
                    "ExpressionAttributeValues": {":v": {"S": "x" * 409600}},
                }
            },
            "Item size to update has exceeded the maximum allowed size",
        ),
        (
            {
                "Update": {
                    "Key": {"pk": {"S": "a"}},
                    "UpdateExpression": "SET v = absent + :v",
                    "ExpressionAttributeValues": {":v": {"N": "1"}},
                }
            },
            "The provided expression refers to an attribute that does not exist in the item",
        ),
    ],
)
def test_mistakes_that_cancel(ddb, table, action, message):
    name, parameters = next(iter(action.items()))
    with aws_error(
        "TransactionCanceledException", message=CANCELLED + "[ValidationError]"
    ) as error:
        ddb.transact_write_items(TransactItems=[{name: {"TableName": table, **parameters}}])
    assert error.response["CancellationReasons"] == [
        {"Code": "ValidationError", "Message": message}
    ]


@covers("dynamodb", "TransactWriteItems", error="ValidationException")
@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (
            [{"Put": {"Item": key("a")}}, {"Delete": {"Key": key("a")}}],
            "Transaction request cannot include multiple operations on one item",
        ),
        (
            [{"Put": {"Item": {"pk": {"S": ""}}}}],
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            "cannot contain an empty string value. Key: pk",
        ),
        (
            [{"Put": {"Item": {**key("a"), "v": {"S": "x" * 409600}}}}],
            "Item size has exceeded the maximum allowed size",
        ),
        (
            [{"Put": {"Item": key("a")}, "Delete": {"Key": key("a")}}],
            "TransactItems can only contain one of Check, Put, Update or Delete",
        ),
        (
            [{"Update": {"Key": key("a"), "UpdateExpression": "SET a = :v"}}],
            "Invalid UpdateExpression: An expression attribute value used in expression is not "
            "defined; attribute value: :v",
        ),
    ],
)
def test_mistakes_that_fail_before_the_transaction(ddb, table, actions, message):
    actions = [
        {name: {"TableName": table, **more} for name, more in action.items()} for action in actions
    ]
    with aws_error("ValidationException", message=message):
        ddb.transact_write_items(TransactItems=actions)


@covers("dynamodb", "TransactWriteItems", error="ResourceNotFoundException")
@covers("dynamodb", "TransactGetItems", error="ResourceNotFoundException")
def test_no_table(ddb, unique):
    name = unique("absent")
    with aws_error("ResourceNotFoundException", message="Requested resource not found"):
        ddb.transact_write_items(TransactItems=[put(name, "a")])
    with aws_error("ResourceNotFoundException", message="Requested resource not found"):
        ddb.transact_get_items(TransactItems=[{"Get": {"TableName": name, "Key": key("a")}}])


@covers("dynamodb", "TransactWriteItems", error="IdempotentParameterMismatchException")
def test_a_token_is_good_for_one_transaction(ddb, table):
    def add(amount, token="token"):
        return ddb.transact_write_items(
            ClientRequestToken=token,
            TransactItems=[
                {
                    "Update": {
                        "TableName": table,
                        "Key": key("a"),
                        "UpdateExpression": "ADD v :v",
                        "ExpressionAttributeValues": {":v": {"N": str(amount)}},
                    }
                }
            ],
        )

    add(1)
    add(1)
    assert get(ddb, table, "a")["v"] == {"N": "1"}
    with aws_error("IdempotentParameterMismatchException", http_status=400):
        add(2)
    add(2, token="other")
    assert get(ddb, table, "a")["v"] == {"N": "3"}


def test_a_token_is_forgotten_after_ten_minutes(ddb, table, clock):
    # AWS: ClientRequestToken: "A client request token is valid for 10 minutes".
    def add(ddb):
        ddb.transact_write_items(
            ClientRequestToken="token",
            TransactItems=[
                {
                    "Update": {
                        "TableName": table,
                        "Key": key("a"),
                        "UpdateExpression": "ADD v :v",
                        "ExpressionAttributeValues": {":v": {"N": "1"}},
                    }
                }
            ],
        )

    add(ddb)
    clock.advance("9m")
    add(ddb)
    assert get(ddb, table, "a")["v"] == {"N": "1"}
    clock.advance("2m")
    add(ddb)
    assert get(ddb, table, "a")["v"] == {"N": "2"}


@covers("dynamodb", "TransactGetItems")
def test_reading_several_items(ddb, table):
    ddb.put_item(TableName=table, Item={**key("a"), "v": {"N": "1"}, "w": {"N": "2"}})
    answer = ddb.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": table, "Key": key("a"), "ProjectionExpression": "w"}},
            {"Get": {"TableName": table, "Key": key("b")}},
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == [{"Item": {"w": {"N": "2"}}}, {}]
    assert answer["ConsumedCapacity"] == [
        {"TableName": table, "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}
    ]


@covers("dynamodb", "TransactGetItems", error="TransactionCanceledException")
@covers("dynamodb", "TransactGetItems", error="ValidationException")
def test_reads_that_are_refused(ddb, table):
    one = {"Get": {"TableName": table, "Key": key("a")}}
    with aws_error("TransactionCanceledException", message=CANCELLED + "[None, ValidationError]"):
        ddb.transact_get_items(
            TransactItems=[one, {"Get": {"TableName": table, "Key": {"pk": {"N": "1"}}}}]
        )
    with aws_error(
        "ValidationException",
        message="Transaction request cannot include multiple operations on one item",
    ):
        ddb.transact_get_items(TransactItems=[one, one])


def test_transfers_conserve_the_sum(ddb, table):
    accounts = [f"account{i}" for i in range(6)]
    for name in accounts:
        ddb.put_item(TableName=table, Item={**key(name), "v": {"N": "100"}})

    def move(name, sign, amount):
        return {
            "Update": {
                "TableName": table,
                "Key": key(name),
                "UpdateExpression": f"SET v = v {sign} :n",
                "ConditionExpression": "v >= :n" if sign == "-" else "attribute_exists(pk)",
                "ExpressionAttributeValues": {":n": {"N": str(amount)}},
            }
        }

    def transfer(seed):
        source = random.Random(seed)
        done = 0
        for _ in range(20):
            start, end = source.sample(accounts, 2)
            amount = source.randint(1, 80)
            try:
                ddb.transact_write_items(
                    TransactItems=[move(start, "-", amount), move(end, "+", amount)]
                )
                done += 1
            except ddb.exceptions.TransactionCanceledException:
                pass
        return done

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(transfer, range(8))) > 0
    left = [int(get(ddb, table, name)["v"]["N"]) for name in accounts]
    assert sum(left) == 600
    assert min(left) >= 0


def test_concurrent_increments_are_all_counted(ddb, table):
    def increment(_):
        for _ in range(25):
            ddb.update_item(
                TableName=table,
                Key=key("counter"),
                UpdateExpression="ADD v :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(8)))
    assert get(ddb, table, "counter")["v"] == {"N": "200"}


def test_of_two_conditional_writes_one_wins(ddb, table):
    def claim(number):
        try:
            ddb.put_item(
                TableName=table,
                Item={**key("claim"), "v": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ddb.exceptions.ConditionalCheckFailedException:
            return None
        return number

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        winners = [one for one in pool.map(claim, range(32)) if one is not None]
    assert len(winners) == 1
    assert get(ddb, table, "claim")["v"] == {"N": str(winners[0])}
