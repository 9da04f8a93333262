"""Event buses: their life, their policies, and events that go from bus to bus."""

import json

import pytest
from harness import aws_error, covers


@pytest.fixture
def new_bus(events, unique):
    def make(client=events, **more):
        name = unique("bus")
        client.create_event_bus(Name=name, **more)
        return name

    return make


def bus_arn(account, name, region="us-east-1"):
    return f"arn:aws:events:{region}:{account}:event-bus/{name}"


@covers("events", "CreateEventBus")
@covers("events", "DescribeEventBus")
@covers("events", "DeleteEventBus")
@covers("events", "UpdateEventBus")
def test_the_life_of_a_bus(events, unique, account):
    name = unique("bus")
    made = events.create_event_bus(
        Name=name, Description="d", LogConfig={"IncludeDetail": "FULL", "Level": "ERROR"},
        Tags=[{"Key": "a", "Value": "b"}],
    )
    assert made["EventBusArn"] == bus_arn(account, name)
    bus = events.describe_event_bus(Name=made["EventBusArn"])
    assert (bus["Name"], bus["Arn"], bus["Description"]) == (name, made["EventBusArn"], "d")
    assert bus["LogConfig"] == {"IncludeDetail": "FULL", "Level": "ERROR"}
    assert "Policy" not in bus
    updated = events.update_event_bus(Name=name, Description="e")
    assert updated["Description"] == "e"
    assert updated["LogConfig"]["Level"] == "ERROR"
    events.delete_event_bus(Name=name)
    events.delete_event_bus(Name=name)  # AWS: what is gone counts as deleted
    with aws_error("ResourceNotFoundException", http_status=400) as error:
        events.describe_event_bus(Name=name)
    assert error.message == f"Event bus {name} does not exist."


@covers("events", "DescribeEventBus", error="ResourceNotFoundException")
@covers("events", "UpdateEventBus", error="ResourceNotFoundException")
def test_buses_that_are_not_there(events):
    for call in (events.describe_event_bus, events.update_event_bus):
        with aws_error("ResourceNotFoundException", http_status=400):
            call(Name="nothing")


def test_the_default_bus_is_always_there(events, account):
    assert events.describe_event_bus()["Arn"] == bus_arn(account, "default")
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]


@covers("events", "ListEventBuses")
def test_buses_are_listed_by_name(events):
    for name in ("beta", "alpha", "gamma"):
        events.create_event_bus(Name=name)
    names = []
    token = {}
    while True:
        page = events.list_event_buses(Limit=2, **token)
        names.append([bus["Name"] for bus in page["EventBuses"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == [["alpha", "beta"], ["default", "gamma"]]
    page = events.list_event_buses(NamePrefix="al")
    assert [bus["Name"] for bus in page["EventBuses"]] == ["alpha"]


@covers("events", "CreateEventBus", error="ResourceAlreadyExistsException")
@covers("events", "CreateEventBus", error="ValidationException")
@covers("events", "DeleteEventBus", error="ValidationException")
def test_what_cannot_be_done_with_buses(events, new_bus, new_rule):
    name = new_bus()
    with aws_error("ResourceAlreadyExistsException", http_status=400) as error:
        events.create_event_bus(Name=name)
    assert error.message == f"Event bus {name} already exists."
    with aws_error("ValidationException", http_status=400):
        events.create_event_bus(Name="a/b")
    with aws_error("ValidationException", http_status=400) as error:
        events.delete_event_bus(Name="default")
    assert error.message == "Cannot delete event bus default."
    new_rule({"source": ["x"]}, bus=name)
    with aws_error("ValidationException", http_status=400) as error:
        events.delete_event_bus(Name=name)
    assert error.message == "Event bus can't be deleted since it has rules."


@covers("events", "CreateEventBus", error="LimitExceededException")
def test_a_hundred_buses_are_the_limit(events):
    for i in range(99):
        events.create_event_bus(Name=f"bus-{i}")
    events.create_event_bus(Name="last")
    with aws_error("LimitExceededException", http_status=400):
        events.create_event_bus(Name="too-many")


def test_events_stay_on_their_bus(put, new_bus, new_queue, new_rule):
    bus, queue, other = new_bus(), new_queue(), new_queue()
    new_rule({"source": ["app"]}, queue.arn, bus=bus)
    new_rule({"source": ["app"]}, other.arn)
    put(EventBusName=bus)
    assert len(queue.bodies()) == 1
    assert other.bodies() == []


@covers("events", "PutPermission")
@covers("events", "RemovePermission")
def test_permissions_are_statements(events, account):
    events.put_permission(Action="events:PutEvents", Principal="111122223333", StatementId="one")
    events.put_permission(
        Action="events:PutEvents", Principal="*", StatementId="org",
        Condition={"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"},
    )
    policy = json.loads(events.describe_event_bus()["Policy"])
    # AWS: PutPermission's example.
    assert policy["Statement"] == [
        {
            "Sid": "one", "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "events:PutEvents", "Resource": bus_arn(account, "default"),
        },
        {
            "Sid": "org", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents",
            "Resource": bus_arn(account, "default"),
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        },
    ]
    events.remove_permission(StatementId="org")
    assert len(json.loads(events.describe_event_bus()["Policy"])["Statement"]) == 1
    events.remove_permission(RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus()


@covers("events", "PutPermission", error="ValidationException")
@covers("events", "PutPermission", error="ResourceNotFoundException")
@covers("events", "PutPermission", error="PolicyLengthExceededException")
@covers("events", "RemovePermission", error="ResourceNotFoundException")
@covers("events", "RemovePermission", error="ValidationException")
def test_permissions_that_are_none(events, account):
    with aws_error("ValidationException"):
        events.put_permission(Action="events:PutEvents", Principal="111122223333")
    with aws_error("ValidationException"):
        events.put_permission(Policy="no json")
    with aws_error("ValidationException"):
        events.remove_permission()
    with aws_error("ResourceNotFoundException") as error:
        events.remove_permission(StatementId="x")
    assert error.message == "EventBus does not have a policy."
    events.put_permission(Action="events:PutEvents", Principal="111122223333", StatementId="one")
    with aws_error("ResourceNotFoundException") as error:
        events.remove_permission(StatementId="two")
    assert error.message == "Statement with the provided id does not exist."
    with aws_error("ResourceNotFoundException"):
        events.put_permission(EventBusName="nothing", Policy="{}")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents",
                 "Resource": bus_arn(account, "default")}
    many = {"Version": "2012-10-17", "Statement": [statement] * 100}
    with aws_error("PolicyLengthExceededException"):
        events.put_permission(Policy=json.dumps(many))


def allow(client, name, account, principal, **condition):
    statement = {
        "Effect": "Allow", "Principal": principal, "Action": "events:PutEvents",
        "Resource": bus_arn(account, name), **({"Condition": condition} if condition else {}),
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    client.put_permission(EventBusName=name, Policy=json.dumps(policy))


def test_another_account_puts_events_where_it_may(
        events, client, put, new_bus, new_queue, new_rule, account):
    bus, queue = new_bus(), new_queue()
    new_rule({"account": ["444455556666"]}, queue.arn, bus=bus)
    stranger = client("events", account="444455556666")
    arn = bus_arn(account, bus)
    with aws_error("AccessDeniedException"):
        put(client=stranger, EventBusName=arn)
    allow(events, bus, account, {"AWS": "444455556666"},
          StringEquals={"events:source": "app"})
    put(client=stranger, EventBusName=arn)
    with aws_error("AccessDeniedException"):
        put(client=stranger, EventBusName=arn, Source="other")
    (event,) = queue.events()
    assert event["account"] == "444455556666"


def test_events_go_from_bus_to_bus_over_accounts_and_regions(
        events, client, put, new_bus, new_queue, new_rule, account, unique):
    there = client("events", account="777788889999", region="eu-west-1")
    name = unique("bus")
    there.create_event_bus(Name=name)
    queue = new_queue(client=client("sqs", account="777788889999", region="eu-west-1"))
    new_rule({"source": ["app"]}, queue.arn, client=there, bus=name)
    dead = new_queue()
    arn = bus_arn("777788889999", name, "eu-west-1")
    new_rule({"source": ["app"]}, {"Arn": arn, "DeadLetterConfig": {"Arn": dead.arn}})
    put()
    assert queue.bodies() == []
    assert len(dead.bodies()) == 1
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "events:PutEvents",
                 "Resource": arn}
    there.put_permission(EventBusName=name, Policy=json.dumps(
        {"Version": "2012-10-17", "Statement": statement}))
    event_id = put()
    (event,) = queue.events()
    assert (event["id"], event["account"], event["region"]) == (event_id, account, "us-east-1")


def test_a_circle_of_buses_ends(put, new_bus, new_queue, new_rule, account):
    one, two, queue, dead = new_bus(), new_bus(), new_queue(), new_queue()
    for source, target in ((one, two), (two, one)):
        new_rule({"source": ["app"]}, queue.arn,
                 {"Arn": bus_arn(account, target), "DeadLetterConfig": {"Arn": dead.arn}},
                 bus=source)
    put(EventBusName=one)
    assert len(queue.wait(4)) == 4
    assert len(dead.wait()) == 1
    assert queue.bodies() == []


def test_an_event_does_not_reach_a_third_account(client, put, new_queue, new_rule, account):
    accounts = [account, "121212121212", "131313131313"]
    clients = [client("events", account=number) for number in accounts]
    for one in clients[1:]:
        one.put_permission(Action="events:PutEvents", Principal="*", StatementId="all")
    dead = new_queue(client=client("sqs", account=accounts[1]))
    new_rule({"source": ["app"]}, bus_arn(accounts[1], "default"))
    new_rule({"source": ["app"]},
             {"Arn": bus_arn(accounts[2], "default"), "DeadLetterConfig": {"Arn": dead.arn}},
             client=clients[1])
    put()
    (letter,) = dead.messages()
    code = letter["MessageAttributes"]["ERROR_CODE"]["StringValue"]
    assert code == "THIRD_ACCOUNT_HOP_DETECTED"


@covers("events", "TagResource")
@covers("events", "UntagResource")
@covers("events", "ListTagsForResource")
def test_tags_of_buses_and_rules(events, new_bus, new_rule, account):
    bus = new_bus(Tags=[{"Key": "a", "Value": "1"}])
    rule = new_rule({"source": ["x"]}, bus=bus, Tags=[{"Key": "r", "Value": "2"}])
    rule_arn = f"arn:aws:events:us-east-1:{account}:rule/{bus}/{rule}"
    for arn, first in ((bus_arn(account, bus), "a"), (rule_arn, "r")):
        events.tag_resource(ResourceARN=arn, Tags=[{"Key": "z", "Value": ""}])
        tags = events.list_tags_for_resource(ResourceARN=arn)["Tags"]
        assert [tag["Key"] for tag in tags] == [first, "z"]
        events.untag_resource(ResourceARN=arn, TagKeys=[first, "nothing"])
        assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
            {"Key": "z", "Value": ""}
        ]


@covers("events", "TagResource", error="ResourceNotFoundException")
@covers("events", "UntagResource", error="ResourceNotFoundException")
@covers("events", "ListTagsForResource", error="ResourceNotFoundException")
@covers("events", "TagResource", error="ValidationException")
@covers("events", "TagResource", error="LimitExceededException")
def test_tags_that_cannot_be(events, new_bus, account):
    gone = bus_arn(account, "nothing")
    tag = {"Key": "a", "Value": "b"}
    with aws_error("ResourceNotFoundException"):
        events.tag_resource(ResourceARN=gone, Tags=[tag])
    with aws_error("ResourceNotFoundException"):
        events.untag_resource(ResourceARN=gone, TagKeys=["a"])
    with aws_error("ResourceNotFoundException"):
        events.list_tags_for_resource(ResourceARN=gone)
    arn = bus_arn(account, new_bus())
    with aws_error("ValidationException"):
        events.tag_resource(ResourceARN=arn, Tags=[{"Key": "aws:x", "Value": "b"}])
    with aws_error("ValidationException"):
        events.tag_resource(ResourceARN="arn:aws:sqs:us-east-1:1:x", Tags=[tag])
    with aws_error("LimitExceededException"):
        events.tag_resource(
            ResourceARN=arn, Tags=[{"Key": str(i), "Value": ""} for i in range(51)]
        )
