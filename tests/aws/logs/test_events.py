"""CloudWatch Logs: groups, streams, events; what time does to them."""

import json
import time

import pytest
from harness import aws_error, covers, until

NO_GROUP = "The specified log group does not exist."
NO_STREAM = "The specified log stream does not exist."
HOUR = 3600 * 1000
DAY = 24 * HOUR


@pytest.fixture
def logs(client):
    return client("logs")


@pytest.fixture
def now():
    return int(time.time() * 1000)


@pytest.fixture
def stream(logs):
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    return {"logGroupName": "g", "logStreamName": "s"}


def put(logs, stream, *events):
    return logs.put_log_events(**stream, logEvents=[
        {"timestamp": at, "message": text} for at, text in events])


def messages(answer):
    return [e["message"] for e in answer["events"]]


# --- groups ---


@covers("logs", "CreateLogGroup")
@covers("logs", "DescribeLogGroups")
@covers("logs", "DeleteLogGroup")
def test_a_group_is_made_and_goes(logs, account):
    logs.create_log_group(logGroupName="/a/b", tags={"env": "x"})
    group = logs.describe_log_groups()["logGroups"][0]
    creation = group.pop("creationTime")
    assert abs(creation - time.time() * 1000) < 60000
    # Recorded on AWS 2026-02-03.
    assert group == {
        "logGroupName": "/a/b", "arn": f"arn:aws:logs:us-east-1:{account}:log-group:/a/b:*",
        "logGroupArn": f"arn:aws:logs:us-east-1:{account}:log-group:/a/b", "storedBytes": 0,
        "logGroupClass": "STANDARD", "metricFilterCount": 0, "deletionProtectionEnabled": False}
    logs.delete_log_group(logGroupName="/a/b")
    assert logs.describe_log_groups()["logGroups"] == []


def test_the_cli(aws):
    aws("logs", "create-log-group", "--log-group-name", "cli")
    aws("logs", "create-log-stream", "--log-group-name", "cli", "--log-stream-name", "s")
    at = int(time.time() * 1000)
    aws("logs", "put-log-events", "--log-group-name", "cli", "--log-stream-name", "s",
        "--log-events", f"timestamp={at},message=hello")
    found = aws("logs", "filter-log-events", "--log-group-name", "cli", "--filter-pattern",
                "hello").json["events"]
    assert [e["message"] for e in found] == ["hello"]


@covers("logs", "CreateLogGroup", error=["ResourceAlreadyExistsException",
                                         "InvalidParameterException"])
@covers("logs", "DeleteLogGroup", error=["ResourceNotFoundException", "ValidationException"])
@covers("logs", "PutLogGroupDeletionProtection")
@covers("logs", "PutLogGroupDeletionProtection", error="ResourceNotFoundException")
@covers("logs", "DescribeLogGroups", error="InvalidParameterException")
def test_groups_refuse(logs):
    logs.create_log_group(logGroupName="g", deletionProtectionEnabled=True)
    with aws_error("ResourceAlreadyExistsException", 400, "The specified log group already exists"):
        logs.create_log_group(logGroupName="g")
    with aws_error("InvalidParameterException", 400):
        logs.create_log_group(logGroupName="a b")
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.delete_log_group(logGroupName="none")
    with aws_error("ValidationException", 400, match="deletion protection"):
        logs.delete_log_group(logGroupName="g")
    logs.put_log_group_deletion_protection(logGroupIdentifier="g", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="g")
    with aws_error("ResourceNotFoundException", 400):
        logs.put_log_group_deletion_protection(logGroupIdentifier="g",
                                               deletionProtectionEnabled=False)
    with aws_error("InvalidParameterException", 400,
                   "LogGroup name prefix and LogGroup name pattern are mutually exclusive "
                   "parameters."):
        logs.describe_log_groups(logGroupNamePrefix="a", logGroupNamePattern="b")
    with aws_error("InvalidParameterException", 400, "The specified nextToken is invalid."):
        logs.describe_log_groups(nextToken="!")


@covers("logs", "ListLogGroups")
@covers("logs", "ListLogGroups", error="InvalidParameterException")
def test_groups_are_listed(logs):
    names = ["/aws/lambda/a", "/aws/lambda/b", "other", "underXscore", "under_score"]
    for name in names:
        logs.create_log_group(logGroupName=name)

    def find(**arguments):
        pages = logs.get_paginator("describe_log_groups").paginate(
            PaginationConfig={"PageSize": 2}, **arguments)
        return [g["logGroupName"] for page in pages for g in page["logGroups"]]

    assert find() == names
    assert find(logGroupNamePrefix="/aws/") == names[:2]
    assert find(logGroupNamePattern="lambda") == names[:2]
    assert find(logGroupNamePattern="LAMBDA") == []
    assert find(logGroupNamePattern="r_s") == ["under_score"]
    assert find(logGroupClass="INFREQUENT_ACCESS") == []
    listed = logs.list_log_groups(logGroupNamePattern="^/aws|other", limit=2)
    rest = logs.list_log_groups(logGroupNamePattern="^/aws|other", limit=2,
                                nextToken=listed["nextToken"])
    found = [g["logGroupName"] for g in listed["logGroups"] + rest["logGroups"]]
    assert found == names[:3]
    with aws_error("InvalidParameterException", 400):
        logs.list_log_groups(nextToken="!")


@covers("logs", "TagLogGroup")
@covers("logs", "UntagLogGroup")
@covers("logs", "ListTagsLogGroup")
@covers("logs", "TagResource")
@covers("logs", "UntagResource")
@covers("logs", "ListTagsForResource")
def test_tags(logs, account):
    logs.create_log_group(logGroupName="g", tags={"a": "1"})
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:g"
    logs.tag_log_group(logGroupName="g", tags={"b": "2"})
    logs.tag_resource(resourceArn=arn, tags={"c": "3"})
    logs.untag_log_group(logGroupName="g", tags=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2", "c": "3"}
    logs.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"c": "3"}


@covers("logs", "TagLogGroup", error=["ResourceNotFoundException", "InvalidParameterException"])
@covers("logs", "UntagLogGroup", error="ResourceNotFoundException")
@covers("logs", "ListTagsLogGroup", error="ResourceNotFoundException")
@covers("logs", "TagResource", error=["ResourceNotFoundException", "TooManyTagsException"])
@covers("logs", "UntagResource", error="ResourceNotFoundException")
@covers("logs", "ListTagsForResource", error="ResourceNotFoundException")
def test_tags_refuse(logs, account):
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:"
    for call in (lambda: logs.tag_log_group(logGroupName="n", tags={"a": "b"}),
                 lambda: logs.untag_log_group(logGroupName="n", tags=["a"]),
                 lambda: logs.list_tags_log_group(logGroupName="n"),
                 lambda: logs.tag_resource(resourceArn=arn + "n", tags={"a": "b"}),
                 lambda: logs.untag_resource(resourceArn=arn + "n", tagKeys=["a"]),
                 lambda: logs.list_tags_for_resource(resourceArn=arn + "n")):
        with aws_error("ResourceNotFoundException", 400, NO_GROUP):
            call()
    logs.create_log_group(logGroupName="g", tags={f"k{i}": "v" for i in range(40)})
    with aws_error("InvalidParameterException", 400):
        logs.tag_log_group(logGroupName="g", tags={"aws:x": "y"})
    with aws_error("TooManyTagsException", 400):
        logs.tag_resource(resourceArn=arn + "g", tags={f"m{i}": "v" for i in range(20)})


@covers("logs", "AssociateKmsKey")
@covers("logs", "DisassociateKmsKey")
@covers("logs", "AssociateKmsKey", error=["ResourceNotFoundException", "InvalidParameterException"])
@covers("logs", "DisassociateKmsKey",
        error=["ResourceNotFoundException", "InvalidParameterException"])
def test_keys(client, logs):
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName="g", kmsKeyId=key)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName="g")
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
    logs.associate_kms_key(logGroupName="g", kmsKeyId=key)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key
    for call, more in ((logs.associate_kms_key, {"kmsKeyId": key}), (logs.disassociate_kms_key, {})):
        with aws_error("ResourceNotFoundException", 400):
            call(logGroupName="none", **more)
        with aws_error("InvalidParameterException", 400):
            call(**more)


# --- streams ---


@covers("logs", "CreateLogStream")
@covers("logs", "DescribeLogStreams")
@covers("logs", "DeleteLogStream")
def test_streams(logs, account, now):
    logs.create_log_group(logGroupName="g")
    for name in ("b", "a1", "a2"):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
    put(logs, {"logGroupName": "g", "logStreamName": "b"}, (now - 5, "x"), (now, "y"))
    put(logs, {"logGroupName": "g", "logStreamName": "a2"}, (now - 10, "x"))

    def find(**arguments):
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName="g", PaginationConfig={"PageSize": 1}, **arguments)
        return [s["logStreamName"] for page in pages for s in page["logStreams"]]

    assert find() == ["a1", "a2", "b"]
    assert find(descending=True) == ["b", "a2", "a1"]
    assert find(logStreamNamePrefix="a") == ["a1", "a2"]
    assert find(orderBy="LastEventTime", descending=True) == ["b", "a2", "a1"]
    shown = logs.describe_log_streams(
        logGroupIdentifier=f"arn:aws:logs:us-east-1:{account}:log-group:g")["logStreams"]
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:g:log-stream:a1"
    created = shown[0].pop("creationTime")
    assert shown[0] == {"logStreamName": "a1", "arn": arn, "storedBytes": 0}
    assert created >= now - 60000
    assert (shown[2]["firstEventTimestamp"], shown[2]["lastEventTimestamp"]) == (now - 5, now)
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 3 * 27
    logs.delete_log_stream(logGroupName="g", logStreamName="b")
    assert find() == ["a1", "a2"]
    assert messages(logs.filter_log_events(logGroupName="g")) == ["x"]


@covers("logs", "CreateLogStream",
        error=["ResourceAlreadyExistsException", "ResourceNotFoundException",
               "InvalidParameterException"])
@covers("logs", "DeleteLogStream", error="ResourceNotFoundException")
@covers("logs", "DescribeLogStreams",
        error=["ResourceNotFoundException", "InvalidParameterException"])
def test_streams_refuse(logs, stream):
    with aws_error("ResourceAlreadyExistsException", 400,
                   "The specified log stream already exists"):
        logs.create_log_stream(**stream)
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.create_log_stream(logGroupName="none", logStreamName="s")
    with aws_error("InvalidParameterException", 400):
        logs.create_log_stream(logGroupName="g", logStreamName="a:b")
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.delete_log_stream(logGroupName="none", logStreamName="s")
    with aws_error("ResourceNotFoundException", 400, NO_STREAM):
        logs.delete_log_stream(logGroupName="g", logStreamName="none")
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.describe_log_streams(logGroupName="none")
    with aws_error("ValidationException", 400,
                   "LogGroup name and LogGroup ARN are mutually exclusive parameters."):
        logs.describe_log_streams(logGroupName="g", logGroupIdentifier="g")
    with aws_error("InvalidParameterException", 400,
                   "Cannot order by LastEventTime with a logStreamNamePrefix."):
        logs.describe_log_streams(logGroupName="g", orderBy="LastEventTime",
                                  logStreamNamePrefix="s")
    with aws_error("InvalidParameterException", 400):
        logs.describe_log_streams(logGroupName="g", nextToken="x")


# --- events ---


@covers("logs", "PutLogEvents")
@covers("logs", "GetLogEvents")
def test_events_are_read_back(logs, stream, now):
    assert put(logs, stream, (now - 2, "a"), (now - 1, "b"))["nextSequenceToken"]
    put(logs, stream, (now - 3, "before"), (now, "c"))
    got = logs.get_log_events(**stream)
    assert messages(got) == ["before", "a", "b", "c"]
    assert got["events"][0]["timestamp"] == now - 3
    assert got["events"][0]["ingestionTime"] >= now - 60000
    assert messages(logs.get_log_events(**stream, startTime=now - 2, endTime=now)) == ["a", "b"]
    assert messages(logs.get_log_events(**stream, limit=2)) == ["b", "c"]
    assert messages(logs.get_log_events(**stream, limit=2, startFromHead=True)) == ["before", "a"]


def test_tokens_go_forward_and_back(logs, stream, now):
    for start in (0, 5):
        put(logs, stream, *[(now - 100 + i, str(i)) for i in range(start, start + 5)])
    first = logs.get_log_events(**stream, limit=4, startFromHead=True)
    assert messages(first) == list("0123")
    second = logs.get_log_events(**stream, limit=4, nextToken=first["nextForwardToken"])
    assert messages(second) == list("4567")
    third = logs.get_log_events(**stream, limit=4, nextToken=second["nextForwardToken"])
    assert messages(third) == list("89")
    last = logs.get_log_events(**stream, limit=4, nextToken=third["nextForwardToken"])
    # AWS: "If you have reached the end of the stream, it returns the same token you passed in."
    assert messages(last) == []
    assert last["nextForwardToken"] == third["nextForwardToken"]
    back = logs.get_log_events(**stream, limit=4, nextToken=second["nextBackwardToken"])
    assert messages(back) == list("0123")
    start = logs.get_log_events(**stream, limit=4, nextToken=back["nextBackwardToken"])
    assert messages(start) == []
    assert start["nextBackwardToken"] == back["nextBackwardToken"]
    put(logs, stream, (now, "new"))
    assert messages(logs.get_log_events(**stream, nextToken=last["nextForwardToken"])) == ["new"]


def test_an_empty_stream_is_followed(logs, stream, now):
    empty = logs.get_log_events(**stream)
    assert empty["events"] == []
    put(logs, stream, (now, "x"))
    assert messages(logs.get_log_events(**stream, nextToken=empty["nextForwardToken"])) == ["x"]


def test_events_of_one_moment_keep_their_order(logs, stream, now):
    for text in "abc":
        put(logs, stream, (now, text + "1"), (now, text + "2"))
    assert messages(logs.get_log_events(**stream)) == ["a1", "a2", "b1", "b2", "c1", "c2"]


@covers("logs", "PutLogEvents", error=["ResourceNotFoundException", "InvalidParameterException"])
def test_putting_refuses(logs, stream, now):
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        put(logs, {"logGroupName": "none", "logStreamName": "s"}, (now, "x"))
    with aws_error("ResourceNotFoundException", 400, NO_STREAM):
        put(logs, {"logGroupName": "g", "logStreamName": "none"}, (now, "x"))
    with aws_error("InvalidParameterException", 400,
                   "Log events in a single PutLogEvents request must be in chronological order."):
        put(logs, stream, (now, "x"), (now - 1, "y"))
    with aws_error("InvalidParameterException", 400,
                   "The batch of log events in a single PutLogEvents request cannot span more than "
                   "24 hours."):
        put(logs, stream, (now - 25 * HOUR, "x"), (now, "y"))
    with aws_error("InvalidParameterException", 400,
                   f"Upload too large: {2 * (600000 + 26)} bytes exceeds limit of 1048576"):
        put(logs, stream, (now, "x" * 600000), (now, "y" * 600000))


def test_old_and_new_events_are_left_out(logs, stream, now):
    done = put(logs, stream, (now - 14 * DAY - HOUR, "old"), (now - 13 * DAY - 2 * HOUR, "x"))
    assert done["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    done = put(logs, stream, (now, "y"), (now + 3 * HOUR, "new"))
    assert done["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    done = put(logs, stream, (now - 25 * HOUR, "expired"), (now - 2 * HOUR, "z"))
    assert done["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert messages(logs.get_log_events(**stream)) == ["z", "y"]


@covers("logs", "GetLogEvents", error=["ResourceNotFoundException", "InvalidParameterException"])
def test_getting_refuses(logs, stream):
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.get_log_events(logGroupName="none", logStreamName="s")
    with aws_error("ResourceNotFoundException", 400, NO_STREAM):
        logs.get_log_events(logGroupName="g", logStreamName="none")
    with aws_error("InvalidParameterException", 400, "The specified nextToken is invalid."):
        logs.get_log_events(**stream, nextToken="x")
    with aws_error("InvalidParameterException", 400,
                   "1 validation error detected: Value '10001' at 'limit' failed to satisfy "
                   "constraint: Member must have value less than or equal to 10000"):
        logs.get_log_events(**stream, limit=10001)


# --- FilterLogEvents ---


@covers("logs", "FilterLogEvents")
def test_filtering_is_across_streams(logs, stream, now):
    for name in ("t1", "t2", "u"):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
        other = {"logGroupName": "g", "logStreamName": name}
        put(logs, other, (now - 10, f"{name} ERROR early"), (now - 4, f"{name} late"))
    put(logs, stream, (now - 7, "s ERROR"), (now, "s"))
    got = logs.filter_log_events(logGroupName="g")
    assert [e["timestamp"] for e in got["events"]] == [now - 10] * 3 + [now - 7] + [now - 4] * 3 + [
        now]
    assert got["searchedLogStreams"] == []
    assert len({e["eventId"] for e in got["events"]}) == 8
    assert all(len(e["eventId"]) == 56 for e in got["events"])

    def find(**more):
        return messages(logs.filter_log_events(logGroupName="g", **more))

    assert sorted(find(filterPattern="ERROR")) == [
        "s ERROR", "t1 ERROR early", "t2 ERROR early", "u ERROR early"]
    assert find(filterPattern="ERROR -early") == ["s ERROR"]
    assert find(logStreamNames=["s"]) == ["s ERROR", "s"]
    assert sorted(find(logStreamNames=["s", "u"], filterPattern="ERROR")) == [
        "s ERROR", "u ERROR early"]
    assert sorted(find(logStreamNamePrefix="t", filterPattern="late")) == ["t1 late", "t2 late"]
    assert find(logStreamNamePrefix="none") == []
    assert find(startTime=now - 7, endTime=now - 7) == ["s ERROR"]


def test_filtering_is_paged(logs, stream, now):
    logs.create_log_stream(logGroupName="g", logStreamName="t")
    other = {"logGroupName": "g", "logStreamName": "t"}
    for i in range(0, 40, 4):
        put(logs, stream, (now - 1000 + i, f"x{i}"), (now - 1000 + i + 3, f"x{i + 3}"))
        put(logs, other, (now - 1000 + i + 1, f"x{i + 1}"), (now - 1000 + i + 2, f"x{i + 2}"))
    for size in (1, 7, 40, 100):
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName="g", PaginationConfig={"PageSize": size})
        assert [m for page in pages for m in messages(page)] == [f"x{i}" for i in range(40)]


def test_an_answer_is_at_most_a_megabyte(logs, stream, now):
    for i in range(12):
        put(logs, stream, (now - 100 + i, f"{i:03}" + "x" * 200000))
    page = logs.filter_log_events(logGroupName="g")
    assert len(page["events"]) == 5
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="g")
    assert [m[:3] for page in pages for m in messages(page)] == [f"{i:03}" for i in range(12)]
    newest = logs.get_log_events(**stream)
    assert [m[:3] for m in messages(newest)] == ["007", "008", "009", "010", "011"]
    before = logs.get_log_events(**stream, nextToken=newest["nextBackwardToken"])
    assert [m[:3] for m in messages(before)] == ["002", "003", "004", "005", "006"]


def test_large_and_small_events_are_all_found(logs, stream, now):
    """What does not fit into an answer ends it: nothing behind it may come first."""
    sizes = [400000, 300000, 400000, 10, 10, 900000, 10, 200000, 10]
    for i, size in enumerate(sizes):
        put(logs, stream, (now - 100 + i, f"{i}" + "x" * size))
    wanted = [str(i) for i in range(len(sizes))]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="g")
    assert [m[0] for page in pages for m in messages(page)] == wanted
    found, token = [], {"startFromHead": True}
    while True:
        page = logs.get_log_events(**stream, **token)
        if not page["events"]:
            break
        found += [m[0] for m in messages(page)]
        token = {"nextToken": page["nextForwardToken"]}
    assert found == wanted
    found, token = [], {}
    while True:
        page = logs.get_log_events(**stream, **token)
        if not page["events"]:
            break
        found = [m[0] for m in messages(page)] + found
        token = {"nextToken": page["nextBackwardToken"]}
    assert found == wanted


def test_a_long_search_answers_in_parts(logs, stream, now):
    """AWS: "This operation can return empty results while there are more log events available
    through the token"."""
    big = "x" * 1000000
    for i in range(60):
        put(logs, stream, (now - 1000 + i, big if i not in (3, 59) else f"needle {i} {big}"))
    pages = list(logs.get_paginator("filter_log_events").paginate(
        logGroupName="g", filterPattern="needle"))
    assert [m[:9] for page in pages for m in messages(page)] == ["needle 3 ", "needle 59"]
    assert len(pages) > 1


@covers("logs", "FilterLogEvents",
        error=["ResourceNotFoundException", "InvalidParameterException"])
def test_filtering_refuses(logs, stream):
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.filter_log_events(logGroupName="none")
    with aws_error("ResourceNotFoundException", 400, NO_STREAM):
        logs.filter_log_events(logGroupName="g", logStreamNames=["none"])
    with aws_error("InvalidParameterException", 400, "The specified nextToken is invalid."):
        logs.filter_log_events(logGroupName="g", nextToken="x")
    with aws_error("InvalidParameterException", 400, "Invalid filter pattern"):
        logs.filter_log_events(logGroupName="g", filterPattern="{ $.a = ")
    with aws_error("InvalidParameterException", 400):
        logs.filter_log_events(logGroupName="g", logStreamNames=["s"], logStreamNamePrefix="s")


@pytest.mark.parametrize("pattern, expected", [
    ('{ $.level = "error" }', [0]),
    ("{ $.ms > 100 || $.level = warn }", [0, 1]),
    ("{ $.user.name = j* }", [1]),
    ("{ $.user NOT EXISTS }", [0]),
    ("[ip, id, status=5*, ...]", [2]),
    ("?level ?GET", [0, 1, 2]),
    ('"GET /index"', [2]),
    ("%1\\.2\\.3%", [2]),
])
def test_patterns(logs, stream, now, pattern, expected):
    events = ['{"level":"error","ms":120}', '{"level":"warn","ms":1,"user":{"name":"jo"}}',
              '1.2.3.4 me 500 "GET /index" 12']
    put(logs, stream, *[(now, text) for text in events])
    assert messages(logs.filter_log_events(logGroupName="g", filterPattern=pattern)) == [
        events[i] for i in expected]


# --- retention ---


@covers("logs", "PutRetentionPolicy")
@covers("logs", "DeleteRetentionPolicy")
def test_retention_is_applied(logs, stream, now, clock):
    put(logs, stream, (now - 20 * HOUR, "old"), (now - 20 * HOUR, "old"))
    put(logs, stream, (now, "young"))
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    group = logs.describe_log_groups()["logGroups"][0]
    assert (group["retentionInDays"], group["storedBytes"]) == (1, 29 * 2 + 31)
    clock.advance("5h")
    assert messages(logs.filter_log_events(logGroupName="g")) == ["young"]
    until(lambda: logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 31)
    logs.delete_retention_policy(logGroupName="g")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    clock.advance("48h")
    assert messages(logs.filter_log_events(logGroupName="g")) == ["young"]


@covers("logs", "PutRetentionPolicy",
        error=["ResourceNotFoundException", "InvalidParameterException"])
@covers("logs", "DeleteRetentionPolicy", error="ResourceNotFoundException")
def test_retention_refuses(logs, stream):
    with aws_error("InvalidParameterException", 400, match="Value '2' at 'retentionInDays'"):
        logs.put_retention_policy(logGroupName="g", retentionInDays=2)
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.put_retention_policy(logGroupName="none", retentionInDays=1)
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.delete_retention_policy(logGroupName="none")


def test_permissions_are_by_group_and_stream(client, logs, stream, account, now):
    iam = client("iam")
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": ["logs:PutLogEvents", "logs:FilterLogEvents"],
            "Resource": f"arn:aws:logs:us-east-1:{account}:log-group:g:*"}]}))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    limited = client("logs", credentials=key)
    put(limited, stream, (now, "x"))
    assert messages(limited.filter_log_events(logGroupName="g")) == ["x"]
    with aws_error("AccessDeniedException", 400,
                   match="not authorized to perform: logs:GetLogEvents on resource: "
                         f"arn:aws:logs:us-east-1:{account}:log-group:g:log-stream:s"):
        limited.get_log_events(**stream)
    with aws_error("AccessDeniedException", match="log-group:h:log-stream:"):
        limited.filter_log_events(logGroupName="h")
