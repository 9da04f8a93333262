"""What time does to parameters, who may use them, sharing, and stacks."""

import datetime
import json

import pytest
from harness import aws_error, covers, until


@pytest.fixture
def ssm(client):
    return client("ssm")


def policies(*items):
    return json.dumps(list(items))


def expiration(days):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return {"Type": "Expiration", "Version": "1.0",
            "Attributes": {"Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z")}}


NOTICE = {"Type": "ExpirationNotification", "Version": "1.0",
          "Attributes": {"Before": "2", "Unit": "Days"}}
NO_CHANGE = {"Type": "NoChangeNotification", "Version": "1.0",
             "Attributes": {"After": "1", "Unit": "Days"}}


def statuses(ssm, name="/p"):
    got = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])
    return {p["PolicyType"]: p["PolicyStatus"] for p in got["Parameters"][0]["Policies"]}


def test_policies_are_carried_out(ssm, clock):
    ssm.put_parameter(Name="/p", Value="v", Type="String", Tier="Advanced",
                      Policies=policies(expiration(5), NOTICE, NO_CHANGE))
    assert set(statuses(ssm).values()) == {"Pending"}
    clock.advance("25h")
    until(lambda: statuses(ssm)["NoChangeNotification"] == "Finished")
    assert statuses(ssm)["ExpirationNotification"] == "Pending"
    clock.advance("48h")
    until(lambda: statuses(ssm)["ExpirationNotification"] == "Finished")
    # A change starts the time-table of NoChangeNotification anew.
    ssm.put_parameter(Name="/p", Value="w", Overwrite=True)
    assert statuses(ssm)["NoChangeNotification"] == "Pending"
    clock.advance("48h")
    until(lambda: ssm.describe_parameters()["Parameters"] == [])
    with aws_error("ParameterNotFound"):
        ssm.get_parameter(Name="/p")


def test_policies_are_removed(ssm, clock):
    ssm.put_parameter(Name="/p", Value="v", Type="String", Tier="Intelligent-Tiering",
                      Policies=policies(expiration(1)))
    shown = ssm.get_parameter_history(Name="/p")["Parameters"][0]["Policies"][0]
    assert json.loads(shown["PolicyText"])["Type"] == "Expiration"
    ssm.put_parameter(Name="/p", Value="v", Overwrite=True, Policies="[{}]")
    assert ssm.describe_parameters()["Parameters"][0]["Tier"] == "Advanced"
    clock.advance("48h")
    assert ssm.get_parameter(Name="/p")["Parameter"]["Version"] == 2


@covers("ssm", "PutParameter",
        error=["InvalidPolicyTypeException", "InvalidPolicyAttributeException",
               "IncompatiblePolicyException", "PoliciesLimitExceededException"])
@pytest.mark.parametrize("items, code", [
    ([{"Type": "Forget", "Version": "1.0"}], "InvalidPolicyTypeException"),
    ([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "soon"}}],
     "InvalidPolicyAttributeException"),
    ([{"Type": "NoChangeNotification", "Version": "1.0",
       "Attributes": {"After": "2", "Unit": "Weeks"}}], "InvalidPolicyAttributeException"),
    ([expiration(1), expiration(2)], "IncompatiblePolicyException"),
    ([NOTICE], "IncompatiblePolicyException"),
    ([NO_CHANGE] * 11, "PoliciesLimitExceededException"),
])
def test_policies_are_checked(ssm, items, code):
    with aws_error(code, 400):
        ssm.put_parameter(Name="/p", Value="v", Type="String", Tier="Advanced",
                          Policies=policies(*items))


def test_policies_need_the_advanced_tier(ssm):
    with aws_error("ValidationException", 400, match="advanced-parameter tier"):
        ssm.put_parameter(Name="/p", Value="v", Type="String", Policies=policies(NO_CHANGE))


# --- permissions ---


@pytest.fixture
def user(client):
    def make(*statements):
        iam = client("iam")
        iam.create_user(UserName="u")
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": list(statements)}))
        key = iam.create_access_key(UserName="u")["AccessKey"]
        return {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}

    return make


def test_permissions_are_by_name(client, ssm, user, account):
    for name in ("/a/x", "/b/x"):
        ssm.put_parameter(Name=name, Value="v", Type="String", Tags=[{"Key": "t", "Value": name}])
    arn = f"arn:aws:ssm:us-east-1:{account}:parameter"
    limited = client("ssm", credentials=user(
        {"Effect": "Allow", "Action": ["ssm:GetParameter*", "ssm:PutParameter"],
         "Resource": arn + "/a/*"},
        {"Effect": "Allow", "Action": "ssm:DeleteParameter*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:ResourceTag/t": "/b/x"}}},
        {"Effect": "Deny", "Action": "ssm:PutParameter", "Resource": "*",
         "Condition": {"StringEquals": {"ssm:Overwrite": "true"}}},
    ))
    assert limited.get_parameter(Name="/a/x")["Parameter"]["Value"] == "v"
    assert len(limited.get_parameters(Names=["/a/x"])["Parameters"]) == 1
    with aws_error("AccessDeniedException", 400,
                   match=r"not authorized to perform: ssm:GetParameter on resource: .*/b/x"):
        limited.get_parameter(Name="/b/x")
    with aws_error("AccessDeniedException", match="ssm:GetParameters"):
        limited.get_parameters(Names=["/a/x", "/b/x"])
    with aws_error("AccessDeniedException", match="ssm:GetParametersByPath"):
        limited.get_parameters_by_path(Path="/b")
    limited.put_parameter(Name="/a/y", Value="v", Type="String")
    with aws_error("AccessDeniedException", match="ssm:PutParameter"):
        limited.put_parameter(Name="/a/y", Value="v", Overwrite=True)
    with aws_error("AccessDeniedException", match="ssm:DeleteParameter"):
        limited.delete_parameter(Name="/a/x")
    limited.delete_parameters(Names=["/b/x"])
    with aws_error("AccessDeniedException", match="ssm:DescribeParameters"):
        limited.describe_parameters()


def test_decrypting_needs_the_key(client, ssm, user, account):
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    ssm.put_parameter(Name="/s", Value="v", Type="SecureString", KeyId=key)
    limited = client("ssm", credentials=user(
        {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}))
    assert limited.get_parameter(Name="/s")["Parameter"]["Value"] != "v"
    with aws_error("AccessDeniedException", 400, match="kms:Decrypt"):
        limited.get_parameter(Name="/s", WithDecryption=True)


# --- sharing ---


@covers("ssm", "PutResourcePolicy")
@covers("ssm", "GetResourcePolicies")
@covers("ssm", "DeleteResourcePolicy")
def test_a_parameter_is_shared(client, ssm, account):
    ssm.put_parameter(Name="/shared", Value="v", Type="String", Tier="Advanced")
    arn = f"arn:aws:ssm:us-east-1:{account}:parameter/shared"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "111122223333"},
        "Action": ["ssm:GetParameter", "ssm:GetParameters", "ssm:DescribeParameters"],
        "Resource": arn}]})
    other = client("ssm", account="111122223333")
    with aws_error("AccessDeniedException", 400):
        other.get_parameter(Name=arn)
    made = ssm.put_resource_policy(ResourceArn=arn, Policy=policy)
    assert other.get_parameter(Name=arn)["Parameter"]["Value"] == "v"
    listed = other.describe_parameters(Shared=True)["Parameters"]
    assert [p["ARN"] for p in listed if p["ARN"] == arn] == [arn]
    got = ssm.get_resource_policies(ResourceArn=arn)["Policies"]
    assert got == [{"PolicyId": made["PolicyId"], "PolicyHash": made["PolicyHash"],
                    "Policy": policy}]
    again = ssm.put_resource_policy(ResourceArn=arn, Policy=policy.replace("v", "v"),
                                    PolicyId=made["PolicyId"], PolicyHash=made["PolicyHash"])
    assert again["PolicyId"] == made["PolicyId"]
    ssm.delete_resource_policy(ResourceArn=arn, PolicyId=made["PolicyId"],
                               PolicyHash=again["PolicyHash"])
    assert ssm.get_resource_policies(ResourceArn=arn)["Policies"] == []
    with aws_error("AccessDeniedException"):
        other.get_parameter(Name=arn)


@covers("ssm", "PutResourcePolicy",
        error=["ResourceNotFoundException", "ResourcePolicyInvalidParameterException",
               "ResourcePolicyLimitExceededException", "ResourcePolicyConflictException",
               "ResourcePolicyNotFoundException", "MalformedResourcePolicyDocumentException"])
@covers("ssm", "GetResourcePolicies",
        error=["ResourceNotFoundException", "ResourcePolicyInvalidParameterException"])
@covers("ssm", "DeleteResourcePolicy",
        error=["ResourceNotFoundException", "ResourcePolicyInvalidParameterException",
               "ResourcePolicyConflictException", "ResourcePolicyNotFoundException"])
def test_sharing_refuses(ssm, account):
    arn = f"arn:aws:ssm:us-east-1:{account}:parameter"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "ssm:GetParameter", "Resource": "*"}]})
    calls = {
        ssm.put_resource_policy: {"Policy": policy},
        ssm.get_resource_policies: {},
        ssm.delete_resource_policy: {"PolicyId": "x", "PolicyHash": "y"},
    }
    for call, more in calls.items():
        with aws_error("ResourceNotFoundException", 400):
            call(ResourceArn=arn + "/none", **more)
        with aws_error("ResourcePolicyInvalidParameterException", 400):
            call(ResourceArn="arn:aws:sqs:us-east-1:111122223333:q", **more)
    ssm.put_parameter(Name="/standard", Value="v", Type="String")
    with aws_error("ResourcePolicyInvalidParameterException", match="advanced parameter tier"):
        ssm.put_resource_policy(ResourceArn=arn + "/standard", Policy=policy)
    ssm.put_parameter(Name="/adv", Value="v", Type="String", Tier="Advanced")
    with aws_error("MalformedResourcePolicyDocumentException", 400):
        ssm.put_resource_policy(ResourceArn=arn + "/adv", Policy="{}")
    made = ssm.put_resource_policy(ResourceArn=arn + "/adv", Policy=policy)
    with aws_error("ResourcePolicyLimitExceededException", 400):
        ssm.put_resource_policy(ResourceArn=arn + "/adv", Policy=policy)
    for call, more in ((ssm.put_resource_policy, {"Policy": policy}),
                       (ssm.delete_resource_policy, {})):
        with aws_error("ResourcePolicyConflictException", 400):
            call(ResourceArn=arn + "/adv", PolicyId=made["PolicyId"], PolicyHash="old", **more)
        with aws_error("ResourcePolicyNotFoundException", 400):
            call(ResourceArn=arn + "/adv", PolicyId="other", PolicyHash=made["PolicyHash"], **more)


# --- stacks ---


def deploy(cloudformation, template, is_new=True):
    call = cloudformation.create_stack if is_new else cloudformation.update_stack
    call(StackName="s", TemplateBody=json.dumps(template), Tags=[{"Key": "team", "Value": "x"}])
    cloudformation.get_waiter("stack_create_complete" if is_new else "stack_update_complete").wait(
        StackName="s", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def test_a_stack_has_parameters(client, ssm):
    cloudformation = client("cloudformation")
    properties = {"Type": "String", "Value": "1", "Name": "/stack/p", "Description": "d",
                  "Tags": {"a": "1"}, "Tier": "Standard", "AllowedPattern": "[0-9]+",
                  "DataType": "text"}
    template = {
        "Resources": {
            "P": {"Type": "AWS::SSM::Parameter", "Properties": properties},
            "Q": {"Type": "AWS::SSM::Parameter",
                  "Properties": {"Type": "StringList", "Value": "a,b"}},
        },
        "Outputs": {"Ref": {"Value": {"Ref": "P"}},
                    "Value": {"Value": {"Fn::GetAtt": ["P", "Value"]}},
                    "Type": {"Value": {"Fn::GetAtt": ["Q", "Type"]}},
                    "Made": {"Value": {"Ref": "Q"}}},
    }
    deploy(cloudformation, template)
    stack = cloudformation.describe_stacks(StackName="s")["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    assert outputs["Ref"] == "/stack/p"
    assert (outputs["Value"], outputs["Type"]) == ("1", "StringList")
    assert outputs["Made"].startswith("s-Q-") or outputs["Made"].startswith("Q-")
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/stack/p")["TagList"]
    tags = {t["Key"]: t["Value"] for t in tags}
    assert (tags["a"], tags["team"], tags["aws:cloudformation:stack-name"]) == ("1", "x", "s")
    properties.update(Value="2", Tags={"b": "2"})
    deploy(cloudformation, template, is_new=False)
    got = ssm.get_parameter(Name="/stack/p")["Parameter"]
    assert (got["Value"], got["Version"]) == ("2", 2)
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/stack/p")["TagList"]
    assert {"Key": "b", "Value": "2"} in tags
    assert "a" not in [t["Key"] for t in tags]
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="s", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    assert ssm.describe_parameters()["Parameters"] == []
