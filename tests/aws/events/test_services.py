"""Events from and to other services: topics as targets, parameters and objects as sources."""

import json

import pytest


def allow(resource, action):
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                 "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def test_a_topic_is_a_target(client, put, new_queue, new_rule):
    sns = client("sns")
    queue = new_queue(is_open=False)
    topic = sns.create_topic(Name="t")["TopicArn"]
    queue.allow(principal={"Service": "sns.amazonaws.com"})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn,
                  Attributes={"RawMessageDelivery": "true"})
    dead = new_queue()
    new_rule({"source": ["app"]},
             {"Arn": topic, "InputPath": "$.detail", "DeadLetterConfig": {"Arn": dead.arn}})
    # AWS: a new topic's policy allows its own account's principals only.
    put(Detail={"n": 1})
    assert len(dead.messages()) + len(queue.messages()) == 1
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy",
                             AttributeValue=allow(topic, "sns:Publish"))
    put(Detail={"n": 2})
    assert queue.bodies() == ['{"n":2}']
    assert dead.messages() == []


def test_a_chain_of_buses_and_topics(client, events, put, new_queue, new_rule, account):
    sns = client("sns")
    queue = new_queue(is_open=False)
    topic = sns.create_topic(Name="t")["TopicArn"]
    queue.allow(principal={"Service": "sns.amazonaws.com"})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn,
                  Attributes={"RawMessageDelivery": "true"})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy",
                             AttributeValue=allow(topic, "sns:Publish"))
    names = ["one", "two", "three"]
    for name in names:
        events.create_event_bus(Name=name)
    for source, target in zip(["default", *names[:-1]], names):
        new_rule({"source": ["app"]}, f"arn:aws:events:us-east-1:{account}:event-bus/{target}",
                 bus=source)
    new_rule({"source": ["app"]}, topic, bus="three")
    event_id = put()
    (message,) = queue.wait()
    assert json.loads(message["Body"])["id"] == event_id


@pytest.mark.parametrize("name", ["p"])
def test_parameters_tell_of_their_changes(client, new_queue, new_rule, name):
    queue = new_queue()
    new_rule({"source": ["aws.ssm"], "detail": {"name": [name]}}, queue.arn)
    client("ssm").put_parameter(Name=name, Value="v", Type="String")
    (event,) = queue.events()
    assert event["detail-type"] == "Parameter Store Change"
    assert event["detail"]["operation"] == "Create"
