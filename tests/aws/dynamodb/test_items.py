"""Items: PutItem, GetItem, UpdateItem, DeleteItem and the batches; values, sizes, capacity.

Texts are AWS's as recorded by the tests of dynalite (architect/dynalite) and by the suite
nubo-db/dynamodb-conformance, unless a test names another source.
"""

import decimal
import random

import pytest
from boto3.dynamodb.types import TypeSerializer
from harness import aws_error, covers

INVALID = "One or more parameter values were invalid: "
KEY = {"pk": {"S": "a"}}


@pytest.fixture
def table(new_table):
    return new_table("pk")


@pytest.fixture
def sorted_table(new_table):
    return new_table("pk", "sk")


def put(ddb, table, **attributes):
    return ddb.put_item(TableName=table, Item={**KEY, **attributes})


def get(ddb, table, key=None, **more):
    return ddb.get_item(TableName=table, Key=key or KEY, **more).get("Item")


# ---- values ----


EVERY_TYPE = {
    "s": {"S": "text é \U0001f600"},
    "empty": {"S": ""},
    "n": {"N": "-12.5"},
    "b": {"B": b"\x00\xff"},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["-1", "0", "2.5"]},
    "bs": {"BS": [b"\x00", b"\x01"]},
    "l": {"L": [{"N": "1"}, {"L": []}, {"M": {}}]},
    "m": {"M": {"x": {"M": {"y": {"NULL": True}}}, "z": {"BOOL": False}}},
    "t": {"BOOL": True},
    "null": {"NULL": True},
    "dots.and spaces": {"S": "x"},
}


@covers("dynamodb", "PutItem")
@covers("dynamodb", "GetItem")
def test_every_type_comes_back(ddb, table):
    put(ddb, table, **EVERY_TYPE)
    assert get(ddb, table) == {**KEY, **EVERY_TYPE}


def test_an_item_that_is_not_there(ddb, table):
    assert "Item" not in ddb.get_item(TableName=table, Key=KEY)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("1.0", "1"),
        ("-0", "0"),
        ("0042.1200", "42.12"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("1E125", "1" + "0" * 125),
        ("1e-130", "0." + "0" * 129 + "1"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
    ],
)
def test_numbers_have_a_normal_form(ddb, table, given, kept):
    put(ddb, table, n={"N": given})
    assert get(ddb, table)["n"] == {"N": kept}


def test_random_numbers_are_those_of_decimal(ddb, table):
    source = random.Random(20261121)
    with decimal.localcontext(decimal.Context(prec=60)):
        numbers = []
        for _ in range(100):
            digits = "".join(source.choice("0123456789") for _ in range(source.randint(1, 38)))
            text = source.choice(["", "-"]) + digits + f"e{source.randint(-80, 80)}"
            numbers.append(decimal.Decimal(text))
        put(ddb, table, l={"L": [{"N": str(number)} for number in numbers]})
        kept = [one["N"] for one in get(ddb, table)["l"]["L"]]
        assert [decimal.Decimal(text) for text in kept] == numbers
        assert not any("e" in text.lower() for text in kept)


def test_random_sums_are_those_of_decimal(ddb, table):
    source = random.Random(38)
    with decimal.localcontext(decimal.Context(prec=80)):
        for _ in range(60):
            a, b = (
                decimal.Decimal(source.randint(-(10**18), 10**18)).scaleb(source.randint(-9, 9))
                for _ in range(2)
            )
            put(ddb, table, a={"N": str(a)}, b={"N": str(b)})
            answer = ddb.update_item(
                TableName=table,
                Key=KEY,
                UpdateExpression="SET s = a + b, d = a - b",
                ReturnValues="UPDATED_NEW",
            )["Attributes"]
            assert decimal.Decimal(answer["s"]["N"]) == a + b
            assert decimal.Decimal(answer["d"]["N"]) == a - b


def test_numbers_are_sorted_as_decimal_sorts_them(ddb, sorted_table):
    source = random.Random(7)
    numbers = {
        decimal.Decimal(source.randint(-(10 ** source.randint(1, 20)), 10 ** source.randint(1, 20)))
        .scaleb(source.randint(-30, 30))
        .normalize()
        for _ in range(120)
    }
    for number in numbers:
        ddb.put_item(TableName=sorted_table, Item={**KEY, "sk": {"N": str(number)}})
    answer = ddb.query(
        TableName=sorted_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": KEY["pk"]},
    )
    assert [decimal.Decimal(one["sk"]["N"]) for one in answer["Items"]] == sorted(numbers)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"N": "abc"}, "The parameter cannot be converted to a numeric value: abc"),
        ({"N": ""}, "The parameter cannot be converted to a numeric value"),
        (
            {"N": "1e126"},
            "Number overflow. Attempting to store a number with magnitude larger than supported "
            "range",
        ),
        (
            {"N": "1e-131"},
            "Number underflow. Attempting to store a number with magnitude smaller than supported "
            "range",
        ),
        (
            {"N": "1" * 39},
            "Attempting to store more than 38 significant digits in a Number",
        ),
        ({"SS": []}, INVALID + "An string set  may not be empty"),
        ({"NS": []}, INVALID + "An number set  may not be empty"),
        ({"BS": []}, INVALID + "Binary sets should not be empty"),
        ({"SS": ["a", ""]}, INVALID + "An string set may not have a empty string as a member"),
        ({"BS": [b"", b"a"]}, INVALID + "Binary sets may not contain null or empty values"),
        ({"SS": ["a", "a"]}, INVALID + "Input collection [a, a] contains duplicates."),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
        (
            {},
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes",
        ),
        ({"L": [{"M": {"x": {"SS": []}}}]}, INVALID + "An string set  may not be empty"),
    ],
)
@covers("dynamodb", "PutItem", error="ValidationException")
def test_values_that_are_refused(client, table, value, message):
    ddb = client("dynamodb", is_validated=False)
    with aws_error("ValidationException", http_status=400, message=message):
        put(ddb, table, v=value)


def nested(levels):
    value = {"S": "leaf"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


def test_values_nest_32_levels_deep(ddb, table):
    put(ddb, table, v=nested(31))
    assert get(ddb, table)["v"] == nested(31)
    with aws_error(
        "ValidationException",
        message="Nesting Levels have exceeded supported limits: Attributes in the item have nested "
        "levels beyond supported limit",
    ):
        put(ddb, table, v=nested(32))


# ---- keys ----


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"sk": {"N": "1"}}, INVALID + "Missing the key pk in the item"),
        ({"pk": {"S": "a"}}, INVALID + "Missing the key sk in the item"),
        (
            {"pk": {"N": "1"}, "sk": {"N": "1"}},
            INVALID + "Type mismatch for key pk expected: S actual: N",
        ),
        (
            {"pk": {"S": ""}, "sk": {"N": "1"}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            "cannot contain an empty string value. Key: pk",
        ),
        (
            {"pk": {"S": "a" * 2049}, "sk": {"N": "1"}},
            INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
    ],
)
def test_items_whose_key_is_refused(ddb, sorted_table, item, message):
    with aws_error("ValidationException", message=message):
        ddb.put_item(TableName=sorted_table, Item=item)


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"pk": {"S": "a"}},
        {"pk": {"S": "a"}, "sk": {"S": "1"}},
        {"pk": {"S": "a"}, "sk": {"N": "1"}, "x": {"S": "b"}},
        {"pk": {"S": "a"}, "other": {"N": "1"}},
    ],
)
@covers("dynamodb", "GetItem", error="ValidationException")
@covers("dynamodb", "DeleteItem", error="ValidationException")
@covers("dynamodb", "UpdateItem", error="ValidationException")
def test_keys_that_do_not_match_the_schema(ddb, sorted_table, key):
    message = "The provided key element does not match the schema"
    with aws_error("ValidationException", message=message):
        ddb.get_item(TableName=sorted_table, Key=key)
    with aws_error("ValidationException", message=message):
        ddb.delete_item(TableName=sorted_table, Key=key)
    with aws_error("ValidationException", message=message):
        ddb.update_item(TableName=sorted_table, Key=key)


def test_a_range_key_may_have_1024_bytes(ddb, new_table):
    table = new_table("pk", "l")
    ddb.put_item(TableName=table, Item={**KEY, "l": {"S": "a" * 1024}})
    message = INVALID + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
    with aws_error("ValidationException", message=message):
        ddb.put_item(TableName=table, Item={**KEY, "l": {"S": "a" * 1025}})


def test_binary_keys(ddb, new_table):
    table = new_table("b")
    for value in (b"\x00", b"\x00\x00", b"\xff" * 20):
        ddb.put_item(TableName=table, Item={"b": {"B": value}, "v": {"B": value}})
    for value in (b"\x00", b"\x00\x00", b"\xff" * 20):
        assert get(ddb, table, {"b": {"B": value}})["v"] == {"B": value}
    with aws_error("ValidationException", match="cannot contain an empty binary value. Key: b"):
        ddb.put_item(TableName=table, Item={"b": {"B": b""}})


def test_index_keys_are_checked(ddb, new_table):
    table = new_table("pk", gsi=[("by-g", ("g", "h"), "ALL"), ("also", ("g",), "KEYS_ONLY")])
    message = INVALID + "Type mismatch for Index Key g Expected: S Actual: N IndexName: also"
    with aws_error("ValidationException", message=message):
        put(ddb, table, g={"N": "1"})
    message = (
        "One or more parameter values are not valid. A value specified for a secondary index key "
        "is not supported. The AttributeValue for a key attribute cannot contain an empty string "
        "value. IndexName: also, IndexKey: g"
    )
    with aws_error("ValidationException", message=message):
        put(ddb, table, g={"S": ""})
    put(ddb, table, h={"N": "1"})
    for name, value, message in [
        (
            "g",
            {"N": "1"},
            "The update expression attempted to update the secondary index key to unsupported type",
        ),
        (
            "g",
            {"S": ""},
            "One or more parameter values are not valid. The update expression attempted to update "
            "a secondary index key to a value that is not supported. The AttributeValue for a key "
            "attribute cannot contain an empty string value.",
        ),
    ]:
        with aws_error("ValidationException", message=message):
            ddb.update_item(
                TableName=table,
                Key=KEY,
                UpdateExpression=f"SET {name} = :v",
                ExpressionAttributeValues={":v": value},
            )


@covers("dynamodb", "GetItem", error="ResourceNotFoundException")
@covers("dynamodb", "PutItem", error="ResourceNotFoundException")
@covers("dynamodb", "UpdateItem", error="ResourceNotFoundException")
@covers("dynamodb", "DeleteItem", error="ResourceNotFoundException")
def test_a_table_that_does_not_exist(ddb, unique):
    name = unique("absent")
    for call in (
        lambda: ddb.get_item(TableName=name, Key=KEY),
        lambda: ddb.put_item(TableName=name, Item=KEY),
        lambda: ddb.update_item(TableName=name, Key=KEY),
        lambda: ddb.delete_item(TableName=name, Key=KEY),
    ):
        with aws_error("ResourceNotFoundException", message="Requested resource not found"):
            call()


# ---- size ----


def test_an_item_may_have_400_kb(ddb, table):
    # AWS: "The maximum item size in DynamoDB is 400 KB, which includes both attribute name binary
    # length (UTF-8 length) and attribute value lengths".
    room = 409600 - len("pk") - len("a") - len("v")
    put(ddb, table, v={"S": "x" * room})
    assert len(get(ddb, table)["v"]["S"]) == room
    with aws_error("ValidationException", message="Item size has exceeded the maximum allowed size"):
        put(ddb, table, v={"S": "x" * (room + 1)})
    put(ddb, table)
    message = "Item size to update has exceeded the maximum allowed size"
    with aws_error("ValidationException", message=message):
        ddb.update_item(
            TableName=table,
            Key=KEY,
            UpdateExpression="SET v = :v",
            ExpressionAttributeValues={":v": {"S": "x" * (room + 1)}},
        )


@pytest.mark.parametrize(
    ("number", "size"),
    [("0", 1), ("1", 2), ("-1", 3), ("123456", 4), ("3.14159", 5), ("1E125", 2)],
)
def test_numbers_count_by_their_digits(ddb, table, number, size):
    # nubo-db/dynamodb-conformance, numberByteSize.
    room = 409600 - len("pk") - len("a") - len("n") - size - len("v")
    put(ddb, table, n={"N": number}, v={"S": "x" * room})
    with aws_error("ValidationException"):
        put(ddb, table, n={"N": number}, v={"S": "x" * (room + 1)})


# ---- what writes return ----


@covers("dynamodb", "PutItem")
@covers("dynamodb", "DeleteItem")
def test_all_old_returns_what_was_there(ddb, table):
    first = ddb.put_item(TableName=table, Item={**KEY, "v": {"N": "1"}}, ReturnValues="ALL_OLD")
    assert "Attributes" not in first
    second = ddb.put_item(TableName=table, Item={**KEY, "v": {"N": "2"}}, ReturnValues="ALL_OLD")
    assert second["Attributes"] == {**KEY, "v": {"N": "1"}}
    gone = ddb.delete_item(TableName=table, Key=KEY, ReturnValues="ALL_OLD")
    assert gone["Attributes"] == {**KEY, "v": {"N": "2"}}
    assert "Attributes" not in ddb.delete_item(TableName=table, Key=KEY, ReturnValues="ALL_OLD")
    assert get(ddb, table) is None


@covers("dynamodb", "PutItem", error="ValidationException")
def test_put_and_delete_return_nothing_else(ddb, table):
    message = "ReturnValues can only be ALL_OLD or NONE"
    with aws_error("ValidationException", message=message):
        ddb.put_item(TableName=table, Item=KEY, ReturnValues="ALL_NEW")
    with aws_error("ValidationException", message=message):
        ddb.delete_item(TableName=table, Key=KEY, ReturnValues="UPDATED_NEW")


@covers("dynamodb", "UpdateItem")
@pytest.mark.parametrize(
    ("return_values", "attributes"),
    [
        ("NONE", None),
        ("ALL_OLD", {**KEY, "a": {"N": "1"}, "m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}}}}),
        (
            "ALL_NEW",
            {
                **KEY,
                "a": {"N": "3"},
                "c": {"N": "2"},
                "m": {"M": {"x": {"N": "2"}, "y": {"N": "2"}}},
            },
        ),
        ("UPDATED_OLD", {"a": {"N": "1"}, "m": {"M": {"x": {"N": "1"}}}}),
        ("UPDATED_NEW", {"a": {"N": "3"}, "c": {"N": "2"}, "m": {"M": {"x": {"N": "2"}}}}),
    ],
)
def test_what_an_update_returns(ddb, table, return_values, attributes):
    put(ddb, table, a={"N": "1"}, m={"M": {"x": {"N": "1"}, "y": {"N": "2"}}})
    answer = ddb.update_item(
        TableName=table,
        Key=KEY,
        UpdateExpression="SET m.x = :two, c = :two ADD a :two",
        ExpressionAttributeValues={":two": {"N": "2"}},
        ReturnValues=return_values,
    )
    assert answer.get("Attributes") == attributes


@covers("dynamodb", "UpdateItem")
def test_an_update_makes_the_item(ddb, table):
    ddb.update_item(TableName=table, Key=KEY)
    assert get(ddb, table) == KEY
    answer = ddb.update_item(
        TableName=table,
        Key={"pk": {"S": "b"}},
        UpdateExpression="ADD c :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {"pk": {"S": "b"}, "c": {"N": "1"}}


# ---- conditions ----


@covers("dynamodb", "PutItem", error="ConditionalCheckFailedException")
@covers("dynamodb", "UpdateItem", error="ConditionalCheckFailedException")
@covers("dynamodb", "DeleteItem", error="ConditionalCheckFailedException")
def test_conditions_that_fail(ddb, table):
    put(ddb, table, v={"N": "1"})
    never = {"ConditionExpression": "attribute_not_exists(pk)"}
    for write in (
        lambda **more: ddb.put_item(TableName=table, Item=KEY, **never, **more),
        lambda **more: ddb.update_item(TableName=table, Key=KEY, **never, **more),
        lambda **more: ddb.delete_item(TableName=table, Key=KEY, **never, **more),
    ):
        with aws_error(
            "ConditionalCheckFailedException",
            http_status=400,
            message="The conditional request failed",
        ) as error:
            write()
        assert "Item" not in error.response
        # AWS: ReturnValuesOnConditionCheckFailure: "returns the item attributes for a ... operation
        # that failed a condition check".
        with aws_error("ConditionalCheckFailedException") as error:
            write(ReturnValuesOnConditionCheckFailure="ALL_OLD")
        assert error.response["Item"] == {**KEY, "v": {"N": "1"}}
    assert get(ddb, table) == {**KEY, "v": {"N": "1"}}


# ---- capacity ----


@covers("dynamodb", "GetItem")
def test_consumed_capacity_of_reads(ddb, table):
    put(ddb, table, v={"S": "x" * 5000})
    for consistent, units in ((False, 1.0), (True, 2.0)):
        answer = ddb.get_item(
            TableName=table, Key=KEY, ConsistentRead=consistent, ReturnConsumedCapacity="TOTAL"
        )
        assert answer["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": units}
    answer = ddb.get_item(
        TableName=table, Key={"pk": {"S": "absent"}}, ReturnConsumedCapacity="INDEXES"
    )
    assert answer["ConsumedCapacity"] == {
        "TableName": table,
        "CapacityUnits": 0.5,
        "Table": {"CapacityUnits": 0.5},
    }


@covers("dynamodb", "PutItem")
def test_consumed_capacity_of_writes(ddb, new_table):
    table = new_table("pk", gsi=[("by-g", ("g",), "KEYS_ONLY")], lsi=())
    answer = put(ddb, table, v={"S": "x" * 1500}, g={"S": "1"})
    assert "ConsumedCapacity" not in answer

    def units(**item):
        answer = ddb.put_item(
            TableName=table, Item={**KEY, **item}, ReturnConsumedCapacity="INDEXES"
        )["ConsumedCapacity"]
        index = answer.get("GlobalSecondaryIndexes", {}).get("by-g", {}).get("CapacityUnits", 0)
        assert answer["CapacityUnits"] == answer["Table"]["CapacityUnits"] + index
        return answer["Table"]["CapacityUnits"], index

    # AWS: "Global secondary indexes": nothing changed, key changed, entry gone, entry new.
    assert units(v={"S": "y"}, g={"S": "1"}) == (2.0, 0)
    assert units(g={"S": "2"}) == (1.0, 2.0)
    assert units() == (1.0, 1.0)
    assert units(g={"S": "3"}) == (1.0, 1.0)


@covers("dynamodb", "UpdateItem")
def test_item_collection_metrics_need_a_local_index(ddb, new_table, table):
    local = new_table("pk", "sk", lsi=[("by-l", ("pk", "l"), "ALL")])
    key = {**KEY, "sk": {"N": "1"}}
    answer = ddb.update_item(TableName=local, Key=key, ReturnItemCollectionMetrics="SIZE")
    assert answer["ItemCollectionMetrics"] == {
        "ItemCollectionKey": KEY,
        "SizeEstimateRangeGB": [0.0, 1.0],
    }
    answer = ddb.update_item(TableName=table, Key=KEY, ReturnItemCollectionMetrics="SIZE")
    assert "ItemCollectionMetrics" not in answer


# ---- batches ----


def items(count):
    return [{"pk": {"S": f"item{i}"}, "v": {"N": str(i)}} for i in range(count)]


@covers("dynamodb", "BatchWriteItem")
@covers("dynamodb", "BatchGetItem")
def test_batches(ddb, table):
    answer = ddb.batch_write_item(
        RequestItems={table: [{"PutRequest": {"Item": item}} for item in items(25)]},
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["UnprocessedItems"] == {}
    assert answer["ConsumedCapacity"] == [{"TableName": table, "CapacityUnits": 25.0}]
    keys = [{"pk": item["pk"]} for item in items(30)]
    answer = ddb.batch_get_item(
        RequestItems={table: {"Keys": keys, "ProjectionExpression": "v"}},
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["UnprocessedKeys"] == {}
    assert sorted(int(item["v"]["N"]) for item in answer["Responses"][table]) == list(range(25))
    assert answer["ConsumedCapacity"] == [{"TableName": table, "CapacityUnits": 15.0}]
    ddb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": keys[0]}}]})
    assert get(ddb, table, keys[0]) is None


@covers("dynamodb", "BatchWriteItem", error="ValidationException")
def test_batch_writes_that_are_refused(client, table):
    ddb = client("dynamodb", is_validated=False)
    with aws_error(
        "ValidationException", message="Provided list of item keys contains duplicates"
    ):
        ddb.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": KEY}}, {"DeleteRequest": {"Key": KEY}}]}
        )
    with aws_error("ValidationException", match="length less than or equal to 25|Too many items"):
        ddb.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": item}} for item in items(26)]}
        )
    with aws_error(
        "ValidationException", message="The provided key element does not match the schema"
    ):
        ddb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": {"pk": {"N": "1"}}}}]})


@covers("dynamodb", "BatchWriteItem", error="ResourceNotFoundException")
@covers("dynamodb", "BatchGetItem", error="ResourceNotFoundException")
def test_batches_on_no_table(ddb, unique):
    name = unique("absent")
    with aws_error("ResourceNotFoundException", message="Requested resource not found"):
        ddb.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": KEY}}]})
    with aws_error("ResourceNotFoundException", message="Requested resource not found"):
        ddb.batch_get_item(RequestItems={name: {"Keys": [KEY]}})


@covers("dynamodb", "BatchGetItem", error="ValidationException")
def test_batch_reads_that_are_refused(ddb, table):
    with aws_error(
        "ValidationException", message="Provided list of item keys contains duplicates"
    ):
        ddb.batch_get_item(RequestItems={table: {"Keys": [KEY, KEY]}})
    with aws_error("ValidationException", match="length less than or equal to 100|Too many items"):
        keys = [{"pk": item["pk"]} for item in items(101)]
        ddb.batch_get_item(RequestItems={table: {"Keys": keys}})
    with aws_error(
        "ValidationException",
        message="Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {AttributesToGet} Expression parameters: "
        "{ProjectionExpression}",
    ):
        ddb.batch_get_item(
            RequestItems={
                table: {"Keys": [KEY], "AttributesToGet": ["v"], "ProjectionExpression": "v"}
            }
        )


def test_a_batch_answers_16_mb_at_most(ddb, table):
    # AWS: BatchGetItem: "A single operation can retrieve up to 16 MB of data"; the rest is in
    # UnprocessedKeys.
    big = "x" * 390_000
    for item in items(48):
        ddb.put_item(TableName=table, Item={**item, "big": {"S": big}})
    left = {table: {"Keys": [{"pk": item["pk"]} for item in items(48)]}}
    found = []
    rounds = 0
    while left:
        answer = ddb.batch_get_item(RequestItems=left)
        found += answer["Responses"].get(table, [])
        left = answer["UnprocessedKeys"]
        rounds += 1
    assert rounds == 2
    assert sorted(int(item["v"]["N"]) for item in found) == list(range(48))


# ---- legacy parameters ----


@covers("dynamodb", "UpdateItem")
def test_attribute_updates(ddb, table):
    put(ddb, table, n={"N": "1"}, s={"SS": ["a", "b"]}, l={"L": []}, gone={"S": "x"})
    answer = ddb.update_item(
        TableName=table,
        Key=KEY,
        AttributeUpdates={
            "n": {"Action": "ADD", "Value": {"N": "2"}},
            "s": {"Action": "DELETE", "Value": {"SS": ["a"]}},
            "l": {"Action": "ADD", "Value": {"L": [{"N": "1"}]}},
            "gone": {"Action": "DELETE"},
            "new": {"Value": {"S": "y"}},
        },
        Expected={"n": {"Value": {"N": "1"}}, "other": {"Exists": False}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {
        **KEY,
        "n": {"N": "3"},
        "s": {"SS": ["b"]},
        "l": {"L": [{"N": "1"}]},
        "new": {"S": "y"},
    }


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        (
            {"v": {"Action": "PUT"}},
            INVALID + "Only DELETE action is allowed when no attribute value is specified",
        ),
        (
            {"v": {"Action": "DELETE", "Value": {"S": "a"}}},
            INVALID + "DELETE action with value is not supported for the type S",
        ),
        (
            {"v": {"Action": "ADD", "Value": {"S": "a"}}},
            INVALID + "ADD action is not supported for the type S",
        ),
        ({"v": {"Action": "ADD", "Value": {"N": "1"}}}, "Type mismatch for attribute to update"),
        (
            {"pk": {"Value": {"S": "b"}}},
            INVALID + "Cannot update attribute pk. This attribute is part of the key",
        ),
    ],
)
def test_attribute_updates_that_are_refused(ddb, table, updates, message):
    put(ddb, table, v={"S": "text"})
    with aws_error("ValidationException", message=message):
        ddb.update_item(TableName=table, Key=KEY, AttributeUpdates=updates)


@pytest.mark.parametrize(
    ("expected", "operator", "is_met"),
    [
        ({"n": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "4"}]}}, None, True),
        ({"n": {"ComparisonOperator": "LE", "AttributeValueList": [{"N": "4"}]}}, None, False),
        ({"n": {"ComparisonOperator": "NE", "AttributeValueList": [{"N": "4"}]}}, None, True),
        (
            {"n": {"ComparisonOperator": "IN", "AttributeValueList": [{"N": "4"}, {"N": "5"}]}},
            None,
            True,
        ),
        (
            {"n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "6"}, {"N": "7"}]}},
            None,
            False,
        ),
        ({"s": {"ComparisonOperator": "CONTAINS", "AttributeValueList": [{"S": "b"}]}}, None, True),
        (
            {"s": {"ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": [{"S": "b"}]}},
            None,
            False,
        ),
        (
            {"s": {"ComparisonOperator": "BEGINS_WITH", "AttributeValueList": [{"S": "ab"}]}},
            None,
            True,
        ),
        ({"s": {"ComparisonOperator": "NULL"}}, None, False),
        ({"x": {"ComparisonOperator": "NULL"}}, None, True),
        ({"s": {"ComparisonOperator": "NOT_NULL"}}, None, True),
        ({"n": {"Value": {"N": "4"}}, "s": {"Value": {"S": "abc"}}}, "OR", True),
        ({"n": {"Value": {"N": "4"}}, "s": {"Value": {"S": "abc"}}}, "AND", False),
    ],
)
def test_expected(ddb, table, expected, operator, is_met):
    put(ddb, table, n={"N": "5"}, s={"S": "abc"})
    more = {"ConditionalOperator": operator} if operator else {}
    if is_met:
        ddb.put_item(TableName=table, Item=KEY, Expected=expected, **more)
        return
    with aws_error("ConditionalCheckFailedException"):
        ddb.put_item(TableName=table, Item=KEY, Expected=expected, **more)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"v": {}}, INVALID + "Value must be provided when Exists is null for Attribute: v"),
        (
            {"v": {"Exists": True}},
            INVALID + "Value must be provided when Exists is true for Attribute: v",
        ),
        (
            {"v": {"Exists": False, "Value": {"S": "a"}}},
            INVALID + "Value cannot be used when Exists is false for Attribute: v",
        ),
        (
            {"v": {"AttributeValueList": []}},
            INVALID
            + "AttributeValueList can only be used with a ComparisonOperator for Attribute: v",
        ),
        (
            {"v": {"ComparisonOperator": "EQ", "Exists": True}},
            INVALID + "Exists and ComparisonOperator cannot be used together for Attribute: v",
        ),
        (
            {"v": {"ComparisonOperator": "EQ", "Value": {"S": "a"}, "AttributeValueList": []}},
            INVALID + "Value and AttributeValueList cannot be used together for Attribute: v",
        ),
        (
            {"v": {"ComparisonOperator": "EQ"}},
            INVALID
            + "Value or AttributeValueList must be used with ComparisonOperator: EQ for "
            + "Attribute: v",
        ),
        (
            {"v": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"S": "a"}]}},
            INVALID + "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
        (
            {"v": {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "a"}, {"N": "1"}]}},
            INVALID + "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            {"v": {"ComparisonOperator": "LT", "AttributeValueList": [{"SS": ["a"]}]}},
            INVALID + "ComparisonOperator LT is not valid for SS AttributeValue type",
        ),
        (
            {
                "v": {
                    "ComparisonOperator": "BETWEEN",
                    "AttributeValueList": [{"N": "2"}, {"N": "1"}],
                }
            },
            "The BETWEEN condition was provided a range where the lower bound is greater than the "
            "upper bound",
        ),
    ],
)
def test_expected_that_is_refused(ddb, table, expected, message):
    with aws_error("ValidationException", message=message):
        ddb.put_item(TableName=table, Item=KEY, Expected=expected)


def test_attributes_to_get(ddb, table):
    put(ddb, table, a={"N": "1"}, b={"N": "2"})
    assert get(ddb, table, AttributesToGet=["a", "c"]) == {"a": {"N": "1"}}
    with aws_error(
        "ValidationException", message=INVALID + "Duplicate value in attribute name: a"
    ):
        get(ddb, table, AttributesToGet=["a", "a"])


# ---- other clients ----


def test_the_resource_of_boto3(client, table, virga, account):
    import boto3

    resource = boto3.resource(
        "dynamodb",
        endpoint_url=virga.endpoint,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="x",
    )
    item = {"pk": "r", "n": decimal.Decimal("1.5"), "m": {"x": [1, True, None, {"a"}]}}
    resource.Table(table).put_item(Item=item)
    assert resource.Table(table).get_item(Key={"pk": "r"})["Item"] == item
    assert TypeSerializer().serialize(item)["M"]["n"] == {"N": "1.5"}


def test_the_cli(aws, table):
    aws("dynamodb", "put-item", "--table-name", table, "--item", '{"pk": {"S": "cli"}}')
    answer = aws("dynamodb", "get-item", "--table-name", table, "--key", '{"pk": {"S": "cli"}}')
    assert answer.json == {"Item": {"pk": {"S": "cli"}}}
