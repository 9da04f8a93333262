"""What operations say of a key that is not there, and of one that is about to go."""

import uuid

import pytest
from harness import aws_error, covers

REQUESTS = {
    "cancel_key_deletion": {},
    "create_alias": {"AliasName": "alias/x"},
    "create_grant": {"GranteePrincipal": "arn:aws:iam::111122223333:root", "Operations": ["Encrypt"]},
    "delete_imported_key_material": {},
    "derive_shared_secret": {"KeyAgreementAlgorithm": "ECDH", "PublicKey": b"x"},
    "disable_key": {},
    "disable_key_rotation": {},
    "enable_key": {},
    "enable_key_rotation": {},
    "encrypt": {"Plaintext": b"x"},
    "generate_data_key": {"KeySpec": "AES_256"},
    "generate_data_key_pair": {"KeyPairSpec": "ECC_NIST_P256"},
    "generate_data_key_pair_without_plaintext": {"KeyPairSpec": "ECC_NIST_P256"},
    "generate_data_key_without_plaintext": {"KeySpec": "AES_256"},
    "generate_mac": {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"},
    "get_key_policy": {},
    "get_key_rotation_status": {},
    "get_parameters_for_import": {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
    "get_public_key": {},
    "import_key_material": {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"},
    "list_aliases": {},
    "list_grants": {},
    "list_key_policies": {},
    "list_key_rotations": {},
    "list_resource_tags": {},
    "put_key_policy": {"Policy": "{}"},
    "replicate_key": {"ReplicaRegion": "eu-west-1"},
    "retire_grant": {"GrantId": "0" * 64},
    "revoke_grant": {"GrantId": "0" * 64},
    "rotate_key_on_demand": {},
    "schedule_key_deletion": {},
    "sign": {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"},
    "tag_resource": {"Tags": []},
    "untag_resource": {"TagKeys": ["a"]},
    "update_key_description": {"Description": "x"},
    "update_primary_region": {"PrimaryRegion": "eu-west-1"},
    "verify": {"Message": b"x", "Signature": b"x", "SigningAlgorithm": "ECDSA_SHA_256"},
    "verify_mac": {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256", "Mac": b"x"},
}

PENDING = [
    "create_alias",
    "create_grant",
    "disable_key",
    "disable_key_rotation",
    "enable_key",
    "enable_key_rotation",
    "encrypt",
    "generate_data_key",
    "generate_data_key_pair",
    "generate_data_key_pair_without_plaintext",
    "generate_data_key_without_plaintext",
    "rotate_key_on_demand",
    "schedule_key_deletion",
    "tag_resource",
    "untag_resource",
    "update_key_description",
]


def call(kms, operation, key):
    name = "TargetKeyId" if operation == "create_alias" else "KeyId"
    return getattr(kms, operation)(**{name: key}, **REQUESTS[operation])


@covers("kms", "CancelKeyDeletion", error="NotFoundException")
@covers("kms", "CreateAlias", error="NotFoundException")
@covers("kms", "CreateGrant", error="NotFoundException")
@covers("kms", "DeleteImportedKeyMaterial", error="NotFoundException")
@covers("kms", "DeriveSharedSecret", error="NotFoundException")
@covers("kms", "DisableKey", error="NotFoundException")
@covers("kms", "DisableKeyRotation", error="NotFoundException")
@covers("kms", "EnableKey", error="NotFoundException")
@covers("kms", "EnableKeyRotation", error="NotFoundException")
@covers("kms", "Encrypt", error="NotFoundException")
@covers("kms", "GenerateDataKey", error="NotFoundException")
@covers("kms", "GenerateDataKeyPair", error="NotFoundException")
@covers("kms", "GenerateDataKeyPairWithoutPlaintext", error="NotFoundException")
@covers("kms", "GenerateDataKeyWithoutPlaintext", error="NotFoundException")
@covers("kms", "GenerateMac", error="NotFoundException")
@covers("kms", "GetKeyPolicy", error="NotFoundException")
@covers("kms", "GetKeyRotationStatus", error="NotFoundException")
@covers("kms", "GetParametersForImport", error="NotFoundException")
@covers("kms", "GetPublicKey", error="NotFoundException")
@covers("kms", "ImportKeyMaterial", error="NotFoundException")
@covers("kms", "ListAliases", error="NotFoundException")
@covers("kms", "ListGrants", error="NotFoundException")
@covers("kms", "ListKeyPolicies", error="NotFoundException")
@covers("kms", "ListKeyRotations", error="NotFoundException")
@covers("kms", "ListResourceTags", error="NotFoundException")
@covers("kms", "PutKeyPolicy", error="NotFoundException")
@covers("kms", "ReplicateKey", error="NotFoundException")
@covers("kms", "RetireGrant", error="NotFoundException")
@covers("kms", "RevokeGrant", error="NotFoundException")
@covers("kms", "RotateKeyOnDemand", error="NotFoundException")
@covers("kms", "ScheduleKeyDeletion", error="NotFoundException")
@covers("kms", "Sign", error="NotFoundException")
@covers("kms", "TagResource", error="NotFoundException")
@covers("kms", "UntagResource", error="NotFoundException")
@covers("kms", "UpdateKeyDescription", error="NotFoundException")
@covers("kms", "UpdatePrimaryRegion", error="NotFoundException")
@covers("kms", "Verify", error="NotFoundException")
@covers("kms", "VerifyMac", error="NotFoundException")
@pytest.mark.parametrize("operation", REQUESTS)
def test_a_key_that_is_not_there(client, account, operation):
    key = str(uuid.uuid4())
    with aws_error("NotFoundException", http_status=400,
                   message=f"Key 'arn:aws:kms:us-east-1:{account}:key/{key}' does not exist"):
        call(client("kms"), operation, key)


@covers("kms", "CreateAlias", error="KMSInvalidStateException")
@covers("kms", "CreateGrant", error="KMSInvalidStateException")
@covers("kms", "DisableKey", error="KMSInvalidStateException")
@covers("kms", "DisableKeyRotation", error="KMSInvalidStateException")
@covers("kms", "EnableKey", error="KMSInvalidStateException")
@covers("kms", "EnableKeyRotation", error="KMSInvalidStateException")
@covers("kms", "Encrypt", error="KMSInvalidStateException")
@covers("kms", "GenerateDataKey", error="KMSInvalidStateException")
@covers("kms", "GenerateDataKeyPair", error="KMSInvalidStateException")
@covers("kms", "GenerateDataKeyPairWithoutPlaintext", error="KMSInvalidStateException")
@covers("kms", "GenerateDataKeyWithoutPlaintext", error="KMSInvalidStateException")
@covers("kms", "RotateKeyOnDemand", error="KMSInvalidStateException")
@covers("kms", "ScheduleKeyDeletion", error="KMSInvalidStateException")
@covers("kms", "TagResource", error="KMSInvalidStateException")
@covers("kms", "UntagResource", error="KMSInvalidStateException")
@covers("kms", "UpdateKeyDescription", error="KMSInvalidStateException")
@pytest.mark.parametrize("operation", PENDING)
def test_a_key_pending_deletion(client, operation):
    # AWS: developer guide, "Key state table".
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    with aws_error("KMSInvalidStateException", http_status=400,
                   message=f"{key['Arn']} is pending deletion."):
        call(kms, operation, key["KeyId"])
