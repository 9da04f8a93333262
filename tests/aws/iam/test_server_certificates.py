"""Server certificates: parsed, matched with their key, kept and given back."""

import subprocess

import pytest
from harness import aws_error, covers


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """A CA and a certificate that it issued, as PEM texts."""
    folder = tmp_path_factory.mktemp("certificates")
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    leaf, leaf_key, request = folder / "leaf.pem", folder / "leaf.key", folder / "leaf.csr"
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out", ca, "-subj", "/CN=Test CA",
            "-days", "30")
    openssl("req", *new_key, "-keyout", leaf_key, "-out", request, "-subj", "/CN=www.example.com")
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
            "-out", leaf, "-days", "10")
    return {
        "ca": ca.read_text(),
        "ca_key": ca_key.read_text(),
        "body": leaf.read_text(),
        "key": leaf_key.read_text(),
    }


def upload(iam, pem, name="www", **more):
    return iam.upload_server_certificate(
        **{
            "ServerCertificateName": name,
            "CertificateBody": pem["body"],
            "PrivateKey": pem["key"],
            **more,
        }
    )


@covers("iam", "UploadServerCertificate")
@covers("iam", "GetServerCertificate")
@covers("iam", "ListServerCertificates")
@covers("iam", "DeleteServerCertificate")
def test_a_certificate_is_kept_with_its_chain(client, account, pem):
    # Recorded answer of AWS (2026-02): the members; the private key is never given back.
    iam = client("iam")
    answer = upload(
        iam, pem, Path="/web/", CertificateChain=pem["ca"], Tags=[{"Key": "k", "Value": "v"}]
    )
    made = answer["ServerCertificateMetadata"]
    assert made["Arn"] == f"arn:aws:iam::{account}:server-certificate/web/www"
    assert made["ServerCertificateId"].startswith("ASCA")
    lifetime = made["Expiration"] - made["UploadDate"]
    assert 9 <= lifetime.days <= 10
    got = iam.get_server_certificate(ServerCertificateName="www")["ServerCertificate"]
    assert got["ServerCertificateMetadata"] == made
    assert got["CertificateBody"] == pem["body"].strip()
    assert got["CertificateChain"] == pem["ca"].strip()
    assert got["Tags"] == [{"Key": "k", "Value": "v"}]
    assert "PrivateKey" not in got
    listed = iam.list_server_certificates(PathPrefix="/web/")["ServerCertificateMetadataList"]
    assert listed == [made]
    assert iam.list_server_certificates(PathPrefix="/no/")["ServerCertificateMetadataList"] == []
    iam.delete_server_certificate(ServerCertificateName="www")
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []


@covers("iam", "UploadServerCertificate", "MalformedCertificate")
@covers("iam", "UploadServerCertificate", "KeyPairMismatch")
@covers("iam", "UploadServerCertificate", "EntityAlreadyExists")
def test_what_does_not_fit_together_is_refused(client, pem):
    # Observed: the texts of MalformedCertificate; recorded: EntityAlreadyExists (2026-02).
    iam = client("iam")
    with aws_error(
        "MalformedCertificate",
        http_status=400,
        message="Unable to parse certificate. Please ensure the certificate is in PEM format.",
    ):
        upload(iam, pem, CertificateBody="nonsense")
    with aws_error("MalformedCertificate", http_status=400):
        upload(iam, pem, PrivateKey="nonsense")
    with aws_error("KeyPairMismatch", http_status=400):
        upload(iam, pem, PrivateKey=pem["ca_key"])
    for chain in (pem["body"], "nonsense"):
        with aws_error("MalformedCertificate", match="must start with the immediate signing"):
            upload(iam, pem, CertificateChain=chain)
    upload(iam, pem)
    with aws_error(
        "EntityAlreadyExists",
        http_status=409,
        message="The Server Certificate with name www already exists.",
    ):
        upload(iam, pem)


@covers("iam", "UploadServerCertificate", "LimitExceeded")
@covers("iam", "ListServerCertificates")
def test_twenty_certificates_fit_and_are_paged(client, pem):
    # Docs: "IAM and AWS STS quotas": 20 server certificates.
    iam = client("iam")
    for i in range(20):
        upload(iam, pem, name=f"www{i:02d}")
    pages = iam.get_paginator("list_server_certificates").paginate(
        PaginationConfig={"PageSize": 7}
    )
    names = [
        one["ServerCertificateName"]
        for page in pages
        for one in page["ServerCertificateMetadataList"]
    ]
    assert names == [f"www{i:02d}" for i in range(20)]
    with aws_error("LimitExceeded", http_status=409):
        upload(iam, pem, name="one-more")


@covers("iam", "UpdateServerCertificate")
@covers("iam", "UpdateServerCertificate", "EntityAlreadyExists")
def test_a_certificate_is_renamed(client, account, pem):
    iam = client("iam")
    upload(iam, pem)
    upload(iam, pem, name="other")
    with aws_error("EntityAlreadyExists", http_status=409):
        iam.update_server_certificate(
            ServerCertificateName="www", NewServerCertificateName="other"
        )
    iam.update_server_certificate(
        ServerCertificateName="www", NewServerCertificateName="new", NewPath="/p/"
    )
    got = iam.get_server_certificate(ServerCertificateName="new")["ServerCertificate"]
    arn = got["ServerCertificateMetadata"]["Arn"]
    assert arn == f"arn:aws:iam::{account}:server-certificate/p/new"


@covers("iam", "GetServerCertificate", "NoSuchEntity")
@covers("iam", "DeleteServerCertificate", "NoSuchEntity")
@covers("iam", "UpdateServerCertificate", "NoSuchEntity")
@covers("iam", "TagServerCertificate", "NoSuchEntity")
@covers("iam", "UntagServerCertificate", "NoSuchEntity")
@covers("iam", "ListServerCertificateTags", "NoSuchEntity")
def test_a_certificate_that_is_not_there(client):
    # Recorded answer of AWS (2026-02).
    iam = client("iam")
    which = {"ServerCertificateName": "gone"}
    for use in (
        lambda: iam.get_server_certificate(**which),
        lambda: iam.delete_server_certificate(**which),
        lambda: iam.update_server_certificate(**which, NewPath="/p/"),
        lambda: iam.tag_server_certificate(**which, Tags=[{"Key": "k", "Value": "v"}]),
        lambda: iam.untag_server_certificate(**which, TagKeys=["k"]),
        lambda: iam.list_server_certificate_tags(**which),
    ):
        with aws_error(
            "NoSuchEntity",
            http_status=404,
            message="The Server Certificate with name gone cannot be found.",
        ):
            use()


@covers("iam", "TagServerCertificate")
@covers("iam", "UntagServerCertificate")
@covers("iam", "ListServerCertificateTags")
def test_a_certificate_has_tags(client, pem):
    iam = client("iam")
    upload(iam, pem)
    which = {"ServerCertificateName": "www"}
    iam.tag_server_certificate(
        **which, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    )
    iam.untag_server_certificate(**which, TagKeys=["a"])
    assert iam.list_server_certificate_tags(**which)["Tags"] == [{"Key": "b", "Value": "2"}]
