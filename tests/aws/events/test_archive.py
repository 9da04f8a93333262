"""Archives and replays."""

import datetime
import json
import time

import pytest
from harness import aws_error, covers


def bus_arn(account, name="default"):
    return f"arn:aws:events:us-east-1:{account}:event-bus/{name}"


@pytest.fixture
def new_archive(events, unique, account):
    def make(bus="default", **more):
        name = unique("archive")
        events.create_archive(ArchiveName=name, EventSourceArn=bus_arn(account, bus), **more)
        return name

    return make


def at(seconds):
    return datetime.datetime.fromtimestamp(time.time() + seconds, tz=datetime.timezone.utc)


@pytest.fixture
def replay(events, unique, account):
    """Starts a replay and waits for its end."""

    def run(archive, start=-3600, end=3600, rules=None):
        name = unique("replay")
        destination = {"Arn": bus_arn(account), **({"FilterArns": rules} if rules else {})}
        started = events.start_replay(
            ReplayName=name,
            EventSourceArn=f"arn:aws:events:us-east-1:{account}:archive/{archive}",
            EventStartTime=at(start), EventEndTime=at(end), Destination=destination,
        )
        assert started["State"] == "STARTING"
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found = events.describe_replay(ReplayName=name)
            if found["State"] in ("COMPLETED", "CANCELLED", "FAILED"):
                return found
            time.sleep(0.02)
        pytest.fail(f"the replay goes on and on: {found}")

    return run


@covers("events", "CreateArchive")
@covers("events", "DescribeArchive")
@covers("events", "UpdateArchive")
@covers("events", "DeleteArchive")
@covers("events", "ListArchives")
def test_the_life_of_an_archive(events, put, account):
    pattern = json.dumps({"source": ["app"]})
    made = events.create_archive(
        ArchiveName="a", EventSourceArn=bus_arn(account), Description="d", EventPattern=pattern,
        RetentionDays=3,
    )
    assert made["ArchiveArn"] == f"arn:aws:events:us-east-1:{account}:archive/a"
    assert made["State"] == "ENABLED"
    put()
    put(Source="other")
    archive = events.describe_archive(ArchiveName="a")
    assert (archive["EventCount"], archive["RetentionDays"]) == (1, 3)
    assert archive["SizeBytes"] > 100
    assert (archive["Description"], archive["EventPattern"]) == ("d", pattern)
    events.update_archive(ArchiveName="a", RetentionDays=5, EventPattern='{"source":["other"]}')
    put(Source="other")
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 2
    events.create_archive(ArchiveName="b", EventSourceArn=bus_arn(account))
    listed = events.list_archives(Limit=1)
    assert [one["ArchiveName"] for one in listed["Archives"]] == ["a"]
    listed = events.list_archives(Limit=1, NextToken=listed["NextToken"])
    assert [one["ArchiveName"] for one in listed["Archives"]] == ["b"]
    assert len(events.list_archives(EventSourceArn=bus_arn(account))["Archives"]) == 2
    events.delete_archive(ArchiveName="a")
    with aws_error("ResourceNotFoundException") as error:
        events.describe_archive(ArchiveName="a")
    assert error.message == "Archive a does not exist."


@covers("events", "CreateArchive", error="ResourceAlreadyExistsException")
@covers("events", "CreateArchive", error="ResourceNotFoundException")
@covers("events", "CreateArchive", error="InvalidEventPatternException")
@covers("events", "CreateArchive", error="ValidationException")
@covers("events", "UpdateArchive", error="ResourceNotFoundException")
@covers("events", "UpdateArchive", error="InvalidEventPatternException")
@covers("events", "DeleteArchive", error="ResourceNotFoundException")
@covers("events", "DescribeArchive", error="ResourceNotFoundException")
@covers("events", "ListArchives", error="ValidationException")
def test_archives_that_cannot_be(events, new_archive, account):
    name = new_archive()
    arn = bus_arn(account)
    with aws_error("ResourceAlreadyExistsException"):
        events.create_archive(ArchiveName=name, EventSourceArn=arn)
    with aws_error("ResourceNotFoundException"):
        events.create_archive(ArchiveName="x", EventSourceArn=bus_arn(account, "nothing"))
    with aws_error("InvalidEventPatternException"):
        events.create_archive(ArchiveName="x", EventSourceArn=arn, EventPattern="{}")
    with aws_error("ValidationException"):
        events.create_archive(ArchiveName="x", EventSourceArn=bus_arn("111122223333"))
    with aws_error("InvalidEventPatternException"):
        events.update_archive(ArchiveName=name, EventPattern="[]")
    for call in (events.update_archive, events.delete_archive, events.describe_archive):
        with aws_error("ResourceNotFoundException"):
            call(ArchiveName="nothing")
    with aws_error("ValidationException"):
        events.list_archives(NamePrefix="a", State="ENABLED")


@covers("events", "StartReplay")
@covers("events", "DescribeReplay")
@covers("events", "ListReplays")
def test_what_was_archived_comes_again(events, put, new_archive, new_queue, new_rule, replay):
    archive = new_archive()
    ids = [put(Detail={"n": i}) for i in range(50)]
    queue, other = new_queue(), new_queue()
    new_rule({"source": ["app"]}, other.arn)
    name = new_rule({"source": ["app"]}, queue.arn)
    arn = events.describe_rule(Name=name)["Arn"]
    done = replay(archive, rules=[arn])
    assert done["State"] == "COMPLETED"
    assert done["Destination"]["FilterArns"] == [arn]
    assert done["EventLastReplayedTime"] and done["ReplayEndTime"]
    got = queue.events()
    assert [event["id"] for event in got] == ids or {event["id"] for event in got} == set(ids)
    assert got[0]["replay-name"] == done["ReplayName"]
    assert other.bodies() == []
    # AWS: what is replayed is not archived again.
    assert events.describe_archive(ArchiveName=archive)["EventCount"] == 50
    assert replay(archive)["State"] == "COMPLETED"
    assert len(other.bodies()) == 50
    replays = events.list_replays(State="COMPLETED")["Replays"]
    assert len(replays) == 2


def test_a_replay_is_of_a_span_of_time(put, new_archive, new_queue, new_rule, replay):
    archive = new_archive()
    queue = new_queue()
    put()
    new_rule({"source": ["app"]}, queue.arn)
    assert replay(archive, start=-3600, end=-1800)["State"] == "COMPLETED"
    assert queue.bodies() == []


@covers("events", "StartReplay", error="ValidationException")
@covers("events", "StartReplay", error="ResourceAlreadyExistsException")
@covers("events", "DescribeReplay", error="ResourceNotFoundException")
@covers("events", "CancelReplay", error="ResourceNotFoundException")
@covers("events", "CancelReplay", error="IllegalStatusException")
def test_replays_that_cannot_be(events, new_archive, replay, account):
    archive = new_archive()
    done = replay(archive)
    good = {
        "ReplayName": "r", "EventStartTime": at(-10), "EventEndTime": at(10),
        "EventSourceArn": f"arn:aws:events:us-east-1:{account}:archive/{archive}",
        "Destination": {"Arn": bus_arn(account)},
    }
    with aws_error("ResourceAlreadyExistsException"):
        events.start_replay(**good | {"ReplayName": done["ReplayName"]})
    with aws_error("ValidationException") as error:
        events.start_replay(**good | {"EventEndTime": at(-20)})
    assert error.message == (
        "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."
    )
    with aws_error("ValidationException") as error:
        events.start_replay(**good | {"Destination": {"Arn": bus_arn(account, "other")}})
    assert error.message == (
        "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."
    )
    with aws_error("ValidationException"):
        events.start_replay(
            **good | {"EventSourceArn": f"arn:aws:events:us-east-1:{account}:archive/nothing"}
        )
    for call in (events.describe_replay, events.cancel_replay):
        with aws_error("ResourceNotFoundException"):
            call(ReplayName="nothing")
    with aws_error("IllegalStatusException"):
        events.cancel_replay(ReplayName=done["ReplayName"])


@covers("events", "CancelReplay")
def test_a_replay_is_cancelled(events, put, new_archive, new_queue, new_rule, account):
    archive = new_archive()
    entry = {"Source": "app", "DetailType": "t", "Detail": "{}"}
    for _ in range(100):
        events.put_events(Entries=[entry] * 10)
    new_rule({"source": ["app"]}, new_queue().arn)
    events.start_replay(
        ReplayName="r", EventStartTime=at(-10), EventEndTime=at(10),
        EventSourceArn=f"arn:aws:events:us-east-1:{account}:archive/{archive}",
        Destination={"Arn": bus_arn(account)},
    )
    try:
        assert events.cancel_replay(ReplayName="r")["State"] == "CANCELLING"
    except events.exceptions.IllegalStatusException:
        # Only a replay that is over cannot be cancelled: this one was faster than the request.
        assert events.describe_replay(ReplayName="r")["State"] == "COMPLETED"
        return
    until = time.monotonic() + 20
    while events.describe_replay(ReplayName="r")["State"] == "CANCELLING":
        assert time.monotonic() < until
    assert events.describe_replay(ReplayName="r")["State"] == "CANCELLED"


def test_old_events_leave_the_archive(events, put, new_archive, clock):
    archive = new_archive(RetentionDays=2)
    put()
    clock.advance("47h")
    put()
    time.sleep(0.3)
    assert events.describe_archive(ArchiveName=archive)["EventCount"] == 2
    clock.advance("3h")
    until = time.monotonic() + 20
    while events.describe_archive(ArchiveName=archive)["EventCount"] != 1:
        assert time.monotonic() < until
