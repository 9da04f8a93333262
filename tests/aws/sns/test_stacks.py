"""AWS::SNS::* in templates."""

import json

import pytest


@pytest.fixture
def cfn(client):
    return client("cloudformation")


@pytest.fixture
def deploy(cfn, unique):
    def run(resources, name=None, outputs=None):
        given = {"StackName": name or unique("stack"),
                 "TemplateBody": json.dumps({"Resources": resources, "Outputs": outputs or {}})}
        if name:
            cfn.update_stack(**given)
            cfn.get_waiter("stack_update_complete").wait(
                StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        else:
            cfn.create_stack(**given)
            cfn.get_waiter("stack_create_complete").wait(
                StackName=given["StackName"], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        stack = cfn.describe_stacks(StackName=given["StackName"])["Stacks"][0]
        return given["StackName"], {o["OutputKey"]: o["OutputValue"]
                                    for o in stack.get("Outputs", [])}

    return run


POLICY = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish",
    "Resource": "*"}]}


def resources(display_name="one", raw=True, with_phone=True):
    phone = [{"Protocol": "sms", "Endpoint": "+15550100"}] if with_phone else []
    return {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {
            "DisplayName": display_name, "SignatureVersion": "2", "TracingConfig": "Active",
            "KmsMasterKeyId": "alias/aws/sns", "Tags": [{"Key": "k", "Value": display_name}],
            "Subscription": phone,
            "DeliveryStatusLogging": [{"Protocol": "http/s", "SuccessFeedbackSampleRate": "7"}]}},
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Dead": {"Type": "AWS::SQS::Queue"},
        "QueuePolicy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {
            "Queues": [{"Ref": "Queue"}], "PolicyDocument": {
                "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
                    "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}}}]}}},
        "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": {
            "TopicArn": {"Ref": "Topic"}, "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]}, "RawMessageDelivery": raw,
            "FilterPolicyScope": "MessageBody", "FilterPolicy": {"a": {"b": ["c"]}},
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}}}},
        "TopicPolicy": {"Type": "AWS::SNS::TopicPolicy", "Properties": {
            "Topics": [{"Ref": "Topic"}], "PolicyDocument": POLICY}},
        "Fifo": {"Type": "AWS::SNS::Topic", "Properties": {
            "FifoTopic": True, "ContentBasedDeduplication": True,
            "FifoThroughputScope": "MessageGroup"}},
        "Inline": {"Type": "AWS::SNS::TopicInlinePolicy", "Properties": {
            "TopicArn": {"Ref": "Fifo"}, "PolicyDocument": POLICY}},
    }


OUTPUTS = {
    "Topic": {"Value": {"Ref": "Topic"}}, "Name": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}},
    "Arn": {"Value": {"Fn::GetAtt": ["Topic", "TopicArn"]}}, "Fifo": {"Value": {"Ref": "Fifo"}},
    "Subscription": {"Value": {"Ref": "Subscription"}}, "Queue": {"Value": {"Ref": "Queue"}},
}


def test_a_stack_of_topics(cfn, sns, sqs, deploy, account):
    name, out = deploy(resources(), outputs=OUTPUTS)
    assert out["Topic"] == out["Arn"] == f"arn:aws:sns:us-east-1:{account}:{out['Name']}"
    assert out["Name"].startswith(f"{name}-Topic-")
    found = sns.get_topic_attributes(TopicArn=out["Topic"])["Attributes"]
    assert found["DisplayName"] == "one"
    assert found["HTTPSuccessFeedbackSampleRate"] == "7"
    assert json.loads(found["Policy"]) == POLICY
    fifo = sns.get_topic_attributes(TopicArn=out["Fifo"])["Attributes"]
    assert (fifo["FifoTopic"], fifo["ContentBasedDeduplication"]) == ("true", "true")
    assert json.loads(fifo["Policy"]) == POLICY
    sns.publish(TopicArn=out["Topic"], Message='{"a":{"b":"c"}}')
    sns.publish(TopicArn=out["Topic"], Message='{"a":{"b":"d"}}')
    got = sqs.receive_message(QueueUrl=out["Queue"], MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in got] == ['{"a":{"b":"c"}}']

    name, out = deploy(resources("two", raw=False, with_phone=False), name=name, outputs=OUTPUTS)
    found = sns.get_topic_attributes(TopicArn=out["Topic"])["Attributes"]
    assert found["DisplayName"] == "two"
    assert sns.list_tags_for_resource(ResourceArn=out["Topic"])["Tags"][0]["Value"] == "two"
    subscription = sns.get_subscription_attributes(SubscriptionArn=out["Subscription"])
    assert subscription["Attributes"]["RawMessageDelivery"] == "false"
    listed = sns.list_subscriptions_by_topic(TopicArn=out["Topic"])["Subscriptions"]
    assert [item["Protocol"] for item in listed] == ["sqs"]

    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert sns.list_topics()["Topics"] == []
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_a_policy_that_goes_leaves_the_default(sns, deploy, new_topic):
    topic = new_topic()
    policy = {"P": {"Type": "AWS::SNS::TopicPolicy",
                    "Properties": {"Topics": [topic], "PolicyDocument": POLICY}},
              "Q": {"Type": "AWS::SQS::Queue"}}
    name, _ = deploy(policy)
    del policy["P"]
    deploy(policy, name=name)
    found = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert json.loads(found["Policy"])["Id"] == "__default_policy_ID"


def drift_of(cfn, name):
    started = cfn.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    for _ in range(100):
        found = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=started)
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
    return {drift["LogicalResourceId"]: drift["StackResourceDriftStatus"]
            for drift in cfn.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]}


def test_what_was_deployed_has_not_drifted(cfn, sns, deploy):
    name, out = deploy(resources(), outputs=OUTPUTS)
    assert set(drift_of(cfn, name).values()) == {"IN_SYNC"}
    sns.set_topic_attributes(TopicArn=out["Topic"], AttributeName="DisplayName",
                             AttributeValue="by hand")
    sns.set_subscription_attributes(SubscriptionArn=out["Subscription"],
                                    AttributeName="RawMessageDelivery", AttributeValue="false")
    drifted = {key for key, status in drift_of(cfn, name).items() if status == "MODIFIED"}
    assert drifted == {"Topic", "Subscription"}
