"""Metric filters, subscription filters, policies, destinations, query definitions, stacks."""

import json
import time
import uuid

import pytest
from harness import aws_error, covers

NO_GROUP = "The specified log group does not exist."
TRANSFORMATION = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}


@pytest.fixture
def logs(client):
    return client("logs")


@pytest.fixture
def group(logs):
    logs.create_log_group(logGroupName="g")
    return "g"


# --- metric filters ---


def put_filter(logs, name, group="g", pattern="ERROR", **more):
    logs.put_metric_filter(logGroupName=group, filterName=name, filterPattern=pattern,
                           metricTransformations=[{**TRANSFORMATION, **more}])


@covers("logs", "PutMetricFilter")
@covers("logs", "DescribeMetricFilters")
@covers("logs", "DeleteMetricFilter")
def test_metric_filters(logs, group):
    logs.create_log_group(logGroupName="h")
    put_filter(logs, "a", defaultValue=0.5, unit="Count")
    put_filter(logs, "ab", metricName="other", dimensions={"d": "$.x"})
    put_filter(logs, "a", group="h")
    found = logs.describe_metric_filters(logGroupName="g")["metricFilters"]
    created = found[0].pop("creationTime")
    assert created > 0
    # Recorded on AWS 2026-02-05.
    assert found[0] == {
        "filterName": "a", "logGroupName": "g", "filterPattern": "ERROR",
        "applyOnTransformedLogs": False,
        "metricTransformations": [{**TRANSFORMATION, "defaultValue": 0.5, "unit": "Count"}]}
    assert found[1]["metricTransformations"][0]["dimensions"] == {"d": "$.x"}
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 2
    pages = logs.get_paginator("describe_metric_filters").paginate(
        PaginationConfig={"PageSize": 1})
    everything = [f for page in pages for f in page["metricFilters"]]
    assert [(f["logGroupName"], f["filterName"]) for f in everything] == [
        ("g", "a"), ("g", "ab"), ("h", "a")]
    by_metric = logs.describe_metric_filters(metricName="other", metricNamespace="n")
    assert [f["filterName"] for f in by_metric["metricFilters"]] == ["ab"]
    by_prefix = logs.describe_metric_filters(logGroupName="g", filterNamePrefix="ab")
    assert [f["filterName"] for f in by_prefix["metricFilters"]] == ["ab"]
    put_filter(logs, "a", pattern="WARN")
    logs.delete_metric_filter(logGroupName="g", filterName="ab")
    found = logs.describe_metric_filters(logGroupName="g")["metricFilters"]
    assert [(f["filterName"], f["filterPattern"]) for f in found] == [("a", "WARN")]
    logs.delete_log_group(logGroupName="g")
    found = logs.describe_metric_filters()["metricFilters"]
    assert [f["logGroupName"] for f in found] == ["h"]


@covers("logs", "PutMetricFilter", error=["ResourceNotFoundException",
                                          "InvalidParameterException", "LimitExceededException"])
@covers("logs", "DescribeMetricFilters",
        error=["ResourceNotFoundException", "InvalidParameterException"])
@covers("logs", "DeleteMetricFilter", error="ResourceNotFoundException")
def test_metric_filters_refuse(logs, group):
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        put_filter(logs, "a", group="none")
    with aws_error("InvalidParameterException", 400, "Invalid filter pattern"):
        put_filter(logs, "a", pattern="{ $.a")
    with aws_error("InvalidParameterException", 400):
        put_filter(logs, "a", defaultValue=1.0, dimensions={"d": "$.x"})
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.describe_metric_filters(logGroupName="none")
    with aws_error("InvalidParameterException", 400):
        logs.describe_metric_filters(metricName="m")
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.delete_metric_filter(logGroupName="none", filterName="a")
    with aws_error("ResourceNotFoundException", 400, "The specified metric filter does not exist."):
        logs.delete_metric_filter(logGroupName="g", filterName="none")
    for i in range(100):
        put_filter(logs, f"f{i}")
    put_filter(logs, "f1")
    with aws_error("LimitExceededException", 400, "Resource limit exceeded."):
        put_filter(logs, "one-more")


@covers("logs", "TestMetricFilter")
@covers("logs", "TestMetricFilter", error="InvalidParameterException")
def test_patterns_are_tested(logs):
    """The example of the API reference."""
    first = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /a HTTP/1.0" 200 1534'
    second = '127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /b HTTP/1.0" 500 5324'
    got = logs.test_metric_filter(
        filterPattern="[ip, identity, user_id, timestamp, request, status_code = 5*, size]",
        logEventMessages=[first, second])["matches"]
    assert got == [{"eventNumber": 2, "eventMessage": second, "extractedValues": {
        "$ip": "127.0.0.1", "$identity": "-", "$user_id": "frank",
        "$timestamp": "10/Oct/2000:13:35:22 -0700", "$request": "GET /b HTTP/1.0",
        "$status_code": "500", "$size": "5324"}}]
    got = logs.test_metric_filter(filterPattern="{ $.a.b > 1 }",
                                  logEventMessages=['{"a":{"b":2}}', '{"a":{"b":1}}'])["matches"]
    assert got[0]["extractedValues"] == {"$.a.b": "2"} and len(got) == 1
    assert len(logs.test_metric_filter(filterPattern="", logEventMessages=["x"])["matches"]) == 1
    with aws_error("InvalidParameterException", 400, "Invalid filter pattern"):
        logs.test_metric_filter(filterPattern="[", logEventMessages=["x"])


# --- subscription filters ---


@covers("logs", "PutSubscriptionFilter", is_all=True,
        error=["InvalidParameterException", "AccessDeniedException"])
@pytest.mark.parametrize("arn, role, code, text", [
    ("arn:aws:lambda:us-east-1:ACCOUNT:function:f", None, "InvalidParameterException",
     "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to "
     "execute your function."),
    ("arn:aws:lambda:us-east-1:111122223333:function:f", None, "AccessDeniedException",
     "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to "
     "create cross account lambda triggers."),
    ("arn:aws:kinesis:us-east-1:ACCOUNT:stream/s", None, "InvalidParameterException",
     "destinationArn for vendor kinesis cannot be used without roleArn"),
    ("arn:aws:kinesis:us-east-1:ACCOUNT:stream/s", "r", "InvalidParameterException",
     "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream "
     "is in ACTIVE state."),
    ("arn:aws:firehose:us-east-1:ACCOUNT:deliverystream/s", "r", "InvalidParameterException",
     "Could not deliver test message to specified Firehose stream. Check if the given Firehose "
     "stream is in ACTIVE state."),
    ("arn:aws:sqs:us-east-1:ACCOUNT:q", None, "InvalidParameterException",
     "PutSubscriptionFilter operation cannot work with destinationArn for vendor sqs"),
])
def test_destinations_that_are_not_there_are_refused(logs, group, account, arn, role, code, text):
    more = {"roleArn": f"arn:aws:iam::{account}:role/r"} if role else {}
    with aws_error(code, 400, text):
        logs.put_subscription_filter(logGroupName="g", filterName="f", filterPattern="",
                                     destinationArn=arn.replace("ACCOUNT", account), **more)
    assert logs.describe_subscription_filters(logGroupName="g")["subscriptionFilters"] == []


@covers("logs", "DescribeSubscriptionFilters")
@covers("logs", "DescribeSubscriptionFilters", error="ResourceNotFoundException")
@covers("logs", "DeleteSubscriptionFilter", is_all=True, error="ResourceNotFoundException")
def test_there_are_no_subscriptions(logs, group):
    # Recorded on AWS 2026-02-06.
    assert logs.describe_subscription_filters(logGroupName="g")["subscriptionFilters"] == []
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.describe_subscription_filters(logGroupName="none")
    with aws_error("ResourceNotFoundException", 400, NO_GROUP):
        logs.delete_subscription_filter(logGroupName="none", filterName="f")
    with aws_error("ResourceNotFoundException", 400,
                   "The specified subscription filter does not exist."):
        logs.delete_subscription_filter(logGroupName="g", filterName="f")


# --- resource policies ---


def policy(service="events.amazonaws.com"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}]})


@covers("logs", "PutResourcePolicy")
@covers("logs", "DescribeResourcePolicies")
@covers("logs", "DeleteResourcePolicy")
def test_resource_policies(logs):
    made = logs.put_resource_policy(policyName="p", policyDocument=policy())["resourcePolicy"]
    assert (made["policyName"], made["policyDocument"]) == ("p", policy())
    logs.put_resource_policy(policyName="p", policyDocument=policy("es.amazonaws.com"))
    found = logs.describe_resource_policies()["resourcePolicies"]
    assert [(p["policyName"], p["policyDocument"]) for p in found] == [
        ("p", policy("es.amazonaws.com"))]
    logs.delete_resource_policy(policyName="p")
    assert logs.describe_resource_policies()["resourcePolicies"] == []


@covers("logs", "PutResourcePolicy", error=["InvalidParameterException", "LimitExceededException"])
@covers("logs", "DescribeResourcePolicies", error="InvalidParameterException")
@covers("logs", "DeleteResourcePolicy", error="ResourceNotFoundException")
def test_resource_policies_refuse(logs):
    with aws_error("InvalidParameterException", 400):
        logs.put_resource_policy(policyName="p", policyDocument="{}")
    with aws_error("InvalidParameterException", 400):
        logs.put_resource_policy(policyName="p")
    with aws_error("InvalidParameterException", 400):
        logs.describe_resource_policies(nextToken="!")
    with aws_error("ResourceNotFoundException", 400, "Policy with name [none] does not exist"):
        logs.delete_resource_policy(policyName="none")
    for i in range(10):
        logs.put_resource_policy(policyName=f"p{i}", policyDocument=policy())
    with aws_error("LimitExceededException", 400, "Resource limit exceeded."):
        logs.put_resource_policy(policyName="p10", policyDocument=policy())


# --- destinations and query definitions ---


@covers("logs", "PutDestination")
@covers("logs", "PutDestinationPolicy")
@covers("logs", "DescribeDestinations")
@covers("logs", "DeleteDestination")
@covers("logs", "PutDestinationPolicy", error=["ResourceNotFoundException",
                                               "InvalidParameterException"])
@covers("logs", "DescribeDestinations", error="InvalidParameterException")
@covers("logs", "DeleteDestination", error="ResourceNotFoundException")
def test_destinations(logs, account):
    arn = f"arn:aws:logs:us-east-1:{account}:destination:d"
    made = logs.put_destination(destinationName="d", targetArn="arn:aws:kinesis:x",
                                roleArn="arn:aws:iam::1:role/r")["destination"]
    assert (made["arn"], made["targetArn"]) == (arn, "arn:aws:kinesis:x")
    logs.put_destination_policy(destinationName="d", accessPolicy=policy())
    logs.put_destination(destinationName="d", targetArn="arn:aws:kinesis:y",
                         roleArn="arn:aws:iam::1:role/r")
    found = logs.describe_destinations(DestinationNamePrefix="d")["destinations"]
    assert [(d["targetArn"], d["accessPolicy"]) for d in found] == [("arn:aws:kinesis:y", policy())]
    with aws_error("InvalidParameterException", 400):
        logs.put_destination_policy(destinationName="d", accessPolicy="{}")
    with aws_error("ResourceNotFoundException", 400):
        logs.put_destination_policy(destinationName="none", accessPolicy=policy())
    with aws_error("InvalidParameterException", 400):
        logs.describe_destinations(nextToken="!")
    logs.delete_destination(destinationName="d")
    with aws_error("ResourceNotFoundException", 400):
        logs.delete_destination(destinationName="d")


@covers("logs", "PutQueryDefinition")
@covers("logs", "DescribeQueryDefinitions")
@covers("logs", "DeleteQueryDefinition")
@covers("logs", "PutQueryDefinition", error="ResourceNotFoundException")
@covers("logs", "DescribeQueryDefinitions", error="InvalidParameterException")
@covers("logs", "DeleteQueryDefinition", error="ResourceNotFoundException")
def test_query_definitions(logs):
    made = logs.put_query_definition(name="a/q", queryString="fields @message",
                                     logGroupNames=["g"])["queryDefinitionId"]
    logs.put_query_definition(name="b", queryString="fields @log")
    logs.put_query_definition(name="a/r", queryString="limit 1", queryDefinitionId=made)
    found = logs.describe_query_definitions(queryDefinitionNamePrefix="a/")["queryDefinitions"]
    assert [(d["queryDefinitionId"], d["name"], d["queryString"]) for d in found] == [
        (made, "a/r", "limit 1")]
    assert len(logs.describe_query_definitions()["queryDefinitions"]) == 2
    assert logs.delete_query_definition(queryDefinitionId=made)["success"] is True
    for call in (lambda: logs.delete_query_definition(queryDefinitionId=made),
                 lambda: logs.put_query_definition(name="x", queryString="y",
                                                   queryDefinitionId=str(uuid.uuid4()))):
        with aws_error("ResourceNotFoundException", 400):
            call()
    with aws_error("InvalidParameterException", 400):
        logs.describe_query_definitions(nextToken="!")


def test_what_is_not_there_says_so(logs, group):
    for call in (lambda: logs.describe_export_tasks(),
                 lambda: logs.describe_account_policies(policyType="DATA_PROTECTION_POLICY"),
                 lambda: logs.start_query(logGroupName="g", startTime=0, endTime=1,
                                          queryString="SELECT 1", queryLanguage="SQL")):
        with aws_error("NotImplemented", 501):
            call()


# --- stacks ---


def settle(cloudformation, wanted):
    for _ in range(300):
        status = cloudformation.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(0.02)
    assert status == wanted, cloudformation.describe_stack_events(StackName="s")["StackEvents"]


def test_a_stack_has_logs(client, logs, account):
    cloudformation = client("cloudformation")
    template = {
        "Resources": {
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {
                "LogGroupName": "/stack/g", "RetentionInDays": 7,
                "Tags": [{"Key": "a", "Value": "1"}]}},
            "Made": {"Type": "AWS::Logs::LogGroup"},
            "Stream": {"Type": "AWS::Logs::LogStream", "Properties": {
                "LogGroupName": {"Ref": "Group"}, "LogStreamName": "st"}},
            "Filter": {"Type": "AWS::Logs::MetricFilter", "Properties": {
                "LogGroupName": {"Ref": "Group"}, "FilterPattern": "ERROR",
                "MetricTransformations": [{
                    "MetricName": "m", "MetricNamespace": "n", "MetricValue": "1",
                    "DefaultValue": 0.5, "Unit": "Count"}]}},
            "Policy": {"Type": "AWS::Logs::ResourcePolicy", "Properties": {
                "PolicyName": "p", "PolicyDocument": policy()}},
            "Query": {"Type": "AWS::Logs::QueryDefinition", "Properties": {
                "Name": "q", "QueryString": "fields @message",
                "LogGroupNames": [{"Ref": "Group"}]}},
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Group", "Arn"]}},
                    "Stream": {"Value": {"Ref": "Stream"}},
                    "Query": {"Value": {"Fn::GetAtt": ["Query", "QueryDefinitionId"]}}},
    }
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    settle(cloudformation, "CREATE_COMPLETE")
    stack = cloudformation.describe_stacks(StackName="s")["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    assert outputs["Arn"] == f"arn:aws:logs:us-east-1:{account}:log-group:/stack/g:*"
    assert outputs["Stream"] == "st"
    group = logs.describe_log_groups(logGroupNamePrefix="/stack/")["logGroups"][0]
    assert (group["retentionInDays"], group["metricFilterCount"]) == (7, 1)
    made = logs.describe_metric_filters(logGroupName="/stack/g")["metricFilters"][0]
    assert made["metricTransformations"][0]["defaultValue"] == 0.5
    definition = logs.describe_query_definitions()["queryDefinitions"][0]
    assert definition["queryDefinitionId"] == outputs["Query"]
    properties = template["Resources"]["Group"]["Properties"]
    del properties["RetentionInDays"]
    properties["Tags"] = [{"Key": "b", "Value": "2"}]
    template["Resources"]["Filter"]["Properties"]["FilterPattern"] = "WARN"
    cloudformation.update_stack(StackName="s", TemplateBody=json.dumps(template))
    settle(cloudformation, "UPDATE_COMPLETE")
    group = logs.describe_log_groups(logGroupNamePrefix="/stack/")["logGroups"][0]
    assert "retentionInDays" not in group
    tags = logs.list_tags_log_group(logGroupName="/stack/g")["tags"]
    assert tags["b"] == "2" and "a" not in tags
    made = logs.describe_metric_filters(logGroupName="/stack/g")["metricFilters"]
    assert [f["filterPattern"] for f in made] == ["WARN"]
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="s", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    assert logs.describe_log_groups()["logGroups"] == []
    assert logs.describe_resource_policies()["resourcePolicies"] == []
    assert logs.describe_query_definitions()["queryDefinitions"] == []


def test_a_subscription_without_destination_fails_the_stack(client, logs, group, account):
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"F": {
        "Type": "AWS::Logs::SubscriptionFilter", "Properties": {
            "LogGroupName": "g", "FilterPattern": "",
            "DestinationArn": f"arn:aws:lambda:us-east-1:{account}:function:f"}}}}))
    settle(cloudformation, "ROLLBACK_COMPLETE")
    reasons = [e.get("ResourceStatusReason", "")
               for e in cloudformation.describe_stack_events(StackName="s")["StackEvents"]]
    assert any("Could not execute the lambda function" in text for text in reasons)
