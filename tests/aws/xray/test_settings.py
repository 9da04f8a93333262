"""Groups, sampling rules, encryption, resource policies, tags, stacks."""

import json
import re
import time

import pytest
from harness import aws_error, covers

RULE = {"RuleName": "r", "ResourceARN": "*", "Priority": 5, "FixedRate": 0.5, "ReservoirSize": 3,
        "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "GET", "URLPath": "/x",
        "Version": 1, "Attributes": {"a": "b"}}
CLIENT = "0123456789abcdef01234567"


@covers("xray", "CreateGroup")
@covers("xray", "GetGroup")
@covers("xray", "GetGroups")
@covers("xray", "UpdateGroup")
@covers("xray", "DeleteGroup")
def test_groups(xray, account):
    assert xray.get_groups()["Groups"] == [
        {"GroupName": "Default", "GroupARN": f"arn:aws:xray:us-east-1:{account}:group/Default",
         "InsightsConfiguration": {"InsightsEnabled": False, "NotificationsEnabled": False}}]
    made = xray.create_group(GroupName="g", FilterExpression="fault",
                             InsightsConfiguration={"InsightsEnabled": True})["Group"]
    assert re.fullmatch(f"arn:aws:xray:us-east-1:{account}:group/g/[A-Z2-7]{{52}}",
                        made["GroupARN"])
    assert made["FilterExpression"] == "fault"
    assert xray.get_group(GroupName="g")["Group"] == made
    assert xray.get_group(GroupARN=made["GroupARN"])["Group"] == made
    changed = xray.update_group(GroupName="g", FilterExpression="error")["Group"]
    assert changed == {**made, "FilterExpression": "error"}
    assert [group["GroupName"] for group in xray.get_groups()["Groups"]] == ["Default", "g"]
    xray.delete_group(GroupARN=made["GroupARN"])
    assert len(xray.get_groups()["Groups"]) == 1


@covers("xray", "CreateGroup", error="InvalidRequestException")
@covers("xray", "GetGroup", error="InvalidRequestException")
@covers("xray", "UpdateGroup", error="InvalidRequestException")
@covers("xray", "DeleteGroup", error="InvalidRequestException")
def test_groups_that_cannot_be(xray):
    xray.create_group(GroupName="g")
    with aws_error("InvalidRequestException", match="already exists"):
        xray.create_group(GroupName="g")
    with aws_error("InvalidRequestException", match="Invalid filter expression"):
        xray.create_group(GroupName="h", FilterExpression="(")
    with aws_error("InvalidRequestException", match="GroupName or GroupARN"):
        xray.get_group()
    with aws_error("InvalidRequestException", match="Group not found"):
        xray.update_group(GroupName="none")
    with aws_error("InvalidRequestException", match="Default"):
        xray.delete_group(GroupName="Default")


@covers("xray", "CreateSamplingRule")
@covers("xray", "GetSamplingRules")
@covers("xray", "UpdateSamplingRule")
@covers("xray", "DeleteSamplingRule")
def test_sampling_rules(xray, account):
    (default,) = xray.get_sampling_rules()["SamplingRuleRecords"]
    assert default["SamplingRule"]["RuleName"] == "Default"
    assert default["SamplingRule"]["FixedRate"] == 0.05
    made = xray.create_sampling_rule(SamplingRule=RULE)["SamplingRuleRecord"]["SamplingRule"]
    arn = f"arn:aws:xray:us-east-1:{account}:sampling-rule/r"
    assert made == {**RULE, "RuleARN": arn}
    changed = xray.update_sampling_rule(SamplingRuleUpdate={
        "RuleName": "r", "FixedRate": 0.25, "Host": "h"})["SamplingRuleRecord"]["SamplingRule"]
    assert changed == {**made, "FixedRate": 0.25, "Host": "h"}
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "FixedRate": 1.0})
    rules = [r["SamplingRule"] for r in xray.get_sampling_rules()["SamplingRuleRecords"]]
    assert [(rule["RuleName"], rule["FixedRate"]) for rule in rules] == [
        ("r", 0.25), ("Default", 1.0)]
    gone = xray.delete_sampling_rule(RuleARN=arn)["SamplingRuleRecord"]
    assert gone["SamplingRule"] == changed
    assert len(xray.get_sampling_rules()["SamplingRuleRecords"]) == 1


@covers("xray", "CreateSamplingRule", error="InvalidRequestException")
@covers("xray", "CreateSamplingRule", error="RuleLimitExceededException")
@covers("xray", "UpdateSamplingRule", error="InvalidRequestException")
@covers("xray", "DeleteSamplingRule", error="InvalidRequestException")
def test_sampling_rules_that_cannot_be(xray):
    xray.create_sampling_rule(SamplingRule=RULE)
    with aws_error("InvalidRequestException", match="already exists"):
        xray.create_sampling_rule(SamplingRule=RULE)
    with aws_error("InvalidRequestException", match="Version"):
        xray.create_sampling_rule(SamplingRule={**RULE, "RuleName": "s", "Version": 2})
    with aws_error("InvalidRequestException", match="priority|Priority"):
        xray.create_sampling_rule(SamplingRule={**RULE, "RuleName": "s", "Priority": 10000})
    with aws_error("InvalidRequestException", match="Default"):
        xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "Host": "h"})
    with aws_error("InvalidRequestException", match="not found"):
        xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "none"})
    with aws_error("InvalidRequestException", match="Default"):
        xray.delete_sampling_rule(RuleName="Default")
    with aws_error("InvalidRequestException", match="not found"):
        xray.delete_sampling_rule(RuleName="none")
    for i in range(24):
        xray.create_sampling_rule(SamplingRule={**RULE, "RuleName": f"r{i}"})
    with aws_error("RuleLimitExceededException", http_status=400):
        xray.create_sampling_rule(SamplingRule={**RULE, "RuleName": "last"})


@covers("xray", "GetSamplingTargets")
@covers("xray", "GetSamplingTargets", error="InvalidRequestException")
@covers("xray", "GetSamplingStatisticSummaries")
def test_clients_are_told_what_to_sample(xray):
    xray.create_sampling_rule(SamplingRule=RULE)
    now = time.time()
    document = {"RuleName": "r", "ClientID": CLIENT, "Timestamp": now, "RequestCount": 10,
                "SampledCount": 4, "BorrowCount": 1}
    answer = xray.get_sampling_targets(SamplingStatisticsDocuments=[
        document, {**document, "RuleName": "none"}])
    (target,) = answer["SamplingTargetDocuments"]
    assert (target["RuleName"], target["FixedRate"], target["ReservoirQuota"],
            target["Interval"]) == ("r", 0.5, 3, 10)
    assert target["ReservoirQuotaTTL"].timestamp() > now
    assert answer["UnprocessedStatistics"] == [
        {"RuleName": "none", "ErrorCode": "400", "Message": "Unknown rule"}]
    xray.get_sampling_targets(SamplingStatisticsDocuments=[document])
    found = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    assert [(s["RuleName"], s["RequestCount"], s["SampledCount"], s["BorrowCount"])
            for s in found] == [("r", 20, 8, 2)]
    with aws_error("InvalidRequestException"):
        xray.get_sampling_targets(SamplingStatisticsDocuments=[document] * 26)


@covers("xray", "GetEncryptionConfig")
@covers("xray", "PutEncryptionConfig")
@covers("xray", "PutEncryptionConfig", error="InvalidRequestException")
def test_encryption(xray, client):
    key = client("kms").create_key()["KeyMetadata"]
    assert xray.get_encryption_config()["EncryptionConfig"] == {"Status": "ACTIVE", "Type": "NONE"}
    changed = xray.put_encryption_config(Type="KMS", KeyId=key["KeyId"])["EncryptionConfig"]
    assert changed == {"Status": "UPDATING", "Type": "KMS", "KeyId": key["Arn"]}
    assert xray.get_encryption_config()["EncryptionConfig"] == {**changed, "Status": "ACTIVE"}
    xray.put_encryption_config(Type="NONE")
    assert xray.get_encryption_config()["EncryptionConfig"]["Type"] == "NONE"
    for given in ({"Type": "KMS"}, {"Type": "NONE", "KeyId": "x"}, {"Type": "KMS", "KeyId": "x"}):
        with aws_error("InvalidRequestException"):
            xray.put_encryption_config(**given)


POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
    "Action": "xray:PutTraceSegments", "Resource": "*"}]})


@covers("xray", "PutResourcePolicy")
@covers("xray", "ListResourcePolicies")
@covers("xray", "DeleteResourcePolicy")
def test_resource_policies(xray):
    made = xray.put_resource_policy(PolicyName="p", PolicyDocument=POLICY)["ResourcePolicy"]
    assert (made["PolicyName"], made["PolicyDocument"], made["PolicyRevisionId"]) == (
        "p", POLICY, "1")
    again = xray.put_resource_policy(PolicyName="p", PolicyDocument=POLICY, PolicyRevisionId="1")
    assert again["ResourcePolicy"]["PolicyRevisionId"] == "2"
    assert xray.list_resource_policies()["ResourcePolicies"] == [again["ResourcePolicy"]]
    xray.delete_resource_policy(PolicyName="p", PolicyRevisionId="2")
    assert xray.list_resource_policies()["ResourcePolicies"] == []


@covers("xray", "PutResourcePolicy", error="MalformedPolicyDocumentException")
@covers("xray", "PutResourcePolicy", error="InvalidPolicyRevisionIdException")
@covers("xray", "PutResourcePolicy", error="PolicyCountLimitExceededException")
@covers("xray", "PutResourcePolicy", error="PolicySizeLimitExceededException")
@covers("xray", "PutResourcePolicy", error="LockoutPreventionException")
@covers("xray", "DeleteResourcePolicy", error="InvalidRequestException")
@covers("xray", "DeleteResourcePolicy", error="InvalidPolicyRevisionIdException")
def test_resource_policies_that_cannot_be(xray):
    with aws_error("MalformedPolicyDocumentException"):
        xray.put_resource_policy(PolicyName="p", PolicyDocument="{")
    with aws_error("PolicySizeLimitExceededException"):
        xray.put_resource_policy(PolicyName="p", PolicyDocument=POLICY + " " * 6000)
    denial = POLICY.replace("Allow", "Deny").replace('{"Service": "sns.amazonaws.com"}', '"*"')
    denial = denial.replace("xray:PutTraceSegments", "xray:*")
    with aws_error("LockoutPreventionException"):
        xray.put_resource_policy(PolicyName="p", PolicyDocument=denial)
    xray.put_resource_policy(PolicyName="p", PolicyDocument=denial, BypassPolicyLockoutCheck=True)
    with aws_error("InvalidPolicyRevisionIdException"):
        xray.put_resource_policy(PolicyName="p", PolicyDocument=POLICY, PolicyRevisionId="7")
    with aws_error("InvalidPolicyRevisionIdException"):
        xray.delete_resource_policy(PolicyName="p", PolicyRevisionId="7")
    with aws_error("InvalidRequestException"):
        xray.delete_resource_policy(PolicyName="none")
    for i in range(4):
        xray.put_resource_policy(PolicyName=f"p{i}", PolicyDocument=POLICY)
    with aws_error("PolicyCountLimitExceededException"):
        xray.put_resource_policy(PolicyName="last", PolicyDocument=POLICY)


@covers("xray", "TagResource")
@covers("xray", "UntagResource")
@covers("xray", "ListTagsForResource")
@covers("xray", "TagResource", error="ResourceNotFoundException")
@covers("xray", "TagResource", error="TooManyTagsException")
@covers("xray", "UntagResource", error="ResourceNotFoundException")
@covers("xray", "ListTagsForResource", error="ResourceNotFoundException")
def test_tags(xray):
    arn = xray.create_group(GroupName="g", Tags=[{"Key": "a", "Value": "1"}])["Group"]["GroupARN"]
    xray.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    xray.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    with aws_error("TooManyTagsException"):
        xray.tag_resource(ResourceARN=arn, Tags=[{"Key": f"k{i}", "Value": ""} for i in range(51)])
    for call, more in ((xray.tag_resource, {"Tags": []}), (xray.untag_resource, {"TagKeys": []}),
                       (xray.list_tags_for_resource, {})):
        with aws_error("ResourceNotFoundException", http_status=404):
            call(ResourceARN=arn + "x", **more)


def test_permissions(client, xray):
    iam = client("iam")
    iam.create_user(UserName="u")
    keys = iam.create_access_key(UserName="u")["AccessKey"]
    user = client("xray", credentials={"AccessKeyId": keys["AccessKeyId"],
                                       "SecretAccessKey": keys["SecretAccessKey"]})
    with aws_error("AccessDeniedException", match="xray:GetGroups"):
        user.get_groups()
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "xray:*Group*",
            "Resource": ["arn:aws:xray:*:*:group/g/*"]}]}))
    xray.create_group(GroupName="g")
    xray.create_group(GroupName="h")
    assert user.get_group(GroupName="g")["Group"]["GroupName"] == "g"
    with aws_error("AccessDeniedException"):
        user.get_group(GroupName="h")


def resources(rate, expression):
    return {
        "Group": {"Type": "AWS::XRay::Group", "Properties": {
            "GroupName": "g", "FilterExpression": expression,
            "InsightsConfiguration": {"InsightsEnabled": True, "NotificationsEnabled": False},
            "Tags": [{"Key": "k", "Value": expression}]}},
        "Rule": {"Type": "AWS::XRay::SamplingRule", "Properties": {
            "SamplingRule": {"RuleName": "r", "FixedRate": rate, "HTTPMethod": "*", "Host": "*",
                             "Priority": 1, "ReservoirSize": 2, "ResourceARN": "*",
                             "ServiceName": "*", "ServiceType": "*", "URLPath": "*", "Version": 1,
                             "Attributes": {"a": "b"}}}},
        "Policy": {"Type": "AWS::XRay::ResourcePolicy", "Properties": {
            "PolicyName": "p", "PolicyDocument": json.loads(POLICY)}},
    }


@pytest.fixture
def cfn(client):
    return client("cloudformation")


def drift_of(cfn, name):
    started = cfn.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    for _ in range(100):
        found = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=started)
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
    return {drift["LogicalResourceId"]: drift["StackResourceDriftStatus"]
            for drift in cfn.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]}


def test_a_stack(cfn, xray, unique):
    name = unique("stack")

    def deploy(call, waiter, **given):
        call(StackName=name, TemplateBody=json.dumps({
            "Resources": resources(**given),
            "Outputs": {"Group": {"Value": {"Fn::GetAtt": ["Group", "GroupARN"]}},
                        "Rule": {"Value": {"Fn::GetAtt": ["Rule", "RuleARN"]}}}}))
        cfn.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    deploy(cfn.create_stack, "stack_create_complete", rate=0.5, expression="fault")
    group = xray.get_group(GroupName="g")["Group"]
    rule = xray.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"]
    assert group["FilterExpression"] == "fault"
    assert (rule["RuleName"], rule["FixedRate"], rule["Attributes"]) == ("r", 0.5, {"a": "b"})
    outputs = {o["OutputKey"]: o["OutputValue"]
               for o in cfn.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]}
    assert outputs == {"Group": group["GroupARN"], "Rule": rule["RuleARN"]}
    assert set(drift_of(cfn, name).values()) == {"IN_SYNC"}
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "r", "FixedRate": 0.75})
    assert drift_of(cfn, name)["Rule"] == "MODIFIED"
    deploy(cfn.update_stack, "stack_update_complete", rate=0.25, expression="error")
    assert xray.get_group(GroupName="g")["Group"] == {**group, "FilterExpression": "error"}
    assert xray.list_tags_for_resource(ResourceARN=group["GroupARN"])["Tags"][0]["Value"] == "error"
    assert xray.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"]["FixedRate"] == 0.25
    assert len(xray.list_resource_policies()["ResourcePolicies"]) == 1
    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert len(xray.get_groups()["Groups"]) == 1
    assert len(xray.get_sampling_rules()["SamplingRuleRecords"]) == 1
    assert xray.list_resource_policies()["ResourcePolicies"] == []
