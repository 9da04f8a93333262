"""Groups: made, renamed, deleted, listed; members and policies."""

import json

import pytest
from harness import aws_error, covers

SOME = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
    }
)
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
MISSING = "The group with name x cannot be found."


@pytest.fixture
def iam(client):
    return client("iam")


@covers("iam", "CreateGroup")
@covers("iam", "GetGroup")
@covers("iam", "AddUserToGroup")
@covers("iam", "RemoveUserFromGroup")
@covers("iam", "ListGroupsForUser")
def test_a_group_has_members(iam, account):
    made = iam.create_group(GroupName="Dev", Path="/p/")["Group"]
    assert made["Arn"] == f"arn:aws:iam::{account}:group/p/Dev"
    assert made["GroupId"].startswith("AGPA")
    for name in ("b", "a"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="dev", UserName=name)
    iam.add_user_to_group(GroupName="dev", UserName="a")
    got = iam.get_group(GroupName="dev")
    assert got["Group"]["GroupName"] == "Dev"
    assert [user["UserName"] for user in got["Users"]] == ["a", "b"]
    page = iam.get_group(GroupName="dev", MaxItems=1)
    rest = iam.get_group(GroupName="dev", Marker=page["Marker"])
    assert page["Users"] + rest["Users"] == got["Users"]
    groups = iam.list_groups_for_user(UserName="a")["Groups"]
    assert [group["GroupName"] for group in groups] == ["Dev"]
    iam.remove_user_from_group(GroupName="dev", UserName="a")
    assert iam.list_groups_for_user(UserName="a")["Groups"] == []


@covers("iam", "CreateGroup", "EntityAlreadyExists")
@covers("iam", "GetGroup", "NoSuchEntity")
@covers("iam", "AddUserToGroup", "NoSuchEntity")
@covers("iam", "AddUserToGroup", "LimitExceeded")
@covers("iam", "RemoveUserFromGroup", "NoSuchEntity")
@covers("iam", "ListGroupsForUser", "NoSuchEntity")
def test_what_cannot_be(iam):
    iam.create_user(UserName="u")
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
    with aws_error("EntityAlreadyExists", 409, "Group with name G1 already exists."):
        iam.create_group(GroupName="G1")
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.get_group(GroupName="x")
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.add_user_to_group(GroupName="x", UserName="u")
    with aws_error("NoSuchEntity", 404, "The user with name x cannot be found."):
        iam.add_user_to_group(GroupName="g1", UserName="x")
    with aws_error("NoSuchEntity", 404):
        iam.remove_user_from_group(GroupName="g1", UserName="x")
    with aws_error("NoSuchEntity", 404):
        iam.list_groups_for_user(UserName="x")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="u")
    with aws_error("LimitExceeded", 409, "Cannot exceed quota for GroupsPerUser: 10"):
        iam.add_user_to_group(GroupName="g10", UserName="u")


@covers("iam", "UpdateGroup")
@covers("iam", "UpdateGroup", "NoSuchEntity")
@covers("iam", "UpdateGroup", "EntityAlreadyExists")
@covers("iam", "ListGroups")
def test_groups_are_renamed_and_listed(iam):
    for name in ("a", "b"):
        iam.create_group(GroupName=name)
    iam.update_group(GroupName="a", NewGroupName="c", NewPath="/n/")
    assert [g["GroupName"] for g in iam.list_groups()["Groups"]] == ["b", "c"]
    assert [g["GroupName"] for g in iam.list_groups(PathPrefix="/n/")["Groups"]] == ["c"]
    with aws_error("EntityAlreadyExists", 409):
        iam.update_group(GroupName="b", NewGroupName="c")
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.update_group(GroupName="x", NewGroupName="y")


@covers("iam", "DeleteGroup")
@covers("iam", "DeleteGroup", "DeleteConflict")
@covers("iam", "DeleteGroup", "NoSuchEntity")
def test_a_group_is_deleted_when_nothing_hangs_on_it(iam):
    iam.create_group(GroupName="g")
    iam.create_user(UserName="u")
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.attach_group_policy(GroupName="g", PolicyArn=READ_ONLY)
    with aws_error("DeleteConflict", 409, match="must remove users from group first"):
        iam.delete_group(GroupName="g")
    iam.remove_user_from_group(GroupName="g", UserName="u")
    with aws_error("DeleteConflict", 409, match="must detach all policies first"):
        iam.delete_group(GroupName="g")
    iam.detach_group_policy(GroupName="g", PolicyArn=READ_ONLY)
    iam.delete_group(GroupName="g")
    with aws_error("NoSuchEntity", 404):
        iam.delete_group(GroupName="g")


@covers("iam", "PutGroupPolicy")
@covers("iam", "GetGroupPolicy")
@covers("iam", "DeleteGroupPolicy")
@covers("iam", "ListGroupPolicies")
@covers("iam", "PutGroupPolicy", "NoSuchEntity")
@covers("iam", "PutGroupPolicy", "MalformedPolicyDocument")
@covers("iam", "GetGroupPolicy", "NoSuchEntity")
@covers("iam", "DeleteGroupPolicy", "NoSuchEntity")
@covers("iam", "ListGroupPolicies", "NoSuchEntity")
def test_inline_policies_of_a_group(iam):
    iam.create_group(GroupName="g")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=SOME)
    got = iam.get_group_policy(GroupName="g", PolicyName="p")
    assert (got["GroupName"], got["PolicyDocument"]) == ("g", json.loads(SOME))
    assert iam.list_group_policies(GroupName="g")["PolicyNames"] == ["p"]
    iam.delete_group_policy(GroupName="g", PolicyName="p")
    text = "The group policy with name p cannot be found."
    with aws_error("NoSuchEntity", 404, text):
        iam.get_group_policy(GroupName="g", PolicyName="p")
    with aws_error("NoSuchEntity", 404, text):
        iam.delete_group_policy(GroupName="g", PolicyName="p")
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.put_group_policy(GroupName="x", PolicyName="p", PolicyDocument=SOME)
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.list_group_policies(GroupName="x")
    with aws_error("MalformedPolicyDocument", 400):
        iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument="no")


@covers("iam", "AttachGroupPolicy")
@covers("iam", "DetachGroupPolicy")
@covers("iam", "ListAttachedGroupPolicies")
@covers("iam", "AttachGroupPolicy", "NoSuchEntity")
@covers("iam", "DetachGroupPolicy", "NoSuchEntity")
@covers("iam", "ListAttachedGroupPolicies", "NoSuchEntity")
def test_attached_policies_of_a_group(iam):
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=READ_ONLY)
    attached = iam.list_attached_group_policies(GroupName="g")["AttachedPolicies"]
    assert attached == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    iam.detach_group_policy(GroupName="g", PolicyArn=READ_ONLY)
    with aws_error("NoSuchEntity", 404):
        iam.detach_group_policy(GroupName="g", PolicyArn=READ_ONLY)
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.attach_group_policy(GroupName="x", PolicyArn=READ_ONLY)
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.list_attached_group_policies(GroupName="x")
