"""Streams: what is recorded, in which order, how it is read, how it ends."""

import threading

import pytest
from harness import aws_error, covers, until


def stream_table(make_table, view="NEW_AND_OLD_IMAGES", **more):
    return make_table(StreamSpecification={"StreamEnabled": True, "StreamViewType": view}, **more)


def arn_of(ddb, name):
    return ddb.describe_table(TableName=name)["Table"]["LatestStreamArn"]


IMAGES = {
    "KEYS_ONLY": set(),
    "NEW_IMAGE": {"NewImage"},
    "OLD_IMAGE": {"OldImage"},
    "NEW_AND_OLD_IMAGES": {"NewImage", "OldImage"},
}


@covers("dynamodbstreams", "GetRecords")
@covers("dynamodbstreams", "GetShardIterator")
@covers("dynamodbstreams", "DescribeStream")
@pytest.mark.parametrize("view", IMAGES)
def test_what_a_record_holds(ddb, streams, region, make_table, read_stream, view):
    name = stream_table(make_table, view, range="sort")
    key = {"id": {"S": "a"}, "sort": {"S": "1"}}
    ddb.put_item(TableName=name, Item={**key, "x": {"N": "1"}})
    ddb.put_item(TableName=name, Item={**key, "x": {"N": "1"}})  # changes nothing: no record
    ddb.update_item(
        TableName=name,
        Key=key,
        UpdateExpression="SET x = :x, l = :l",
        ExpressionAttributeValues={":x": {"N": "2"}, ":l": {"L": [{"B": b"b"}, {"SS": ["s"]}]}},
    )
    ddb.delete_item(TableName=name, Key=key)
    ddb.delete_item(TableName=name, Key=key)  # nor this
    arn = arn_of(ddb, name)
    records = read_stream(arn)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    first = {**key, "x": {"N": "1"}}
    second = {**key, "x": {"N": "2"}, "l": {"L": [{"B": b"b"}, {"SS": ["s"]}]}}
    images = [(None, first), (first, second), (second, None)]
    for record, (old, new) in zip(records, images):
        # AWS: API reference, Record and StreamRecord.
        assert record["eventVersion"] == "1.1"
        assert record["eventSource"] == "aws:dynamodb"
        assert record["awsRegion"] == region
        assert len(record["eventID"]) == 32
        assert "userIdentity" not in record
        data = record["dynamodb"]
        assert data["Keys"] == key
        assert data["StreamViewType"] == view
        assert data["SizeBytes"] > 0
        assert data["ApproximateCreationDateTime"].microsecond == 0
        assert data.get("OldImage") == (old if "OldImage" in IMAGES[view] else None)
        assert data.get("NewImage") == (new if "NewImage" in IMAGES[view] else None)
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "ENABLED"
    assert described["StreamViewType"] == view
    assert [one["AttributeName"] for one in described["KeySchema"]] == ["id", "sort"]


@covers("dynamodbstreams", "GetShardIterator")
def test_iterators_start_where_they_should(ddb, streams, make_table, read_stream):
    name = stream_table(make_table)
    arn = arn_of(ddb, name)
    for number in range(4):
        ddb.put_item(TableName=name, Item={"id": {"S": "a"}, "n": {"N": str(number)}})
    records = read_stream(arn)
    sequence = records[1]["dynamodb"]["SequenceNumber"]

    def read(shard, kind, **more):
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more
        )["ShardIterator"]
        answer = streams.get_records(ShardIterator=iterator)
        return [one["dynamodb"]["NewImage"]["n"]["N"] for one in answer["Records"]]

    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    shard = next(one["ShardId"] for one in shards if read(one["ShardId"], "TRIM_HORIZON"))
    assert read(shard, "TRIM_HORIZON") == ["0", "1", "2", "3"]
    assert read(shard, "AT_SEQUENCE_NUMBER", SequenceNumber=sequence) == ["1", "2", "3"]
    assert read(shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=sequence) == ["2", "3"]
    latest = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="LATEST"
    )["ShardIterator"]
    answer = streams.get_records(ShardIterator=latest)
    assert answer["Records"] == []
    ddb.put_item(TableName=name, Item={"id": {"S": "a"}, "n": {"N": "9"}})
    answer = streams.get_records(ShardIterator=answer["NextShardIterator"])
    assert [one["dynamodb"]["NewImage"]["n"]["N"] for one in answer["Records"]] == ["9"]
    horizon = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    page = streams.get_records(ShardIterator=horizon, Limit=2)
    assert len(page["Records"]) == 2
    with aws_error("ValidationException"):
        streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard, ShardIteratorType="AT_SEQUENCE_NUMBER"
        )


@covers("dynamodbstreams", "ListStreams")
def test_streams_are_listed(ddb, streams, make_table):
    names = sorted(stream_table(make_table) for _ in range(3))
    listed = streams.list_streams()["Streams"]
    assert [one["TableName"] for one in listed] == names
    assert listed[0]["StreamArn"] == arn_of(ddb, names[0])
    assert listed[0]["StreamArn"].endswith(listed[0]["StreamLabel"])
    first = streams.list_streams(Limit=2)
    assert first["LastEvaluatedStreamArn"] == listed[1]["StreamArn"]
    rest = streams.list_streams(ExclusiveStartStreamArn=first["LastEvaluatedStreamArn"])
    assert rest["Streams"] == listed[2:]
    assert streams.list_streams(TableName=names[1])["Streams"] == listed[1:2]


@covers("dynamodbstreams", "DescribeStream", error="ResourceNotFoundException")
@covers("dynamodbstreams", "GetShardIterator", error="ResourceNotFoundException")
@covers("dynamodbstreams", "GetRecords", error="ResourceNotFoundException")
def test_streams_that_are_not_there(ddb, streams, make_table, account):
    name = stream_table(make_table)
    arn = arn_of(ddb, name)
    missing = arn.replace(name, "missing")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="LATEST"
    )["ShardIterator"]
    with aws_error(
        "ResourceNotFoundException",
        http_status=400,
        message=f"Requested resource not found: Stream: {missing} not found",
    ):
        streams.describe_stream(StreamArn=missing)
    with aws_error("ResourceNotFoundException"):
        streams.get_shard_iterator(
            StreamArn=arn, ShardId="shardId-" + "0" * 20 + "-00000000", ShardIteratorType="LATEST"
        )
    with aws_error("ResourceNotFoundException"):
        streams.get_records(ShardIterator=iterator.replace(name, "missing"))
    with aws_error("ValidationException", message="Invalid ShardIterator"):
        streams.get_records(ShardIterator="nonsense")


@covers("dynamodb", "UpdateTable")
def test_a_disabled_stream_can_be_read_to_its_end(ddb, streams, make_table, wait_active, read_stream):
    name = make_table()
    ddb.update_table(
        TableName=name,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    first = wait_active(name)["LatestStreamArn"]
    ddb.put_item(TableName=name, Item={"id": {"S": "a"}})
    with aws_error("ValidationException", match="already has an enabled stream"):
        ddb.update_table(
            TableName=name,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
    ddb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    table = wait_active(name)
    assert "StreamSpecification" not in table
    assert table["LatestStreamArn"] == first
    ddb.put_item(TableName=name, Item={"id": {"S": "b"}})
    described = streams.describe_stream(StreamArn=first)["StreamDescription"]
    assert described["StreamStatus"] == "DISABLED"
    assert all("EndingSequenceNumber" in s["SequenceNumberRange"] for s in described["Shards"])
    assert len(read_stream(first)) == 1
    shard = described["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(
        StreamArn=first, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert "NextShardIterator" not in streams.get_records(ShardIterator=iterator)
    ddb.update_table(
        TableName=name,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    assert wait_active(name)["LatestStreamArn"] != first
    assert len(streams.list_streams(TableName=name)["Streams"]) == 2


@covers("dynamodbstreams", "GetRecords", error="ExpiredIteratorException")
@covers("dynamodbstreams", "GetRecords", error="TrimmedDataAccessException")
@covers("dynamodbstreams", "GetShardIterator", error="TrimmedDataAccessException")
def test_a_day_passes(ddb, streams, make_table, clock, read_stream):
    name = stream_table(make_table)
    arn = arn_of(ddb, name)
    ddb.put_item(TableName=name, Item={"id": {"S": "a"}, "n": {"N": "1"}})
    ddb.put_item(TableName=name, Item={"id": {"S": "a"}, "n": {"N": "2"}})
    records = read_stream(arn)
    sequence = records[0]["dynamodb"]["SequenceNumber"]
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    shard = next(
        one["ShardId"]
        for one in described
        if streams.get_records(
            ShardIterator=streams.get_shard_iterator(
                StreamArn=arn, ShardId=one["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )["Records"]
    )

    def iterator(kind="AT_SEQUENCE_NUMBER", **more):
        more = {"SequenceNumber": sequence} if kind == "AT_SEQUENCE_NUMBER" else {}
        return streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more
        )["ShardIterator"]

    old = iterator()
    clock.advance("16m")
    # AWS: "A shard iterator expires 15 minutes after it is retrieved".
    with aws_error("ExpiredIteratorException", http_status=400):
        streams.get_records(ShardIterator=old)
    # AWS: shards are rolled after some four hours: the child names its parent.
    clock.advance("5h")
    ddb.put_item(TableName=name, Item={"id": {"S": "a"}, "n": {"N": "3"}})
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    child = next(one for one in shards if one.get("ParentShardId") == shard)
    assert len(read_stream(arn)) == 3
    filtered = streams.describe_stream(
        StreamArn=arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": shard}
    )["StreamDescription"]["Shards"]
    assert [one["ShardId"] for one in filtered] == [child["ShardId"]]
    clock.advance("18h34m")
    still = iterator()
    clock.advance("14m")
    until(lambda: len(read_stream(arn)) == 1)
    with aws_error("TrimmedDataAccessException", http_status=400):
        streams.get_records(ShardIterator=still)
    with aws_error("TrimmedDataAccessException", http_status=400):
        iterator()
    clock.advance("6h")
    until(
        lambda: shard
        not in [
            one["ShardId"]
            for one in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        ]
    )


def test_no_record_is_lost_or_out_of_order(client, ddb, make_table, read_stream):
    name = stream_table(make_table)
    arn = arn_of(ddb, name)
    writers, writes = 8, 25

    def write(writer):
        own = client("dynamodb")
        for number in range(writes):
            own.update_item(
                TableName=name,
                Key={"id": {"S": f"own{writer}"}},
                UpdateExpression="SET n = :n",
                ExpressionAttributeValues={":n": {"N": str(number)}},
            )
            own.update_item(
                TableName=name,
                Key={"id": {"S": "shared"}},
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_key = {}
    records = read_stream(arn)
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert len(set(numbers)) == len(numbers)
    for record in records:
        data = record["dynamodb"]
        by_key.setdefault(data["Keys"]["id"]["S"], []).append(int(data["NewImage"]["n"]["N"]))
    assert by_key.pop("shared") == list(range(1, writers * writes + 1))
    assert len(by_key) == writers
    for values in by_key.values():
        assert values == list(range(writes))
