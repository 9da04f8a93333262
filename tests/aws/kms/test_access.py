"""Who may use a key: key policies with IAM, condition keys, grants."""

import json

import pytest
from harness import aws_error, covers


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(principal, action="kms:*", effect="Allow", **condition):
    made = {"Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}
    if condition:
        made["Condition"] = condition
    return made


@pytest.fixture
def kms(client):
    return client("kms")


@pytest.fixture
def root(account):
    return f"arn:aws:iam::{account}:root"


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture
def user(client):
    """user("name", actions) is (ARN, KMS client of that user)."""

    def make(name, *actions):
        iam = client("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if actions:
            policy = document({"Effect": "Allow", "Action": list(actions), "Resource": "*"})
            iam.put_user_policy(UserName=name, PolicyName="kms", PolicyDocument=policy)
        access = iam.create_access_key(UserName=name)["AccessKey"]
        return arn, client("kms", credentials=access)

    return make


@covers("kms", "GetKeyPolicy")
@covers("kms", "ListKeyPolicies")
def test_the_default_policy_is_that_of_aws(kms, key, root):
    # AWS: "Default key policy when you create a KMS key programmatically".
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert policy == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{"Sid": "Enable IAM User Permissions", "Effect": "Allow",
                       "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}],
    }
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]


@covers("kms", "PutKeyPolicy")
def test_a_policy_is_kept_as_given(kms, key, root):
    policy = document(statement(root))
    kms.put_key_policy(KeyId=key, Policy=policy)
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == json.loads(policy)


@covers("kms", "PutKeyPolicy", error="MalformedPolicyDocumentException")
def test_nobody_locks_himself_out(kms, key, root):
    locked = document(statement(root, "kms:Encrypt"))
    with aws_error("MalformedPolicyDocumentException", http_status=400,
                   message="The new key policy will not allow you to update the key policy in the "
                   "future."):
        kms.put_key_policy(KeyId=key, Policy=locked)
    with aws_error("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key, Policy="not JSON")
    kms.put_key_policy(KeyId=key, Policy=locked, BypassPolicyLockoutSafetyCheck=True)
    with aws_error("AccessDeniedException"):
        kms.put_key_policy(KeyId=key, Policy=locked, BypassPolicyLockoutSafetyCheck=True)


@covers("kms", "GetKeyPolicy", error="NotFoundException")
def test_there_is_one_policy_name(kms, key):
    with aws_error("NotFoundException", message="No such policy exists"):
        kms.get_key_policy(KeyId=key, PolicyName="other")


@covers("kms", "Encrypt", error="AccessDeniedException")
def test_the_account_hands_the_question_to_iam(user, key):
    _, nobody = user("nobody")
    _, writer = user("writer", "kms:Encrypt")
    blob = writer.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with aws_error("AccessDeniedException", http_status=400,
                   match="is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:"):
        writer.decrypt(CiphertextBlob=blob)
    with aws_error("AccessDeniedException"):
        nobody.encrypt(KeyId=key, Plaintext=b"x")


@covers("kms", "Encrypt", error="AccessDeniedException")
def test_iam_alone_opens_no_key(kms, user, root):
    owner, _ = user("owner")
    _, other = user("other", "kms:*")
    # AWS: "no AWS principal, including the account root user or key creator, has any permissions to
    # a KMS key unless they are explicitly allowed".
    made = kms.create_key(Policy=document(statement(owner)),
                          BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["KeyId"]
    with aws_error("AccessDeniedException"):
        other.encrypt(KeyId=made, Plaintext=b"x")
    with aws_error("AccessDeniedException"):
        kms.encrypt(KeyId=made, Plaintext=b"x")


def test_the_key_policy_alone_suffices_for_whom_it_names(kms, user, key, root):
    arn, alice = user("alice")
    kms.put_key_policy(KeyId=key, Policy=document(statement(root),
                                                  statement(arn, "kms:GenerateDataKey")))
    alice.generate_data_key(KeyId=key, KeySpec="AES_256")
    with aws_error("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")


def test_a_deny_beats_everything(kms, user, key, root):
    arn, alice = user("alice", "kms:*")
    kms.put_key_policy(KeyId=key, Policy=document(
        statement(root), statement(arn, "kms:Encrypt", effect="Deny")))
    with aws_error("AccessDeniedException", match="with an explicit deny in a resource-based"):
        alice.encrypt(KeyId=key, Plaintext=b"x")


def test_conditions_on_the_encryption_context(kms, user, key, root):
    arn, alice = user("alice")
    kms.put_key_policy(KeyId=key, Policy=document(statement(root), statement(
        arn, ["kms:Encrypt"],
        StringEquals={"kms:EncryptionContext:app": "shop", "kms:CallerAccount": arn[13:25]},
        **{"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["app"]}})))
    alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"app": "shop"})
    for context in ({}, {"app": "other"}, {"app": "shop", "more": "1"}):
        with aws_error("AccessDeniedException"):
            alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)


def test_a_key_for_services_only(kms, user, key, root):
    arn, alice = user("alice", "kms:Decrypt")
    kms.put_key_policy(KeyId=key, Policy=document(
        statement(root, ["kms:Put*", "kms:Encrypt"]),
        statement(arn, "kms:Encrypt",
                  StringEquals={"kms:ViaService": "s3.us-east-1.amazonaws.com"})))
    with aws_error("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")


def test_another_account_needs_both_sides(client, kms, key, root, account):
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    friend = "222233334444"
    kms.put_key_policy(KeyId=key, Policy=document(
        statement(root), statement(f"arn:aws:iam::{friend}:root", ["kms:Encrypt"])))
    stranger = client("kms", account=friend)
    stranger.encrypt(KeyId=arn, Plaintext=b"x")
    with aws_error("AccessDeniedException"):
        stranger.generate_data_key(KeyId=arn, KeySpec="AES_256")
    with aws_error("AccessDeniedException"):
        stranger.disable_key(KeyId=arn)


# --- grants ---


@covers("kms", "CreateGrant")
@covers("kms", "ListGrants")
@covers("kms", "RevokeGrant")
def test_a_grant_allows_until_it_is_revoked(kms, user, key, account):
    arn, alice = user("alice")
    made = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"], Name="one")
    again = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"], Name="one")
    assert again["GrantId"] == made["GrantId"], "AWS: the same name and parameters: the same grant"
    alice.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[made["GrantToken"]])
    with aws_error("AccessDeniedException"):
        alice.generate_data_key(KeyId=key, KeySpec="AES_256")
    listed = kms.list_grants(KeyId=key)["Grants"]
    assert len(listed) == 1
    assert listed[0]["GrantId"] == made["GrantId"]
    assert listed[0]["GranteePrincipal"] == arn
    assert listed[0]["Operations"] == ["Encrypt"]
    assert listed[0]["IssuingAccount"] == f"arn:aws:iam::{account}:root"
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    with aws_error("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")


def test_a_deny_beats_a_grant(kms, user, key, root):
    arn, alice = user("alice")
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
    kms.put_key_policy(KeyId=key, Policy=document(
        statement(root), statement(arn, "kms:Encrypt", effect="Deny")))
    with aws_error("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")


@pytest.mark.parametrize(("constraint", "good", "bad"), [
    ("EncryptionContextEquals", [{"a": "1"}], [{}, {"a": "2"}, {"a": "1", "b": "2"}]),
    ("EncryptionContextSubset", [{"a": "1"}, {"a": "1", "b": "2"}], [{}, {"a": "2"}]),
])
def test_constraints_of_grants(kms, user, key, constraint, good, bad):
    arn, alice = user("alice")
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"],
                     Constraints={constraint: {"a": "1"}})
    for context in good:
        alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
    for context in bad:
        with aws_error("AccessDeniedException"):
            alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)


@covers("kms", "RetireGrant")
@covers("kms", "ListRetirableGrants")
@covers("kms", "RetireGrant", error=["AccessDeniedException", "InvalidGrantTokenException"])
def test_the_retiring_principal_retires(kms, user, key):
    grantee, alice = user("alice")
    retiree, bob = user("bob")
    made = kms.create_grant(KeyId=key, GranteePrincipal=grantee, RetiringPrincipal=retiree,
                            Operations=["Decrypt"])
    listed = kms.list_retirable_grants(RetiringPrincipal=retiree)["Grants"]
    assert [g["GrantId"] for g in listed] == [made["GrantId"]]
    with aws_error("AccessDeniedException"):
        alice.retire_grant(GrantToken=made["GrantToken"])
    bob.retire_grant(GrantToken=made["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []
    with aws_error("InvalidGrantTokenException", http_status=400):
        kms.retire_grant(GrantToken=made["GrantToken"])


@covers("kms", "CreateGrant", error=["ValidationException", "InvalidArnException",
                                     "DryRunOperationException", "NotFoundException"])
@covers("kms", "RevokeGrant", error="NotFoundException")
def test_grants_that_are_wrong(kms, key, root):
    with aws_error("ValidationException"):
        kms.create_grant(KeyId=key, GranteePrincipal=root, Operations=["Sign"])
    with aws_error("InvalidArnException"):
        kms.create_grant(KeyId=key, GranteePrincipal="nobody", Operations=["Encrypt"])
    with aws_error("DryRunOperationException"):
        kms.create_grant(KeyId=key, GranteePrincipal=root, Operations=["Encrypt"], DryRun=True)
    with aws_error("NotFoundException"):
        kms.revoke_grant(KeyId=key, GrantId="0" * 64)


@covers("kms", "ListGrants", error="InvalidGrantIdException")
def test_listing_a_grant_that_is_not_there(kms, key):
    with aws_error("InvalidGrantIdException", http_status=400):
        kms.list_grants(KeyId=key, GrantId="0" * 64)


@covers("kms", "ReEncrypt", error="AccessDeniedException")
def test_reencryption_needs_both_keys(kms, user, key, root):
    arn, alice = user("alice")
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["ReEncryptFrom"])
    with aws_error("AccessDeniedException", match="kms:ReEncryptTo"):
        alice.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    kms.create_grant(KeyId=other, GranteePrincipal=arn, Operations=["ReEncryptTo"])
    alice.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)


def test_a_grant_to_a_role_is_for_its_sessions(client, kms, key, root):
    trust = document({"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"})
    role = client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]
    session = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one")
    worker = client("kms", credentials=session["Credentials"])
    with aws_error("AccessDeniedException"):
        worker.encrypt(KeyId=key, Plaintext=b"x")
    kms.create_grant(KeyId=key, GranteePrincipal=role["Arn"], Operations=["Encrypt"])
    worker.encrypt(KeyId=key, Plaintext=b"x")


@covers("kms", "CreateKey", error="MalformedPolicyDocumentException")
def test_principals_of_a_policy_must_exist(kms, root, account):
    policy = document(statement(root), statement(f"arn:aws:iam::{account}:role/nobody"))
    with aws_error("MalformedPolicyDocumentException",
                   message="Policy contains a statement with one or more invalid principals."):
        kms.create_key(Policy=policy)
