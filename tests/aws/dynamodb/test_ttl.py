"""Time to live: settings, and items that go when their time has come."""

import time

from harness import aws_error, covers, until


def seconds(offset):
    return {"N": str(int(time.time()) + offset)}


def enable(ddb, name, attribute="expires"):
    ddb.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
    )
    until(
        lambda: ddb.describe_time_to_live(TableName=name)["TimeToLiveDescription"][
            "TimeToLiveStatus"
        ]
        == "ENABLED"
    )


@covers("dynamodb", "UpdateTimeToLive")
@covers("dynamodb", "DescribeTimeToLive")
def test_time_to_live_is_set_and_unset(ddb, make_table):
    name = make_table()
    description = ddb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert description == {"TimeToLiveStatus": "DISABLED"}
    enable(ddb, name)
    description = ddb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert description == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    wanted = {"Enabled": False, "AttributeName": "expires"}
    answer = ddb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
    assert answer["TimeToLiveSpecification"] == wanted


@covers("dynamodb", "UpdateTimeToLive", error="ValidationException")
@covers("dynamodb", "UpdateTimeToLive", error="ResourceNotFoundException")
def test_settings_that_are_refused(ddb, make_table):
    name = make_table()

    def change(table, enabled, attribute="expires"):
        ddb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute},
        )

    with aws_error("ValidationException", message="TimeToLive is already disabled"):
        change(name, False)
    enable(ddb, name)
    with aws_error("ValidationException", message="TimeToLive is already enabled"):
        change(name, True)
    with aws_error(
        "ValidationException",
        message="TimeToLive is active on a different AttributeName: current AttributeName is "
        "expires",
    ):
        change(name, False, "other")
    with aws_error("ResourceNotFoundException"):
        change("missing", True)


def test_items_expire(ddb, make_table, clock, read_stream):
    name = make_table(
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    items = {
        "before": seconds(3600),  # written before time to live is on
        "after": seconds(3600),
        "later": seconds(36000),
        "text": {"S": str(int(time.time()))},  # AWS: "must be the Number data type"
        "ancient": {"N": "1000000"},  # AWS: more than five years in the past
        "never": {"N": "1e40"},
    }
    ddb.put_item(TableName=name, Item={"id": {"S": "before"}, "expires": items.pop("before")})
    enable(ddb, name)
    for key, expires in items.items():
        ddb.put_item(TableName=name, Item={"id": {"S": key}, "expires": expires})
    clock.advance("61m")

    def left():
        return {item["id"]["S"] for item in ddb.scan(TableName=name)["Items"]}

    until(lambda: left() == {"later", "text", "ancient", "never"})
    arn = ddb.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    removed = [one for one in read_stream(arn) if one["eventName"] == "REMOVE"]
    assert {one["dynamodb"]["Keys"]["id"]["S"] for one in removed} == {"before", "after"}
    for record in removed:
        # AWS: developer guide, "DynamoDB Streams and Time to Live".
        assert record["userIdentity"] == {
            "PrincipalId": "dynamodb.amazonaws.com",
            "Type": "Service",
        }
        assert "OldImage" in record["dynamodb"]
    ddb.update_item(
        TableName=name,
        Key={"id": {"S": "later"}},
        UpdateExpression="REMOVE expires",
    )
    clock.advance("20h")
    ddb.put_item(TableName=name, Item={"id": {"S": "new"}})
    assert "later" in left()


def test_nothing_expires_after_it_was_turned_off(ddb, make_table, clock):
    name = make_table()
    enable(ddb, name)
    ddb.put_item(TableName=name, Item={"id": {"S": "a"}, "expires": seconds(60)})
    ddb.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires"},
    )
    clock.advance("10m")
    ddb.put_item(TableName=name, Item={"id": {"S": "b"}})
    assert ddb.scan(TableName=name)["Count"] == 2
