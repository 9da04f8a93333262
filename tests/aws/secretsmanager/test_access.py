"""Who may read secrets: policies, other accounts, keys; replicas; rotation; stacks."""

import json
import time

import pytest
from harness import aws_error, covers

MISSING = "Secrets Manager can't find the specified secret."
OTHER = "111122223333"


@pytest.fixture
def secrets(client):
    return client("secretsmanager")


@pytest.fixture
def secret(secrets):
    return secrets.create_secret(Name="app/db", SecretString="one")


def policy_for(principal, resource="*"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": principal, "Action": "secretsmanager:GetSecretValue",
        "Resource": resource}]})


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


# --- permissions ---


def test_permissions_are_by_arn_and_tag(client, secrets, secret, user):
    secrets.create_secret(Name="other", SecretString="x", Tags=[{"Key": "open", "Value": "yes"}])
    limited = client("secretsmanager", credentials=user(
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
         "Resource": secret["ARN"][:-6] + "??????"},
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
         "Condition": {"StringEquals": {"secretsmanager:ResourceTag/open": "yes"}}},
        {"Effect": "Allow", "Action": ["secretsmanager:CreateSecret", "kms:*",
                                       "secretsmanager:BatchGetSecretValue"], "Resource": "*",
         "Condition": {"StringLikeIfExists": {"secretsmanager:Name": "mine/*"}}},
        {"Effect": "Allow", "Action": "secretsmanager:DeleteSecret", "Resource": "*",
         "Condition": {"Bool": {"secretsmanager:ForceDeleteWithoutRecovery": "false"}}},
    ))
    assert limited.get_secret_value(SecretId="app/db")["SecretString"] == "one"
    assert limited.get_secret_value(SecretId="other")["SecretString"] == "x"
    secrets.create_secret(Name="closed", SecretString="x")
    with aws_error("AccessDeniedException", 400,
                   match="not authorized to perform: secretsmanager:GetSecretValue"):
        limited.get_secret_value(SecretId="closed")
    got = limited.batch_get_secret_value(SecretIdList=["app/db", "closed"])
    assert len(got["SecretValues"]) == 1
    assert got["Errors"][0]["ErrorCode"] == "AccessDeniedException"
    with aws_error("AccessDeniedException", match="secretsmanager:PutSecretValue"):
        limited.put_secret_value(SecretId="app/db", SecretString="x")
    limited.create_secret(Name="mine/x", SecretString="x")
    with aws_error("AccessDeniedException", match="secretsmanager:CreateSecret"):
        limited.create_secret(Name="yours/x", SecretString="x")
    with aws_error("AccessDeniedException", match="secretsmanager:DeleteSecret"):
        limited.delete_secret(SecretId="mine/x", ForceDeleteWithoutRecovery=True)


@covers("secretsmanager", "PutResourcePolicy")
@covers("secretsmanager", "GetResourcePolicy")
@covers("secretsmanager", "DeleteResourcePolicy")
def test_another_account_reads(client, secrets):
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": key["AWSAccountId"]}, "Action": "kms:*",
             "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "kms:Decrypt",
             "Resource": "*"}]}))
    arn = secrets.create_secret(Name="shared", SecretString="v", KmsKeyId=key["Arn"])["ARN"]
    other = client("secretsmanager", account=OTHER)
    with aws_error("AccessDeniedException", 400):
        other.get_secret_value(SecretId=arn)
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=arn)
    policy = policy_for({"AWS": OTHER})
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy=policy, BlockPublicPolicy=True)
    assert other.get_secret_value(SecretId=arn)["SecretString"] == "v"
    assert secrets.get_resource_policy(SecretId=arn)["ResourcePolicy"] == policy
    with aws_error("AccessDeniedException"):
        other.put_secret_value(SecretId=arn, SecretString="x")
    secrets.delete_resource_policy(SecretId=arn)
    with aws_error("AccessDeniedException"):
        other.get_secret_value(SecretId=arn)


@covers("secretsmanager", "PutResourcePolicy",
        error=["ResourceNotFoundException", "MalformedPolicyDocumentException",
               "PublicPolicyException", "InvalidRequestException"])
@covers("secretsmanager", "GetResourcePolicy",
        error=["ResourceNotFoundException", "InvalidRequestException"])
@covers("secretsmanager", "DeleteResourcePolicy",
        error=["ResourceNotFoundException", "InvalidRequestException"])
def test_policies_refuse(secrets, secret):
    policy = policy_for("*")
    for call, more in ((secrets.put_resource_policy, {"ResourcePolicy": policy}),
                       (secrets.get_resource_policy, {}), (secrets.delete_resource_policy, {})):
        with aws_error("ResourceNotFoundException", 400, MISSING):
            call(SecretId="none", **more)
    with aws_error("MalformedPolicyDocumentException", 400):
        secrets.put_resource_policy(SecretId="app/db", ResourcePolicy="{}")
    with aws_error("PublicPolicyException", 400):
        secrets.put_resource_policy(SecretId="app/db", ResourcePolicy=policy,
                                    BlockPublicPolicy=True)
    secrets.put_resource_policy(SecretId="app/db", ResourcePolicy=policy)
    secrets.delete_secret(SecretId="app/db")
    for call, more in ((secrets.put_resource_policy, {"ResourcePolicy": policy}),
                       (secrets.get_resource_policy, {}), (secrets.delete_resource_policy, {})):
        with aws_error("InvalidRequestException", 400):
            call(SecretId="app/db", **more)


@covers("secretsmanager", "ValidateResourcePolicy")
@covers("secretsmanager", "ValidateResourcePolicy",
        error=["MalformedPolicyDocumentException", "ResourceNotFoundException"])
def test_policies_are_validated(secrets, secret):
    got = secrets.validate_resource_policy(ResourcePolicy=policy_for({"AWS": OTHER}))
    assert (got["PolicyValidationPassed"], got["ValidationErrors"]) == (True, [])
    got = secrets.validate_resource_policy(SecretId="app/db", ResourcePolicy=policy_for("*"))
    assert got["PolicyValidationPassed"] is False
    assert len(got["ValidationErrors"]) == 1
    with aws_error("MalformedPolicyDocumentException", 400):
        secrets.validate_resource_policy(ResourcePolicy="{}")
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.validate_resource_policy(SecretId="none", ResourcePolicy=policy_for("*"))


# --- replicas ---


@covers("secretsmanager", "ReplicateSecretToRegions")
@covers("secretsmanager", "RemoveRegionsFromReplication")
@covers("secretsmanager", "StopReplicationToReplica")
def test_replicas_follow(client, secrets):
    made = secrets.create_secret(Name="r", SecretString="one",
                                 AddReplicaRegions=[{"Region": "eu-west-1"}])
    assert made["ReplicationStatus"] == [{
        "Region": "eu-west-1", "KmsKeyId": "alias/aws/secretsmanager", "Status": "InSync",
        "StatusMessage": "Replication succeeded"}]
    west = client("secretsmanager", region="eu-west-1")
    got = west.get_secret_value(SecretId="r")
    assert got["ARN"] == made["ARN"].replace("us-east-1", "eu-west-1")
    assert (got["SecretString"], got["VersionId"]) == ("one", made["VersionId"])
    secrets.put_secret_value(SecretId="r", SecretString="two")
    secrets.tag_resource(SecretId="r", Tags=[{"Key": "a", "Value": "1"}])
    assert west.get_secret_value(SecretId="r")["SecretString"] == "two"
    assert west.get_secret_value(SecretId="r", VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    described = west.describe_secret(SecretId="r")
    assert described["PrimaryRegion"] == "us-east-1"
    assert described["Tags"] == [{"Key": "a", "Value": "1"}]
    with aws_error("InvalidParameterException", 400,
                   "Operation not permitted on a replica secret. Call must be made in primary "
                   "secret's region."):
        west.put_secret_value(SecretId="r", SecretString="x")
    status = secrets.replicate_secret_to_regions(
        SecretId="r", AddReplicaRegions=[{"Region": "ap-south-1"}])["ReplicationStatus"]
    assert [s["Region"] for s in status] == ["eu-west-1", "ap-south-1"]
    with aws_error("InvalidParameterException", 400,
                   "You can't delete secret r that still has replica regions "
                   "[eu-west-1, ap-south-1]"):
        secrets.delete_secret(SecretId="r")
    status = secrets.remove_regions_from_replication(
        SecretId="r", RemoveReplicaRegions=["ap-south-1"])["ReplicationStatus"]
    assert [s["Region"] for s in status] == ["eu-west-1"]
    with aws_error("ResourceNotFoundException"):
        client("secretsmanager", region="ap-south-1").describe_secret(SecretId="r")
    west.stop_replication_to_replica(SecretId="r")
    west.put_secret_value(SecretId="r", SecretString="own")
    assert secrets.get_secret_value(SecretId="r")["SecretString"] == "two"
    assert "ReplicationStatus" not in secrets.describe_secret(SecretId="r")
    secrets.delete_secret(SecretId="r")


@covers("secretsmanager", "ReplicateSecretToRegions",
        error=["InvalidParameterException", "ResourceNotFoundException", "InvalidRequestException"])
@covers("secretsmanager", "RemoveRegionsFromReplication",
        error=["InvalidParameterException", "ResourceNotFoundException", "InvalidRequestException"])
@covers("secretsmanager", "StopReplicationToReplica",
        error=["InvalidParameterException", "ResourceNotFoundException", "InvalidRequestException"])
def test_replication_refuses(client, secrets, secret):
    west = [{"Region": "eu-west-1"}]
    calls = ((secrets.replicate_secret_to_regions, {"AddReplicaRegions": west}),
             (secrets.remove_regions_from_replication, {"RemoveReplicaRegions": ["eu-west-1"]}),
             (secrets.stop_replication_to_replica, {}))
    for call, more in calls:
        with aws_error("ResourceNotFoundException", 400, MISSING):
            call(SecretId="none", **more)
    with aws_error("InvalidParameterException", 400, "Invalid replica region."):
        secrets.replicate_secret_to_regions(SecretId="app/db",
                                            AddReplicaRegions=[{"Region": "us-east-1"}])
    for call, more in calls[1:]:
        with aws_error("InvalidParameterException", 400):
            call(SecretId="app/db", **more)
    client("secretsmanager", region="eu-west-1").create_secret(Name="app/db", SecretString="own")
    status = secrets.replicate_secret_to_regions(SecretId="app/db", AddReplicaRegions=west)
    assert status["ReplicationStatus"][0]["Status"] == "Failed"
    assert status["ReplicationStatus"][0]["StatusMessage"] == (
        "Replication failed: Secret name app/db already exists in region eu-west-1.")
    secrets.remove_regions_from_replication(SecretId="app/db", RemoveReplicaRegions=["eu-west-1"])
    got = client("secretsmanager", region="eu-west-1").get_secret_value(SecretId="app/db")
    assert got["SecretString"] == "own"
    secrets.delete_secret(SecretId="app/db")
    for call, more in calls:
        with aws_error("InvalidRequestException", 400):
            call(SecretId="app/db", **more)


# --- rotation ---


@covers("secretsmanager", "RotateSecret", is_all=True,
        error=["InvalidRequestException", "ResourceNotFoundException", "AccessDeniedException",
               "InvalidParameterException"])
def test_rotation_is_refused(secrets, secret, account):
    with aws_error("InvalidRequestException", 400,
                   "No Lambda rotation function ARN is associated with this secret."):
        secrets.rotate_secret(SecretId="app/db")
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.rotate_secret(SecretId="none")
    with aws_error("AccessDeniedException", 400,
                   "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
                   "function policy grants access to the principal secretsmanager.amazonaws.com."):
        secrets.rotate_secret(
            SecretId="app/db", RotationLambdaARN=f"arn:aws:lambda:us-east-1:{account}:function:f")
    assert "RotationEnabled" not in secrets.describe_secret(SecretId="app/db")


@covers("secretsmanager", "CancelRotateSecret")
@covers("secretsmanager", "CancelRotateSecret",
        error=["ResourceNotFoundException", "InvalidRequestException"])
def test_rotation_is_cancelled(secrets, secret):
    assert secrets.cancel_rotate_secret(SecretId="app/db")["ARN"] == secret["ARN"]
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.cancel_rotate_secret(SecretId="none")
    secrets.delete_secret(SecretId="app/db")
    with aws_error("InvalidRequestException", 400):
        secrets.cancel_rotate_secret(SecretId="app/db")


# --- stacks ---


def wait(cloudformation, what):
    cloudformation.get_waiter(what).wait(
        StackName="s", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def test_a_stack_has_secrets(client, secrets):
    cloudformation = client("cloudformation")
    template = {
        "Resources": {
            "Made": {"Type": "AWS::SecretsManager::Secret", "Properties": {
                "Description": "d",
                "GenerateSecretString": {"SecretStringTemplate": '{"user":"admin"}',
                                         "GenerateStringKey": "password", "PasswordLength": 20,
                                         "ExcludePunctuation": True}}},
            "Given": {"Type": "AWS::SecretsManager::Secret", "Properties": {
                "Name": "given", "SecretString": "text",
                "Tags": [{"Key": "a", "Value": "1"}]}},
            "Policy": {"Type": "AWS::SecretsManager::ResourcePolicy", "Properties": {
                "SecretId": {"Ref": "Given"}, "BlockPublicPolicy": True,
                "ResourcePolicy": json.loads(policy_for({"AWS": OTHER}))}},
        },
        "Outputs": {"Made": {"Value": {"Ref": "Made"}},
                    "Id": {"Value": {"Fn::GetAtt": ["Made", "Id"]}}},
    }
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    wait(cloudformation, "stack_create_complete")
    stack = cloudformation.describe_stacks(StackName="s")["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    assert outputs["Made"] == outputs["Id"]
    value = json.loads(secrets.get_secret_value(SecretId=outputs["Made"])["SecretString"])
    assert value["user"] == "admin"
    assert len(value["password"]) == 20 and value["password"].isalnum()
    assert secrets.get_secret_value(SecretId="given")["SecretString"] == "text"
    assert OTHER in secrets.get_resource_policy(SecretId="given")["ResourcePolicy"]
    template["Resources"]["Given"]["Properties"].update(
        SecretString="new", Tags=[{"Key": "b", "Value": "2"}])
    del template["Resources"]["Policy"]
    cloudformation.update_stack(StackName="s", TemplateBody=json.dumps(template))
    wait(cloudformation, "stack_update_complete")
    assert secrets.get_secret_value(SecretId="given")["SecretString"] == "new"
    tags = secrets.describe_secret(SecretId="given")["Tags"]
    assert {"Key": "b", "Value": "2"} in tags and "a" not in [t["Key"] for t in tags]
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="given")
    same = json.loads(secrets.get_secret_value(SecretId=outputs["Made"])["SecretString"])
    assert same == value
    cloudformation.delete_stack(StackName="s")
    wait(cloudformation, "stack_delete_complete")
    assert secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []


@pytest.mark.parametrize("kind, properties, reason", [
    ("SecretTargetAttachment", {"SecretId": "app/db", "TargetId": "db",
                                "TargetType": "AWS::RDS::DBInstance"},
     "The target db of type AWS::RDS::DBInstance is not found."),
    ("RotationSchedule", {"SecretId": "app/db", "RotationLambdaARN": "arn:aws:lambda:x",
                          "RotationRules": {"AutomaticallyAfterDays": 30}},
     "cannot invoke the specified Lambda function"),
])
def test_what_cannot_be_fails_the_stack(client, secret, kind, properties, reason):
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps({
        "Resources": {"R": {"Type": f"AWS::SecretsManager::{kind}", "Properties": properties}}}))
    for _ in range(200):
        status = cloudformation.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"]
        if status == "ROLLBACK_COMPLETE":
            break
        time.sleep(0.05)
    assert status == "ROLLBACK_COMPLETE"
    reasons = [e.get("ResourceStatusReason", "")
               for e in cloudformation.describe_stack_events(StackName="s")["StackEvents"]]
    assert any(reason in text for text in reasons), reasons
