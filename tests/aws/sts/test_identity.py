"""Who a caller is: GetCallerIdentity, GetAccessKeyInfo; and what STS does not do."""

import pytest
from harness import aws_error, covers


@covers("sts", "GetCallerIdentity")
def test_an_account_as_key_is_its_root(client, account):
    # AWS: GetCallerIdentity: for the root UserId is the account ID.
    identity = client("sts").get_caller_identity()
    assert identity["Account"] == account
    assert identity["UserId"] == account
    assert identity["Arn"] == f"arn:aws:iam::{account}:root"


@covers("sts", "GetCallerIdentity")
def test_the_aws_cli_is_told_the_same(aws, account):
    identity = aws("sts", "get-caller-identity").json
    assert identity == {
        "UserId": account,
        "Account": account,
        "Arn": f"arn:aws:iam::{account}:root",
    }


@covers("sts", "GetCallerIdentity")
def test_a_user_is_told_by_its_arn_and_id(client, account):
    iam = client("iam")
    user = iam.create_user(UserName="alice", Path="/team/")["User"]
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    identity = client("sts", credentials=key).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{account}:user/team/alice"
    assert identity["UserId"] == user["UserId"]
    assert identity["Account"] == account


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-2"])
def test_every_region_answers(client, account, region):
    assert client("sts", region=region).get_caller_identity()["Account"] == account


@covers("sts", "GetAccessKeyInfo")
def test_the_account_of_a_key_is_read_from_the_key(client, account):
    key = client("sts").get_session_token()["Credentials"]["AccessKeyId"]
    assert key.startswith("ASIA"), "AWS: temporary keys begin with ASIA"
    stranger = client("sts", account="111122223333")
    assert stranger.get_access_key_info(AccessKeyId=key)["Account"] == account


@covers("sts", "GetAccessKeyInfo")
def test_key_info_knows_long_term_keys(client, account):
    iam = client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    assert key.startswith("AKIA"), "AWS: long-term keys begin with AKIA"
    assert client("sts").get_access_key_info(AccessKeyId=key)["Account"] == account


@covers("sts", "GetAccessKeyInfo", error="ValidationError")
@pytest.mark.parametrize("key", ["AKIA!!!!!!!!!!!!!!!!", "XXXX5555555555555555", "A" * 17])
def test_what_is_no_key_has_no_account(client, key):
    with aws_error("ValidationError", http_status=400):
        client("sts").get_access_key_info(AccessKeyId=key)


@covers("sts", "GetAccessKeyInfo", error="ValidationError")
def test_a_short_key_breaks_the_length_of_the_model(client):
    # Model: accessKeyIdType has at least 16 characters.
    with aws_error(
        "ValidationError",
        http_status=400,
        message="1 validation error detected: Value 'AKIA' at 'accessKeyId' failed to satisfy "
        "constraint: Member must have length greater than or equal to 16",
    ):
        client("sts", is_validated=False).get_access_key_info(AccessKeyId="AKIA")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("assume_role_with_saml", {"RoleArn": "arn:aws:iam::123456789012:role/a",
                                   "PrincipalArn": "arn:aws:iam::123456789012:saml-provider/a",
                                   "SAMLAssertion": "AAAA"}),
        ("assume_root", {"TargetPrincipal": "123456789012",
                         "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/IAMAudit"}}),
        ("get_delegated_access_token", {"TradeInToken": "token"}),
    ],
)
def test_what_is_not_implemented_says_so_by_name(client, operation, arguments):
    sts = client("sts")
    name = sts.meta.method_to_api_mapping[operation]
    with aws_error("NotImplemented", http_status=501, match=name):
        getattr(sts, operation)(**arguments)


@covers(
    "sts",
    "GetWebIdentityToken",
    error="OutboundWebIdentityFederationDisabledException",
    is_all=True,
)
def test_outbound_federation_is_off(client):
    # AWS: off in every account until EnableOutboundWebIdentityFederation.
    with aws_error("OutboundWebIdentityFederationDisabledException", http_status=403):
        client("sts").get_web_identity_token(Audience=["a"], SigningAlgorithm="RS256")


# Only EC2 encodes such messages, so there is none to decode.
@covers(
    "sts",
    "DecodeAuthorizationMessage",
    error="InvalidAuthorizationMessageException",
    is_all=True,
)
@pytest.mark.parametrize("text", ["not base64!", "AAAA", "A" * 10000])
def test_what_nobody_encoded_is_not_decoded(client, text):
    with aws_error(
        "InvalidAuthorizationMessageException", http_status=400, message="Message is not valid"
    ):
        client("sts").decode_authorization_message(EncodedMessage=text)
