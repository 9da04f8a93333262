"""Rules and their patterns; rules that run by the clock."""

import json

import pytest
from harness import aws_error, covers


@covers("events", "PutRule")
@covers("events", "DescribeRule")
@covers("events", "EnableRule")
@covers("events", "DisableRule")
@covers("events", "DeleteRule")
def test_the_life_of_a_rule(events, account):
    pattern = json.dumps({"source": ["x"]})
    arn = events.put_rule(Name="r", EventPattern=pattern, Description="d")["RuleArn"]
    assert arn == f"arn:aws:events:us-east-1:{account}:rule/r"
    rule = events.describe_rule(Name="r")
    del rule["ResponseMetadata"]
    assert rule == {
        "Name": "r", "Arn": arn, "EventPattern": pattern, "State": "ENABLED", "Description": "d",
        "EventBusName": "default", "CreatedBy": account,
    }
    events.disable_rule(Name="r")
    assert events.describe_rule(Name="r")["State"] == "DISABLED"
    events.enable_rule(Name="r")
    assert events.describe_rule(Name="r")["State"] == "ENABLED"
    # AWS: "when you update a rule, the rule is replaced with what you specify".
    events.put_rule(Name="r", ScheduleExpression="rate(1 day)", State="DISABLED")
    rule = events.describe_rule(Name="r")
    assert rule["ScheduleExpression"] == "rate(1 day)"
    assert "EventPattern" not in rule
    assert "Description" not in rule
    events.delete_rule(Name="r")
    events.delete_rule(Name="r")


@covers("events", "ListRules")
def test_rules_are_listed(events):
    for name in ("b", "a2", "a1"):
        events.put_rule(Name=name, EventPattern='{"source":["x"]}')
    first = events.list_rules(Limit=2)
    assert [rule["Name"] for rule in first["Rules"]] == ["a1", "a2"]
    rest = events.list_rules(Limit=2, NextToken=first["NextToken"])
    assert [rule["Name"] for rule in rest["Rules"]] == ["b"]
    assert [rule["Name"] for rule in events.list_rules(NamePrefix="a")["Rules"]] == ["a1", "a2"]


@covers("events", "PutRule", error="ValidationException")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "Parameter(s) EventPattern or ScheduleExpression must be specified."),
        ({"ScheduleExpression": "rate(1 minutes)"}, "Parameter ScheduleExpression is not valid."),
        ({"ScheduleExpression": "at(2030-01-01T00:00:00)"},
         "Parameter ScheduleExpression is not valid."),
    ],
)
def test_rules_that_cannot_be(events, more, message):
    with aws_error("ValidationException", http_status=400) as error:
        events.put_rule(Name="r", **more)
    assert error.message == message


@covers("events", "PutRule", error="ValidationException")
def test_schedules_are_for_the_default_bus(events):
    events.create_event_bus(Name="bus")
    with aws_error("ValidationException") as error:
        events.put_rule(Name="r", EventBusName="bus", ScheduleExpression="rate(1 day)")
    assert error.message == "ScheduleExpression is supported only on the default event bus."


@covers("events", "PutRule", error="InvalidEventPatternException")
def test_a_pattern_must_be_one(events):
    with aws_error("InvalidEventPatternException", http_status=400) as error:
        events.put_rule(Name="r", EventPattern='{"source":"foo"}')
    assert error.message == (
        'Event pattern is not valid. Reason: "source" must be an object or an array\n at [Source: '
        '(String)"{"source":"foo"}"; line: 1, column: 12]'
    )


@covers("events", "PutRule", error="ResourceNotFoundException")
@covers("events", "DescribeRule", error="ResourceNotFoundException")
@covers("events", "EnableRule", error="ResourceNotFoundException")
@covers("events", "DisableRule", error="ResourceNotFoundException")
@covers("events", "DeleteRule", error="ResourceNotFoundException")
@covers("events", "ListRules", error="ResourceNotFoundException")
@covers("events", "ListRuleNamesByTarget", error="ResourceNotFoundException")
def test_what_is_not_there(events):
    for call in (events.describe_rule, events.enable_rule, events.disable_rule):
        with aws_error("ResourceNotFoundException") as error:
            call(Name="r")
        assert error.message == "Rule r does not exist on EventBus default."
    calls = [
        (events.put_rule, {"Name": "r", "EventPattern": '{"a":[1]}'}),
        (events.delete_rule, {"Name": "r"}),
        (events.list_rules, {}),
        (events.list_rule_names_by_target, {"TargetArn": "x"}),
    ]
    for call, more in calls:
        with aws_error("ResourceNotFoundException") as error:
            call(EventBusName="bus", **more)
        assert error.message == "Event bus bus does not exist."


@covers("events", "DeleteRule", error="ValidationException")
def test_a_rule_with_targets_stays(events, new_queue, new_rule):
    name = new_rule({"source": ["x"]}, new_queue().arn)
    with aws_error("ValidationException") as error:
        events.delete_rule(Name=name)
    assert error.message == "Rule can't be deleted since it has targets."


@covers("events", "PutRule", error="LimitExceededException")
def test_three_hundred_rules_are_the_limit(events):
    for i in range(300):
        events.put_rule(Name=f"r{i}", EventPattern='{"source":["x"]}')
    events.put_rule(Name="r0", EventPattern='{"source":["y"]}')
    with aws_error("LimitExceededException"):
        events.put_rule(Name="more", EventPattern='{"source":["x"]}')


@covers("events", "PutRule", error="AccessDeniedException")
def test_a_role_must_be_passed(client, unique, account):
    iam = client("iam")
    name = unique("user")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "events:*", "Resource": "*"}
    iam.put_user_policy(
        UserName=name, PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    mine = client("events", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    mine.put_rule(Name="r", EventPattern='{"source":["x"]}')
    role = f"arn:aws:iam::{account}:role/some"
    with aws_error("AccessDeniedException") as error:
        mine.put_rule(Name="r", EventPattern='{"source":["x"]}', RoleArn=role)
    assert f"iam:PassRole on resource: {role}" in error.message


EVENT = {
    "id": "1", "account": "111122223333", "source": "x", "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1", "resources": [], "detail-type": "t", "detail": {"n": 5},
}


@covers("events", "TestEventPattern")
def test_patterns_can_be_tried(events):
    event = json.dumps(EVENT)
    good = json.dumps({"detail": {"n": [{"numeric": [">", 4]}]}})
    bad = json.dumps({"detail": {"n": [{"numeric": [">", 5]}]}})
    assert events.test_event_pattern(EventPattern=good, Event=event)["Result"] is True
    assert events.test_event_pattern(EventPattern=bad, Event=event)["Result"] is False


@covers("events", "TestEventPattern", error="InvalidEventPatternException")
@covers("events", "TestEventPattern", error="ValidationException")
def test_patterns_and_events_that_are_none(events):
    with aws_error("InvalidEventPatternException"):
        events.test_event_pattern(EventPattern="{}", Event=json.dumps(EVENT))
    with aws_error("ValidationException") as error:
        events.test_event_pattern(EventPattern='{"a":[1]}', Event="{}")
    assert error.message == "Parameter Event is not valid."


def test_a_rate_runs_by_the_clock(events, clock, new_queue, new_rule, account):
    queue = new_queue()
    name = new_rule(None, queue.arn, ScheduleExpression="rate(5 minutes)")
    clock.advance("4m")
    assert queue.bodies() == []
    clock.advance("62s")
    (message,) = queue.wait()
    event = json.loads(message["Body"])
    assert event["source"] == "aws.events"
    assert event["detail-type"] == "Scheduled Event"
    assert event["resources"] == [f"arn:aws:events:us-east-1:{account}:rule/{name}"]
    assert event["detail"] == {}
    clock.advance("20m")
    assert len(queue.wait(4)) == 4
    events.disable_rule(Name=name)
    clock.advance("20m")
    assert queue.bodies() == []


def test_a_cron_runs_at_its_time(clock, new_queue, new_rule):
    queue = new_queue()
    new_rule(None, {"Arn": queue.arn, "Input": '"now"'}, ScheduleExpression="cron(0 12 * * ? *)")
    clock.advance("24h")
    assert [message["Body"] for message in queue.wait()] == ['"now"']


def test_a_clock_that_goes_back_makes_rates_go_on(clock, new_queue, new_rule):
    queue = new_queue()
    clock.advance("48h")
    new_rule(None, {"Arn": queue.arn, "Input": '"x"'}, ScheduleExpression="rate(5 minutes)")
    clock.advance("6m")
    assert len(queue.wait()) == 1
    clock.reset()
    assert queue.bodies() == []
    clock.advance("6m")
    assert len(queue.wait()) == 1
