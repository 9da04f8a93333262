"""Events: of operations, published to topics, with client tokens; secrets in them."""

import json

import pytest

from harness import aws_error, covers


@pytest.fixture
def topic(client):
    """A topic with a queue behind it, and what came to it so far."""
    sns, sqs = client("sns"), client("sqs")
    arn = sns.create_topic(Name="events")["TopicArn"]
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue["QueueArn"])

    class Topic:
        def messages(self):
            found = []
            while True:
                answer = sqs.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
                ).get("Messages")
                if not answer:
                    return found
                for message in answer:
                    found.append(json.loads(message["Body"]))
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    Topic.arn = arn
    return Topic()


def test_events_are_published(stacks, make, topic):
    stack = stacks.create(
        "s", {"Q": make.queue(DelaySeconds=1)}, request={"NotificationARNs": [topic.arn]}
    )
    assert stack["NotificationARNs"] == [topic.arn]
    messages = topic.messages()
    assert {m["Subject"] for m in messages} == {"AWS CloudFormation Notification"}
    lines = [
        dict(line.split("=", 1) for line in m["Message"].splitlines()) for m in messages
    ]
    told = {(m["LogicalResourceId"], m["ResourceStatus"]) for m in lines}
    assert told == {
        ("'s'", "'CREATE_IN_PROGRESS'"), ("'Q'", "'CREATE_IN_PROGRESS'"),
        ("'Q'", "'CREATE_COMPLETE'"), ("'s'", "'CREATE_COMPLETE'"),
    }
    # AWS: "Understand CloudFormation notifications": the members of a message.
    assert list(lines[0]) == [
        "StackId", "Timestamp", "EventId", "LogicalResourceId", "Namespace",
        "PhysicalResourceId", "ResourceProperties", "ResourceStatus", "ResourceStatusReason",
        "ResourceType", "StackName", "ClientRequestToken",
    ]
    assert lines[0]["StackId"] == f"'{stack['StackId']}'"


@covers("cloudformation", "DescribeEvents")
@covers("cloudformation", "DescribeEvents", error="ValidationError")
def test_events_by_operation(cfn, stacks, make):
    made = cfn.create_stack(StackName="s", TemplateBody=make.template({"Q": make.queue()}))
    stacks.settle("s")
    updated = cfn.update_stack(
        StackName="s", TemplateBody=make.template({"Q": make.queue(DelaySeconds=99999)})
    )
    stacks.settle("s")
    assert made["OperationId"] != updated["OperationId"]
    first = cfn.describe_events(StackName="s", OperationId=made["OperationId"])
    assert {e["OperationType"] for e in first["OperationEvents"]} == {"CREATE_STACK"}
    assert [e["ResourceStatus"] for e in first["OperationEvents"]] == [
        "CREATE_COMPLETE", "CREATE_COMPLETE", "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS",
        "CREATE_IN_PROGRESS",
    ]
    failed = cfn.describe_events(StackName="s", Filters={"FailedEvents": True})
    assert [
        (e["LogicalResourceId"], e["EventType"]) for e in failed["OperationEvents"]
    ] == [("Q", "PROVISIONING_ERROR")]
    with aws_error("ValidationError", message="Stack [none] does not exist"):
        cfn.describe_events(StackName="none")
    with aws_error("ValidationError"):
        cfn.describe_events(OperationId=made["OperationId"])


@covers("cloudformation", "UpdateStack", error="TokenAlreadyExistsException")
@covers("cloudformation", "DeleteStack", error="TokenAlreadyExistsException")
@covers("cloudformation", "CancelUpdateStack", error="TokenAlreadyExistsException")
@covers("cloudformation", "ContinueUpdateRollback", error="TokenAlreadyExistsException")
@covers("cloudformation", "RollbackStack", error="TokenAlreadyExistsException")
@covers("cloudformation", "ExecuteChangeSet", error="TokenAlreadyExistsException")
def test_client_tokens(cfn, stacks, make):
    body = make.template({"Q": make.queue()})
    stack_id = cfn.create_stack(StackName="s", TemplateBody=body, ClientRequestToken="t")[
        "StackId"
    ]
    stacks.settle("s")
    again = cfn.create_stack(StackName="s", TemplateBody=body, ClientRequestToken="t")
    assert again["StackId"] == stack_id
    other = make.template({"Q": make.queue(DelaySeconds=1)})
    change = cfn.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=other)["Id"]
    for call in (
        lambda: cfn.update_stack(StackName="s", TemplateBody=other, ClientRequestToken="t"),
        lambda: cfn.delete_stack(StackName="s", ClientRequestToken="t"),
        lambda: cfn.cancel_update_stack(StackName="s", ClientRequestToken="t"),
        lambda: cfn.continue_update_rollback(StackName="s", ClientRequestToken="t"),
        lambda: cfn.rollback_stack(StackName="s", ClientRequestToken="t"),
        lambda: cfn.execute_change_set(ChangeSetName=change, ClientRequestToken="t"),
    ):
        with aws_error("TokenAlreadyExistsException", http_status=400):
            call()
    cfn.update_stack(StackName="s", TemplateBody=other, ClientRequestToken="u")
    stacks.settle("s")
    cfn.update_stack(StackName="s", TemplateBody=other, ClientRequestToken="u")
    assert stacks.describe("s")["StackStatus"] == "UPDATE_COMPLETE"
    events = cfn.describe_stack_events(StackName="s")["StackEvents"]
    assert {e["ClientRequestToken"] for e in events} == {"t", "u"}


def test_no_echo_is_masked(cfn, stacks, make):
    stacks.create(
        "s",
        {"Q": make.queue(QueueName={"Fn::Sub": "q-${Secret}"})},
        Parameters={"Secret": {"Type": "String", "NoEcho": True}},
        request={"Parameters": [{"ParameterKey": "Secret", "ParameterValue": "hush7"}]},
    )
    events = cfn.describe_stack_events(StackName="s")["StackEvents"]
    shown = [e["ResourceProperties"] for e in events if "ResourceProperties" in e]
    assert set(shown) == {'{"QueueName":"q-****"}'}
    assert stacks.describe("s")["Parameters"][0]["ParameterValue"] == "****"


def test_events_go_to_the_bus(client, stacks, make):
    events, sqs = client("events"), client("sqs")
    url = sqs.create_queue(QueueName="bus")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
         "Action": "sqs:SendMessage", "Resource": "*"}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name="cfn", EventPattern=json.dumps({"source": ["aws.cloudformation"]}))
    events.put_targets(Rule="cfn", Targets=[{"Id": "q", "Arn": attributes["QueueArn"]}])
    stack = stacks.create("s", {"Q": make.queue()})
    found = []
    while True:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        if "Messages" not in answer:
            break
        for message in answer["Messages"]:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    # AWS: "CloudFormation events detail reference".
    done = [e for e in found if e["detail"]["status-details"]["status"] == "CREATE_COMPLETE"]
    by_type = {e["detail-type"]: e for e in done}
    own = by_type["CloudFormation Stack Status Change"]
    assert own["resources"] == [stack["StackId"]]
    assert own["detail"] == {
        "stack-id": stack["StackId"],
        "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""},
        "client-request-token": "",
    }
    resource = by_type["CloudFormation Resource Status Change"]["detail"]
    assert resource["logical-resource-id"] == "Q"
    assert resource["resource-type"] == "AWS::SQS::Queue"


@covers("cloudformation", "CreateStack", error="NotImplemented")
def test_rollback_triggers_are_refused(cfn, make):
    alarm = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:x"
    with aws_error("NotImplemented", http_status=501):
        cfn.create_stack(
            StackName="s", TemplateBody=make.template(),
            RollbackConfiguration={"RollbackTriggers": [
                {"Arn": alarm, "Type": "AWS::CloudWatch::Alarm"}]},
        )
