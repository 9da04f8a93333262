"""Passwords, SSH public keys, signing certificates and service-specific credentials of users."""

import base64
import hashlib
import struct

import pytest
from harness import aws_error, covers

ALL = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture
def iam(client):
    iam = client("iam")
    iam.create_user(UserName="u")
    return iam


@covers("iam", "CreateLoginProfile")
@covers("iam", "GetLoginProfile")
@covers("iam", "UpdateLoginProfile")
@covers("iam", "DeleteLoginProfile")
def test_a_login_profile(iam):
    made = iam.create_login_profile(
        UserName="u", Password="Secret-word-1", PasswordResetRequired=True
    )["LoginProfile"]
    assert made["UserName"] == "u" and made["PasswordResetRequired"] is True
    iam.update_login_profile(UserName="u", PasswordResetRequired=False)
    got = iam.get_login_profile(UserName="u")["LoginProfile"]
    assert got["PasswordResetRequired"] is False
    assert got["CreateDate"] == made["CreateDate"]
    iam.delete_login_profile(UserName="u")


@covers("iam", "CreateLoginProfile", "EntityAlreadyExists")
@covers("iam", "CreateLoginProfile", "PasswordPolicyViolation")
@covers("iam", "CreateLoginProfile", "NoSuchEntity")
@covers("iam", "CreateLoginProfile", "ValidationError")
@covers("iam", "GetLoginProfile", "NoSuchEntity")
@covers("iam", "UpdateLoginProfile", "NoSuchEntity")
@covers("iam", "UpdateLoginProfile", "PasswordPolicyViolation")
@covers("iam", "DeleteLoginProfile", "NoSuchEntity")
def test_login_profiles_that_cannot_be(iam):
    text = "Login Profile for User u cannot be found."
    with aws_error("NoSuchEntity", 404, text):
        iam.get_login_profile(UserName="u")
    with aws_error("NoSuchEntity", 404, text):
        iam.update_login_profile(UserName="u", Password="Secret-word-2")
    with aws_error("NoSuchEntity", 404, text):
        iam.delete_login_profile(UserName="u")
    with aws_error("NoSuchEntity", 404):
        iam.create_login_profile(UserName="x", Password="Secret-word-1")
    with aws_error("ValidationError", 400):
        iam.create_login_profile(UserName="u")
    with aws_error("PasswordPolicyViolation", 400, "Password should have a minimum length of 8"):
        iam.create_login_profile(UserName="u", Password="Ab1!")
    with aws_error("PasswordPolicyViolation", 400):
        iam.create_login_profile(UserName="u", Password="onlysmallletters")
    iam.create_login_profile(UserName="u", Password="Secret-word-1")
    with aws_error(
        "EntityAlreadyExists", 409, "Login Profile for user u already exists."
    ):
        iam.create_login_profile(UserName="u", Password="Secret-word-1")
    with aws_error("PasswordPolicyViolation", 400):
        iam.update_login_profile(UserName="u", Password="short")


@covers("iam", "ChangePassword")
@covers("iam", "ChangePassword", "AccessDenied")
@covers("iam", "ChangePassword", "InvalidUserType")
@covers("iam", "ChangePassword", "NoSuchEntity")
@covers("iam", "ChangePassword", "PasswordPolicyViolation")
def test_a_user_changes_the_password(client, iam):
    with aws_error("InvalidUserType", 400):
        iam.change_password(OldPassword="a", NewPassword="b")
    iam.attach_user_policy(
        UserName="u", PolicyArn="arn:aws:iam::aws:policy/IAMUserChangePassword"
    )
    own = client("iam", credentials=iam.create_access_key(UserName="u")["AccessKey"])
    with aws_error("NoSuchEntity", 404):
        own.change_password(OldPassword="Secret-word-1", NewPassword="Secret-word-2")
    iam.create_login_profile(
        UserName="u", Password="Secret-word-1", PasswordResetRequired=True
    )
    with aws_error("AccessDenied", 403, "The old password was incorrect."):
        own.change_password(OldPassword="wrong", NewPassword="Secret-word-2")
    with aws_error("PasswordPolicyViolation", 400):
        own.change_password(OldPassword="Secret-word-1", NewPassword="b")
    own.change_password(OldPassword="Secret-word-1", NewPassword="Secret-word-2")
    own.change_password(OldPassword="Secret-word-2", NewPassword="Secret-word-3")
    got = iam.get_login_profile(UserName="u")["LoginProfile"]
    assert got["PasswordResetRequired"] is False


def number(value):
    length = value.bit_length() // 8 + 1
    return value.to_bytes(length, "big")


def ssh_key(seed=1, bits=2048):
    modulus = (1 << (bits - 1)) + 2 * seed + 1
    blob = b"".join(
        struct.pack(">I", len(part)) + part
        for part in (b"ssh-rsa", number(65537), number(modulus))
    )
    return blob, "ssh-rsa " + base64.b64encode(blob).decode()


@covers("iam", "UploadSSHPublicKey")
@covers("iam", "GetSSHPublicKey")
@covers("iam", "ListSSHPublicKeys")
@covers("iam", "UpdateSSHPublicKey")
@covers("iam", "DeleteSSHPublicKey")
def test_the_life_of_an_ssh_key(iam):
    blob, text = ssh_key()
    key = iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=text + " u@home")[
        "SSHPublicKey"
    ]
    digest = hashlib.md5(blob).hexdigest()
    pairs = ":".join(digest[i : i + 2] for i in range(0, 32, 2))
    assert key["SSHPublicKeyId"].startswith("APKA") and key["Fingerprint"] == pairs
    key_id = key["SSHPublicKeyId"]
    iam.update_ssh_public_key(UserName="u", SSHPublicKeyId=key_id, Status="Inactive")
    listed = iam.list_ssh_public_keys(UserName="u")["SSHPublicKeys"]
    assert [(k["SSHPublicKeyId"], k["Status"]) for k in listed] == [(key_id, "Inactive")]
    pem = iam.get_ssh_public_key(UserName="u", SSHPublicKeyId=key_id, Encoding="PEM")[
        "SSHPublicKey"
    ]["SSHPublicKeyBody"]
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    got = iam.get_ssh_public_key(UserName="u", SSHPublicKeyId=key_id, Encoding="SSH")
    assert got["SSHPublicKey"]["SSHPublicKeyBody"].startswith(text)
    iam.delete_ssh_public_key(UserName="u", SSHPublicKeyId=key_id)
    # The same key in its other form has the same fingerprint.
    again = iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=pem)["SSHPublicKey"]
    assert again["Fingerprint"] == pairs


@covers("iam", "UploadSSHPublicKey", "DuplicateSSHPublicKey")
@covers("iam", "UploadSSHPublicKey", "InvalidPublicKey")
@covers("iam", "UploadSSHPublicKey", "UnrecognizedPublicKeyEncoding")
@covers("iam", "UploadSSHPublicKey", "LimitExceeded")
@covers("iam", "UploadSSHPublicKey", "NoSuchEntity")
@covers("iam", "GetSSHPublicKey", "NoSuchEntity")
@covers("iam", "UpdateSSHPublicKey", "NoSuchEntity")
@covers("iam", "DeleteSSHPublicKey", "NoSuchEntity")
def test_ssh_keys_that_cannot_be(iam):
    with aws_error("UnrecognizedPublicKeyEncoding", 400):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody="ssh-ed25519 AAAA")
    for body in ("ssh-rsa AAAA", ssh_key(bits=1024)[1]):
        with aws_error("InvalidPublicKey", 400):
            iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=body)
    with aws_error("InvalidPublicKey", 400):
        iam.upload_ssh_public_key(
            UserName="u",
            SSHPublicKeyBody="-----BEGIN PUBLIC KEY-----\nMAAA\n-----END PUBLIC KEY-----",
        )
    for seed in range(5):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=ssh_key(seed)[1])
    with aws_error("DuplicateSSHPublicKey", 400):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=ssh_key(0)[1])
    with aws_error("LimitExceeded", 409, "Cannot exceed quota for SSHPublicKeysPerUser: 5"):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=ssh_key(6)[1])
    with aws_error("NoSuchEntity", 404):
        iam.upload_ssh_public_key(UserName="x", SSHPublicKeyBody=ssh_key()[1])
    none = {"UserName": "u", "SSHPublicKeyId": "APKAXXXXXXXXXXXXXXXXX"}
    with aws_error("NoSuchEntity", 404):
        iam.get_ssh_public_key(Encoding="SSH", **none)
    with aws_error("NoSuchEntity", 404):
        iam.update_ssh_public_key(Status="Active", **none)
    with aws_error("NoSuchEntity", 404):
        iam.delete_ssh_public_key(**none)


def certificate(seed=0):
    body = base64.b64encode(bytes([0x30, 0x82, 1, 0, seed] + [7] * 255)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"


@covers("iam", "UploadSigningCertificate")
@covers("iam", "ListSigningCertificates")
@covers("iam", "UpdateSigningCertificate")
@covers("iam", "DeleteSigningCertificate")
@covers("iam", "UploadSigningCertificate", "MalformedCertificate")
@covers("iam", "UploadSigningCertificate", "DuplicateCertificate")
@covers("iam", "UploadSigningCertificate", "LimitExceeded")
@covers("iam", "UploadSigningCertificate", "NoSuchEntity")
@covers("iam", "ListSigningCertificates", "NoSuchEntity")
@covers("iam", "UpdateSigningCertificate", "NoSuchEntity")
@covers("iam", "DeleteSigningCertificate", "NoSuchEntity")
def test_signing_certificates(iam):
    made = iam.upload_signing_certificate(UserName="u", CertificateBody=certificate())[
        "Certificate"
    ]
    one = {"UserName": "u", "CertificateId": made["CertificateId"]}
    iam.update_signing_certificate(Status="Inactive", **one)
    listed = iam.list_signing_certificates(UserName="u")["Certificates"]
    assert [(c["CertificateBody"], c["Status"]) for c in listed] == [
        (certificate(), "Inactive")
    ]
    with aws_error("DuplicateCertificate", 409):
        iam.upload_signing_certificate(UserName="u", CertificateBody=certificate())
    with aws_error(
        "MalformedCertificate",
        400,
        "Unable to parse certificate. Please ensure the certificate is in PEM format.",
    ):
        iam.upload_signing_certificate(UserName="u", CertificateBody="nonsense")
    iam.upload_signing_certificate(UserName="u", CertificateBody=certificate(1))
    with aws_error("LimitExceeded", 409):
        iam.upload_signing_certificate(UserName="u", CertificateBody=certificate(2))
    iam.delete_signing_certificate(**one)
    with aws_error("NoSuchEntity", 404):
        iam.delete_signing_certificate(**one)
    with aws_error("NoSuchEntity", 404):
        iam.update_signing_certificate(Status="Active", **one)
    with aws_error("NoSuchEntity", 404):
        iam.list_signing_certificates(UserName="x")
    with aws_error("NoSuchEntity", 404):
        iam.upload_signing_certificate(UserName="x", CertificateBody=certificate())


@covers("iam", "CreateServiceSpecificCredential")
@covers("iam", "ListServiceSpecificCredentials")
@covers("iam", "UpdateServiceSpecificCredential")
@covers("iam", "ResetServiceSpecificCredential")
@covers("iam", "DeleteServiceSpecificCredential")
@covers("iam", "CreateServiceSpecificCredential", "LimitExceeded")
@covers("iam", "CreateServiceSpecificCredential", "NotSupportedService")
@covers("iam", "CreateServiceSpecificCredential", "NoSuchEntity")
@covers("iam", "ListServiceSpecificCredentials", "NoSuchEntity")
@covers("iam", "UpdateServiceSpecificCredential", "NoSuchEntity")
@covers("iam", "ResetServiceSpecificCredential", "NoSuchEntity")
@covers("iam", "DeleteServiceSpecificCredential", "NoSuchEntity")
def test_service_specific_credentials(iam, account):
    service = "codecommit.amazonaws.com"

    def make(name=service, user="u", **more):
        return iam.create_service_specific_credential(
            UserName=user, ServiceName=name, **more
        )["ServiceSpecificCredential"]

    made = make()
    assert made["ServiceUserName"] == f"u-at-{account}" and made["Status"] == "Active"
    one = {"UserName": "u", "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    renewed = iam.reset_service_specific_credential(**one)["ServiceSpecificCredential"]
    assert renewed["ServicePassword"] != made["ServicePassword"]
    iam.update_service_specific_credential(Status="Inactive", **one)
    key = make("bedrock.amazonaws.com", CredentialAgeDays=30)
    assert key["ServiceCredentialSecret"] and "ServicePassword" not in key
    assert (key["ExpirationDate"] - key["CreateDate"]).days == 30
    listed = iam.list_service_specific_credentials(UserName="u", ServiceName=service)
    assert [c["Status"] for c in listed["ServiceSpecificCredentials"]] == ["Inactive"]
    assert "ServicePassword" not in listed["ServiceSpecificCredentials"][0]
    everybody = iam.list_service_specific_credentials(AllUsers=True)
    assert len(everybody["ServiceSpecificCredentials"]) == 2
    assert make()["ServiceUserName"] == f"u+1-at-{account}"
    with aws_error("LimitExceeded", 409):
        make()
    with aws_error("NotSupportedService", 404):
        make("sqs.amazonaws.com")
    with aws_error("NoSuchEntity", 404):
        make(user="x")
    iam.delete_service_specific_credential(**one)
    with aws_error("NoSuchEntity", 404):
        iam.delete_service_specific_credential(**one)
    with aws_error("NoSuchEntity", 404):
        iam.reset_service_specific_credential(**one)
    with aws_error("NoSuchEntity", 404):
        iam.update_service_specific_credential(Status="Active", **one)
    with aws_error("NoSuchEntity", 404):
        iam.list_service_specific_credentials(UserName="x")
