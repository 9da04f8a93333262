"""AWS::Events::* in stacks."""

import json
import time

import pytest


@pytest.fixture
def stacks(client):
    class Stacks:
        def __init__(self):
            self.client = client("cloudformation")

        def settle(self, name):
            for _ in range(2000):
                stack = self.client.describe_stacks(StackName=name)["Stacks"][0]
                if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                    return stack
                time.sleep(0.02)
            return stack

        def run(self, resources, outputs=None, is_update=False, status=None):
            body = {"Resources": resources}
            if outputs:
                body["Outputs"] = {name: {"Value": value} for name, value in outputs.items()}
            call = self.client.update_stack if is_update else self.client.create_stack
            call(StackName="s", TemplateBody=json.dumps(body))
            stack = self.settle("s")
            events = self.client.describe_stack_events(StackName="s")["StackEvents"]
            wanted = status or ("UPDATE_COMPLETE" if is_update else "CREATE_COMPLETE")
            assert stack["StackStatus"] == wanted, [
                event.get("ResourceStatusReason") for event in events
            ]
            return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

        def delete(self):
            stack_id = self.client.describe_stacks(StackName="s")["Stacks"][0]["StackId"]
            self.client.delete_stack(StackName="s")
            assert self.settle(stack_id)["StackStatus"] == "DELETE_COMPLETE"

    return Stacks()


def of(kind, **properties):
    return {"Type": f"AWS::Events::{kind}", "Properties": properties}


def test_a_rule_with_its_targets(stacks, events, put, new_queue):
    one, two = new_queue(), new_queue()
    rule = of("Rule", EventPattern={"source": ["app"]}, Tags=[{"Key": "k", "Value": "v"}], Targets=[
        {"Id": "a", "Arn": one.arn, "InputPath": "$.detail",
         "RetryPolicy": {"MaximumRetryAttempts": "2"}},
        {"Id": "b", "Arn": two.arn},
    ])
    out = stacks.run({"R": rule}, {"Ref": {"Ref": "R"}, "Arn": {"Fn::GetAtt": "R.Arn"}})
    assert events.describe_rule(Name=out["Ref"])["Arn"] == out["Arn"]
    tags = events.list_tags_for_resource(ResourceARN=out["Arn"])["Tags"]
    assert {"Key": "k", "Value": "v"} in tags
    put(Detail={"x": 1})
    assert one.bodies() == ['{"x":1}']
    assert len(two.bodies()) == 1
    rule["Properties"]["Targets"] = [{"Id": "a", "Arn": two.arn, "Input": '"y"'}]
    rule["Properties"]["State"] = "ENABLED"
    stacks.run({"R": rule}, {"Ref": {"Ref": "R"}}, is_update=True)
    put()
    assert one.bodies() == []
    assert two.bodies() == ['"y"']
    stacks.delete()
    assert events.list_rules()["Rules"] == []


def test_a_bus_with_everything(stacks, events, client, put, account, new_queue):
    queue = new_queue()
    resources = {
        "Bus": of("EventBus", Name="bus", Description="d"),
        "Policy": of("EventBusPolicy", EventBusName={"Ref": "Bus"}, StatementId="one", Statement={
            "Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "events:PutEvents",
            "Resource": {"Fn::GetAtt": "Bus.Arn"},
        }),
        "Old": of("EventBusPolicy", EventBusName={"Ref": "Bus"}, StatementId="two",
                  Action="events:PutEvents", Principal="777788889999")
        | {"DependsOn": "Policy"},
        "Archive": of("Archive", SourceArn={"Fn::GetAtt": "Bus.Arn"}, RetentionDays=1,
                      EventPattern={"source": ["app"]}),
        "Rule": of("Rule", EventBusName={"Ref": "Bus"}, Name="r", EventPattern={"source": ["app"]},
                   Targets=[{"Id": "x", "Arn": queue.arn}]),
    }
    out = stacks.run(resources, {
        "Bus": {"Ref": "Bus"}, "BusArn": {"Fn::GetAtt": "Bus.Arn"}, "Rule": {"Ref": "Rule"},
        "RuleArn": {"Fn::GetAtt": "Rule.Arn"}, "Archive": {"Ref": "Archive"},
        "ArchiveArn": {"Fn::GetAtt": "Archive.Arn"},
    })
    assert (out["Bus"], out["Rule"]) == ("bus", "bus|r")
    assert out["RuleArn"] == f"arn:aws:events:us-east-1:{account}:rule/bus/r"
    assert out["ArchiveArn"].endswith(f":archive/{out['Archive']}")
    for other in ("444455556666", "777788889999"):
        put(client=client("events", account=other), EventBusName=out["BusArn"])
    assert len(queue.bodies()) == 2
    assert events.describe_archive(ArchiveName=out["Archive"])["EventCount"] == 2
    del resources["Old"]
    resources["Archive"]["Properties"]["RetentionDays"] = 2
    resources["Bus"]["Properties"]["Description"] = "e"
    stacks.run(resources, is_update=True)
    assert len(json.loads(events.describe_event_bus(Name="bus")["Policy"])["Statement"]) == 1
    assert events.describe_archive(ArchiveName=out["Archive"])["RetentionDays"] == 2
    assert events.describe_event_bus(Name="bus")["Description"] == "e"
    stacks.delete()
    assert len(events.list_event_buses()["EventBuses"]) == 1


def test_a_destination_with_its_connection(stacks, events):
    resources = {
        "C": of("Connection", AuthorizationType="API_KEY", AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}),
        "D": of("ApiDestination", ConnectionArn={"Fn::GetAtt": "C.Arn"}, HttpMethod="POST",
                InvocationEndpoint="https://example.com", InvocationRateLimitPerSecond=10),
    }
    out = stacks.run(resources, {
        "C": {"Ref": "C"}, "Secret": {"Fn::GetAtt": "C.SecretArn"}, "D": {"Ref": "D"},
        "Arn": {"Fn::GetAtt": "D.Arn"}, "ForPolicy": {"Fn::GetAtt": "D.ArnForPolicy"},
    })
    found = events.describe_api_destination(Name=out["D"])
    assert found["ApiDestinationArn"] == out["Arn"]
    assert out["Arn"].startswith(out["ForPolicy"] + "/")
    assert found["InvocationRateLimitPerSecond"] == 10
    assert events.describe_connection(Name=out["C"])["SecretArn"] == out["Secret"]
    resources["D"]["Properties"]["HttpMethod"] = "PUT"
    stacks.run(resources, is_update=True)
    assert events.describe_api_destination(Name=out["D"])["HttpMethod"] == "PUT"
    stacks.delete()
    assert events.list_connections()["Connections"] == []


def test_a_rule_that_fails_is_rolled_back(stacks, events):
    arn = "arn:aws:groundstation:us-east-1:111122223333:satellite/x"
    stacks.run({"R": of("Rule", EventPattern={"a": [1]}, Targets=[{"Id": "x", "Arn": arn}])},
               status="ROLLBACK_COMPLETE")
    assert events.list_rules()["Rules"] == []


def test_stacks_put_events_on_the_default_bus(stacks, events, new_queue, new_rule, account):
    queue = new_queue()
    new_rule({"source": ["aws.cloudformation"]}, queue.arn)
    stacks.run({"Q": {"Type": "AWS::SQS::Queue"}})
    got = queue.events()
    # AWS: the examples of "Managing events with CloudFormation and EventBridge".
    of_stack = [one for one in got if one["detail-type"] == "CloudFormation Stack Status Change"]
    assert {one["detail"]["status-details"]["status"] for one in of_stack} == {
        "CREATE_IN_PROGRESS", "CREATE_COMPLETE"
    }
    assert all(one["resources"] == [one["detail"]["stack-id"]] for one in of_stack)
    made = [
        one["detail"] for one in got
        if one["detail-type"] == "CloudFormation Resource Status Change"
    ]
    assert sorted(one["status-details"]["status"] for one in made) == [
        "CREATE_COMPLETE", "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"
    ]
    (done,) = [one for one in made if one["status-details"]["status"] == "CREATE_COMPLETE"]
    assert done["logical-resource-id"] == "Q"
    assert done["resource-type"] == "AWS::SQS::Queue"
    assert f"/{account}/s-Q-" in done["physical-resource-id"]


def test_what_was_made_has_not_drifted(stacks, events, client, new_queue):
    queue = new_queue()
    resources = {
        "Bus": of("EventBus", Name="bus", Description="d", LogConfig={"Level": "ERROR"},
                  Tags=[{"Key": "k", "Value": "v"}]),
        "Archive": of("Archive", SourceArn={"Fn::GetAtt": "Bus.Arn"}, RetentionDays=1,
                      EventPattern={"source": ["app"]}),
        "Rule": of("Rule", EventPattern={"source": ["app"]}, Description="d", Targets=[
            {"Id": "x", "Arn": queue.arn, "RetryPolicy": {"MaximumRetryAttempts": 3}}]),
        "C": of("Connection", AuthorizationType="API_KEY", AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}),
        "D": of("ApiDestination", ConnectionArn={"Fn::GetAtt": "C.Arn"}, HttpMethod="POST",
                InvocationEndpoint="https://example.com"),
        "G": {"Type": "AWS::Scheduler::ScheduleGroup",
              "Properties": {"Tags": [{"Key": "k", "Value": "v"}]}},
    }
    out = stacks.run(resources, {"Rule": {"Ref": "Rule"}})

    def drift():
        found = stacks.client.detect_stack_drift(StackName="s")["StackDriftDetectionId"]
        until = time.monotonic() + 20
        while time.monotonic() < until:
            status = stacks.client.describe_stack_drift_detection_status(
                StackDriftDetectionId=found
            )
            if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            time.sleep(0.02)
        listed = stacks.client.describe_stack_resource_drifts(StackName="s")
        return {
            one["LogicalResourceId"]: one.get("PropertyDifferences")
            for one in listed["StackResourceDrifts"]
            if one["StackResourceDriftStatus"] not in ("IN_SYNC", "NOT_CHECKED")
        }

    assert drift() == {}
    events.put_rule(Name=out["Rule"], EventPattern='{"source":["other"]}', Description="d")
    assert list(drift()) == ["Rule"]
