"""Instance profiles: containers for one role."""

import json

import pytest
from harness import aws_error, covers

EC2 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture
def iam(client):
    return client("iam")


@covers("iam", "CreateInstanceProfile")
@covers("iam", "GetInstanceProfile")
@covers("iam", "AddRoleToInstanceProfile")
@covers("iam", "RemoveRoleFromInstanceProfile")
@covers("iam", "ListInstanceProfiles")
@covers("iam", "ListInstanceProfilesForRole")
def test_a_profile_holds_a_role(iam, account):
    made = iam.create_instance_profile(
        InstanceProfileName="web", Path="/p/", Tags=[{"Key": "k", "Value": "v"}]
    )["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{account}:instance-profile/p/web"
    assert made["InstanceProfileId"].startswith("AIPA")
    assert made["Roles"] == []
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="r")
    got = iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]
    assert [role["RoleName"] for role in got["Roles"]] == ["r"]
    assert got["Tags"] == [{"Key": "k", "Value": "v"}]
    for listed in (
        iam.list_instance_profiles(PathPrefix="/p/"),
        iam.list_instance_profiles_for_role(RoleName="r"),
    ):
        names = [profile["InstanceProfileName"] for profile in listed["InstanceProfiles"]]
        assert names == ["web"] and listed["IsTruncated"] is False
    iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="r")
    assert iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"] == []


@covers("iam", "CreateInstanceProfile", "EntityAlreadyExists")
@covers("iam", "GetInstanceProfile", "NoSuchEntity")
@covers("iam", "AddRoleToInstanceProfile", "LimitExceeded")
@covers("iam", "AddRoleToInstanceProfile", "NoSuchEntity")
@covers("iam", "RemoveRoleFromInstanceProfile", "NoSuchEntity")
@covers("iam", "ListInstanceProfilesForRole", "NoSuchEntity")
@covers("iam", "DeleteInstanceProfile", "DeleteConflict")
@covers("iam", "DeleteInstanceProfile", "NoSuchEntity")
@covers("iam", "DeleteInstanceProfile")
def test_what_a_profile_refuses(iam):
    iam.create_instance_profile(InstanceProfileName="web")
    with aws_error("EntityAlreadyExists", 409, "Instance Profile web already exists."):
        iam.create_instance_profile(InstanceProfileName="web")
    with aws_error("NoSuchEntity", 404, "Instance Profile x cannot be found."):
        iam.get_instance_profile(InstanceProfileName="x")
    for name in ("r", "s"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=EC2)
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="r")
    with aws_error(
        "LimitExceeded", 409, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    ):
        iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="s")
    with aws_error("NoSuchEntity"):
        iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="x")
    with aws_error("NoSuchEntity"):
        iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="s")
    with aws_error("NoSuchEntity"):
        iam.list_instance_profiles_for_role(RoleName="x")
    with aws_error("DeleteConflict", 409):
        iam.delete_instance_profile(InstanceProfileName="web")
    iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="web")
    with aws_error("NoSuchEntity"):
        iam.delete_instance_profile(InstanceProfileName="web")


@covers("iam", "TagInstanceProfile")
@covers("iam", "UntagInstanceProfile")
@covers("iam", "ListInstanceProfileTags")
@covers("iam", "TagInstanceProfile", "NoSuchEntity")
@covers("iam", "UntagInstanceProfile", "NoSuchEntity")
@covers("iam", "ListInstanceProfileTags", "NoSuchEntity")
def test_tags_of_a_profile(iam):
    iam.create_instance_profile(InstanceProfileName="web")
    iam.tag_instance_profile(
        InstanceProfileName="web",
        Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
    )
    iam.untag_instance_profile(InstanceProfileName="web", TagKeys=["a"])
    tags = iam.list_instance_profile_tags(InstanceProfileName="web")["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    with aws_error("NoSuchEntity"):
        iam.tag_instance_profile(
            InstanceProfileName="x", Tags=[{"Key": "a", "Value": "1"}]
        )
    with aws_error("NoSuchEntity"):
        iam.untag_instance_profile(InstanceProfileName="x", TagKeys=["a"])
    with aws_error("NoSuchEntity"):
        iam.list_instance_profile_tags(InstanceProfileName="x")
