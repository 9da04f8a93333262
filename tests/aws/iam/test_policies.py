"""Managed policies: the account's own with their versions, and AWS's."""

import json

import pytest
from harness import aws_error, covers

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def allow(*actions, resource="*"):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}],
        }
    )


SOME = allow("sqs:*")
LAMBDA = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture
def iam(client):
    return client("iam")


@pytest.fixture
def own(iam):
    return iam.create_policy(PolicyName="own", PolicyDocument=SOME)["Policy"]["Arn"]


@covers("iam", "CreatePolicy")
@covers("iam", "GetPolicy")
@covers("iam", "GetPolicyVersion")
def test_a_policy_is_made_and_read(iam, account):
    made = iam.create_policy(
        PolicyName="Own",
        Path="/p/",
        Description="mine",
        PolicyDocument=SOME,
        Tags=[{"Key": "k", "Value": "v"}],
    )["Policy"]
    assert made["Arn"] == f"arn:aws:iam::{account}:policy/p/Own"
    assert made["PolicyId"].startswith("ANPA")
    assert made["DefaultVersionId"] == "v1" and made["AttachmentCount"] == 0
    got = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert got["Description"] == "mine" and got["Tags"] == [{"Key": "k", "Value": "v"}]
    assert got["IsAttachable"] is True and got["PermissionsBoundaryUsageCount"] == 0
    version = iam.get_policy_version(PolicyArn=made["Arn"], VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(SOME) and version["IsDefaultVersion"] is True


@covers("iam", "CreatePolicy", "EntityAlreadyExists")
@covers("iam", "CreatePolicy", "MalformedPolicyDocument")
@covers("iam", "CreatePolicy", "LimitExceeded")
@covers("iam", "GetPolicy", "NoSuchEntity")
@covers("iam", "GetPolicyVersion", "NoSuchEntity")
def test_policies_that_cannot_be(iam, own, account):
    with aws_error(
        "EntityAlreadyExists",
        409,
        "A policy called OWN already exists. Duplicate names are not allowed.",
    ):
        iam.create_policy(PolicyName="OWN", PolicyDocument=SOME)
    with aws_error("MalformedPolicyDocument", 400):
        iam.create_policy(PolicyName="p", PolicyDocument='{"Statement":[]}')
    queues = [f"arn:aws:sqs:*:*:queue-with-a-long-name-{i:04d}" for i in range(150)]
    with aws_error("LimitExceeded", 409, "Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy(PolicyName="p", PolicyDocument=allow("sqs:*", resource=queues))
    arn = f"arn:aws:iam::{account}:policy/none"
    with aws_error("NoSuchEntity", 404, f"Policy {arn} was not found."):
        iam.get_policy(PolicyArn=arn)
    with aws_error("NoSuchEntity", 404):
        iam.get_policy_version(PolicyArn=arn, VersionId="v1")
    with aws_error(
        "NoSuchEntity", 404, f"Policy {own} version v2 does not exist or is not attachable."
    ):
        iam.get_policy_version(PolicyArn=own, VersionId="v2")


@covers("iam", "CreatePolicyVersion")
@covers("iam", "ListPolicyVersions")
@covers("iam", "SetDefaultPolicyVersion")
@covers("iam", "DeletePolicyVersion")
@covers("iam", "CreatePolicyVersion", "LimitExceeded")
@covers("iam", "DeletePolicyVersion", "DeleteConflict")
def test_versions(iam, own):
    made = iam.create_policy_version(PolicyArn=own, PolicyDocument=SOME)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v2", False)
    for _ in range(3):
        iam.create_policy_version(PolicyArn=own, PolicyDocument=SOME, SetAsDefault=True)
    assert iam.get_policy(PolicyArn=own)["Policy"]["DefaultVersionId"] == "v5"
    with aws_error(
        "LimitExceeded",
        409,
        "A managed policy can have up to 5 versions. Before you create a new version, you must "
        "delete an existing version.",
    ):
        iam.create_policy_version(PolicyArn=own, PolicyDocument=SOME)
    with aws_error(
        "DeleteConflict", 409, "Cannot delete the default version of a policy."
    ):
        iam.delete_policy_version(PolicyArn=own, VersionId="v5")
    iam.set_default_policy_version(PolicyArn=own, VersionId="v2")
    iam.delete_policy_version(PolicyArn=own, VersionId="v5")
    # AWS: a number is never given twice.
    made = iam.create_policy_version(PolicyArn=own, PolicyDocument=SOME)["PolicyVersion"]
    assert made["VersionId"] == "v6"
    listed = iam.list_policy_versions(PolicyArn=own)["Versions"]
    assert [v["VersionId"] for v in listed] == ["v6", "v4", "v3", "v2", "v1"]
    assert [v["IsDefaultVersion"] for v in listed] == [False, False, False, True, False]
    assert "Document" not in listed[0]
    page = iam.list_policy_versions(PolicyArn=own, MaxItems=2)
    rest = iam.list_policy_versions(PolicyArn=own, Marker=page["Marker"])
    assert page["Versions"] + rest["Versions"] == listed


@covers("iam", "CreatePolicyVersion", "NoSuchEntity")
@covers("iam", "CreatePolicyVersion", "MalformedPolicyDocument")
@covers("iam", "SetDefaultPolicyVersion", "NoSuchEntity")
@covers("iam", "DeletePolicyVersion", "NoSuchEntity")
@covers("iam", "ListPolicyVersions", "NoSuchEntity")
def test_versions_that_cannot_be(iam, own, account):
    none = f"arn:aws:iam::{account}:policy/none"
    with aws_error("NoSuchEntity"):
        iam.create_policy_version(PolicyArn=none, PolicyDocument=SOME)
    with aws_error("MalformedPolicyDocument"):
        iam.create_policy_version(PolicyArn=own, PolicyDocument="[]")
    with aws_error("NoSuchEntity"):
        iam.set_default_policy_version(PolicyArn=own, VersionId="v9")
    with aws_error("NoSuchEntity"):
        iam.delete_policy_version(PolicyArn=own, VersionId="v9")
    with aws_error("NoSuchEntity"):
        iam.list_policy_versions(PolicyArn=none)


@covers("iam", "DeletePolicy")
@covers("iam", "DeletePolicy", "DeleteConflict")
@covers("iam", "DeletePolicy", "NoSuchEntity")
def test_a_policy_is_deleted_when_nobody_has_it(iam, own):
    iam.create_user(UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn=own)
    attached = "Cannot delete a policy attached to entities."
    with aws_error("DeleteConflict", 409, attached):
        iam.delete_policy(PolicyArn=own)
    iam.detach_user_policy(UserName="u", PolicyArn=own)
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=own)
    with aws_error("DeleteConflict", 409, attached):
        iam.delete_policy(PolicyArn=own)
    iam.delete_user_permissions_boundary(UserName="u")
    iam.create_policy_version(PolicyArn=own, PolicyDocument=SOME)
    with aws_error("DeleteConflict", 409, match="This policy has more than one version."):
        iam.delete_policy(PolicyArn=own)
    iam.delete_policy_version(PolicyArn=own, VersionId="v2")
    iam.delete_policy(PolicyArn=own)
    with aws_error("NoSuchEntity"):
        iam.delete_policy(PolicyArn=own)


@covers("iam", "ListPolicies")
def test_policies_are_listed(iam, own):
    local = iam.list_policies(Scope="Local")["Policies"]
    assert [policy["Arn"] for policy in local] == [own]
    assert "Tags" not in local[0]
    everything = [
        policy["Arn"]
        for page in iam.get_paginator("list_policies").paginate(
            PaginationConfig={"PageSize": 9}
        )
        for policy in page["Policies"]
    ]
    assert len(everything) == len(set(everything)) > 60
    assert own in everything and ADMINISTRATOR in everything
    assert iam.list_policies(OnlyAttached=True)["Policies"] == []
    iam.create_user(UserName="u", PermissionsBoundary=own)
    iam.attach_user_policy(UserName="u", PolicyArn=ADMINISTRATOR)

    def arns(**more):
        return [policy["Arn"] for policy in iam.list_policies(**more)["Policies"]]

    assert arns(OnlyAttached=True) == [own, ADMINISTRATOR]
    assert arns(PolicyUsageFilter="PermissionsPolicy") == [ADMINISTRATOR]
    assert arns(PolicyUsageFilter="PermissionsBoundary") == [own]
    assert all("/service-role/" in arn for arn in arns(PathPrefix="/service-role/"))


@covers("iam", "ListEntitiesForPolicy")
@covers("iam", "ListEntitiesForPolicy", "NoSuchEntity")
def test_who_has_a_policy(iam, own, account):
    iam.create_user(UserName="u")
    iam.create_user(UserName="bounded", PermissionsBoundary=own)
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    iam.attach_user_policy(UserName="u", PolicyArn=own)
    iam.attach_group_policy(GroupName="g", PolicyArn=own)
    iam.attach_role_policy(RoleName="r", PolicyArn=own)
    answer = iam.list_entities_for_policy(PolicyArn=own)
    assert sorted(user["UserName"] for user in answer["PolicyUsers"]) == ["bounded", "u"]
    assert answer["PolicyGroups"][0]["GroupName"] == "g"
    assert answer["PolicyRoles"][0]["RoleId"].startswith("AROA")
    answer = iam.list_entities_for_policy(PolicyArn=own, EntityFilter="Role")
    assert answer["PolicyUsers"] == [] and len(answer["PolicyRoles"]) == 1
    answer = iam.list_entities_for_policy(
        PolicyArn=own, PolicyUsageFilter="PermissionsBoundary"
    )
    assert [user["UserName"] for user in answer["PolicyUsers"]] == ["bounded"]
    pages = list(
        iam.get_paginator("list_entities_for_policy").paginate(
            PolicyArn=own, PaginationConfig={"PageSize": 1}
        )
    )
    assert len(pages) == 4
    with aws_error("NoSuchEntity"):
        iam.list_entities_for_policy(PolicyArn=f"arn:aws:iam::{account}:policy/none")


@covers("iam", "TagPolicy")
@covers("iam", "UntagPolicy")
@covers("iam", "ListPolicyTags")
@covers("iam", "TagPolicy", "NoSuchEntity")
@covers("iam", "UntagPolicy", "NoSuchEntity")
@covers("iam", "ListPolicyTags", "NoSuchEntity")
def test_tags_of_a_policy(iam, own, account):
    iam.tag_policy(PolicyArn=own, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=own, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=own)["Tags"] == [{"Key": "b", "Value": "2"}]
    none = f"arn:aws:iam::{account}:policy/none"
    with aws_error("NoSuchEntity"):
        iam.tag_policy(PolicyArn=none, Tags=[{"Key": "a", "Value": "1"}])
    with aws_error("NoSuchEntity"):
        iam.untag_policy(PolicyArn=none, TagKeys=["a"])
    with aws_error("NoSuchEntity"):
        iam.list_policy_tags(PolicyArn=none)


@covers("iam", "DeletePolicy", "AccessDenied")
@covers("iam", "CreatePolicyVersion", "AccessDenied")
@covers("iam", "TagPolicy", "AccessDenied")
def test_the_policies_of_aws_cannot_be_changed(iam):
    got = iam.get_policy(PolicyArn=ADMINISTRATOR)["Policy"]
    assert got["PolicyName"] == "AdministratorAccess" and got["DefaultVersionId"] == "v1"
    listed = iam.list_policy_versions(PolicyArn=ADMINISTRATOR)["Versions"]
    assert [version["VersionId"] for version in listed] == ["v1"]
    for change in (
        lambda: iam.delete_policy(PolicyArn=ADMINISTRATOR),
        lambda: iam.create_policy_version(PolicyArn=ADMINISTRATOR, PolicyDocument=SOME),
        lambda: iam.tag_policy(PolicyArn=ADMINISTRATOR, Tags=[{"Key": "a", "Value": "1"}]),
    ):
        with aws_error("AccessDenied", 403, "Policy is outside your own account."):
            change()
