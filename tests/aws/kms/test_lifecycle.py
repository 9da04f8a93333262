"""What time and regions do to keys: rotation, expiry, multi-region keys; CloudFormation."""

import datetime
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from harness import aws_error, covers, until


@pytest.fixture
def kms(client):
    return client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


@covers("kms", "EnableKeyRotation")
@covers("kms", "DisableKeyRotation")
@covers("kms", "GetKeyRotationStatus")
def test_rotation_is_switched(kms, key):
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["KeyRotationEnabled"] is True
    assert status["RotationPeriodInDays"] == 90
    left = status["NextRotationDate"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(days=89) < left < datetime.timedelta(days=91)
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


@covers("kms", "EnableKeyRotation", error="UnsupportedOperationException")
@covers("kms", "RotateKeyOnDemand", error="UnsupportedOperationException")
def test_only_symmetric_keys_rotate(kms):
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    with aws_error("UnsupportedOperationException", http_status=400):
        kms.enable_key_rotation(KeyId=mac["KeyId"])
    with aws_error("UnsupportedOperationException"):
        kms.rotate_key_on_demand(KeyId=mac["KeyId"])


@covers("kms", "RotateKeyOnDemand")
@covers("kms", "ListKeyRotations")
def test_old_ciphertext_opens_after_a_rotation(kms, key):
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    before = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    kms.rotate_key_on_demand(KeyId=key)
    after = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert before != after
    new = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=old)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"old", before)
    opened = kms.decrypt(CiphertextBlob=new)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"new", after)
    rotations = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [(r["RotationType"], r["KeyMaterialId"]) for r in rotations] == [("ON_DEMAND", after)]
    everything = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    states = [r["KeyMaterialState"] for r in everything["Rotations"]]
    assert states == ["NON_CURRENT", "CURRENT"]


@covers("kms", "RotateKeyOnDemand", error="LimitExceededException")
def test_rotations_on_demand_are_limited(kms, key):
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)
    with aws_error("LimitExceededException", http_status=400):
        kms.rotate_key_on_demand(KeyId=key)


def test_keys_rotate_by_themselves(kms, key, clock):
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    clock.advance(f"{91 * 24}h")
    until(lambda: kms.list_key_rotations(KeyId=key)["Rotations"])
    rotations = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [r["RotationType"] for r in rotations] == ["AUTOMATIC"]
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    clock.advance(f"{91 * 24}h")
    until(lambda: len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 2)


def import_material(kms, key, material, **more):
    parameters = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    wrapping = serialization.load_der_public_key(parameters["PublicKey"])
    sealed = wrapping.encrypt(material, padding.OAEP(padding.MGF1(hashes.SHA256()),
                                                     hashes.SHA256(), None))
    kms.import_key_material(KeyId=key, ImportToken=parameters["ImportToken"],
                            EncryptedKeyMaterial=sealed, **more)


def test_imported_material_expires(kms, clock):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)
    import_material(kms, key, b"k" * 32, ValidTo=soon)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    clock.advance("49h")
    state = lambda: kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]  # noqa: E731
    until(lambda: state() == "PendingImport")


@covers("kms", "ImportKeyMaterial", error="ExpiredImportTokenException")
def test_an_import_token_is_good_for_a_day(kms, clock):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    parameters = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    clock.advance("25h")
    with aws_error("ExpiredImportTokenException", http_status=400):
        kms.import_key_material(KeyId=key, ImportToken=parameters["ImportToken"],
                                EncryptedKeyMaterial=b"x",
                                ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")


def test_imported_material_rotates_on_demand(kms):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    import_material(kms, key, b"1" * 32, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    import_material(kms, key, b"2" * 32, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
                    ImportType="NEW_KEY_MATERIAL")
    listed = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [r["KeyMaterialState"] for r in listed] == ["CURRENT", "PENDING_ROTATION"]
    kms.rotate_key_on_demand(KeyId=key)
    listed = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [r["KeyMaterialState"] for r in listed] == ["NON_CURRENT", "CURRENT"]
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"


# --- multi-region keys ---


@covers("kms", "ReplicateKey")
@covers("kms", "UpdatePrimaryRegion")
def test_a_key_in_two_regions_is_one_key(client, kms):
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    assert key.startswith("mrk-")
    west = client("kms", region="eu-west-1")
    replica = kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]
    assert replica["KeyId"] == key
    assert replica["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert west.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    kms.rotate_key_on_demand(KeyId=key)
    blob = west.encrypt(KeyId=key, Plaintext=b"y")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"y"
    kms.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")
    described = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert described["MultiRegionKeyType"] == "REPLICA"
    assert described["PrimaryKey"]["Region"] == "eu-west-1"
    assert [r["Region"] for r in described["ReplicaKeys"]] == ["us-east-1"]


@covers("kms", "ReplicateKey", error=["UnsupportedOperationException", "AlreadyExistsException"])
@covers("kms", "UpdatePrimaryRegion", error=["UnsupportedOperationException",
                                             "NotFoundException"])
def test_replicas_that_cannot_be(kms, key):
    with aws_error("UnsupportedOperationException"):
        kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    with aws_error("UnsupportedOperationException"):
        kms.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")
    wide = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    with aws_error("NotFoundException"):
        kms.update_primary_region(KeyId=wide, PrimaryRegion="eu-west-1")
    kms.replicate_key(KeyId=wide, ReplicaRegion="eu-west-1")
    with aws_error("AlreadyExistsException", http_status=400):
        kms.replicate_key(KeyId=wide, ReplicaRegion="eu-west-1")


def test_a_primary_waits_for_its_replicas(client, kms, clock):
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    west = client("kms", region="eu-west-1")
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert scheduled["KeyState"] == "PendingReplicaDeletion"
    assert "DeletionDate" not in scheduled
    west.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    clock.advance("169h")
    state = lambda: kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]  # noqa: E731
    until(lambda: state() == "PendingDeletion")
    clock.advance("169h")
    until(lambda: not kms.list_keys()["Keys"])


# --- CloudFormation ---


def wait_for(cloudformation, name, wanted):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except cloudformation.exceptions.ClientError:
            return None
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            assert stack["StackStatus"] == wanted, cloudformation.describe_stack_events(
                StackName=name)["StackEvents"]
            return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
    return pytest.fail("the stack does not settle")


def template(**properties):
    return json.dumps({
        "Resources": {
            "Key": {"Type": "AWS::KMS::Key", "Properties": properties},
            "Alias": {"Type": "AWS::KMS::Alias",
                      "Properties": {"AliasName": "alias/of-stack", "TargetKeyId": {"Ref": "Key"}}},
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}},
                    "Id": {"Value": {"Ref": "Key"}}},
    })


def test_a_stack_has_a_key(client, kms, account):
    cloudformation = client("cloudformation")
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
         "Action": "kms:*", "Resource": "*"}]}
    tags = [{"Key": "a", "Value": "1"}]
    cloudformation.create_stack(StackName="keys", TemplateBody=template(
        Description="one", EnableKeyRotation=True, KeyPolicy=policy, Tags=tags))
    made = wait_for(cloudformation, "keys", "CREATE_COMPLETE")
    described = kms.describe_key(KeyId="alias/of-stack")["KeyMetadata"]
    assert (described["Arn"], described["KeyId"]) == (made["Arn"], made["Id"])
    assert described["Description"] == "one"
    assert kms.get_key_rotation_status(KeyId=made["Id"])["KeyRotationEnabled"] is True
    assert {"TagKey": "a", "TagValue": "1"} in kms.list_resource_tags(KeyId=made["Id"])["Tags"]
    cloudformation.update_stack(StackName="keys", TemplateBody=template(
        Description="two", Enabled=False, KeyPolicy=policy, PendingWindowInDays=7))
    assert wait_for(cloudformation, "keys", "UPDATE_COMPLETE")["Id"] == made["Id"]
    described = kms.describe_key(KeyId=made["Id"])["KeyMetadata"]
    assert (described["Description"], described["KeyState"]) == ("two", "Disabled")
    cloudformation.delete_stack(StackName="keys")
    wait_for(cloudformation, "keys", "DELETE_COMPLETE")
    described = kms.describe_key(KeyId=made["Id"])["KeyMetadata"]
    assert described["KeyState"] == "PendingDeletion"


def test_a_stack_has_a_replica(client, kms, account):
    cloudformation = client("cloudformation", region="eu-west-1")
    arn = kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    body = json.dumps({"Resources": {"Replica": {
        "Type": "AWS::KMS::ReplicaKey",
        "Properties": {"PrimaryKeyArn": arn, "Description": "there", "KeyPolicy": {
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                 "Action": "kms:*", "Resource": "*"}]}}}},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Replica", "Arn"]}}}})
    cloudformation.create_stack(StackName="replica", TemplateBody=body)
    made = wait_for(cloudformation, "replica", "CREATE_COMPLETE")
    assert made["Arn"] == arn.replace("us-east-1", "eu-west-1")
    there = client("kms", region="eu-west-1").describe_key(KeyId=made["Arn"])["KeyMetadata"]
    assert there["Description"] == "there"
