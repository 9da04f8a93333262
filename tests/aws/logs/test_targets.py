"""EventBridge writes to log groups; Parameter Store tells EventBridge what changes."""

import json

import pytest
from harness import until

PATTERN = {"source": ["aws.ssm"]}


@pytest.fixture
def logs(client):
    return client("logs")


def connect(client, logs, account, name="/aws/events/all"):
    """A rule that writes events of Parameter Store to a log group."""
    events = client("events")
    logs.create_log_group(logGroupName=name)
    events.put_rule(Name="r", EventPattern=json.dumps(PATTERN))
    events.put_targets(Rule="r", Targets=[
        {"Id": "t", "Arn": f"arn:aws:logs:us-east-1:{account}:log-group:{name}"}])


def allow(logs, service="events.amazonaws.com"):
    logs.put_resource_policy(policyName="p", policyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": service},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "arn:aws:logs:*:*:log-group:/aws/events/*:*"}]}))


def read(logs, name="/aws/events/all"):
    return [json.loads(e["message"]) for e in logs.filter_log_events(logGroupName=name)["events"]]


def test_changes_of_parameters_are_logged(client, logs, account):
    """Docs: "Setting up notifications or triggering actions based on Parameter Store events"."""
    allow(logs)
    connect(client, logs, account)
    ssm = client("ssm")
    ssm.put_parameter(Name="/e/p", Value="1", Type="String", Description="text")
    ssm.put_parameter(Name="/e/p", Value="2", Overwrite=True)
    ssm.label_parameter_version(Name="/e/p", Labels=["live"])
    ssm.delete_parameter(Name="/e/p")
    found = until(lambda: len(read(logs)) == 4 and read(logs))
    assert [e["detail"]["operation"] for e in found] == [
        "Create", "Update", "LabelParameterVersion", "Delete"]
    first = found[0]
    assert (first["source"], first["detail-type"]) == ("aws.ssm", "Parameter Store Change")
    assert first["resources"] == [f"arn:aws:ssm:us-east-1:{account}:parameter/e/p"]
    assert first["detail"] == {"operation": "Create", "name": "/e/p", "type": "String",
                               "description": "text"}
    streams = logs.describe_log_streams(logGroupName="/aws/events/all")["logStreams"]
    assert len(streams) == 1


def test_policies_of_parameters_are_told(client, logs, account, clock):
    allow(logs)
    connect(client, logs, account)
    ssm = client("ssm")
    policy = {"Type": "NoChangeNotification", "Version": "1.0",
              "Attributes": {"After": "1", "Unit": "Days"}}
    ssm.put_parameter(Name="/e/p", Value="1", Type="String", Tier="Advanced",
                      Policies=json.dumps([policy]))
    clock.advance("25h")
    found = until(lambda: [e for e in read(logs)
                           if e["detail-type"] == "Parameter Store Policy Action"])
    assert found[0]["detail"]["policy-type"] == "NoChangeNotification"
    assert found[0]["detail"]["parameter-name"] == "/e/p"
    assert json.loads(found[0]["detail"]["policy-content"]) == policy
    assert found[0]["detail"]["action-status"] == "Success"


@pytest.mark.parametrize("service", [None, "es.amazonaws.com"])
def test_without_a_policy_nothing_is_written(client, logs, account, service):
    if service:
        allow(logs, service)
    connect(client, logs, account)
    client("ssm").put_parameter(Name="/e/p", Value="1", Type="String")
    assert read(logs) == []
