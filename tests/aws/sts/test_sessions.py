"""Temporary credentials of users and the root: GetSessionToken, GetFederationToken, expiry."""

import datetime
import json

import pytest
from harness import aws_error, covers

MINUTES = datetime.timedelta(minutes=1)
ALLOW_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
ONLY_IAM_LISTS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}],
    }
)


def lifetime(credentials):
    return credentials["Expiration"] - datetime.datetime.now(datetime.timezone.utc)


def is_about(duration, minutes):
    return abs(duration - minutes * MINUTES) < 2 * MINUTES


@pytest.fixture
def user(client):
    """A user that may do everything, with a long-term key."""
    iam = client("iam")
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="all", PolicyDocument=ALLOW_ALL)
    return iam.create_access_key(UserName="alice")["AccessKey"]


@covers("sts", "GetSessionToken")
def test_a_session_of_the_root_is_the_root(client, account):
    credentials = client("sts").get_session_token()["Credentials"]
    assert client("sts", credentials=credentials).get_caller_identity()["Arn"] == (
        f"arn:aws:iam::{account}:root"
    )


@covers("sts", "GetSessionToken")
@pytest.mark.parametrize(("asked", "minutes"), [(None, 60), (900, 15), (129600, 60)])
def test_a_session_of_the_root_lasts_an_hour_at_most(client, asked, minutes):
    # AWS: "Sessions for AWS account owners are restricted to a maximum of 3,600 seconds".
    arguments = {} if asked is None else {"DurationSeconds": asked}
    credentials = client("sts").get_session_token(**arguments)["Credentials"]
    assert is_about(lifetime(credentials), minutes)


@covers("sts", "GetSessionToken")
@pytest.mark.parametrize(("asked", "minutes"), [(None, 720), (900, 15), (129600, 2160)])
def test_a_session_of_a_user_lasts_twelve_hours_by_default(client, user, asked, minutes):
    # AWS: "a range of 900 seconds (15 minutes) to 129,600 seconds (36 hours), with 43,200 seconds
    # (12 hours) as the default".
    arguments = {} if asked is None else {"DurationSeconds": asked}
    credentials = client("sts", credentials=user).get_session_token(**arguments)["Credentials"]
    assert is_about(lifetime(credentials), minutes)


@covers("sts", "GetSessionToken")
def test_a_session_of_a_user_is_the_user(client, user, account):
    session = client("sts", credentials=user).get_session_token()["Credentials"]
    identity = client("sts", credentials=session).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{account}:user/alice"


@covers("sts", "GetSessionToken", error="ValidationError")
@pytest.mark.parametrize(
    ("seconds", "constraint"),
    [(899, "greater than or equal to 900"), (129601, "less than or equal to 129600")],
)
def test_a_duration_out_of_range_breaks_the_model(client, seconds, constraint):
    with aws_error(
        "ValidationError",
        http_status=400,
        message=f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to "
        f"satisfy constraint: Member must have value {constraint}",
    ):
        client("sts", is_validated=False).get_session_token(DurationSeconds=seconds)


@covers("sts", "GetSessionToken", error="AccessDenied")
def test_a_session_makes_no_session_token(client):
    session = client("sts").get_session_token()["Credentials"]
    with aws_error(
        "AccessDenied",
        http_status=403,
        message="Cannot call GetSessionToken with session credentials",
    ):
        client("sts", credentials=session).get_session_token()


@covers("sts", "GetFederationToken")
def test_a_federated_user_is_named(client, account):
    answer = client("sts").get_federation_token(Name="guest", Policy=ALLOW_ALL)
    # AWS: FederatedUserId "123456789012:Bob", Arn "arn:aws:sts::123456789012:federated-user/Bob".
    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{account}:guest",
        "Arn": f"arn:aws:sts::{account}:federated-user/guest",
    }
    assert 0 < answer["PackedPolicySize"] <= 100
    identity = client("sts", credentials=answer["Credentials"]).get_caller_identity()
    assert identity["Arn"] == answer["FederatedUser"]["Arn"]
    assert identity["UserId"] == answer["FederatedUser"]["FederatedUserId"]


@covers("sts", "GetFederationToken")
def test_a_federated_user_may_what_both_policies_allow(client, user):
    sts = client("sts", credentials=user)
    guest = sts.get_federation_token(Name="guest", Policy=ONLY_IAM_LISTS)["Credentials"]
    sqs = client("sqs", credentials=guest)
    with aws_error("AccessDenied", match="no session policy allows"):
        sqs.list_queues()


@covers("sts", "GetFederationToken")
def test_without_a_policy_a_federated_user_may_nothing(client, user):
    # AWS: "If you do not pass a policy, the resulting federated user session has no permissions."
    guest = client("sts", credentials=user).get_federation_token(Name="guest")["Credentials"]
    with aws_error("AccessDenied"):
        client("sqs", credentials=guest).list_queues()


@covers("sts", "GetFederationToken", error="MalformedPolicyDocument")
@pytest.mark.parametrize(
    "policy",
    ["{", "[]", "{}", '{"Version":"2012-10-17"}',
     '{"Version":"2012-10-17","Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}'],
)
def test_a_session_policy_must_be_a_policy(client, policy):
    with aws_error("MalformedPolicyDocument", http_status=400):
        client("sts").get_federation_token(Name="guest", Policy=policy)


@covers("sts", "GetFederationToken", error="InvalidParameterValue")
def test_tags_that_differ_by_case_are_doubled(client):
    # AWS: "you cannot have separate Department and department tag keys".
    tags = [{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}]
    with aws_error("InvalidParameterValue", http_status=400, match="Duplicate tag keys found"):
        client("sts").get_federation_token(Name="guest", Tags=tags)


@covers("sts", "GetFederationToken", error="AccessDenied")
def test_a_session_makes_no_federated_user(client):
    session = client("sts").get_session_token()["Credentials"]
    with aws_error("AccessDenied", http_status=403):
        client("sts", credentials=session).get_federation_token(Name="guest")


@covers("sts", "GetFederationToken", error="ValidationError")
@pytest.mark.parametrize("name", ["a", "a" * 33, "with space"])
def test_the_name_of_a_federated_user_is_checked(client, name):
    # Model: 2 to 32 of [\w+=,.@-].
    with aws_error("ValidationError", http_status=400, match="at 'name' failed to satisfy"):
        client("sts", is_validated=False).get_federation_token(Name=name)


@covers("sts", "GetFederationToken", error="ValidationError")
def test_a_managed_policy_must_exist(client, account):
    arn = f"arn:aws:iam::{account}:policy/missing"
    with aws_error("ValidationError", http_status=400, match="missing"):
        client("sts").get_federation_token(Name="guest", PolicyArns=[{"arn": arn}])


def test_a_session_ends_with_its_time(client, clock):
    credentials = client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    session = client("sts", credentials=credentials)
    clock.advance("14m")
    session.get_caller_identity()
    clock.advance("2m")
    # AWS: ExpiredToken (403), "The security token included in the request is expired".
    with aws_error(
        "ExpiredToken",
        http_status=403,
        message="The security token included in the request is expired",
    ):
        session.get_caller_identity()


def test_a_session_survives_a_restart(client, new_server, account):
    first = new_server(is_stored=True)
    credentials = client("sts", server=first).get_session_token()["Credentials"]
    assert first.stop() is None
    first.start()
    session = client("sts", server=first, credentials=credentials)
    assert session.get_caller_identity()["Account"] == account
