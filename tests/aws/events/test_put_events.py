"""PutEvents to queues: what arrives, what an entry must have, who may put."""

import datetime
import json

import pytest
from harness import aws_error, covers


@covers("events", "PutEvents")
@covers("events", "PutRule")
@covers("events", "PutTargets")
def test_an_event_that_matches_is_in_the_queue_at_once(put, new_queue, new_rule, account, region):
    queue = new_queue()
    new_rule({"source": ["app"], "detail": {"kind": [{"prefix": "a"}]}}, queue.arn)
    event_id = put(Detail={"kind": "apple", "n": 1.50}, Resources=["arn:aws:x:::y"])
    put(Detail={"kind": "banana"})
    (event,) = queue.events()
    # AWS: "AWS events" (user guide): the fields of an event, in this order.
    assert list(event) == ["version", "id", "detail-type", "source", "account", "time", "region",
                           "resources", "detail"]
    assert event["id"] == event_id
    assert event["version"] == "0"
    assert event["detail-type"] == "Thing"
    assert (event["account"], event["region"]) == (account, region)
    assert event["resources"] == ["arn:aws:x:::y"]
    assert event["detail"] == {"kind": "apple", "n": 1.50}


@covers("events", "PutEvents")
def test_the_time_of_an_event_may_be_given(put, new_queue, new_rule):
    queue = new_queue()
    new_rule({"source": ["app"]}, queue.arn)
    put(Time=datetime.datetime(2020, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc))
    assert queue.events()[0]["time"] == "2020-02-03T04:05:06Z"


@covers("events", "PutEvents")
@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        ({"DetailType": "t", "Detail": "{}"}, "InvalidArgument",
         "Parameter Source is not valid. Reason: Source is a required argument."),
        ({"Source": "s", "Detail": "{}"}, "InvalidArgument",
         "Parameter DetailType is not valid. Reason: DetailType is a required argument."),
        ({"Source": "s", "DetailType": "t"}, "InvalidArgument",
         "Parameter Detail is not valid. Reason: Detail is a required argument."),
        ({"Source": "s", "DetailType": "t", "Detail": "no json"}, "MalformedDetail",
         "Detail is malformed."),
        ({"Source": "s", "DetailType": "t", "Detail": "[1]"}, "MalformedDetail",
         "Detail is malformed."),
        ({"Source": "aws.s3", "DetailType": "t", "Detail": "{}"}, "NotAuthorizedForSource",
         "Not authorized for the source."),
    ],
)
def test_entries_fail_one_by_one(events, entry, code, message):
    good = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    answer = events.put_events(Entries=[good, entry])
    assert answer["FailedEntryCount"] == 1
    assert "EventId" in answer["Entries"][0]
    assert answer["Entries"][1] == {"ErrorCode": code, "ErrorMessage": message}


@covers("events", "PutEvents", error="ValidationException")
def test_more_than_a_mebibyte_is_too_much(events):
    half = json.dumps({"x": "y" * 600_000})
    entry = {"Source": "s", "DetailType": "t", "Detail": half}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    with aws_error("ValidationException", http_status=400) as error:
        events.put_events(Entries=[entry, entry])
    assert "Total size of the entries in the request is over the limit." in error.message


@covers("events", "PutEvents", error="ValidationException")
def test_eleven_entries_are_too_many(events):
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    with aws_error("ValidationException", http_status=400):
        events.put_events(Entries=[entry] * 11)


def test_a_bus_that_is_not_there_takes_events_to_nowhere(put):
    # OBSERVED (recorded answers in LocalStack's tests): the entry succeeds.
    assert put(EventBusName="nothing-here")


@covers("events", "PutEvents", error="AccessDeniedException")
def test_a_user_needs_permission_by_source(client, unique):
    iam = client("iam")
    name = unique("user")
    iam.create_user(UserName=name)
    statement = {
        "Effect": "Allow", "Action": "events:PutEvents", "Resource": "*",
        "Condition": {"StringEquals": {"events:source": "mine"}},
    }
    iam.put_user_policy(
        UserName=name, PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    mine = client("events", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    entry = {"Source": "mine", "DetailType": "t", "Detail": "{}"}
    assert mine.put_events(Entries=[entry])["FailedEntryCount"] == 0
    with aws_error("AccessDeniedException", http_status=400) as error:
        mine.put_events(Entries=[entry, entry | {"Source": "other"}])
    assert "is not authorized to perform: events:PutEvents on resource: arn:aws:events:" in (
        error.message
    )


def test_a_rule_that_is_disabled_or_gone_delivers_nothing(events, put, new_queue, new_rule):
    queue = new_queue()
    name = new_rule({"source": ["app"]}, queue.arn)
    events.disable_rule(Name=name)
    put()
    assert queue.bodies() == []
    events.enable_rule(Name=name)
    put()
    assert len(queue.bodies()) == 1
    events.remove_targets(Rule=name, Ids=["0"])
    put()
    events.delete_rule(Name=name)
    put()
    assert queue.bodies() == []


def test_a_fifo_queue_gets_its_group(put, new_queue, new_rule):
    queue = new_queue(fifo=True)
    new_rule({"source": ["app"]}, {"Arn": queue.arn, "SqsParameters": {"MessageGroupId": "g"}})
    put(Detail={"n": 1})
    put(Detail={"n": 2})
    found = queue.messages()
    assert [json.loads(message["Body"])["detail"]["n"] for message in found] == [1, 2]
    assert found[0]["Attributes"]["MessageGroupId"] == "g"


def test_the_trace_header_goes_along(put, new_queue, new_rule):
    queue = new_queue()
    new_rule({"source": ["app"]}, queue.arn)
    header = "Root=1-5759e988-bd862e3fe1be46a994272793"
    put(TraceHeader=header)
    assert queue.messages()[0]["Attributes"]["AWSTraceHeader"] == header


def test_twenty_rules_and_five_targets(put, new_queue, new_rule):
    queues = [new_queue() for _ in range(5)]
    for _ in range(20):
        new_rule({"source": ["app"]}, *[queue.arn for queue in queues])
    put()
    assert [len(queue.bodies()) for queue in queues] == [20] * 5
