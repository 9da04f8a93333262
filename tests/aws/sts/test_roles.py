"""AssumeRole: who is trusted, for how long, with which policies and tags."""

import datetime
import json

import pytest
from harness import aws_error, covers

ALLOW_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal, actions="sts:AssumeRole", **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
    if condition:
        statement["Condition"] = condition
    return policy(statement)


def allow(*actions, resource="*"):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


@pytest.fixture
def role(client, account):
    """role("name", trust document, permissions) makes a role and gives its ARN."""

    def make(name, document=None, permissions=ALLOW_ALL, in_account=account, **more):
        iam = client("iam", account=in_account)
        arn = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document or trust({"AWS": account}),
            **more,
        )["Role"]["Arn"]
        if permissions:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=permissions)
        return arn

    return make


@pytest.fixture
def user(client):
    """user("name", permissions) makes a user and gives a key of it."""

    def make(name, permissions=None):
        iam = client("iam")
        iam.create_user(UserName=name)
        if permissions:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=permissions)
        return iam.create_access_key(UserName=name)["AccessKey"]

    return make


def assume(sts, arn, session="session", **more):
    return sts.assume_role(RoleArn=arn, RoleSessionName=session, **more)


def denied(match="is not authorized to perform: sts:AssumeRole on resource: "):
    return aws_error("AccessDenied", http_status=403, match=match)


@covers("sts", "AssumeRole")
def test_a_session_acts_as_the_role(client, role, account):
    arn = role("worker")
    answer = assume(client("sts"), arn)
    role_id = client("iam").get_role(RoleName="worker")["Role"]["RoleId"]
    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role_id}:session",
        "Arn": f"arn:aws:sts::{account}:assumed-role/worker/session",
    }
    identity = client("sts", credentials=answer["Credentials"]).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert identity["Account"] == account


@covers("sts", "AssumeRole")
def test_the_arn_of_a_session_leaves_the_path_out(client, role, account):
    # AWS: arn:aws:sts::account:assumed-role/role-name/session-name, without the role's path.
    arn = role("worker", Path="/team/")
    answer = assume(client("sts"), arn)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/worker/session"


@covers("sts", "AssumeRole")
def test_a_session_may_what_the_role_may(client, role):
    arn = role("worker", permissions=policy(allow("sqs:ListQueues")))
    sqs = client("sqs", credentials=assume(client("sts"), arn)["Credentials"])
    sqs.list_queues()
    with aws_error("AccessDenied", match="no identity-based policy allows the sqs:CreateQueue"):
        sqs.create_queue(QueueName="mine")


@covers("sts", "AssumeRole")
def test_a_session_policy_only_takes_away(client, role):
    # AWS: the session's permissions are the intersection of role and session policies.
    arn = role("worker", permissions=policy(allow("sqs:ListQueues", "sqs:CreateQueue")))
    session_policy = policy(allow("sqs:ListQueues", "iam:ListUsers"))
    credentials = assume(client("sts"), arn, Policy=session_policy)["Credentials"]
    client("sqs", credentials=credentials).list_queues()
    with aws_error("AccessDenied", match="no session policy allows the sqs:CreateQueue action"):
        client("sqs", credentials=credentials).create_queue(QueueName="mine")
    with aws_error("AccessDenied"):
        client("iam", credentials=credentials).list_users()


@covers("sts", "AssumeRole")
def test_a_managed_policy_may_be_the_session_policy(client, role):
    document = policy(allow("sqs:ListQueues"))
    arn = client("iam").create_policy(PolicyName="lists", PolicyDocument=document)["Policy"]["Arn"]
    answer = assume(client("sts"), role("worker"), PolicyArns=[{"arn": arn}])
    sqs = client("sqs", credentials=answer["Credentials"])
    sqs.list_queues()
    with aws_error("AccessDenied"):
        sqs.create_queue(QueueName="mine")
    assert answer["PackedPolicySize"] > 0


@covers("sts", "AssumeRole", error="AccessDenied")
def test_a_role_that_is_missing_looks_like_one_that_distrusts(client, account):
    # AWS tells the two apart for nobody.
    arn = f"arn:aws:iam::{account}:role/missing"
    with denied() as error:
        assume(client("sts"), arn)
    assert error.message == (
        f"User: arn:aws:iam::{account}:root is not authorized to perform: sts:AssumeRole on "
        f"resource: {arn}"
    )


@covers("sts", "AssumeRole", error="AccessDenied")
def test_a_role_that_trusts_others_is_refused(client, role, user, account):
    arn = role("worker", trust({"AWS": "210987654321"}))
    key = user("alice", ALLOW_ALL)
    with denied() as error:
        assume(client("sts", credentials=key), arn)
    assert error.message.startswith(
        f"User: arn:aws:iam::{account}:user/alice is not authorized to perform: sts:AssumeRole "
        f"on resource: {arn}"
    )


@covers("sts", "AssumeRole", error="AccessDenied")
def test_trust_in_the_account_leaves_the_word_to_iam(client, role, user):
    # AWS: a trust policy that names the account needs the caller's own policies to allow it, too.
    arn = role("worker")
    with denied():
        assume(client("sts", credentials=user("alice")), arn)
    assume(client("sts", credentials=user("bob", policy(allow("sts:AssumeRole")))), arn)


@covers("sts", "AssumeRole")
def test_trust_in_a_user_is_enough_within_the_account(client, role, user, account):
    # AWS: "Policy evaluation logic": a resource-based policy that names the principal suffices.
    key = user("alice")
    arn = role("worker", trust({"AWS": f"arn:aws:iam::{account}:user/alice"}))
    assume(client("sts", credentials=key), arn)


@covers("sts", "AssumeRole")
def test_another_account_may_be_trusted(client, role, account):
    other = "444455556666"
    arn = role("visitor", trust({"AWS": other}))
    answer = assume(client("sts", account=other), arn)
    assert answer["AssumedRoleUser"]["Arn"].startswith(f"arn:aws:sts::{account}:assumed-role/")
    session = client("sts", credentials=answer["Credentials"])
    assert session.get_caller_identity()["Account"] == account


@covers("sts", "AssumeRole", error="AccessDenied")
def test_across_accounts_both_sides_must_agree(client, role, user, account):
    other = "444455556666"
    key = user("alice")  # AWS: a principal that a policy names must exist
    arn = role("visitor", trust({"AWS": f"arn:aws:iam::{account}:user/alice"}), in_account=other)
    with denied():
        assume(client("sts", credentials=key), arn)
    client("iam").put_user_policy(
        UserName="alice", PolicyName="visit", PolicyDocument=policy(allow("sts:AssumeRole"))
    )
    assume(client("sts", credentials=key), arn)


@covers("sts", "AssumeRole", error="AccessDenied")
@pytest.mark.parametrize("given", [None, "wrong"])
def test_the_external_id_must_be_the_agreed_one(client, role, account, given):
    document = trust({"AWS": account}, StringEquals={"sts:ExternalId": "agreed"})
    arn = role("partner", document)
    with denied():
        assume(client("sts"), arn, **({"ExternalId": given} if given else {}))
    assume(client("sts"), arn, ExternalId="agreed")


@covers("sts", "AssumeRole", error="AccessDenied")
def test_session_tags_need_their_own_trust(client, role, account):
    # AWS: sts:TagSession must be allowed by the trust policy, too.
    arn = role("plain")
    tags = [{"Key": "team", "Value": "red"}]
    with denied("is not authorized to perform: sts:TagSession on resource: "):
        assume(client("sts"), arn, Tags=tags)
    tagged = role("tagged", trust({"AWS": account}, ["sts:AssumeRole", "sts:TagSession"]))
    assume(client("sts"), tagged, Tags=tags)


@covers("sts", "AssumeRole")
def test_session_tags_are_principal_tags(client, role, account):
    condition = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    permissions = policy({**allow("sqs:ListQueues"), "Condition": condition})
    document = trust({"AWS": account}, ["sts:AssumeRole", "sts:TagSession"])
    arn = role("tagged", document, permissions)
    for team, may in [("red", True), ("blue", False)]:
        tags = [{"Key": "team", "Value": team}]
        credentials = assume(client("sts"), arn, Tags=tags)["Credentials"]
        sqs = client("sqs", credentials=credentials)
        if may:
            sqs.list_queues()
        else:
            with aws_error("AccessDenied"):
                sqs.list_queues()


@covers("sts", "AssumeRole")
def test_tags_of_the_role_are_principal_tags(client, role):
    condition = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    permissions = policy({**allow("sqs:ListQueues"), "Condition": condition})
    arn = role("tagged", None, permissions, Tags=[{"Key": "team", "Value": "red"}])
    credentials = assume(client("sts"), arn)["Credentials"]
    client("sqs", credentials=credentials).list_queues()


@covers("sts", "AssumeRole", error="AccessDenied")
def test_a_source_identity_needs_its_own_trust(client, role, account):
    # AWS: sts:SetSourceIdentity must be allowed by the trust policy.
    with denied("is not authorized to perform: sts:SetSourceIdentity on resource: "):
        assume(client("sts"), role("plain"), SourceIdentity="alice")
    document = trust({"AWS": account}, ["sts:AssumeRole", "sts:SetSourceIdentity"])
    answer = assume(client("sts"), role("told", document), SourceIdentity="alice")
    assert answer["SourceIdentity"] == "alice"


@covers("sts", "AssumeRole", error="InvalidParameterValue")
def test_doubled_session_tags_are_refused(client, role, account):
    arn = role("tagged", trust({"AWS": account}, ["sts:AssumeRole", "sts:TagSession"]))
    tags = [{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}]
    with aws_error("InvalidParameterValue", http_status=400, match="Duplicate tag keys found"):
        assume(client("sts"), arn, Tags=tags)


@covers("sts", "AssumeRole")
def test_a_role_may_assume_the_next(client, role, account):
    first = role("first", permissions=policy(allow("sts:AssumeRole")))
    second = role("second", trust({"AWS": f"arn:aws:iam::{account}:role/first"}))
    credentials = assume(client("sts"), first)["Credentials"]
    answer = assume(client("sts", credentials=credentials), second, "next")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/second/next"


@covers("sts", "AssumeRole", error="ValidationError")
def test_a_chained_session_lasts_an_hour_at_most(client, role, account):
    first = role("first", permissions=policy(allow("sts:AssumeRole")))
    second = role(
        "second", trust({"AWS": f"arn:aws:iam::{account}:role/first"}), MaxSessionDuration=43200
    )
    credentials = assume(client("sts"), first)["Credentials"]
    with aws_error(
        "ValidationError",
        http_status=400,
        message="The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
        "by role chaining.",
    ):
        assume(client("sts", credentials=credentials), second, DurationSeconds=3601)


@covers("sts", "AssumeRole", error="ValidationError")
def test_a_session_is_no_longer_than_the_role_allows(client, role):
    arn = role("worker", MaxSessionDuration=7200)
    answer = assume(client("sts"), arn, DurationSeconds=7200)
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert abs(left - datetime.timedelta(hours=2)) < datetime.timedelta(minutes=2)
    with aws_error(
        "ValidationError",
        http_status=400,
        message="The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    ):
        assume(client("sts"), arn, DurationSeconds=7201)


@covers("sts", "AssumeRole", error="ValidationError")
@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"RoleSessionName": "a"}, "roleSessionName"),
        ({"RoleSessionName": "a" * 65}, "roleSessionName"),
        ({"RoleSessionName": "with space"}, "roleSessionName"),
        ({"RoleArn": "arn:short"}, "roleArn"),
        ({"DurationSeconds": 899}, "durationSeconds"),
        ({"DurationSeconds": 43201}, "durationSeconds"),
        ({"ExternalId": "x"}, "externalId"),
        ({"Tags": [{"Key": "", "Value": "a"}]}, "tags.1.member.key"),
    ],
)
def test_arguments_are_checked_by_the_model(client, account, arguments, where):
    good = {"RoleArn": f"arn:aws:iam::{account}:role/worker", "RoleSessionName": "session"}
    with aws_error("ValidationError", http_status=400, match=f"at '{where}' failed to satisfy"):
        client("sts", is_validated=False).assume_role(**{**good, **arguments})


@covers("sts", "AssumeRole", error="ValidationError")
@pytest.mark.parametrize(
    "arn", ["arn:aws:iam::123456789012:user/alice", "arn:aws:s3:::bucket-of-some-name"]
)
def test_an_arn_of_something_else_is_invalid(client, arn):
    with aws_error("ValidationError", http_status=400, message=f"{arn} is invalid"):
        assume(client("sts"), arn)


@covers("sts", "AssumeRole", error="MalformedPolicyDocument")
def test_a_session_policy_must_be_a_policy(client, role):
    with aws_error("MalformedPolicyDocument", http_status=400):
        assume(client("sts"), role("worker"), Policy="{")


def test_a_session_loses_what_its_role_loses(client, role):
    arn = role("worker", permissions=policy(allow("sqs:ListQueues")))
    sqs = client("sqs", credentials=assume(client("sts"), arn)["Credentials"])
    sqs.list_queues()
    client("iam").delete_role_policy(RoleName="worker", PolicyName="own")
    with aws_error("AccessDenied"):
        sqs.list_queues()


def test_a_role_session_ends_with_its_time(client, role, clock):
    credentials = assume(client("sts"), role("worker"), DurationSeconds=900)["Credentials"]
    session = client("sts", credentials=credentials)
    session.get_caller_identity()
    clock.advance("16m")
    with aws_error("ExpiredToken", http_status=403):
        session.get_caller_identity()


def test_the_use_of_a_role_is_noted(client, role):
    arn = role("worker")
    assume(client("sts", region="eu-west-1"), arn)
    used = client("iam").get_role(RoleName="worker")["Role"]["RoleLastUsed"]
    assert used["Region"] == "eu-west-1"


def test_the_aws_cli_assumes_a_role(aws, role, account):
    arn = role("worker")
    answer = aws("sts", "assume-role", "--role-arn", arn, "--role-session-name", "cli").json
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/worker/cli"
