"""Schedules: their life, their times, what their targets get."""

import datetime
import json

import pytest
from harness import aws_error, covers


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.fixture
def now(clock):
    return lambda **delta: parse(clock.now()) + datetime.timedelta(**delta)


@covers("scheduler", "CreateSchedule")
@covers("scheduler", "GetSchedule")
@covers("scheduler", "UpdateSchedule")
@covers("scheduler", "DeleteSchedule")
def test_the_life_of_a_schedule(scheduler, new_role, new_queue, account):
    target = {"Arn": new_queue().arn, "RoleArn": new_role(), "Input": "x",
              "RetryPolicy": {"MaximumRetryAttempts": 2}}
    make = {"Name": "s", "ScheduleExpression": "rate(1 day)", "Target": target,
            "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
            "State": "DISABLED", "Description": "d", "ScheduleExpressionTimezone": "Europe/Berlin"}
    arn = scheduler.create_schedule(**make)["ScheduleArn"]
    assert arn == f"arn:aws:scheduler:us-east-1:{account}:schedule/default/s"
    found = scheduler.get_schedule(Name="s")
    for name, value in make.items():
        assert found[name] == value
    assert (found["Arn"], found["GroupName"]) == (arn, "default")
    assert found["ActionAfterCompletion"] == "NONE"
    # AWS: "when you call this operation ... all values are overridden".
    scheduler.update_schedule(
        Name="s", ScheduleExpression="cron(0 12 * * ? *)", Target=target, State="DISABLED",
        FlexibleTimeWindow={"Mode": "OFF"},
    )
    found = scheduler.get_schedule(Name="s")
    assert found["ScheduleExpression"] == "cron(0 12 * * ? *)"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["ScheduleExpressionTimezone"] == "UTC"
    assert "Description" not in found
    scheduler.delete_schedule(Name="s")
    with aws_error("ResourceNotFoundException", http_status=404) as error:
        scheduler.get_schedule(Name="s")
    assert error.message == "Schedule s does not exist."


@covers("scheduler", "CreateSchedule", error="ConflictException")
def test_the_same_token_is_the_same_request(scheduler, new_role, new_queue):
    make = {"Name": "s", "ScheduleExpression": "rate(1 day)", "ClientToken": "t",
            "Target": {"Arn": new_queue().arn, "RoleArn": new_role()},
            "FlexibleTimeWindow": {"Mode": "OFF"}}
    first = scheduler.create_schedule(**make)["ScheduleArn"]
    assert scheduler.create_schedule(**make)["ScheduleArn"] == first
    with aws_error("ConflictException", http_status=409) as error:
        scheduler.create_schedule(**make | {"ClientToken": "u"})
    assert error.message == "Schedule s already exists."


@covers("scheduler", "UpdateSchedule", error="ResourceNotFoundException")
@covers("scheduler", "DeleteSchedule", error="ResourceNotFoundException")
@covers("scheduler", "GetSchedule", error="ResourceNotFoundException")
@covers("scheduler", "CreateSchedule", error="ResourceNotFoundException")
@covers("scheduler", "ListSchedules", error="ResourceNotFoundException")
def test_what_is_not_there(scheduler, new_role, new_queue):
    make = {"Name": "s", "ScheduleExpression": "rate(1 day)",
            "Target": {"Arn": new_queue().arn, "RoleArn": new_role()},
            "FlexibleTimeWindow": {"Mode": "OFF"}}
    with aws_error("ResourceNotFoundException"):
        scheduler.update_schedule(**make)
    for call in (scheduler.get_schedule, scheduler.delete_schedule):
        with aws_error("ResourceNotFoundException"):
            call(Name="s")
    with aws_error("ResourceNotFoundException") as error:
        scheduler.create_schedule(GroupName="g", **make)
    assert error.message == "Schedule group g does not exist."
    with aws_error("ResourceNotFoundException"):
        scheduler.list_schedules(GroupName="g")


YESTERDAY = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
QUEUE = "arn:aws:sqs:us-east-1:111122223333:q"


@covers("scheduler", "CreateSchedule", error="ValidationException")
@covers("scheduler", "UpdateSchedule", error="ValidationException")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"ScheduleExpression": "rate(1 minutes)"},
         "Invalid Schedule Expression rate(1 minutes)."),
        ({"ScheduleExpressionTimezone": "Mars/Base"},
         "Invalid ScheduleExpressionTimezone Mars/Base."),
        ({"StartDate": YESTERDAY},
         "The StartDate you specify cannot be earlier than 5 minutes ago."),
        ({"EndDate": YESTERDAY}, "The EndDate you specify must be in the future."),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
         "MaximumWindowInMinutes must be provided when using FLEXIBLE flexible time window mode."),
        ({"Target": {"Arn": "nothing"}}, "Provided Arn is not in correct format."),
        ({"Target": {"Arn": "arn:aws:groundstation:us-east-1:111122223333:x"}},
         "Targets of this kind are not supported: arn:aws:groundstation:us-east-1:111122223333:x."),
        ({"Target": {"Arn": QUEUE + ".fifo"}}, "A MessageGroupId is required for a FIFO queue."),
        ({"Target": {"Arn": "arn:aws:events:us-east-1:111122223333:event-bus/default"}},
         "EventBridgeParameters are required for an event bus."),
        ({"Target": {"RoleArn": "arn:aws:iam::111122223333:role/nothing"}},
         "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."),
        ({"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:nothing:doIt"}},
         "Service nothing is not supported in universal targets."),
        ({"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:doIt"}},
         "doIt is not an API for the service sqs."),
        ({"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:listQueues"}},
         "Read-only actions are not supported: listQueues."),
        ({"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": "x"}},
         "Input must be a JSON object."),
    ],
)
def test_schedules_that_cannot_be(scheduler, new_role, more, message):
    good = {"Name": "s", "ScheduleExpression": "rate(1 day)", "State": "DISABLED",
            "Target": {"Arn": QUEUE, "RoleArn": new_role()}, "FlexibleTimeWindow": {"Mode": "OFF"}}
    bad = good | more | {"Target": good["Target"] | more.get("Target", {})}
    scheduler.create_schedule(**good)
    for call in (scheduler.create_schedule, scheduler.update_schedule):
        with aws_error("ValidationException", http_status=400) as error:
            call(**bad)
        assert error.message == message


@covers("scheduler", "ListSchedules")
def test_schedules_are_listed(scheduler, schedule):
    for group in ("a", "b"):
        scheduler.create_schedule_group(Name=group)
        for name in ("one", "two"):
            schedule("rate(1 day)", QUEUE, Name=name, GroupName=group, State="DISABLED")
    pages = []
    token = {}
    while True:
        page = scheduler.list_schedules(MaxResults=3, **token)
        pages.append([(one["GroupName"], one["Name"]) for one in page["Schedules"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == [[("a", "one"), ("a", "two"), ("b", "one")], [("b", "two")]]
    (one,) = scheduler.list_schedules(GroupName="a", NamePrefix="tw")["Schedules"]
    assert one["Target"] == {"Arn": QUEUE}
    assert scheduler.list_schedules(State="ENABLED")["Schedules"] == []
    first = scheduler.list_schedules(GroupName="b", MaxResults=1)
    rest = scheduler.list_schedules(GroupName="b", NextToken=first["NextToken"])
    assert [one["Name"] for one in rest["Schedules"]] == ["two"]


def test_a_rate_begins_at_once(schedule, new_queue, clock):
    queue = new_queue()
    schedule("rate(1 hour)", queue.arn, Input="hello")
    assert queue.bodies(1) == ["hello"]
    clock.advance("3h")
    assert len(queue.bodies(3)) == 3


def test_one_time_and_gone(scheduler, schedule, new_queue, clock, now):
    queue = new_queue()
    at = now(hours=1).strftime("at(%Y-%m-%dT%H:%M:%S)")
    kept = schedule(at, queue.arn, Input="kept")
    gone = schedule(at, queue.arn, Input="gone", ActionAfterCompletion="DELETE")
    clock.advance("59m")
    assert queue.bodies() == []
    clock.advance("2m")
    assert sorted(queue.bodies(2)) == ["gone", "kept"]
    assert scheduler.get_schedule(Name=kept)
    with aws_error("ResourceNotFoundException"):
        scheduler.get_schedule(Name=gone)


def test_start_and_end(schedule, new_queue, clock, now):
    queue = new_queue()
    schedule("rate(1 hour)", queue.arn, Input="x", StartDate=now(hours=2),
             EndDate=now(hours=4, minutes=30))
    clock.advance("119m")
    assert queue.bodies() == []
    clock.advance("10h")
    assert len(queue.bodies(3)) == 3


def test_a_time_zone(schedule, new_queue, clock, now):
    queue = new_queue()
    local = now(hours=1).astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    schedule(local.strftime("cron(%M %H * * ? *)"), queue.arn, Input="x",
             ScheduleExpressionTimezone="Asia/Kolkata")
    clock.advance("61m")
    assert queue.bodies(1) == ["x"]


def test_a_flexible_window(schedule, new_queue, clock, now):
    queue = new_queue()
    at = now(hours=1).strftime("at(%Y-%m-%dT%H:%M:%S)")
    schedule(at, queue.arn, Input="<aws.scheduler.scheduled-time>", Mode="FLEXIBLE", window=30)
    clock.advance("91m")
    (body,) = queue.bodies(1)
    assert body == at[3:-1] + "Z"


def test_what_a_target_gets_without_input(schedule, new_queue, clock, account):
    queue = new_queue()
    name = schedule("rate(1 day)", queue.arn)
    event = json.loads(queue.bodies(1)[0])
    assert event["source"] == "aws.scheduler"
    assert event["detail-type"] == "Scheduled Event"
    assert event["detail"] == "{}"
    assert event["resources"] == [
        f"arn:aws:scheduler:us-east-1:{account}:schedule/default/{name}"
    ]


def test_context_attributes(schedule, new_queue, clock, account):
    queue = new_queue()
    name = schedule("rate(1 day)", queue.arn, Input=json.dumps({
        "arn": "<aws.scheduler.schedule-arn>", "id": "<aws.scheduler.execution-id>",
        "attempt": "<aws.scheduler.attempt-number>"}))
    body = json.loads(queue.bodies(1)[0])
    assert body["arn"] == f"arn:aws:scheduler:us-east-1:{account}:schedule/default/{name}"
    assert len(body["id"]) == 36
    assert body["attempt"] == "1"


def test_a_fifo_queue(schedule, new_queue, clock):
    queue = new_queue(FifoQueue="true", ContentBasedDeduplication="true")
    schedule("rate(1 day)", queue.arn, Input="x",
             target={"SqsParameters": {"MessageGroupId": "g"}})
    (message,) = queue.messages(1)
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_an_event_bus(client, schedule, new_queue, sqs, clock, account):
    queue = new_queue()
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage",
                 "Resource": queue.arn}
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})
    events = client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["mine"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "x", "Arn": queue.arn}])
    bus = f"arn:aws:events:us-east-1:{account}:event-bus/default"
    schedule("rate(1 day)", bus, Input='{"a": 1}', target={
        "EventBridgeParameters": {"DetailType": "Mine", "Source": "mine"}})
    event = json.loads(queue.bodies(1)[0])
    assert (event["detail-type"], event["detail"]) == ("Mine", {"a": 1})


def test_a_universal_target(schedule, new_queue, new_role, clock):
    queue = new_queue()
    given = json.dumps({"QueueUrl": queue.url, "MessageBody": "universal"})
    schedule("rate(1 day)", "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", Input=given,
             role=new_role("sqs:SendMessage", queue.arn))
    assert queue.bodies(1) == ["universal"]


def test_dead_letters(schedule, new_queue, new_role, clock, account):
    queue, dead = new_queue(), new_queue()
    name = schedule("rate(1 day)", queue.arn, Input="x",
                    role=new_role("sqs:SendMessage", dead.arn),
                    target={"DeadLetterConfig": {"Arn": dead.arn}})
    (letter,) = dead.messages(1)
    assert letter["Body"] == "x"
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    # AWS: the attributes of a dead letter ("Configuring a dead-letter queue").
    assert attributes.keys() == {
        "ERROR_CODE", "ERROR_MESSAGE", "EXECUTION_ID", "IS_PAYLOAD_TRUNCATED", "RETRY_ATTEMPTS",
        "SCHEDULED_TIME", "SCHEDULE_ARN", "TARGET_ARN",
    }
    assert attributes["ERROR_CODE"].startswith("AccessDenied")
    assert attributes["TARGET_ARN"] == queue.arn
    assert attributes["SCHEDULE_ARN"].endswith(f":schedule/default/{name}")
    bad = schedule("rate(1 day)", "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
                   Input='{"QueueUrl": 5}', target={"DeadLetterConfig": {"Arn": dead.arn}})
    (letter,) = dead.messages(1)
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "ValidationException"
    assert attributes["SCHEDULE_ARN"].endswith(bad)


def test_a_role_may_trust_one_group_only(scheduler, schedule, new_queue, new_role, account):
    arn = f"arn:aws:scheduler:us-east-1:{account}:schedule-group/g"
    role = new_role(condition={"StringEquals": {"aws:SourceArn": arn,
                                                "aws:SourceAccount": account}})
    scheduler.create_schedule_group(Name="g")
    queue = new_queue()
    with aws_error("ValidationException"):
        schedule("rate(1 day)", queue.arn, role=role)
    schedule("rate(1 day)", queue.arn, role=role, GroupName="g", Input="x")
    assert queue.bodies(1) == ["x"]


def test_a_schedule_that_is_disabled_or_gone(scheduler, schedule, new_queue, clock):
    queue = new_queue()
    name = schedule("rate(1 hour)", queue.arn, Input="x")
    assert queue.bodies(1) == ["x"]
    found = scheduler.get_schedule(Name=name)
    scheduler.update_schedule(
        Name=name, State="DISABLED", ScheduleExpression="rate(1 hour)", Target=found["Target"],
        FlexibleTimeWindow={"Mode": "OFF"},
    )
    clock.advance("5h")
    assert queue.bodies() == []
    other = schedule("rate(1 hour)", queue.arn, Input="y")
    assert queue.bodies(1) == ["y"]
    scheduler.delete_schedule(Name=other)
    clock.advance("5h")
    assert queue.bodies() == []


@covers("scheduler", "CreateSchedule", error="AccessDeniedException")
def test_the_role_must_be_passed(client, unique, new_role):
    iam = client("iam")
    name = unique("user")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "scheduler:*", "Resource": "*"}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": statement}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    mine = client("scheduler", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    with aws_error("AccessDeniedException") as error:
        mine.create_schedule(
            Name="s", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": QUEUE, "RoleArn": new_role()},
        )
    assert "iam:PassRole" in error.message
