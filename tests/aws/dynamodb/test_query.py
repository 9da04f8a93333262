"""Query and Scan: ranges, indexes, pages, filters, projections, segments.

Texts are AWS's as recorded by the tests of dynalite (architect/dynalite) and by the suite
nubo-db/dynamodb-conformance.
"""

import random

import pytest
from harness import aws_error, covers

INVALID = "One or more parameter values were invalid: "


@pytest.fixture
def table(new_table):
    return new_table(
        "pk",
        "sk",
        gsi=[
            ("by-g", ("g", "h"), "ALL"),
            ("keys-g", ("g",), "KEYS_ONLY"),
            ("some-g", ("g", "sk"), ["v"]),
        ],
        lsi=[("by-l", ("pk", "l"), ["v"]), ("all-l", ("pk", "l"), "ALL")],
    )


def item(pk, sk, **attributes):
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}, **attributes}


def fill(ddb, table, items):
    for start in range(0, len(items), 25):
        ddb.batch_write_item(
            RequestItems={
                table: [{"PutRequest": {"Item": one}} for one in items[start : start + 25]]
            }
        )


def query(ddb, table, condition, values, **more):
    return ddb.query(
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        **more,
    )


def numbers(answer, name="sk"):
    return [int(one[name]["N"]) for one in answer["Items"]]


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("pk = :p", {}, range(-5, 6)),
        ("pk = :p AND sk = :a", {"a": 3}, [3]),
        ("pk = :p AND sk < :a", {"a": -3}, [-5, -4]),
        ("pk = :p AND sk <= :a", {"a": -3}, [-5, -4, -3]),
        ("pk = :p AND sk > :a", {"a": 3}, [4, 5]),
        ("pk = :p AND sk >= :a", {"a": 3}, [3, 4, 5]),
        ("pk = :p AND sk BETWEEN :a AND :b", {"a": -1, "b": 1}, [-1, 0, 1]),
        ("sk BETWEEN :a AND :b AND pk = :p", {"a": -1, "b": 1}, [-1, 0, 1]),
        (":a < sk AND :p = pk", {"a": 3}, [4, 5]),
        ("(pk = :p) AND (sk = :a)", {"a": 9}, []),
    ],
)
@covers("dynamodb", "Query")
def test_key_conditions(ddb, table, condition, values, expected):
    fill(ddb, table, [item("a", i) for i in range(-5, 6)] + [item("b", 3)])
    values = {"p": {"S": "a"}, **{name: {"N": str(value)} for name, value in values.items()}}
    expected = list(expected)
    answer = query(ddb, table, condition, values)
    assert numbers(answer) == expected
    assert (answer["Count"], answer["ScannedCount"]) == (len(expected), len(expected))
    assert "LastEvaluatedKey" not in answer
    backward = query(ddb, table, condition, values, ScanIndexForward=False)
    assert numbers(backward) == expected[::-1]


def test_begins_with_on_text_and_bytes(ddb, new_table):
    for name, kind, values in (
        ("l", "S", ["", "a", "ab", "abc", "ac", "b", "é"]),
        ("b", "B", [b"", b"\x00", b"\xff", b"\xff\x00", b"\xff\xff", b"\xff\xff\x01"]),
    ):
        table = new_table("pk", name)
        for value in values[1:]:
            ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, name: {kind: value}})
        for prefix in values[1:]:
            answer = query(
                ddb,
                table,
                f"pk = :p AND begins_with({name}, :b)",
                {"p": {"S": "a"}, "b": {kind: prefix}},
            )
            found = [one[name][kind] for one in answer["Items"]]
            assert found == [value for value in values[1:] if value.startswith(prefix)]


@covers("dynamodb", "Query")
@covers("dynamodb", "Scan")
def test_pages_give_every_item_once(ddb, table):
    source = random.Random(1)
    fill(
        ddb,
        table,
        [
            item(f"p{i % 3}", i, g={"S": f"g{i % 2}"}, h={"N": str(source.randint(0, 3))})
            for i in range(40)
        ],
    )

    def pages(call, limit, **more):
        found, start = [], None
        while True:
            answer = call(Limit=limit, **more, **({"ExclusiveStartKey": start} if start else {}))
            assert answer["ScannedCount"] <= limit
            found += numbers(answer)
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return found
            assert answer["ScannedCount"] == limit

    for limit in (1, 3, 7, 100):
        for forward in (True, False):

            def by_table(**more):
                return query(ddb, table, "pk = :p", {"p": {"S": "p1"}}, **more)

            expected = sorted((i for i in range(40) if i % 3 == 1), reverse=not forward)
            assert pages(by_table, limit, ScanIndexForward=forward) == expected
            for name in ("by-g", "keys-g", "some-g"):

                def by_index(name=name, **more):
                    return query(
                        ddb, table, "g = :g", {"g": {"S": "g1"}}, IndexName=name, **more
                    )

                found = pages(by_index, limit, ScanIndexForward=forward)
                assert sorted(found) == list(range(1, 40, 2))
                whole = numbers(by_index(ScanIndexForward=forward))
                assert found == whole
        for name in (None, "by-g", "keys-g"):
            more = {"IndexName": name} if name else {}
            found = pages(lambda **rest: ddb.scan(TableName=table, **rest), limit, **more)
            assert sorted(found) == list(range(40))


def test_the_last_page_has_a_key_when_the_limit_was_reached(ddb, table):
    # OBSERVED: dynalite: LastEvaluatedKey is there when Limit items were looked at, also when
    # nothing follows.
    fill(ddb, table, [item("a", i) for i in range(3)])
    answer = query(ddb, table, "pk = :p", {"p": {"S": "a"}}, Limit=3)
    assert answer["LastEvaluatedKey"] == item("a", 2)
    answer = query(
        ddb, table, "pk = :p", {"p": {"S": "a"}}, ExclusiveStartKey=answer["LastEvaluatedKey"]
    )
    assert (answer["Items"], answer["Count"]) == ([], 0)


def test_a_page_ends_at_1_mb(ddb, table):
    fill(ddb, table, [])
    for i in range(6):
        ddb.put_item(TableName=table, Item=item("a", i, v={"S": "x" * 390_000}))
    answer = query(ddb, table, "pk = :p", {"p": {"S": "a"}})
    assert numbers(answer) == [0, 1, 2]
    assert answer["LastEvaluatedKey"] == item("a", 2)
    answer = ddb.scan(TableName=table)
    assert answer["Count"] == 3


def test_filters_apply_behind_the_limit(ddb, table):
    fill(ddb, table, [item("a", i, v={"N": str(i % 4)}) for i in range(12)])
    answer = query(
        ddb,
        table,
        "pk = :p",
        {"p": {"S": "a"}, "v": {"N": "3"}},
        FilterExpression="v = :v",
        Limit=8,
    )
    assert numbers(answer) == [3, 7]
    assert (answer["Count"], answer["ScannedCount"]) == (2, 8)
    assert answer["LastEvaluatedKey"] == item("a", 7)
    answer = ddb.scan(
        TableName=table,
        FilterExpression="v IN (:one, :three) AND sk > :five",
        ExpressionAttributeValues={
            ":one": {"N": "1"},
            ":three": {"N": "3"},
            ":five": {"N": "5"},
        },
    )
    assert sorted(numbers(answer)) == [7, 9, 11]
    assert answer["ScannedCount"] == 12


@covers("dynamodb", "Query")
def test_select(ddb, table):
    fill(ddb, table, [item("a", i, l={"S": f"l{i}"}, v={"N": "1"}, w={"N": "2"}) for i in range(3)])
    answer = query(ddb, table, "pk = :p", {"p": {"S": "a"}}, Select="COUNT")
    assert answer["Count"] == 3
    assert "Items" not in answer
    by_l = {"IndexName": "by-l"}
    answer = query(ddb, table, "pk = :p", {"p": {"S": "a"}}, **by_l)
    assert {frozenset(one) for one in answer["Items"]} == {frozenset(["pk", "sk", "l", "v"])}
    # AWS: Select: "If you query a local secondary index ... DynamoDB fetches the entire item from
    # the parent table".
    for more in ({"Select": "ALL_ATTRIBUTES"}, {"ProjectionExpression": "w"}):
        answer = query(ddb, table, "pk = :p", {"p": {"S": "a"}}, **by_l, **more)
        assert all(one["w"] == {"N": "2"} for one in answer["Items"])
    answer = query(
        ddb,
        table,
        "pk = :p",
        {"p": {"S": "a"}},
        ReturnConsumedCapacity="INDEXES",
        Select="ALL_ATTRIBUTES",
        **by_l,
    )["ConsumedCapacity"]
    assert answer == {
        "TableName": table,
        "CapacityUnits": 1.0,
        "Table": {"CapacityUnits": 0.5},
        "LocalSecondaryIndexes": {"by-l": {"CapacityUnits": 0.5}},
    }


def test_indexes_are_sparse_and_follow_the_items(ddb, table):
    fill(ddb, table, [item("a", 1, g={"S": "x"}, h={"N": "1"}), item("a", 2)])

    def found(value="x", name="by-g"):
        answer = query(ddb, table, "g = :g", {"g": {"S": value}}, IndexName=name)
        return [(int(one["sk"]["N"]), one.get("v")) for one in answer["Items"]]

    assert (found(), found(name="keys-g")) == ([(1, None)], [(1, None)])
    update = {"TableName": table, "Key": item("a", 1)}
    ddb.update_item(
        UpdateExpression="SET v = :v", ExpressionAttributeValues={":v": {"N": "7"}}, **update
    )
    assert found() == [(1, {"N": "7"})]
    assert found(name="some-g") == [(1, {"N": "7"})]
    assert found(name="keys-g") == [(1, None)]
    ddb.update_item(
        UpdateExpression="SET g = :g", ExpressionAttributeValues={":g": {"S": "y"}}, **update
    )
    assert (found(), found("y")) == ([], [(1, {"N": "7"})])
    ddb.update_item(UpdateExpression="REMOVE h", **update)
    assert (found("y"), found("y", "keys-g")) == ([], [(1, None)])
    ddb.delete_item(**update)
    assert found("y", "keys-g") == []


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("g = :g AND h = :h", {"g": "x", "h": 1}, [0, 1, 2, 3]),
        ("g = :g AND h = :h AND l = :l", {"g": "x", "h": 1, "l": "a"}, [0, 1]),
        ("g = :g AND h = :h AND l = :l AND n > :n", {"g": "x", "h": 1, "l": "a", "n": 1}, [1]),
        ("g = :g AND h = :h AND l = :l AND n <= :n", {"g": "x", "h": 1, "l": "a", "n": 1}, [0]),
        ("g = :g AND h = :h AND begins_with(l, :l)", {"g": "x", "h": 1, "l": "a"}, [0, 1, 2]),
        ("g = :g AND h = :h AND l > :l", {"g": "x", "h": 1, "l": "a"}, [2, 3]),
        ("g = :g AND h = :h AND l BETWEEN :l AND :m", {"g": "x", "h": 1, "l": "ab", "m": "b"},
         [2, 3]),
        ("g = :g", {"g": "x"}, "Query condition missed key schema element: h"),
        ("g = :g AND h = :h AND n = :n", {"g": "x", "h": 1, "n": 1},
         "Query condition missed key schema element: l"),
        ("g = :g AND h = :h AND l > :l AND n = :n", {"g": "x", "h": 1, "l": "a", "n": 1},
         "Query key condition not supported"),
    ],
)
def test_keys_of_several_attributes(ddb, unique, wait_active, condition, values, expected):
    # AWS: "Multi-attribute keys" of global secondary indexes (developer guide).
    types = {"pk": "S", "g": "S", "h": "N", "l": "S", "n": "N"}
    name = unique("table")
    kinds = [("g", "HASH"), ("h", "HASH"), ("l", "RANGE"), ("n", "RANGE")]
    ddb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": one, "AttributeType": kind} for one, kind in types.items()
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "several",
                "KeySchema": [{"AttributeName": one, "KeyType": kind} for one, kind in kinds],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    wait_active(name)
    rows = [("x", 1, "a", 1), ("x", 1, "a", 2), ("x", 1, "ab", 0), ("x", 1, "b", 5)]
    rows += [("x", 2, "a", 1), ("xx", 1, "a", 1)]
    for i, row in enumerate(rows):
        one = {key: {types[key]: str(value)} for key, value in zip("ghln", row, strict=True)}
        ddb.put_item(TableName=name, Item={"pk": {"S": str(i)}, **one})
    values = {
        key: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for key, value in values.items()
    }
    if isinstance(expected, str):
        with aws_error("ValidationException", message=expected):
            query(ddb, name, condition, values, IndexName="several")
        return
    answer = query(ddb, name, condition, values, IndexName="several")
    assert numbers_of_text(answer) == expected


def numbers_of_text(answer):
    return [int(one["pk"]["S"]) for one in answer["Items"]]


@covers("dynamodb", "Scan")
@pytest.mark.parametrize("total", [1, 2, 3, 16, 1000])
def test_segments_share_the_items(ddb, new_table, total):
    table = new_table("pk")
    fill(ddb, table, [{"pk": {"S": f"key{i}"}} for i in range(50)])
    found = []
    sizes = []
    for segment in range(total):
        answer = ddb.scan(TableName=table, Segment=segment, TotalSegments=total)
        found += [one["pk"]["S"] for one in answer["Items"]]
        sizes.append(answer["Count"])
    assert sorted(found) == sorted(f"key{i}" for i in range(50))
    if total == 2:
        assert min(sizes) > 10


def test_a_start_belongs_to_its_segment(ddb, new_table):
    table = new_table("pk")
    fill(ddb, table, [{"pk": {"S": f"key{i}"}} for i in range(20)])
    segment = {"TableName": table, "TotalSegments": 2}
    start = ddb.scan(Segment=0, Limit=1, **segment)["LastEvaluatedKey"]
    with aws_error(
        "ValidationException",
        message="The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
        "ExclusiveStartKey with correct Segment. TotalSegments: 2 Segment: 1",
    ):
        ddb.scan(Segment=1, ExclusiveStartKey=start, **segment)


@covers("dynamodb", "Scan", error="ValidationException")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"Segment": 0},
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present",
        ),
        (
            {"TotalSegments": 4},
            "The Segment parameter is required but was not present in the request when parameter "
            "TotalSegments is present",
        ),
        (
            {"Segment": 5, "TotalSegments": 5},
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            "Segment: 5 is not less than TotalSegments: 5",
        ),
        (
            {"ExclusiveStartKey": {"pk": {"S": "a"}}},
            "The provided starting key is invalid: The provided key element does not match the "
            "schema",
        ),
        (
            {"ExclusiveStartKey": {"pk": {"S": "a"}}, "IndexName": "by-g"},
            "The provided starting key is invalid",
        ),
        ({"IndexName": "absent"}, "The table does not have the specified index: absent"),
        (
            {"IndexName": "by-g", "ConsistentRead": True},
            "Consistent reads are not supported on global secondary indexes",
        ),
        (
            {"IndexName": "keys-g", "Select": "ALL_ATTRIBUTES"},
            INVALID
            + "Select type ALL_ATTRIBUTES is not supported for global secondary index keys-g "
            + "because its projection type is not ALL",
        ),
        (
            {"FilterExpression": "a", "ScanFilter": {}},
            "Can not use both expression and non-expression parameters in the same request: "
            "Non-expression parameters: {ScanFilter} Expression parameters: {FilterExpression}",
        ),
        (
            {"ExpressionAttributeNames": {"#a": "a"}},
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            {"ExpressionAttributeValues": {":a": {"S": "a"}}},
            "ExpressionAttributeValues can only be specified when using expressions: "
            "FilterExpression is null",
        ),
    ],
)
def test_scans_that_are_refused(ddb, table, more, message):
    with aws_error("ValidationException", message=message):
        ddb.scan(TableName=table, **more)


@covers("dynamodb", "Query", error="ValidationException")
@pytest.mark.parametrize(
    ("condition", "values", "message"),
    [
        ("sk = :v", {"v": {"N": "1"}}, "Query condition missed key schema element: pk"),
        ("v = :v", {"v": {"S": "a"}}, "Query condition missed key schema element: pk"),
        (
            "pk = :v AND v = :v",
            {"v": {"S": "a"}},
            "Query condition missed key schema element: sk",
        ),
        ("pk > :v", {"v": {"S": "a"}}, "Query key condition not supported"),
        (
            "pk = :v",
            {"v": {"N": "1"}},
            INVALID + "Condition parameter type does not match schema type",
        ),
        (
            "pk = :v OR sk = :v",
            {"v": {"S": "a"}},
            "Invalid operator used in KeyConditionExpression: OR",
        ),
        (
            "NOT pk = :v",
            {"v": {"S": "a"}},
            "Invalid operator used in KeyConditionExpression: NOT",
        ),
        (
            "pk <> :v",
            {"v": {"S": "a"}},
            "Invalid operator used in KeyConditionExpression: <>",
        ),
        (
            "contains(pk, :v)",
            {"v": {"S": "a"}},
            "Invalid operator used in KeyConditionExpression: contains",
        ),
        (
            "pk = :v AND pk = :v",
            {"v": {"S": "a"}},
            "KeyConditionExpressions must only contain one condition per key",
        ),
        (
            "pk.x = :v",
            {"v": {"S": "a"}},
            "KeyConditionExpressions cannot have conditions on nested attributes",
        ),
        (
            "pk = :v AND size(sk) = :v",
            {"v": {"S": "a"}},
            "KeyConditionExpressions cannot contain nested operations",
        ),
        (
            ":v = :v",
            {"v": {"S": "a"}},
            "Invalid condition in KeyConditionExpression: No key attribute specified",
        ),
        (
            "pk = sk",
            {},
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one "
            "condition",
        ),
        (
            "pk = :v",
            {"v": {"S": ""}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            "cannot contain an empty string value. Key: pk",
        ),
        ("", {"v": {"S": ""}}, "Invalid KeyConditionExpression: The expression can not be empty;"),
    ],
)
def test_key_conditions_that_are_refused(ddb, table, condition, values, message):
    more = {"ExpressionAttributeValues": {f":{name}": one for name, one in values.items()}}
    with aws_error("ValidationException", message=message):
        ddb.query(
            TableName=table, KeyConditionExpression=condition, **(more if values else {})
        )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"FilterExpression": "pk = :p"},
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: "
            "pk",
        ),
        (
            {"ExclusiveStartKey": {"pk": {"S": "b"}, "sk": {"N": "1"}}},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            {"Select": "SPECIFIC_ATTRIBUTES"},
            INVALID
            + "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
            + "SPECIFIC_ATTRIBUTES",
        ),
        (
            {"Select": "ALL_PROJECTED_ATTRIBUTES"},
            INVALID + "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            {"ProjectionExpression": "a, a.b"},
            "Invalid ProjectionExpression: Two document paths overlap with each other; must remove "
            "or rewrite one of these paths; path one: [a], path two: [a, b]",
        ),
    ],
)
def test_queries_that_are_refused(ddb, table, more, message):
    with aws_error("ValidationException", message=message):
        query(ddb, table, "pk = :p", {"p": {"S": "a"}}, **more)


def test_what_a_global_index_does_not_hold(ddb, table):
    values = {"g": {"S": "a"}, "w": {"N": "1"}}
    message = INVALID + "Global secondary index some-g does not project [w]"
    with aws_error("ValidationException", message=message):
        query(
            ddb,
            table,
            "g = :g",
            {"g": {"S": "a"}},
            IndexName="some-g",
            ProjectionExpression="v, w",
        )
    with aws_error("ValidationException", match="does not project one or more filter attributes"):
        query(ddb, table, "g = :g", values, IndexName="some-g", FilterExpression="w = :w")


def test_a_query_needs_a_key_condition(ddb, table):
    message = (
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
        "request."
    )
    with aws_error("ValidationException", message=message):
        ddb.query(TableName=table)


@covers("dynamodb", "Query", error="ResourceNotFoundException")
@covers("dynamodb", "Scan", error="ResourceNotFoundException")
def test_no_table(ddb, unique):
    name = unique("absent")
    with aws_error("ResourceNotFoundException", message="Requested resource not found"):
        query(ddb, name, "pk = :p", {"p": {"S": "a"}})
    with aws_error("ResourceNotFoundException", message="Requested resource not found"):
        ddb.scan(TableName=name)


def test_legacy_queries(ddb, table):
    fill(ddb, table, [item("a", i, v={"N": str(i % 2)}) for i in range(6)])

    def condition(operator, *values):
        return {"ComparisonOperator": operator, "AttributeValueList": list(values)}

    answer = ddb.query(
        TableName=table,
        KeyConditions={
            "pk": condition("EQ", {"S": "a"}),
            "sk": condition("BETWEEN", {"N": "1"}, {"N": "4"}),
        },
        QueryFilter={"v": condition("EQ", {"N": "1"})},
        AttributesToGet=["sk"],
    )
    assert answer["Items"] == [{"sk": {"N": "1"}}, {"sk": {"N": "3"}}]
    answer = ddb.scan(
        TableName=table,
        ScanFilter={"v": condition("EQ", {"N": "1"}), "sk": condition("LT", {"N": "2"})},
        ConditionalOperator="OR",
    )
    assert sorted(numbers(answer)) == [0, 1, 3, 5]
    for conditions, message in [
        (
            {"pk": condition("CONTAINS", {"S": "a"})},
            "Attempted conditional constraint is not an indexable operation",
        ),
        ({}, "Conditions can be of length 1 or 2 only"),
        (
            {"pk": condition("EQ")},
            INVALID + "Invalid number of argument(s) for the EQ ComparisonOperator",
        ),
    ]:
        with aws_error("ValidationException", message=message):
            ddb.query(TableName=table, KeyConditions=conditions)


def test_random_ranges_against_a_list(ddb, table):
    source = random.Random(99)
    keys = sorted({source.randint(-1000, 1000) for _ in range(80)})
    fill(ddb, table, [item("a", key) for key in keys])
    tests = {
        "=": lambda key, a, b: key == a,
        "<": lambda key, a, b: key < a,
        "<=": lambda key, a, b: key <= a,
        ">": lambda key, a, b: key > a,
        ">=": lambda key, a, b: key >= a,
        "BETWEEN": lambda key, a, b: a <= key <= b,
    }
    for _ in range(60):
        operator = source.choice(list(tests))
        a, b = sorted(source.choice(keys) + source.randint(-1, 1) for _ in range(2))
        values = {"p": {"S": "a"}, "a": {"N": str(a)}}
        condition = f"pk = :p AND sk {operator} :a"
        if operator == "BETWEEN":
            values["b"] = {"N": str(b)}
            condition += " AND :b"
        expected = [key for key in keys if tests[operator](key, a, b)]
        forward = source.choice([True, False])
        answer = query(ddb, table, condition, values, ScanIndexForward=forward)
        assert numbers(answer) == (expected if forward else expected[::-1])
