"""What targets get, and what becomes of events that they do not take."""

import json

import pytest
from harness import aws_error, covers

ANYTHING = {"source": [{"prefix": ""}]}


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ({"Input": '{"a": 1}'}, '{"a": 1}'),
        ({"InputPath": "$.detail"}, '{"state":"on","list":[1,2]}'),
        ({"InputPath": "$.detail.state"}, '"on"'),
        ({"InputPath": "$.detail.nothing"}, "null"),
        ({"InputTransformer": {"InputPathsMap": {"s": "$.detail.state"},
                               "InputTemplate": '"It is <s>."'}}, '"It is on."'),
        ({"InputTransformer": {"InputPathsMap": {"s": "$.detail.state", "l": "$.detail.list"},
                               "InputTemplate": '{"state": <s>, "list": <l>}'}},
         '{"state": "on", "list": [1,2]}'),
    ],
)
def test_targets_get_what_they_ask_for(put, new_queue, new_rule, target, body):
    queue = new_queue()
    new_rule(ANYTHING, {"Arn": queue.arn, **target})
    put(Detail={"state": "on", "list": [1, 2]})
    assert queue.bodies() == [body]


def test_reserved_variables(put, new_queue, new_rule, account, region):
    queue = new_queue()
    template = ('{"rule": <aws.events.rule-name>, "arn": "<aws.events.rule-arn>", '
                '"at": <aws.events.event.ingestion-time>, "event": <aws.events.event>, '
                '"whole": <aws.events.event.json>}')
    name = new_rule(ANYTHING, {"Arn": queue.arn, "InputTransformer": {"InputTemplate": template}})
    put(Detail={"a": 1})
    (got,) = queue.events()
    assert got["rule"] == name
    assert got["arn"] == f"arn:aws:events:{region}:{account}:rule/{name}"
    assert got["event"].keys() == got["whole"].keys() - {"detail"}
    assert got["whole"]["detail"] == {"a": 1}


@covers("events", "PutTargets")
@covers("events", "ListTargetsByRule")
@covers("events", "RemoveTargets")
@covers("events", "ListRuleNamesByTarget")
def test_targets_are_listed_as_they_were_put(events, new_queue, new_rule):
    queue = new_queue()
    target = {
        "Id": "one", "Arn": queue.arn,
        "InputTransformer": {"InputPathsMap": {"x": "$.id"}, "InputTemplate": "<x>"},
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": queue.arn},
    }
    names = sorted(new_rule({"source": ["x"]}, target) for _ in range(3))
    assert events.list_targets_by_rule(Rule=names[0])["Targets"] == [target]
    first = events.list_rule_names_by_target(TargetArn=queue.arn, Limit=2)
    assert first["RuleNames"] == names[:2]
    rest = events.list_rule_names_by_target(TargetArn=queue.arn, NextToken=first["NextToken"])
    assert rest["RuleNames"] == names[2:]
    assert "NextToken" not in rest
    answer = events.remove_targets(Rule=names[0], Ids=["one", "no-such-id"])
    assert answer["FailedEntryCount"] == 0
    assert events.list_targets_by_rule(Rule=names[0])["Targets"] == []
    # The same id again replaces.
    events.put_targets(Rule=names[1], Targets=[{"Id": "one", "Arn": queue.arn}])
    assert events.list_targets_by_rule(Rule=names[1])["Targets"] == [
        {"Id": "one", "Arn": queue.arn}
    ]


def test_targets_are_listed_in_pages(events, new_queue, new_rule):
    queue = new_queue()
    name = new_rule({"source": ["x"]}, *[queue.arn] * 5)
    first = events.list_targets_by_rule(Rule=name, Limit=3)
    rest = events.list_targets_by_rule(Rule=name, Limit=3, NextToken=first["NextToken"])
    assert [target["Id"] for target in first["Targets"] + rest["Targets"]] == list("01234")
    assert "NextToken" not in rest


@covers("events", "PutTargets")
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"Arn": "no-arn"},
         "Parameter no-arn is not valid. Reason: Provided Arn is not in correct format."),
        ({"Arn": "arn:aws:sqs:us-east-1:111122223333:q.fifo"},
         "Parameter(s) SqsParameters must be specified for target: x."),
        ({"Input": "{}", "InputPath": "$"},
         "Only one of Input, InputPath, or InputTransformer must be provided for target x."),
        ({"Input": "{"}, "Invalid JSON in the Input of target x."),
        ({"InputPath": "detail"}, "Invalid InputPath for target x."),
        ({"InputTransformer": {"InputTemplate": '"<y>"'}},
         "InputTemplate for target x contains invalid placeholder y."),
        ({"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:111122223333:q.fifo"}},
         "Dead letter queue ARN arn:aws:sqs:us-east-1:111122223333:q.fifo is not valid: it must "
         "be that of a standard SQS queue."),
    ],
)
def test_bad_targets_are_told_one_by_one(events, new_queue, new_rule, target, message):
    queue = new_queue()
    name = new_rule({"source": ["x"]})
    entries = [{"Id": "good", "Arn": queue.arn}, {"Id": "x", "Arn": queue.arn, **target}]
    answer = events.put_targets(Rule=name, Targets=entries)
    assert answer["FailedEntryCount"] == 1
    assert answer["FailedEntries"] == [
        {"TargetId": "x", "ErrorCode": "ValidationException", "ErrorMessage": message}
    ]
    assert len(events.list_targets_by_rule(Rule=name)["Targets"]) == 1


@covers("events", "PutTargets", error="ValidationException")
def test_a_kind_of_target_that_is_not_there_is_refused(events, new_rule):
    name = new_rule({"source": ["x"]})
    arn = "arn:aws:groundstation:us-east-1:111122223333:satellite/x"
    with aws_error("ValidationException", http_status=400) as error:
        events.put_targets(Rule=name, Targets=[{"Id": "x", "Arn": arn}])
    assert f"targets of this kind are not supported: {arn}" in error.message


@covers("events", "PutTargets", error="LimitExceededException")
def test_six_targets_are_too_many(events, new_queue, new_rule):
    queue = new_queue()
    name = new_rule({"source": ["x"]}, *[queue.arn] * 5)
    with aws_error("LimitExceededException", http_status=400) as error:
        events.put_targets(Rule=name, Targets=[{"Id": "6", "Arn": queue.arn}])
    assert error.message == "The requested resource exceeds the maximum number allowed."


@covers("events", "PutTargets", error="ResourceNotFoundException")
@covers("events", "RemoveTargets", error="ResourceNotFoundException")
@covers("events", "ListTargetsByRule", error="ResourceNotFoundException")
def test_a_rule_that_is_not_there_has_no_targets(events):
    text = "Rule nothing does not exist on EventBus default."
    arn = "arn:aws:sqs:us-east-1:111122223333:q"
    calls = [
        (events.put_targets, {"Targets": [{"Id": "x", "Arn": arn}]}),
        (events.remove_targets, {"Ids": ["x"]}),
        (events.list_targets_by_rule, {}),
    ]
    for call, more in calls:
        with aws_error("ResourceNotFoundException", http_status=400) as error:
            call(Rule="nothing", **more)
        assert error.message == text


def attributes_of(message):
    return {
        name: value["StringValue"] for name, value in message["MessageAttributes"].items()
    }


def test_what_a_queue_does_not_allow_is_a_dead_letter(events, put, new_queue, new_rule):
    closed, dead = new_queue(is_open=False), new_queue()
    target = {"Arn": closed.arn, "Input": '"x"', "DeadLetterConfig": {"Arn": dead.arn}}
    name = new_rule(ANYTHING, target)
    event_id = put()
    assert closed.bodies() == []
    (letter,) = dead.messages()
    # AWS: the dead letter is the event, not the target's input.
    assert json.loads(letter["Body"])["id"] == event_id
    attributes = attributes_of(letter)
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": events.describe_rule(Name=name)["Arn"],
        "TARGET_ARN": closed.arn,
        "ERROR_CODE": "NO_PERMISSIONS",
        "RETRY_ATTEMPTS": "0",
    }


def test_a_queue_that_is_gone_makes_dead_letters(sqs, put, new_queue, new_rule):
    gone, dead = new_queue(), new_queue()
    new_rule(ANYTHING, {"Arn": gone.arn, "DeadLetterConfig": {"Arn": dead.arn}})
    sqs.delete_queue(QueueUrl=gone.url)
    put()
    (letter,) = dead.messages()
    assert attributes_of(letter)["ERROR_CODE"] == "NO_RESOURCE"
    assert attributes_of(letter)["ERROR_MESSAGE"] == "The specified queue does not exist."


def test_a_queue_may_name_the_rule_that_sends(put, new_queue, new_rule, account, region):
    queue = new_queue(is_open=False)
    rules = [new_rule(ANYTHING, {"Arn": queue.arn, "Input": f'"{i}"'}) for i in range(2)]
    arn = f"arn:aws:events:{region}:{account}:rule/{rules[1]}"
    queue.allow(ArnEquals={"aws:SourceArn": arn}, StringEquals={"aws:SourceAccount": account})
    put()
    assert queue.bodies() == ['"1"']


@pytest.fixture
def new_role(client, unique):
    """new_role("sqs:SendMessage", arn) -> ARN of a role that EventBridge may assume."""

    def make(action, resource, service="events.amazonaws.com", client=client("iam")):
        name = unique("role")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        allow = {"Effect": "Allow", "Action": action, "Resource": resource}
        arn = client.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )["Role"]["Arn"]
        client.put_role_policy(
            RoleName=name, PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}),
        )
        return arn

    return make


def test_a_role_delivers_where_it_may(put, new_queue, new_rule, new_role):
    queue, other, dead = new_queue(is_open=False), new_queue(is_open=False), new_queue()
    role = new_role("sqs:SendMessage", queue.arn)
    more = {"RoleArn": role, "DeadLetterConfig": {"Arn": dead.arn}}
    new_rule(ANYTHING, {"Arn": queue.arn, **more}, {"Arn": other.arn, **more})
    put()
    assert len(queue.bodies()) == 1
    assert other.bodies() == []
    (letter,) = dead.messages()
    assert attributes_of(letter)["TARGET_ARN"] == other.arn
    assert attributes_of(letter)["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_role_that_does_not_trust_eventbridge_is_not_assumed(
        put, new_queue, new_rule, new_role):
    queue, dead = new_queue(), new_queue()
    role = new_role("sqs:SendMessage", queue.arn, service="ec2.amazonaws.com")
    target = {"Arn": queue.arn, "RoleArn": role, "DeadLetterConfig": {"Arn": dead.arn}}
    new_rule(ANYTHING, target)
    put()
    assert queue.bodies() == []
    (letter,) = dead.messages()
    assert attributes_of(letter)["ERROR_CODE"] == "FAILED_TO_ASSUME_ROLE"
