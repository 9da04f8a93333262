"""What IAM's rows do: keys that are refused, and policies of users, groups and roles that decide.

AWS: IAM user guide, "Policy evaluation logic" and "Troubleshoot access denied error messages".
"""

import json

import pytest
from harness import aws_error

INVALID_KEY = "The security token included in the request is invalid."


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions, resource="*", **more):
    return {"Effect": "Deny", "Action": list(actions), "Resource": resource, **more}


@pytest.fixture
def iam(client):
    return client("iam")


@pytest.fixture
def user(client, iam):
    """user("name", statements...) -> a function that makes clients of that user."""

    def make(name, *statements, **more):
        iam.create_user(UserName=name, **more)
        if statements:
            iam.put_user_policy(
                UserName=name, PolicyName="own", PolicyDocument=policy(*statements)
            )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return lambda service: client(service, credentials=key)

    return make


@pytest.fixture
def queue(client, account):
    client("sqs").create_queue(QueueName="q")
    return f"arn:aws:sqs:us-east-1:{account}:q"



def test_a_user_may_do_what_a_policy_allows_and_nothing_else(user, queue, account):
    sqs = user("ann", allow("sqs:GetQueueUrl", "sqs:SendMessage", resource=queue))("sqs")
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    with aws_error(
        "AccessDenied",
        match=f"User: arn:aws:iam::{account}:user/ann is not authorized to perform: "
        "sqs:(receivemessage|ReceiveMessage) on resource: "
        f"{queue} because no identity-based policy allows the sqs:(receivemessage|ReceiveMessage) action",
    ):
        sqs.receive_message(QueueUrl=url)


def test_a_user_without_policies_may_do_nothing(user, account):
    with aws_error(
        "AccessDenied",
        403,
        f"User: arn:aws:iam::{account}:user/ann is not authorized to perform: iam:ListUsers on "
        f"resource: arn:aws:iam::{account}:user/ because no identity-based policy allows the "
        "iam:ListUsers action",
    ):
        user("ann")("iam").list_users()


def test_what_is_put_attached_and_taken_away_counts_at_once(user, iam):
    own = user("ann")("iam")
    arn = iam.create_policy(
        PolicyName="p", PolicyDocument=policy(allow("iam:ListUsers"))
    )["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    own.list_users()
    iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=policy(allow("iam:ListRoles")), SetAsDefault=True
    )
    own.list_roles()
    with aws_error("AccessDenied", 403):
        own.list_users()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    own.list_users()
    iam.detach_user_policy(UserName="ann", PolicyArn=arn)
    with aws_error("AccessDenied", 403):
        own.list_users()


def test_groups_give_their_policies_to_members(user, iam):
    own = user("ann")("iam")
    iam.create_group(GroupName="g")
    iam.put_group_policy(
        GroupName="g", PolicyName="p", PolicyDocument=policy(allow("iam:ListUsers"))
    )
    iam.attach_group_policy(
        GroupName="g", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    )
    with aws_error("AccessDenied", 403):
        own.list_users()
    iam.add_user_to_group(GroupName="g", UserName="ann")
    own.list_users()
    own.list_roles()
    iam.remove_user_from_group(GroupName="g", UserName="ann")
    with aws_error("AccessDenied", 403):
        own.list_users()


def test_an_explicit_deny_wins(user):
    own = user("ann", allow("iam:*"), deny("iam:ListUsers"))("iam")
    own.list_roles()
    with aws_error(
        "AccessDenied", 403, match="with an explicit deny in an identity-based policy$"
    ):
        own.list_users()


def test_a_boundary_limits_what_policies_allow(user, iam):
    own = user("ann", allow("iam:ListUsers", "iam:ListRoles"))("iam")
    arn = iam.create_policy(
        PolicyName="b", PolicyDocument=policy(allow("iam:ListRoles", "iam:ListGroups"))
    )["Policy"]["Arn"]
    own.list_users()
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
    own.list_roles()
    with aws_error(
        "AccessDenied",
        403,
        match="because no permissions boundary allows the iam:ListUsers action$",
    ):
        own.list_users()
    with aws_error("AccessDenied", 403, match="because no identity-based policy allows"):
        own.list_groups()
    iam.delete_user_permissions_boundary(UserName="ann")
    own.list_users()


def test_a_deleted_key_is_not_valid(client, iam):
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    sts = client("sts", credentials=key)
    sts.get_caller_identity()
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    with aws_error("InvalidClientTokenId", 403, INVALID_KEY):
        sts.get_caller_identity()


def test_an_inactive_key_is_not_valid_until_it_is_active_again(client, iam):
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    sts = client("sts", credentials=key)
    which = {"UserName": "ann", "AccessKeyId": key["AccessKeyId"]}
    iam.update_access_key(Status="Inactive", **which)
    with aws_error("InvalidClientTokenId", 403, INVALID_KEY):
        sts.get_caller_identity()
    iam.update_access_key(Status="Active", **which)
    sts.get_caller_identity()


def test_a_wrong_secret_does_not_match(client, iam):
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    with aws_error("SignatureDoesNotMatch", 403):
        client(
            "sts", access_key=key["AccessKeyId"], secret_key="wrong"
        ).get_caller_identity()


def test_conditions_on_the_policy_that_is_attached(user, iam):
    reader = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    own = user(
        "ann",
        allow("iam:AttachUserPolicy", Condition={"ArnEquals": {"iam:PolicyARN": reader}}),
    )("iam")
    iam.create_user(UserName="bob")
    own.attach_user_policy(UserName="bob", PolicyArn=reader)
    with aws_error("AccessDenied", 403):
        own.attach_user_policy(
            UserName="bob", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )


def test_conditions_on_the_boundary_of_what_is_made(user, iam):
    limit = "arn:aws:iam::aws:policy/PowerUserAccess"
    own = user(
        "ann",
        allow(
            "iam:CreateUser",
            "iam:PutUserPolicy",
            Condition={"StringEquals": {"iam:PermissionsBoundary": limit}},
        ),
    )("iam")
    own.create_user(UserName="bob", PermissionsBoundary=limit)
    own.put_user_policy(
        UserName="bob", PolicyName="p", PolicyDocument=policy(allow("sqs:*"))
    )
    with aws_error("AccessDenied", 403):
        own.create_user(UserName="eve")
    iam.create_user(UserName="eve")
    with aws_error("AccessDenied", 403):
        own.put_user_policy(
            UserName="eve", PolicyName="p", PolicyDocument=policy(allow("sqs:*"))
        )


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "iam:ResourceTag/team"])
def test_conditions_on_tags_of_the_resource(user, iam, key):
    own = user("ann", allow("iam:GetUser", Condition={"StringEquals": {key: "a"}}))("iam")
    iam.create_user(UserName="bob", Tags=[{"Key": "team", "Value": "a"}])
    iam.create_user(UserName="eve", Tags=[{"Key": "team", "Value": "b"}])
    own.get_user(UserName="bob")
    with aws_error("AccessDenied", 403):
        own.get_user(UserName="eve")


def test_conditions_on_tags_of_the_request(user):
    own = user(
        "ann",
        allow(
            "iam:CreateUser",
            "iam:TagUser",
            Condition={
                "StringEquals": {"aws:RequestTag/team": "a"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
            },
        ),
    )("iam")
    own.create_user(UserName="bob", Tags=[{"Key": "team", "Value": "a"}])
    with aws_error("AccessDenied", 403):
        own.create_user(UserName="eve", Tags=[{"Key": "team", "Value": "b"}])
    with aws_error("AccessDenied", 403):
        own.tag_user(
            UserName="bob",
            Tags=[{"Key": "team", "Value": "a"}, {"Key": "other", "Value": "a"}],
        )


def test_tags_of_the_caller(user, iam):
    own = user(
        "ann",
        allow(
            "iam:GetUser",
            Condition={"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
        ),
        Tags=[{"Key": "team", "Value": "a"}],
    )("iam")
    iam.create_user(UserName="bob", Tags=[{"Key": "team", "Value": "a"}])
    own.get_user(UserName="bob")
    iam.tag_user(UserName="ann", Tags=[{"Key": "team", "Value": "b"}])
    with aws_error("AccessDenied", 403):
        own.get_user(UserName="bob")


def test_resources_have_their_paths(user, iam, account):
    own = user("ann", allow("iam:*", resource=f"arn:aws:iam::{account}:user/team/*"))("iam")
    own.create_user(UserName="bob", Path="/team/")
    own.get_user(UserName="bob")
    own.delete_user(UserName="bob")
    with aws_error("AccessDenied", 403, match=f"on resource: arn:aws:iam::{account}:user/eve"):
        own.create_user(UserName="eve")
    iam.create_user(UserName="eve")
    own.create_user(UserName="bob", Path="/team/")
    # AWS: UpdateUser needs the right on the source and on the target.
    with aws_error("AccessDenied", 403):
        own.update_user(UserName="bob", NewPath="/elsewhere/")
    with aws_error("AccessDenied", 403):
        own.update_user(UserName="eve", NewPath="/team/")


def test_a_user_acts_on_themselves_by_variable(user, account):
    own = user(
        "ann",
        allow("iam:*AccessKey*", resource=f"arn:aws:iam::{account}:user/${{aws:username}}"),
    )("iam")
    own.create_access_key()
    assert len(own.list_access_keys()["AccessKeyMetadata"]) == 2
    with aws_error("AccessDenied", 403):
        own.list_access_keys(UserName="bob")


@pytest.fixture
def session(client, iam, account):
    """session(statements, session policy) -> a function that makes clients of a role's session."""

    def make(*statements, name="r", **more):
        trusted = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=policy(trusted)
        )["Role"]["Arn"]
        iam.put_role_policy(
            RoleName=name, PolicyName="p", PolicyDocument=policy(*statements)
        )
        credentials = client("sts").assume_role(
            RoleArn=arn, RoleSessionName="session", **more
        )["Credentials"]
        return lambda service: client(service, credentials=credentials)

    return make


def test_a_session_has_the_roles_rights(session, iam):
    own = session(allow("iam:ListUsers"))("iam")
    own.list_users()
    with aws_error("AccessDenied", 403, match="assumed-role/r/session is not authorized"):
        own.list_roles()
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    with aws_error("AccessDenied", 403):
        own.list_users()
    assert "LastUsedDate" in iam.get_role(RoleName="r")["Role"]["RoleLastUsed"]


def test_a_session_policy_narrows_the_role(session):
    own = session(
        allow("iam:ListUsers", "iam:ListRoles"),
        Policy=policy(allow("iam:ListUsers", "iam:ListGroups")),
    )("iam")
    own.list_users()
    with aws_error("AccessDenied", 403, match="because no session policy allows"):
        own.list_roles()
    with aws_error("AccessDenied", 403, match="because no identity-based policy allows"):
        own.list_groups()


def test_managed_policies_narrow_a_session_too(session):
    own = session(
        allow("iam:*"),
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}],
    )("iam")
    own.list_users()
    with aws_error("AccessDenied", 403):
        own.create_user(UserName="bob")


def test_a_session_ends_with_its_role(session, iam):
    own = session(allow("iam:ListUsers"))("iam")
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.delete_role(RoleName="r")
    with aws_error("AccessDenied", 403):
        own.list_users()


def test_a_boundary_limits_a_session(session, iam):
    own = session(allow("iam:ListUsers", "iam:ListRoles"))("iam")
    arn = iam.create_policy(
        PolicyName="b", PolicyDocument=policy(allow("iam:ListRoles"))
    )["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
    own.list_roles()
    with aws_error("AccessDenied", 403, match="because no permissions boundary allows"):
        own.list_users()


def test_passing_a_role_to_a_profile_needs_the_right(user, iam, account):
    own = user("ann", allow("iam:AddRoleToInstanceProfile"))("iam")
    iam.create_instance_profile(InstanceProfileName="i")
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=policy(trusted))
    with aws_error(
        "AccessDenied",
        403,
        match=f"perform: iam:PassRole on resource: arn:aws:iam::{account}:role/r",
    ):
        own.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
