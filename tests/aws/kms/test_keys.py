"""Keys themselves: kinds, states, identifiers, aliases, tags, deletion."""

import json
import re
import uuid

import pytest
from harness import aws_error, covers, until

SPECS = [
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
    ("RSA_2048", "ENCRYPT_DECRYPT"),
    ("RSA_2048", "SIGN_VERIFY"),
    ("ECC_NIST_P256", "SIGN_VERIFY"),
    ("ECC_NIST_P384", "KEY_AGREEMENT"),
    ("ECC_NIST_P521", "SIGN_VERIFY"),
    ("ECC_SECG_P256K1", "SIGN_VERIFY"),
    ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY"),
    ("HMAC_224", "GENERATE_VERIFY_MAC"),
    ("HMAC_512", "GENERATE_VERIFY_MAC"),
]


@pytest.fixture
def kms(client):
    return client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]


def missing_arn(account):
    return f"arn:aws:kms:us-east-1:{account}:key/{uuid.uuid4()}"


@covers("kms", "CreateKey")
def test_a_key_has_the_defaults_of_aws(kms, account):
    # AWS: CreateKey, "Example: create a symmetric encryption KMS key".
    made = kms.create_key(Description="one")["KeyMetadata"]
    assert made["AWSAccountId"] == account
    assert made["Arn"] == f"arn:aws:kms:us-east-1:{account}:key/{made['KeyId']}"
    assert made["Enabled"] is True
    assert made["KeyState"] == "Enabled"
    assert made["KeyUsage"] == "ENCRYPT_DECRYPT"
    assert made["KeySpec"] == made["CustomerMasterKeySpec"] == "SYMMETRIC_DEFAULT"
    assert made["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert made["KeyManager"] == "CUSTOMER"
    assert made["Origin"] == "AWS_KMS"
    assert made["MultiRegion"] is False
    assert re.fullmatch("[0-9a-f]{64}", made["CurrentKeyMaterialId"])


@covers("kms", "CreateKey")
@pytest.mark.parametrize(("spec", "usage"), SPECS)
def test_every_kind_of_key_can_be_made(kms, spec, usage):
    made = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    assert (made["KeySpec"], made["KeyUsage"]) == (spec, usage)
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"] == made


@covers("kms", "CreateKey", error="ValidationException")
def test_usage_must_fit_the_spec(kms):
    with aws_error("ValidationException", http_status=400,
                   message="KeyUsage SIGN_VERIFY is not compatible with KeySpec HMAC_256"):
        kms.create_key(KeySpec="HMAC_256", KeyUsage="SIGN_VERIFY")
    with aws_error("ValidationException", match="You must specify a KeyUsage value"):
        kms.create_key(KeySpec="RSA_2048")


@covers("kms", "CreateKey", error="UnsupportedOperationException")
def test_custom_key_stores_are_refused(kms):
    with aws_error("UnsupportedOperationException", match="Custom key stores"):
        kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId="cks-1234567890abcdef0")
    with aws_error("NotImplemented", http_status=501, match="DescribeCustomKeyStores"):
        kms.describe_custom_key_stores()


@covers("kms", "CreateKey", error="TagException")
def test_reserved_tags_are_refused(kms):
    with aws_error("TagException"):
        kms.create_key(Tags=[{"TagKey": "aws:mine", "TagValue": "x"}])


@covers("kms", "DescribeKey")
def test_a_key_is_found_by_all_four_identifiers(kms, key, account):
    kms.create_alias(AliasName="alias/four", TargetKeyId=key["KeyId"])
    arn = f"arn:aws:kms:us-east-1:{account}:alias/four"
    for name in (key["KeyId"], key["Arn"], "alias/four", arn):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key["Arn"]


@covers("kms", "DescribeKey", error="NotFoundException")
def test_a_key_that_is_not_there(kms, account):
    arn = missing_arn(account)
    with aws_error("NotFoundException", http_status=400, message=f"Key '{arn}' does not exist"):
        kms.describe_key(KeyId=arn)
    with aws_error("NotFoundException", message="Invalid keyId 'nonsense'"):
        kms.describe_key(KeyId="nonsense")
    with aws_error("NotFoundException",
                   message=f"Alias arn:aws:kms:us-east-1:{account}:alias/no is not found."):
        kms.describe_key(KeyId="alias/no")
    with aws_error("NotFoundException", message="Invalid arn eu-west-1"):
        kms.describe_key(KeyId=arn.replace("us-east-1", "eu-west-1"))


@covers("kms", "DescribeKey", error="InvalidArnException")
def test_an_arn_of_something_else(kms):
    with aws_error("InvalidArnException"):
        kms.describe_key(KeyId="arn:aws:s3:::bucket")


@covers("kms", "ListKeys")
def test_keys_are_listed_in_pages(kms):
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    first = kms.list_keys(Limit=2)
    assert first["Truncated"] is True
    found = [k["KeyId"] for k in first["Keys"]]
    second = kms.list_keys(Marker=first["NextMarker"])
    assert second["Truncated"] is False
    assert "NextMarker" not in second
    assert set(found + [k["KeyId"] for k in second["Keys"]]) == made


@covers("kms", "ListKeys", error="InvalidMarkerException")
def test_a_marker_that_nobody_gave(kms):
    with aws_error("InvalidMarkerException", http_status=400):
        kms.list_keys(Marker="nonsense")


@covers("kms", "DisableKey")
@covers("kms", "EnableKey")
@covers("kms", "Encrypt", error="DisabledException")
def test_a_disabled_key_does_nothing(kms, key):
    kms.disable_key(KeyId=key["KeyId"])
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
    with aws_error("DisabledException", http_status=400, message=f"{key['Arn']} is disabled."):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    kms.enable_key(KeyId=key["KeyId"])
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


@covers("kms", "UpdateKeyDescription")
def test_the_description_changes(kms, key):
    kms.update_key_description(KeyId=key["KeyId"], Description="another")
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"] == "another"


@covers("kms", "ScheduleKeyDeletion")
@covers("kms", "CancelKeyDeletion")
def test_deletion_can_be_cancelled(kms, key):
    scheduled = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    assert scheduled["KeyId"] == key["Arn"]
    assert scheduled["KeyState"] == "PendingDeletion"
    assert scheduled["PendingWindowInDays"] == 7
    pending = aws_error("KMSInvalidStateException", http_status=400,
                        message=f"{key['Arn']} is pending deletion.")
    with pending:
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    # AWS: CancelKeyDeletion leaves the key disabled.
    assert kms.cancel_key_deletion(KeyId=key["KeyId"])["KeyId"] == key["Arn"]
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"


@covers("kms", "CancelKeyDeletion", error="KMSInvalidStateException")
def test_only_a_scheduled_deletion_is_cancelled(kms, key):
    with aws_error("KMSInvalidStateException",
                   message=f"{key['Arn']} is not pending deletion."):
        kms.cancel_key_deletion(KeyId=key["KeyId"])


@covers("kms", "ScheduleKeyDeletion", error="KMSInvalidStateException")
def test_deletion_is_scheduled_once(kms, key):
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    with aws_error("KMSInvalidStateException"):
        kms.schedule_key_deletion(KeyId=key["KeyId"])


@covers("kms", "ScheduleKeyDeletion")
def test_a_key_is_really_deleted_when_its_time_comes(kms, key, clock):
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    kms.create_alias(AliasName="alias/doomed", TargetKeyId=key["KeyId"])
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    clock.advance("144h")
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    clock.advance("25h")
    wait_until_gone(kms, key["KeyId"])
    assert kms.list_aliases()["Aliases"] == []
    # OBSERVED: what AWS says of ciphertext whose key is gone.
    with aws_error("AccessDeniedException", match="refers to a customer master key that does not"):
        kms.decrypt(CiphertextBlob=blob)


def wait_until_gone(kms, key_id):
    def is_gone():
        try:
            kms.describe_key(KeyId=key_id)
        except kms.exceptions.NotFoundException:
            return True
        return False

    until(is_gone)


# --- aliases ---


@covers("kms", "CreateAlias")
@covers("kms", "ListAliases")
@covers("kms", "UpdateAlias")
@covers("kms", "DeleteAlias")
def test_an_alias_lives(kms, key, account):
    other = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/app/db", TargetKeyId=key["Arn"])
    listed = kms.list_aliases(KeyId=key["KeyId"])["Aliases"]
    assert [a["AliasName"] for a in listed] == ["alias/app/db"]
    assert listed[0]["AliasArn"] == f"arn:aws:kms:us-east-1:{account}:alias/app/db"
    assert listed[0]["TargetKeyId"] == key["KeyId"]
    kms.update_alias(AliasName="alias/app/db", TargetKeyId=other["KeyId"])
    assert kms.describe_key(KeyId="alias/app/db")["KeyMetadata"]["Arn"] == other["Arn"]
    kms.delete_alias(AliasName="alias/app/db")
    assert kms.list_aliases()["Aliases"] == []


@covers("kms", "CreateAlias", error="AlreadyExistsException")
def test_an_alias_is_made_once(kms, key, account):
    kms.create_alias(AliasName="alias/one", TargetKeyId=key["KeyId"])
    with aws_error("AlreadyExistsException", http_status=400,
                   message=f"An alias with the name arn:aws:kms:us-east-1:{account}:alias/one "
                   "already exists"):
        kms.create_alias(AliasName="alias/one", TargetKeyId=key["KeyId"])


@covers("kms", "CreateAlias", error=["ValidationException", "NotFoundException"])
def test_names_of_aliases(kms, key, account):
    for name in ("alias/aws/mine", "mine"):
        with aws_error("ValidationException"):
            kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    with aws_error("NotFoundException"):
        kms.create_alias(AliasName="alias/x", TargetKeyId=missing_arn(account))


@covers("kms", "UpdateAlias", error="NotFoundException")
@covers("kms", "DeleteAlias", error="NotFoundException")
def test_an_alias_that_is_not_there(kms, key, account):
    text = f"Alias arn:aws:kms:us-east-1:{account}:alias/no is not found."
    with aws_error("NotFoundException", message=text):
        kms.update_alias(AliasName="alias/no", TargetKeyId=key["KeyId"])
    with aws_error("NotFoundException", message=text):
        kms.delete_alias(AliasName="alias/no")


@covers("kms", "UpdateAlias", error="ValidationException")
def test_an_alias_keeps_its_kind(kms, key):
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    kms.create_alias(AliasName="alias/kind", TargetKeyId=key["KeyId"])
    with aws_error("ValidationException"):
        kms.update_alias(AliasName="alias/kind", TargetKeyId=mac["KeyId"])


@covers("kms", "DescribeKey")
def test_a_key_of_aws_is_made_when_first_used(kms, account):
    # AWS: DescribeKey on a predefined alias with no key makes the AWS managed key.
    made = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert made["KeyManager"] == "AWS"
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"] == made["Arn"]
    assert kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"] is True
    policy = json.loads(kms.get_key_policy(KeyId=made["KeyId"], PolicyName="default")["Policy"])
    condition = policy["Statement"][0]["Condition"]["StringEquals"]
    assert condition == {"kms:ViaService": "s3.us-east-1.amazonaws.com",
                         "kms:CallerAccount": account}


@covers("kms", "Encrypt", error="AccessDeniedException")
def test_a_key_of_aws_serves_its_service_only(kms):
    with aws_error("AccessDeniedException", http_status=400):
        kms.encrypt(KeyId="alias/aws/s3", Plaintext=b"x")
    made = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    with aws_error("AccessDeniedException"):
        kms.disable_key(KeyId=made["KeyId"])


# --- tags ---


@covers("kms", "TagResource")
@covers("kms", "UntagResource")
@covers("kms", "ListResourceTags")
def test_tags_come_and_go(kms):
    key = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyMetadata"]["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "2"},
                                      {"TagKey": "b", "TagValue": ""}])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [
        {"TagKey": "a", "TagValue": "2"}, {"TagKey": "b", "TagValue": ""}]
    page = kms.list_resource_tags(KeyId=key, Limit=1)
    assert page["Truncated"] is True
    rest = kms.list_resource_tags(KeyId=key, Limit=1, Marker=page["NextMarker"])
    assert rest["Tags"] == [{"TagKey": "b", "TagValue": ""}]
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": ""}]


@covers("kms", "TagResource", error="TagException")
def test_duplicate_tags(kms, key):
    with aws_error("TagException"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "a", "TagValue": "1"},
                                                   {"TagKey": "a", "TagValue": "2"}])


def test_accounts_and_regions_are_apart(client, key, account):
    with aws_error("NotFoundException"):
        client("kms", region="eu-west-1").describe_key(KeyId=key["KeyId"])
    stranger = client("kms", account="111122223333")
    with aws_error("NotFoundException"):
        stranger.describe_key(KeyId=key["KeyId"])
    with aws_error("AccessDeniedException"):
        stranger.describe_key(KeyId=key["Arn"])
