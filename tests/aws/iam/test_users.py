"""Users: made, renamed, deleted, listed, tagged; their policies and boundaries."""

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
MISSING = "The user with name x cannot be found."


@pytest.fixture
def iam(client):
    return client("iam")


@covers("iam", "CreateUser")
@covers("iam", "GetUser")
def test_a_user_is_made_and_read(iam, account):
    made = iam.create_user(
        UserName="Ann", Path="/team/", PermissionsBoundary=READ_ONLY,
        Tags=[{"Key": "k", "Value": "v"}],
    )["User"]
    assert made["Arn"] == f"arn:aws:iam::{account}:user/team/Ann"
    assert made["UserId"].startswith("AIDA")
    got = iam.get_user(UserName="ANN")["User"]
    assert got["UserName"] == "Ann" and got["Tags"] == [{"Key": "k", "Value": "v"}]
    assert got["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY


@covers("iam", "CreateUser", "EntityAlreadyExists")
@covers("iam", "CreateUser", "NoSuchEntity")
@covers("iam", "CreateUser", "InvalidInput")
@covers("iam", "GetUser", "NoSuchEntity")
def test_users_that_cannot_be(iam, account):
    iam.create_user(UserName="Ann")
    with aws_error("EntityAlreadyExists", 409, "User with name ann already exists."):
        iam.create_user(UserName="ann")
    with aws_error("NoSuchEntity", 404):
        iam.create_user(
            UserName="b", PermissionsBoundary=f"arn:aws:iam::{account}:policy/none"
        )
    with aws_error("InvalidInput", 400):
        iam.create_user(UserName="b", Tags=[{"Key": "aws:a", "Value": ""}])
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.get_user(UserName="x")


@covers("iam", "GetUser")
@covers("iam", "GetUser", "ValidationError")
def test_who_am_i(client, iam, account):
    # AWS: the root has no name; its id is the account's.
    root = iam.get_user()["User"]
    assert (root["UserId"], root["Arn"]) == (account, f"arn:aws:iam::{account}:root")
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=READ_ONLY)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert client("iam", credentials=key).get_user()["User"]["UserName"] == "ann"


@covers("iam", "UpdateUser")
def test_a_renamed_user_keeps_everything(client, iam, account):
    user_id = iam.create_user(UserName="ann")["User"]["UserId"]
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=SOME)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.update_user(UserName="ann", NewUserName="Anna", NewPath="/new/")
    got = iam.get_user(UserName="anna")["User"]
    assert got["UserId"] == user_id and got["Arn"].endswith(":user/new/Anna")
    assert iam.list_user_policies(UserName="Anna")["PolicyNames"] == ["p"]
    identity = client("sts", credentials=key).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{account}:user/new/Anna"
    iam.update_user(UserName="anna", NewUserName="ANNA")
    assert iam.get_user(UserName="anna")["User"]["UserName"] == "ANNA"


@covers("iam", "UpdateUser", "NoSuchEntity")
@covers("iam", "UpdateUser", "EntityAlreadyExists")
def test_renames_that_cannot_be(iam):
    for name in ("a", "b"):
        iam.create_user(UserName=name)
    with aws_error("EntityAlreadyExists", 409):
        iam.update_user(UserName="a", NewUserName="B")
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.update_user(UserName="x", NewUserName="y")


@covers("iam", "DeleteUser")
@covers("iam", "DeleteUser", "DeleteConflict")
@covers("iam", "DeleteUser", "NoSuchEntity")
def test_a_user_is_deleted_when_nothing_hangs_on_it(iam):
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn=READ_ONLY)
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=SOME)
    iam.create_login_profile(UserName="u", Password="Secret-word-1")
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]

    def refused(what):
        with aws_error("DeleteConflict", 409, f"Cannot delete entity, must {what} first."):
            iam.delete_user(UserName="u")

    refused("delete access keys")
    iam.delete_access_key(UserName="u", AccessKeyId=key)
    refused("delete login profile")
    iam.delete_login_profile(UserName="u")
    refused("remove users from group")
    iam.remove_user_from_group(GroupName="g", UserName="u")
    refused("detach all policies")
    iam.detach_user_policy(UserName="u", PolicyArn=READ_ONLY)
    refused("delete policies")
    iam.delete_user_policy(UserName="u", PolicyName="p")
    iam.delete_user(UserName="u")
    with aws_error("NoSuchEntity", 404):
        iam.delete_user(UserName="u")


@covers("iam", "ListUsers")
def test_users_are_listed(iam):
    for name, path in [("b", "/x/"), ("A", "/"), ("c", "/x/")]:
        iam.create_user(UserName=name, Path=path, Tags=[{"Key": "k", "Value": "v"}])
    listed = iam.list_users()["Users"]
    assert [user["UserName"] for user in listed] == ["A", "b", "c"]
    assert "Tags" not in listed[0]
    names = [
        user["UserName"]
        for page in iam.get_paginator("list_users").paginate(
            PathPrefix="/x/", PaginationConfig={"PageSize": 1}
        )
        for user in page["Users"]
    ]
    assert names == ["b", "c"]


@covers("iam", "TagUser")
@covers("iam", "UntagUser")
@covers("iam", "ListUserTags")
@covers("iam", "TagUser", "NoSuchEntity")
@covers("iam", "UntagUser", "NoSuchEntity")
@covers("iam", "ListUserTags", "NoSuchEntity")
def test_tags_of_a_user(iam):
    iam.create_user(UserName="u")
    iam.tag_user(UserName="u", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_user(UserName="u", TagKeys=["A"])
    assert iam.list_user_tags(UserName="u")["Tags"] == [{"Key": "b", "Value": "2"}]
    with aws_error("NoSuchEntity"):
        iam.tag_user(UserName="x", Tags=[{"Key": "a", "Value": "1"}])
    with aws_error("NoSuchEntity"):
        iam.untag_user(UserName="x", TagKeys=["a"])
    with aws_error("NoSuchEntity"):
        iam.list_user_tags(UserName="x")


@covers("iam", "PutUserPolicy")
@covers("iam", "GetUserPolicy")
@covers("iam", "DeleteUserPolicy")
@covers("iam", "ListUserPolicies")
@covers("iam", "PutUserPolicy", "NoSuchEntity")
@covers("iam", "PutUserPolicy", "MalformedPolicyDocument")
@covers("iam", "PutUserPolicy", "LimitExceeded")
@covers("iam", "GetUserPolicy", "NoSuchEntity")
@covers("iam", "DeleteUserPolicy", "NoSuchEntity")
@covers("iam", "ListUserPolicies", "NoSuchEntity")
def test_inline_policies_of_a_user(iam):
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=SOME)
    got = iam.get_user_policy(UserName="u", PolicyName="p")
    assert (got["UserName"], got["PolicyDocument"]) == ("u", json.loads(SOME))
    assert iam.list_user_policies(UserName="u")["PolicyNames"] == ["p"]
    iam.delete_user_policy(UserName="u", PolicyName="p")
    text = "The user policy with name p cannot be found."
    with aws_error("NoSuchEntity", 404, text):
        iam.get_user_policy(UserName="u", PolicyName="p")
    with aws_error("NoSuchEntity", 404, text):
        iam.delete_user_policy(UserName="u", PolicyName="p")
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.put_user_policy(UserName="x", PolicyName="p", PolicyDocument=SOME)
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.list_user_policies(UserName="x")
    with aws_error("MalformedPolicyDocument", 400):
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument="no")
    queues = [f"arn:aws:sqs:*:*:queue-with-a-long-name-{i:04d}" for i in range(60)]
    document = {"Effect": "Allow", "Action": "sqs:*", "Resource": queues}
    with aws_error(
        "LimitExceeded", 409, "Maximum policy size of 2048 bytes exceeded for user u"
    ):
        iam.put_user_policy(
            UserName="u",
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [document]}),
        )


@covers("iam", "AttachUserPolicy")
@covers("iam", "DetachUserPolicy")
@covers("iam", "ListAttachedUserPolicies")
@covers("iam", "AttachUserPolicy", "NoSuchEntity")
@covers("iam", "DetachUserPolicy", "NoSuchEntity")
@covers("iam", "ListAttachedUserPolicies", "NoSuchEntity")
def test_attached_policies_of_a_user(iam):
    iam.create_user(UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn=READ_ONLY)
    assert iam.list_attached_user_policies(UserName="u")["AttachedPolicies"] == [
        {"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}
    ]
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 1
    iam.detach_user_policy(UserName="u", PolicyArn=READ_ONLY)
    with aws_error("NoSuchEntity", 404):
        iam.detach_user_policy(UserName="u", PolicyArn=READ_ONLY)
    with aws_error("NoSuchEntity", 404):
        iam.attach_user_policy(UserName="u", PolicyArn="arn:aws:iam::aws:policy/Nothing")
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.list_attached_user_policies(UserName="x")


@covers("iam", "PutUserPermissionsBoundary")
@covers("iam", "DeleteUserPermissionsBoundary")
@covers("iam", "PutUserPermissionsBoundary", "NoSuchEntity")
@covers("iam", "DeleteUserPermissionsBoundary", "NoSuchEntity")
def test_the_boundary_of_a_user(iam):
    iam.create_user(UserName="u")
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=READ_ONLY)
    boundary = iam.get_user(UserName="u")["User"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == READ_ONLY
    iam.delete_user_permissions_boundary(UserName="u")
    with aws_error("NoSuchEntity"):
        iam.delete_user_permissions_boundary(UserName="u")
    with aws_error("NoSuchEntity", 404, MISSING):
        iam.put_user_permissions_boundary(UserName="x", PermissionsBoundary=READ_ONLY)
