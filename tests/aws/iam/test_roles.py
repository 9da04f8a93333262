"""Roles: made, changed, listed, tagged; trust policies and who is trusted; instance profiles.

Texts of errors: the IAM API reference and what users quote from the aws CLI.
"""

import datetime
import json

import pytest
from harness import aws_error, covers


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal):
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


LAMBDA = trust({"Service": "lambda.amazonaws.com"})
SOME = policy({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"})
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def iam(client):
    return client("iam")


@covers("iam", "CreateRole")
@covers("iam", "GetRole")
def test_a_role_is_made_and_read(iam, account):
    made = iam.create_role(
        RoleName="Worker",
        Path="/team/a/",
        Description="works",
        MaxSessionDuration=7200,
        AssumeRolePolicyDocument=LAMBDA,
        Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{account}:role/team/a/Worker"
    assert made["RoleId"].startswith("AROA") and len(made["RoleId"]) == 21
    assert made["AssumeRolePolicyDocument"] == json.loads(LAMBDA)
    # AWS: the answer of CreateRole is short; GetRole has everything.
    role = iam.get_role(RoleName="worker")["Role"]
    assert role["RoleName"] == "Worker"
    assert role["Description"] == "works"
    assert role["MaxSessionDuration"] == 7200
    assert role["RoleLastUsed"] == {}
    assert role["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    age = datetime.datetime.now(datetime.timezone.utc) - role["CreateDate"]
    assert age < datetime.timedelta(minutes=2)


@covers("iam", "CreateRole", "EntityAlreadyExists")
def test_names_are_unique_without_regard_to_case(iam):
    iam.create_role(RoleName="Worker", AssumeRolePolicyDocument=LAMBDA)
    with aws_error("EntityAlreadyExists", 409, "Role with name worker already exists."):
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=LAMBDA)


@covers("iam", "GetRole", "NoSuchEntity")
def test_a_missing_role(iam):
    with aws_error("NoSuchEntity", 404, "The role with name nobody cannot be found."):
        iam.get_role(RoleName="nobody")


@covers("iam", "CreateRole", "MalformedPolicyDocument")
@pytest.mark.parametrize(
    "document", ["{", SOME, trust({"AWS": "arn:aws:iam::1:role/a"})], ids=["json", "kind", "arn"]
)
def test_a_bad_trust_policy(iam, document):
    with aws_error("MalformedPolicyDocument", 400):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)


@covers("iam", "CreateRole", "MalformedPolicyDocument")
def test_trusted_principals_must_exist(iam, account):
    arn = f"arn:aws:iam::{account}:user/ann"
    with aws_error(
        "MalformedPolicyDocument", 400, f'Invalid principal in policy: "AWS":"{arn}"'
    ):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": arn}))


@covers("iam", "CreateRole", "LimitExceeded")
def test_a_trust_policy_has_2048_characters_at_most(iam):
    wide = json.dumps(json.loads(LAMBDA), indent=900)
    iam.create_role(RoleName="spaces", AssumeRolePolicyDocument=wide)
    services = [f"service{i}.amazonaws.com" for i in range(90)]
    with aws_error("LimitExceeded", 409, "Cannot exceed quota for ACLSizePerRole: 2048"):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"Service": services}))


@covers("iam", "CreateRole", "ValidationError")
def test_a_bad_name(iam):
    with aws_error("ValidationError", 400, match="at 'roleName' failed to satisfy constraint"):
        iam.create_role(RoleName="a b", AssumeRolePolicyDocument=LAMBDA)


@covers("iam", "UpdateAssumeRolePolicy")
def test_a_trusted_user_that_is_made_anew_is_not_trusted(iam, account):
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    user_id = iam.get_user(UserName="ann")["User"]["UserId"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust({"AWS": [account, arn]}))
    shown = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    # AWS: "IAM JSON policy elements: Principal": ids while they are stored, ARNs when shown.
    assert shown["Statement"][0]["Principal"]["AWS"] == [f"arn:aws:iam::{account}:root", arn]
    iam.delete_user(UserName="ann")
    iam.create_user(UserName="ann")
    shown = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"]["AWS"][1] == user_id


@covers("iam", "UpdateAssumeRolePolicy", "MalformedPolicyDocument")
@covers("iam", "UpdateAssumeRolePolicy", "NoSuchEntity")
def test_trust_policies_that_cannot_be_put(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    with aws_error("MalformedPolicyDocument"):
        iam.update_assume_role_policy(RoleName="r", PolicyDocument=SOME)
    with aws_error("NoSuchEntity"):
        iam.update_assume_role_policy(RoleName="x", PolicyDocument=LAMBDA)


@covers("iam", "UpdateRole")
@covers("iam", "UpdateRoleDescription")
def test_description_and_duration_change(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA, MaxSessionDuration=7200)
    iam.update_role(RoleName="r", Description="new", MaxSessionDuration=3700)
    role = iam.get_role(RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 3700)
    assert (
        iam.update_role_description(RoleName="r", Description="d")["Role"]["Description"] == "d"
    )


@covers("iam", "UpdateRole", "NoSuchEntity")
@covers("iam", "UpdateRoleDescription", "NoSuchEntity")
def test_changes_of_a_missing_role(iam):
    with aws_error("NoSuchEntity"):
        iam.update_role(RoleName="r")
    with aws_error("NoSuchEntity"):
        iam.update_role_description(RoleName="r", Description="d")


@covers("iam", "DeleteRole", "DeleteConflict")
@covers("iam", "DeleteRole")
@covers("iam", "DetachRolePolicy")
@covers("iam", "DeleteRolePolicy")
def test_a_role_is_deleted_when_nothing_hangs_on_it(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    iam.attach_role_policy(RoleName="r", PolicyArn=BASIC)
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=SOME)
    iam.create_instance_profile(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    with aws_error(
        "DeleteConflict",
        409,
        "Cannot delete entity, must remove roles from instance profile first.",
    ):
        iam.delete_role(RoleName="r")
    iam.remove_role_from_instance_profile(InstanceProfileName="i", RoleName="r")
    with aws_error(
        "DeleteConflict", 409, "Cannot delete entity, must detach all policies first."
    ):
        iam.delete_role(RoleName="r")
    iam.detach_role_policy(RoleName="r", PolicyArn=BASIC)
    with aws_error("DeleteConflict", 409, "Cannot delete entity, must delete policies first."):
        iam.delete_role(RoleName="r")
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.delete_role(RoleName="r")
    with aws_error("NoSuchEntity"):
        iam.delete_role(RoleName="r")


@covers("iam", "DeleteRole", "NoSuchEntity")
def test_a_missing_role_is_not_deleted(iam):
    with aws_error("NoSuchEntity", 404):
        iam.delete_role(RoleName="r")


@covers("iam", "ListRoles")
def test_roles_are_listed_by_path_and_page(iam):
    for name, path in [("b", "/x/"), ("A", "/x/y/"), ("c", "/")]:
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=LAMBDA)
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["A", "b", "c"]
    listed = iam.list_roles(PathPrefix="/x/")["Roles"]
    assert [role["RoleName"] for role in listed] == ["A", "b"]
    assert "Tags" not in listed[0] and "RoleLastUsed" not in listed[0]
    page = iam.list_roles(MaxItems=2)
    assert page["IsTruncated"] is True and len(page["Roles"]) == 2
    rest = iam.list_roles(MaxItems=2, Marker=page["Marker"])
    assert rest["IsTruncated"] is False
    assert [role["RoleName"] for role in rest["Roles"]] == ["c"]


@covers("iam", "ListRoles", "ValidationError")
def test_a_bad_marker(iam):
    with aws_error("ValidationError", 400, match="Invalid Marker"):
        iam.list_roles(Marker="!!!")


@covers("iam", "TagRole")
@covers("iam", "UntagRole")
@covers("iam", "ListRoleTags")
def test_tags_of_a_role(iam):
    iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=LAMBDA, Tags=[{"Key": "Dept", "Value": "1"}]
    )
    # AWS: "Tag keys are case-insensitive but case-preserving."
    iam.tag_role(
        RoleName="r", Tags=[{"Key": "dept", "Value": "2"}, {"Key": "A", "Value": "3"}]
    )
    tags = iam.list_role_tags(RoleName="r")
    assert tags["Tags"] == [{"Key": "A", "Value": "3"}, {"Key": "dept", "Value": "2"}]
    page = iam.list_role_tags(RoleName="r", MaxItems=1)
    assert page["IsTruncated"] and page["Tags"] == [{"Key": "A", "Value": "3"}]
    rest = iam.list_role_tags(RoleName="r", Marker=page["Marker"])
    assert rest["Tags"] == [{"Key": "dept", "Value": "2"}]
    iam.untag_role(RoleName="r", TagKeys=["DEPT", "none"])
    assert iam.list_role_tags(RoleName="r")["Tags"] == [{"Key": "A", "Value": "3"}]


@covers("iam", "TagRole", "InvalidInput")
@covers("iam", "TagRole", "LimitExceeded")
@covers("iam", "TagRole", "NoSuchEntity")
@covers("iam", "UntagRole", "NoSuchEntity")
@covers("iam", "ListRoleTags", "NoSuchEntity")
def test_tags_that_cannot_be(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    with aws_error("InvalidInput", 400, match="Duplicate tag keys"):
        iam.tag_role(
            RoleName="r", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "1"}]
        )
    with aws_error("InvalidInput", 400):
        iam.tag_role(RoleName="r", Tags=[{"Key": "aws:x", "Value": "1"}])
    iam.tag_role(RoleName="r", Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)])
    with aws_error("LimitExceeded", 409):
        iam.tag_role(RoleName="r", Tags=[{"Key": "one more", "Value": ""}])
    with aws_error("NoSuchEntity"):
        iam.tag_role(RoleName="x", Tags=[{"Key": "a", "Value": "1"}])
    with aws_error("NoSuchEntity"):
        iam.untag_role(RoleName="x", TagKeys=["a"])
    with aws_error("NoSuchEntity"):
        iam.list_role_tags(RoleName="x")


@covers("iam", "PutRolePolicy")
@covers("iam", "GetRolePolicy")
@covers("iam", "ListRolePolicies")
def test_inline_policies(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    for name in ("b", "a", "c"):
        iam.put_role_policy(RoleName="r", PolicyName=name, PolicyDocument=SOME)
    got = iam.get_role_policy(RoleName="r", PolicyName="a")
    assert got["PolicyDocument"] == json.loads(SOME)
    assert (got["RoleName"], got["PolicyName"]) == ("r", "a")
    assert iam.list_role_policies(RoleName="r")["PolicyNames"] == ["a", "b", "c"]
    page = iam.list_role_policies(RoleName="r", MaxItems=2)
    assert page["PolicyNames"] == ["a", "b"] and page["IsTruncated"]
    rest = iam.list_role_policies(RoleName="r", Marker=page["Marker"])
    assert rest["PolicyNames"] == ["c"]


@covers("iam", "GetRolePolicy", "NoSuchEntity")
@covers("iam", "DeleteRolePolicy", "NoSuchEntity")
@covers("iam", "PutRolePolicy", "NoSuchEntity")
@covers("iam", "PutRolePolicy", "MalformedPolicyDocument")
@covers("iam", "PutRolePolicy", "LimitExceeded")
@covers("iam", "ListRolePolicies", "NoSuchEntity")
def test_inline_policies_that_cannot_be(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    text = "The role policy with name p cannot be found."
    with aws_error("NoSuchEntity", 404, text):
        iam.get_role_policy(RoleName="r", PolicyName="p")
    with aws_error("NoSuchEntity", 404, text):
        iam.delete_role_policy(RoleName="r", PolicyName="p")
    with aws_error("NoSuchEntity"):
        iam.put_role_policy(RoleName="x", PolicyName="p", PolicyDocument=SOME)
    with aws_error("NoSuchEntity"):
        iam.list_role_policies(RoleName="x")
    with aws_error("MalformedPolicyDocument"):
        iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument="{}")
    queues = [f"arn:aws:sqs:*:*:queue-with-a-long-name-{i:04d}" for i in range(140)]
    long = policy({"Effect": "Allow", "Action": "sqs:*", "Resource": queues})
    iam.put_role_policy(RoleName="r", PolicyName="first", PolicyDocument=long)
    # AWS: the inline policies of a role have 10,240 characters together.
    with aws_error(
        "LimitExceeded", 409, "Maximum policy size of 10240 bytes exceeded for role r"
    ):
        iam.put_role_policy(RoleName="r", PolicyName="second", PolicyDocument=long)


@covers("iam", "AttachRolePolicy")
@covers("iam", "ListAttachedRolePolicies")
def test_attached_policies(iam, account):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    own = iam.create_policy(PolicyName="own", Path="/p/", PolicyDocument=SOME)["Policy"]["Arn"]
    for arn in (BASIC, own, own):
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
    assert {"PolicyName": "own", "PolicyArn": own} in attached and len(attached) == 2
    assert iam.list_attached_role_policies(RoleName="r", PathPrefix="/p/")[
        "AttachedPolicies"
    ] == [{"PolicyName": "own", "PolicyArn": own}]
    page = iam.list_attached_role_policies(RoleName="r", MaxItems=1)
    rest = iam.list_attached_role_policies(RoleName="r", Marker=page["Marker"])
    assert page["AttachedPolicies"] + rest["AttachedPolicies"] == attached


@covers("iam", "AttachRolePolicy", "NoSuchEntity")
@covers("iam", "AttachRolePolicy", "InvalidInput")
@covers("iam", "AttachRolePolicy", "LimitExceeded")
@covers("iam", "DetachRolePolicy", "NoSuchEntity")
@covers("iam", "DetachRolePolicy", "InvalidInput")
@covers("iam", "ListAttachedRolePolicies", "NoSuchEntity")
def test_policies_that_cannot_be_attached(iam, account):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    arn = f"arn:aws:iam::{account}:policy/none"
    with aws_error(
        "NoSuchEntity", 404, f"Policy {arn} does not exist or is not attachable."
    ):
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    with aws_error("NoSuchEntity", 404, f"Policy {arn} was not found."):
        iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    bad = "not-an-arn-but-long-enough"
    with aws_error("InvalidInput", 400, f"ARN {bad} is not valid."):
        iam.attach_role_policy(RoleName="r", PolicyArn=bad)
    with aws_error("InvalidInput", 400, f"ARN {bad} is not valid."):
        iam.detach_role_policy(RoleName="r", PolicyArn=bad)
    for number in range(10):
        made = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=SOME)["Policy"]
        iam.attach_role_policy(RoleName="r", PolicyArn=made["Arn"])
    with aws_error("LimitExceeded", 409, "Cannot exceed quota for PoliciesPerRole: 10"):
        iam.attach_role_policy(RoleName="r", PolicyArn=BASIC)
    with aws_error("NoSuchEntity"):
        iam.attach_role_policy(RoleName="x", PolicyArn=BASIC)
    with aws_error("NoSuchEntity"):
        iam.list_attached_role_policies(RoleName="x")


@covers("iam", "PutRolePermissionsBoundary")
@covers("iam", "DeleteRolePermissionsBoundary")
@covers("iam", "PutRolePermissionsBoundary", "NoSuchEntity")
@covers("iam", "DeleteRolePermissionsBoundary", "NoSuchEntity")
def test_the_boundary_of_a_role(iam, account):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    own = iam.create_policy(PolicyName="own", PolicyDocument=SOME)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=own)
    assert iam.get_role(RoleName="r")["Role"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": own,
    }
    assert iam.get_policy(PolicyArn=own)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    iam.delete_role_permissions_boundary(RoleName="r")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="r")["Role"]
    with aws_error("NoSuchEntity"):
        iam.delete_role_permissions_boundary(RoleName="r")
    none = f"arn:aws:iam::{account}:policy/none"
    text = f"Scope ARN: {none} does not exist or is not attachable."
    with aws_error("NoSuchEntity", 404, text):
        iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=none)
    with aws_error("NoSuchEntity", 404, text):
        iam.create_role(
            RoleName="s", AssumeRolePolicyDocument=LAMBDA, PermissionsBoundary=none
        )


def test_accounts_do_not_see_each_other(client, iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    with aws_error("NoSuchEntity"):
        client("iam", account="999988887777").get_role(RoleName="r")


def test_the_aws_cli_makes_a_role(aws, tmp_path):
    document = tmp_path / "trust.json"
    document.write_text(LAMBDA)
    made = aws(
        "iam", "create-role", "--role-name", "cli", "--assume-role-policy-document",
        f"file://{document}",
    ).json
    assert made["Role"]["AssumeRolePolicyDocument"] == json.loads(LAMBDA)
    assert aws("iam", "list-roles").json["Roles"][0]["RoleName"] == "cli"


@covers("iam", "CreateRole", "InvalidInput")
def test_the_path_of_service_linked_roles_is_reserved(iam):
    with aws_error("InvalidInput", 400):
        iam.create_role(
            RoleName="r", Path="/aws-service-role/x/", AssumeRolePolicyDocument=LAMBDA
        )
