"""The AWS::IAM::* types in a stack: made, changed in place, replaced, removed.

AWS: CloudFormation template reference, AWS::IAM::*.
"""

import json

import pytest
from harness import aws_error

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
XRAY = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"


def document(*actions):
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
    }


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture
def iam(client):
    return client("iam")


@pytest.fixture
def deploy(client):
    """deploy(resources, outputs) makes or updates the stack "s" and gives its outputs."""
    cloudformation = client("cloudformation")
    made = []

    def run(resources, **outputs):
        template = {"Resources": resources}
        if outputs:
            template["Outputs"] = {name: {"Value": value} for name, value in outputs.items()}
        change = cloudformation.update_stack if made else cloudformation.create_stack
        change(
            StackName="s",
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        kind = "stack_update_complete" if made else "stack_create_complete"
        cloudformation.get_waiter(kind).wait(
            StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        made.append(1)
        stack = cloudformation.describe_stacks(StackName="s")["Stacks"][0]
        return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}

    def remove():
        cloudformation.delete_stack(StackName="s")
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    run.remove = remove
    return run


def role(**properties):
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": TRUST, **properties},
    }


def test_a_role_with_its_policies(deploy, iam, account):
    out = deploy(
        {
            "Role": role(
                Description="d",
                MaxSessionDuration="7200",
                ManagedPolicyArns=[BASIC],
                Policies=[
                    {"PolicyName": "a", "PolicyDocument": document("sqs:*")},
                    {"PolicyName": "b", "PolicyDocument": document("sns:*")},
                ],
                Tags=[{"Key": "k", "Value": "v"}],
            )
        },
        Name={"Ref": "Role"},
        Arn={"Fn::GetAtt": ["Role", "Arn"]},
        Id={"Fn::GetAtt": ["Role", "RoleId"]},
    )
    name = out["Name"]
    assert name.startswith("s-Role-")
    made = iam.get_role(RoleName=name)["Role"]
    assert (made["Arn"], made["RoleId"]) == (out["Arn"], out["Id"])
    assert made["MaxSessionDuration"] == 7200
    assert {"Key": "k", "Value": "v"} in made["Tags"]
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["a", "b"]
    # Everything but name and path changes in place.
    deploy(
        {
            "Role": role(
                Description="new",
                ManagedPolicyArns=[XRAY],
                PermissionsBoundary=BASIC,
                Policies=[{"PolicyName": "b", "PolicyDocument": document("s3:*")}],
                Tags=[{"Key": "l", "Value": "w"}],
            )
        }
    )
    changed = iam.get_role(RoleName=name)["Role"]
    assert changed["RoleId"] == made["RoleId"] and changed["Description"] == "new"
    assert changed["MaxSessionDuration"] == 3600
    assert changed["PermissionsBoundary"]["PermissionsBoundaryArn"] == BASIC
    keys = [tag["Key"] for tag in changed["Tags"]]
    assert "l" in keys and "k" not in keys
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [XRAY]
    inline = iam.get_role_policy(RoleName=name, PolicyName="b")
    assert inline["PolicyDocument"] == document("s3:*")
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["b"]
    deploy.remove()
    with aws_error("NoSuchEntity"):
        iam.get_role(RoleName=name)


def test_policies_of_several_holders(deploy, iam, account):
    holders = {
        "Role": role(RoleName="r"),
        "User": {"Type": "AWS::IAM::User", "Properties": {"UserName": "u"}},
        "Group": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "g"}},
    }
    everybody = {
        "Roles": [{"Ref": "Role"}],
        "Users": [{"Ref": "User"}],
        "Groups": [{"Ref": "Group"}],
    }

    def resources(document, **more):
        return {
            **holders,
            "Inline": {
                "Type": "AWS::IAM::Policy",
                "Properties": {"PolicyName": "p", "PolicyDocument": document, **more},
            },
            "Managed": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": document, "Path": "/p/", **more},
            },
        }

    out = deploy(resources(document("sqs:*"), **everybody), Arn={"Ref": "Managed"})
    arn = out["Arn"]
    assert arn.startswith(f"arn:aws:iam::{account}:policy/p/s-Managed-")
    assert iam.list_user_policies(UserName="u")["PolicyNames"] == ["p"]
    assert iam.list_group_policies(GroupName="g")["PolicyNames"] == ["p"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 3
    deploy(resources(document("sns:*"), Roles=[{"Ref": "Role"}]))
    assert iam.list_user_policies(UserName="u")["PolicyNames"] == []
    inline = iam.get_role_policy(RoleName="r", PolicyName="p")
    assert inline["PolicyDocument"] == document("sns:*")
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["AttachmentCount"], policy["DefaultVersionId"]) == (1, "v2")
    deploy.remove()
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_users_groups_keys_and_profiles(deploy, client, iam, account):
    resources = {
        "Group": {
            "Type": "AWS::IAM::Group",
            "Properties": {
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/IAMReadOnlyAccess"],
                "Path": "/p/",
            },
        },
        "User": {
            "Type": "AWS::IAM::User",
            "Properties": {
                "UserName": "u",
                "LoginProfile": {"Password": "Secret-word-1", "PasswordResetRequired": True},
            },
        },
        "Other": {
            "Type": "AWS::IAM::User",
            "Properties": {"UserName": "o", "Groups": [{"Ref": "Group"}]},
        },
        "Addition": {
            "Type": "AWS::IAM::UserToGroupAddition",
            "Properties": {"GroupName": {"Ref": "Group"}, "Users": [{"Ref": "User"}]},
        },
        "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "User"}}},
        "Role": role(RoleName="r"),
        "Profile": {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {"Roles": [{"Ref": "Role"}]},
        },
        "Single": {
            "Type": "AWS::IAM::RolePolicy",
            "Properties": {
                "RoleName": {"Ref": "Role"},
                "PolicyName": "single",
                "PolicyDocument": document("sqs:*"),
            },
        },
    }
    out = deploy(
        resources,
        Group={"Ref": "Group"},
        GroupArn={"Fn::GetAtt": ["Group", "Arn"]},
        UserArn={"Fn::GetAtt": ["User", "Arn"]},
        AccessKeyId={"Ref": "Key"},
        SecretAccessKey={"Fn::GetAtt": ["Key", "SecretAccessKey"]},
        ProfileArn={"Fn::GetAtt": ["Profile", "Arn"]},
    )
    assert out["GroupArn"] == f"arn:aws:iam::{account}:group/p/{out['Group']}"
    assert out["UserArn"] == f"arn:aws:iam::{account}:user/u"
    members = iam.get_group(GroupName=out["Group"])["Users"]
    assert [user["UserName"] for user in members] == ["o", "u"]
    assert client("iam", credentials=out).get_user()["User"]["UserName"] == "u"
    assert iam.get_login_profile(UserName="u")["LoginProfile"]["PasswordResetRequired"]
    assert iam.list_role_policies(RoleName="r")["PolicyNames"] == ["single"]
    profiles = iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]
    assert [profile["Arn"] for profile in profiles] == [out["ProfileArn"]]
    deploy.remove()
    assert iam.list_users()["Users"] == [] and iam.list_groups()["Groups"] == []
    assert iam.list_instance_profiles()["InstanceProfiles"] == []


def test_without_the_capability_nothing_is_made(client):
    with aws_error("InsufficientCapabilitiesException", match="CAPABILITY_IAM"):
        client("cloudformation").create_stack(
            StackName="s", TemplateBody=json.dumps({"Resources": {"Role": role()}})
        )
