"""Access keys: made, listed, switched off, deleted, and whose they are."""

import json

import pytest
from harness import aws_error, covers

ALL = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture
def iam(client):
    iam = client("iam")
    iam.create_user(UserName="u")
    return iam


@covers("iam", "CreateAccessKey")
@covers("iam", "ListAccessKeys")
@covers("iam", "UpdateAccessKey")
@covers("iam", "DeleteAccessKey")
def test_the_life_of_a_key(client, iam, account):
    key = iam.create_access_key(UserName="u")["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA") and len(key["AccessKeyId"]) == 20
    assert len(key["SecretAccessKey"]) == 40 and key["Status"] == "Active"
    # The account is in the key id: STS reads it out.
    info = client("sts").get_access_key_info(AccessKeyId=key["AccessKeyId"])
    assert info["Account"] == account
    listed = iam.list_access_keys(UserName="u")["AccessKeyMetadata"]
    assert [(k["AccessKeyId"], k["Status"]) for k in listed] == [(key["AccessKeyId"], "Active")]
    iam.update_access_key(UserName="u", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert iam.list_access_keys(UserName="u")["AccessKeyMetadata"][0]["Status"] == "Inactive"
    iam.delete_access_key(UserName="u", AccessKeyId=key["AccessKeyId"])
    assert iam.list_access_keys(UserName="u")["AccessKeyMetadata"] == []


@covers("iam", "CreateAccessKey", "LimitExceeded")
@covers("iam", "CreateAccessKey", "NoSuchEntity")
@covers("iam", "ListAccessKeys", "NoSuchEntity")
@covers("iam", "UpdateAccessKey", "NoSuchEntity")
@covers("iam", "DeleteAccessKey", "NoSuchEntity")
def test_what_cannot_be(iam):
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    iam.create_access_key(UserName="u")
    with aws_error("LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2"):
        iam.create_access_key(UserName="u")
    with aws_error("NoSuchEntity", 404, "The user with name x cannot be found."):
        iam.create_access_key(UserName="x")
    with aws_error("NoSuchEntity", 404):
        iam.list_access_keys(UserName="x")
    iam.create_user(UserName="other")
    text = f"The Access Key with id {key} cannot be found."
    with aws_error("NoSuchEntity", 404, text):
        iam.update_access_key(UserName="other", AccessKeyId=key, Status="Inactive")
    with aws_error("NoSuchEntity", 404, text):
        iam.delete_access_key(UserName="other", AccessKeyId=key)


@covers("iam", "ListAccessKeys")
def test_keys_are_paged(iam):
    for _ in range(2):
        iam.create_access_key(UserName="u")
    page = iam.list_access_keys(UserName="u", MaxItems=1)
    rest = iam.list_access_keys(UserName="u", Marker=page["Marker"])
    assert page["IsTruncated"] and not rest["IsTruncated"]
    assert len(page["AccessKeyMetadata"] + rest["AccessKeyMetadata"]) == 2


@covers("iam", "CreateAccessKey")
@covers("iam", "ListAccessKeys")
def test_without_a_name_the_keys_are_the_callers(client, iam):
    iam.attach_user_policy(UserName="u", PolicyArn=ALL)
    own = client("iam", credentials=iam.create_access_key(UserName="u")["AccessKey"])
    assert own.create_access_key()["AccessKey"]["UserName"] == "u"
    assert len(own.list_access_keys()["AccessKeyMetadata"]) == 2
    assert iam.list_access_keys()["AccessKeyMetadata"] == []


@covers("iam", "CreateAccessKey", "ValidationError")
def test_a_role_has_no_keys(client, iam, account):
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="r",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=ALL)
    session = client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    with aws_error(
        "ValidationError",
        400,
        "Must specify userName when calling with non-User credentials",
    ):
        client("iam", credentials=session).create_access_key()


@covers("iam", "CreateAccessKey")
def test_the_root_can_have_keys(client, iam, account):
    key = iam.create_access_key()["AccessKey"]
    identity = client("sts", credentials=key).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{account}:root"
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 1
    with aws_error("SignatureDoesNotMatch", 403):
        client(
            "sts", access_key=key["AccessKeyId"], secret_key="wrong"
        ).get_caller_identity()
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"])


@covers("iam", "GetAccessKeyLastUsed")
@covers("iam", "GetAccessKeyLastUsed", "NoSuchEntity")
def test_last_use_of_a_key(iam):
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    answer = iam.get_access_key_last_used(AccessKeyId=key)
    assert answer["UserName"] == "u"
    assert answer["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    with aws_error("NoSuchEntity", 404):
        iam.get_access_key_last_used(AccessKeyId="AKIAXXXXXXXXXXXXXXXX")
