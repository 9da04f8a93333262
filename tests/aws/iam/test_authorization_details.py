"""GetAccountAuthorizationDetails."""

import json

import pytest
from harness import aws_error, covers

ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture
def iam(client):
    """An account with one of everything."""
    iam = client("iam")
    tags = [{"Key": "somekey", "Value": "somevalue"}]
    policy = iam.create_policy(
        PolicyName="mine", PolicyDocument=json.dumps(ALLOW), Description="Mine"
    )["Policy"]["Arn"]
    iam.create_user(UserName="ann", Tags=tags, PermissionsBoundary=policy)
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    iam.create_role(
        RoleName="worker",
        Path="/my-path/",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Tags=tags,
        Description="Not shown",
    )
    iam.create_instance_profile(InstanceProfileName="box")
    iam.add_role_to_instance_profile(InstanceProfileName="box", RoleName="worker")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=json.dumps(ALLOW))
    iam.put_group_policy(GroupName="readers", PolicyName="own", PolicyDocument=json.dumps(ALLOW))
    iam.put_role_policy(RoleName="worker", PolicyName="own", PolicyDocument=json.dumps(ALLOW))
    iam.attach_user_policy(UserName="ann", PolicyArn=policy)
    iam.attach_group_policy(GroupName="readers", PolicyArn=policy)
    iam.attach_role_policy(
        RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    return iam


@covers("iam", "GetAccountAuthorizationDetails")
def test_users_groups_and_roles_with_all_their_rights(iam, account):
    # Recorded answers of AWS (2026-02): the members of each entry.
    answer = iam.get_account_authorization_details()
    mine = {"PolicyName": "mine", "PolicyArn": f"arn:aws:iam::{account}:policy/mine"}
    user = answer["UserDetailList"][0]
    assert user["UserName"] == "ann"
    assert user["GroupList"] == ["readers"]
    assert user["UserPolicyList"] == [{"PolicyName": "own", "PolicyDocument": ALLOW}]
    assert user["AttachedManagedPolicies"] == [mine]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == mine["PolicyArn"]
    assert user["Tags"] == [{"Key": "somekey", "Value": "somevalue"}]
    group = answer["GroupDetailList"][0]
    assert group["GroupName"] == "readers"
    assert group["GroupPolicyList"] == [{"PolicyName": "own", "PolicyDocument": ALLOW}]
    assert group["AttachedManagedPolicies"] == [mine]
    role = answer["RoleDetailList"][0]
    assert role["Arn"] == f"arn:aws:iam::{account}:role/my-path/worker"
    assert role["AssumeRolePolicyDocument"] == TRUST
    assert role["RoleLastUsed"] == {}
    assert role["InstanceProfileList"][0]["Roles"][0]["RoleName"] == "worker"
    assert role["AttachedManagedPolicies"][0]["PolicyName"] == "AmazonS3ReadOnlyAccess"
    assert "Description" not in role
    policies = {one["PolicyName"]: one for one in answer["Policies"]}
    assert set(policies) == {"mine", "AmazonS3ReadOnlyAccess"}  # of AWS's only what is in use
    assert policies["mine"]["AttachmentCount"] == 2
    assert policies["mine"]["PermissionsBoundaryUsageCount"] == 1
    version = policies["mine"]["PolicyVersionList"][0]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v1", True)
    assert version["Document"] == ALLOW
    assert answer["IsTruncated"] is False


@covers("iam", "GetAccountAuthorizationDetails")
@pytest.mark.parametrize(
    "wanted, counts",
    [
        (["User"], (1, 0, 0, 0)),
        (["Group"], (0, 1, 0, 0)),
        (["Role"], (0, 0, 1, 0)),
        (["LocalManagedPolicy"], (0, 0, 0, 1)),
        (["AWSManagedPolicy"], (0, 0, 0, 1)),
        (["User", "Role"], (1, 0, 1, 0)),
    ],
)
def test_a_filter_leaves_the_other_lists_empty(iam, wanted, counts):
    # Recorded answers of AWS (2026-02).
    answer = iam.get_account_authorization_details(Filter=wanted)
    lists = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    assert tuple(len(answer[name]) for name in lists) == counts


@covers("iam", "GetAccountAuthorizationDetails")
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_go_through_all_sections(iam, size):
    for i in range(3):
        iam.create_user(UserName=f"user{i}")
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        PaginationConfig={"PageSize": size}
    )
    names = []
    for page in pages:
        found = [one["UserName"] for one in page["UserDetailList"]]
        found += [one["GroupName"] for one in page["GroupDetailList"]]
        found += [one["RoleName"] for one in page["RoleDetailList"]]
        found += [one["PolicyName"] for one in page["Policies"]]
        assert len(found) <= size
        names += found
    assert names == [
        "ann",
        "user0",
        "user1",
        "user2",
        "readers",
        "worker",
        "mine",
        "AmazonS3ReadOnlyAccess",
    ]


@covers("iam", "GetAccountAuthorizationDetails", "ValidationError")
def test_a_marker_must_be_one(client):
    # Model: a Filter outside the enum; markers are opaque.
    with aws_error("ValidationError"):
        client("iam").get_account_authorization_details(Marker="enp6")
    with aws_error("ValidationError"):
        client("iam").get_account_authorization_details(Filter=["Nothing"])
