"""OpenID Connect and SAML identity providers."""

import datetime

import pytest
from harness import aws_error, covers

METADATA = (
    '<?xml version="1.0"?>\n'
    '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" '
    'entityID="https://idp.example.com/saml"{more}>'
    '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
    '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
    'Location="https://idp.example.com/sso"/>'
    "</md:IDPSSODescriptor></md:EntityDescriptor>"
)
PADDED = METADATA.format(more="") + "<!-- " + "x" * 1000 + " -->"


@covers("iam", "CreateOpenIDConnectProvider")
@covers("iam", "GetOpenIDConnectProvider")
@covers("iam", "ListOpenIDConnectProviders")
@covers("iam", "DeleteOpenIDConnectProvider")
def test_the_url_makes_the_arn(client, account):
    iam = client("iam")
    arn = iam.create_open_id_connect_provider(
        Url="https://token.actions.example.com/path",
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=["b" * 40],
        Tags=[{"Key": "k", "Value": "v"}],
    )["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{account}:oidc-provider/token.actions.example.com/path"
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert got["Url"] == "token.actions.example.com/path"
    assert got["ClientIDList"] == ["sts.amazonaws.com"]
    assert got["ThumbprintList"] == ["b" * 40]
    assert got["Tags"] == [{"Key": "k", "Value": "v"}]
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert listed == [{"Arn": arn}]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


@covers("iam", "CreateOpenIDConnectProvider", "EntityAlreadyExists")
@covers("iam", "CreateOpenIDConnectProvider", "InvalidInput")
@covers("iam", "CreateOpenIDConnectProvider", "LimitExceeded")
@covers("iam", "CreateOpenIDConnectProvider", "ValidationError")
def test_oidc_errors_of_creation(client):
    # Recorded answers of AWS (2026-02).
    iam = client("iam")
    url = "https://issuer.example.com"
    iam.create_open_id_connect_provider(Url=url)
    with aws_error(
        "EntityAlreadyExists", http_status=409, message=f"Provider with url {url} already exists."
    ):
        iam.create_open_id_connect_provider(Url=url)
    with aws_error(
        "InvalidInput",
        http_status=400,
        message="Thumbprint list must contain fewer than 5 entries.",
    ):
        iam.create_open_id_connect_provider(
            Url=url + "/2", ThumbprintList=[f"{i:040d}" for i in range(6)]
        )
    with aws_error(
        "LimitExceeded",
        http_status=409,
        message="Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
    ):
        iam.create_open_id_connect_provider(
            Url=url + "/2", ClientIDList=[f"client{i}" for i in range(101)]
        )
    for bad in ("issuer.example.com", "http://issuer.example.com", "https://a.example.com?x=1"):
        with aws_error(
            "ValidationError", http_status=400, message="Invalid Open ID Connect Provider URL"
        ):
            iam.create_open_id_connect_provider(Url=bad)


@covers("iam", "AddClientIDToOpenIDConnectProvider")
@covers("iam", "RemoveClientIDFromOpenIDConnectProvider")
@covers("iam", "UpdateOpenIDConnectProviderThumbprint")
@covers("iam", "UpdateOpenIDConnectProviderThumbprint", "InvalidInput")
@covers("iam", "AddClientIDToOpenIDConnectProvider", "LimitExceeded")
def test_oidc_clients_and_thumbprints_change(client):
    iam = client("iam")
    arn = iam.create_open_id_connect_provider(Url="https://issuer.example.com")[
        "OpenIDConnectProviderArn"
    ]
    which = {"OpenIDConnectProviderArn": arn}
    for client_id in ("one", "two", "one"):  # Docs: adding one again is no error
        iam.add_client_id_to_open_id_connect_provider(**which, ClientID=client_id)
    iam.remove_client_id_from_open_id_connect_provider(**which, ClientID="one")
    iam.remove_client_id_from_open_id_connect_provider(**which, ClientID="unknown")
    wanted = ["c" * 40, "d" * 40]
    iam.update_open_id_connect_provider_thumbprint(**which, ThumbprintList=wanted)
    got = iam.get_open_id_connect_provider(**which)
    assert got["ClientIDList"] == ["two"]
    assert got["ThumbprintList"] == wanted
    with aws_error("InvalidInput"):
        iam.update_open_id_connect_provider_thumbprint(
            **which, ThumbprintList=[f"{i:040d}" for i in range(6)]
        )
    full = iam.create_open_id_connect_provider(
        Url="https://full.example.com", ClientIDList=[f"client{i}" for i in range(100)]
    )["OpenIDConnectProviderArn"]
    with aws_error("LimitExceeded"):
        iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=full, ClientID="one-more"
        )


@covers("iam", "GetOpenIDConnectProvider", "NoSuchEntity")
@covers("iam", "DeleteOpenIDConnectProvider", "NoSuchEntity")
@covers("iam", "AddClientIDToOpenIDConnectProvider", "NoSuchEntity")
@covers("iam", "RemoveClientIDFromOpenIDConnectProvider", "NoSuchEntity")
@covers("iam", "UpdateOpenIDConnectProviderThumbprint", "NoSuchEntity")
@covers("iam", "TagOpenIDConnectProvider", "NoSuchEntity")
@covers("iam", "UntagOpenIDConnectProvider", "NoSuchEntity")
@covers("iam", "ListOpenIDConnectProviderTags", "NoSuchEntity")
def test_an_oidc_provider_that_is_not_there(client, account):
    # Recorded answers of AWS (2026-02): deleting has words of its own.
    iam = client("iam")
    arn = f"arn:aws:iam::{account}:oidc-provider/gone.example.com"
    which = {"OpenIDConnectProviderArn": arn}
    not_found = {
        "code": "NoSuchEntity",
        "http_status": 404,
        "message": f"OpenIDConnect Provider not found for arn {arn}",
    }
    for use in (
        lambda: iam.get_open_id_connect_provider(**which),
        lambda: iam.add_client_id_to_open_id_connect_provider(**which, ClientID="c"),
        lambda: iam.remove_client_id_from_open_id_connect_provider(**which, ClientID="c"),
        lambda: iam.update_open_id_connect_provider_thumbprint(
            **which, ThumbprintList=["a" * 40]
        ),
        lambda: iam.tag_open_id_connect_provider(**which, Tags=[{"Key": "k", "Value": "v"}]),
        lambda: iam.untag_open_id_connect_provider(**which, TagKeys=["k"]),
        lambda: iam.list_open_id_connect_provider_tags(**which),
    ):
        with aws_error(**not_found):
            use()
    with aws_error(
        "NoSuchEntity",
        http_status=404,
        message=f"OpenId connect Provider {arn} cannot be found.",
    ):
        iam.delete_open_id_connect_provider(**which)


@covers("iam", "TagOpenIDConnectProvider")
@covers("iam", "UntagOpenIDConnectProvider")
@covers("iam", "ListOpenIDConnectProviderTags")
@covers("iam", "TagOpenIDConnectProvider", "LimitExceeded")
def test_an_oidc_provider_has_tags(client):
    # Recorded answers of AWS (2026-02).
    iam = client("iam")
    which = {
        "OpenIDConnectProviderArn": iam.create_open_id_connect_provider(
            Url="https://issuer.example.com"
        )["OpenIDConnectProviderArn"]
    }
    iam.tag_open_id_connect_provider(
        **which, Tags=[{"Key": "k1", "Value": "v1"}, {"Key": "k2", "Value": "v2"}]
    )
    answer = iam.list_open_id_connect_provider_tags(**which, MaxItems=1)
    assert answer["Tags"] == [{"Key": "k1", "Value": "v1"}]
    assert answer["IsTruncated"] is True
    rest = iam.list_open_id_connect_provider_tags(**which, Marker=answer["Marker"])
    assert rest["Tags"] == [{"Key": "k2", "Value": "v2"}]
    iam.untag_open_id_connect_provider(**which, TagKeys=["k2"])
    assert iam.get_open_id_connect_provider(**which)["Tags"] == [{"Key": "k1", "Value": "v1"}]
    with aws_error(
        "LimitExceeded",
        http_status=409,
        message="The number of tags has reached the maximum limit.",
    ):
        iam.tag_open_id_connect_provider(
            **which, Tags=[{"Key": f"t{i}", "Value": ""} for i in range(50)]
        )


@covers("iam", "CreateSAMLProvider")
@covers("iam", "GetSAMLProvider")
@covers("iam", "ListSAMLProviders")
@covers("iam", "DeleteSAMLProvider")
def test_saml_metadata_comes_back(client, account):
    # Recorded answer of AWS (2026-02): the members.
    iam = client("iam")
    arn = iam.create_saml_provider(Name="corp", SAMLMetadataDocument=PADDED)["SAMLProviderArn"]
    assert arn == f"arn:aws:iam::{account}:saml-provider/corp"
    got = iam.get_saml_provider(SAMLProviderArn=arn)
    assert got["SAMLMetadataDocument"] == PADDED
    assert got["AssertionEncryptionMode"] == "Allowed"
    assert got["PrivateKeyList"] == []
    assert got["Tags"] == []
    assert got["SAMLProviderUUID"]
    listed = iam.list_saml_providers()["SAMLProviderList"]
    assert [one["Arn"] for one in listed] == [arn]
    assert listed[0]["ValidUntil"] > listed[0]["CreateDate"]
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert iam.list_saml_providers()["SAMLProviderList"] == []


@covers("iam", "UpdateSAMLProvider")
@covers("iam", "UpdateSAMLProvider", "InvalidInput")
@covers("iam", "UpdateSAMLProvider", "LimitExceeded")
def test_saml_metadata_and_keys_change(client):
    iam = client("iam")
    arn = iam.create_saml_provider(Name="corp", SAMLMetadataDocument=PADDED)["SAMLProviderArn"]
    newer = METADATA.format(more=' validUntil="2040-01-02T03:04:05Z"') + "<!--" + "y" * 1000 + "-->"
    iam.update_saml_provider(
        SAMLProviderArn=arn,
        SAMLMetadataDocument=newer,
        AssertionEncryptionMode="Required",
        AddPrivateKey="-----BEGIN PRIVATE KEY-----",
    )
    got = iam.get_saml_provider(SAMLProviderArn=arn)
    assert got["SAMLMetadataDocument"] == newer
    assert got["AssertionEncryptionMode"] == "Required"
    assert got["ValidUntil"] == datetime.datetime(
        2040, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc
    )
    assert len(got["PrivateKeyList"]) == 1
    iam.update_saml_provider(SAMLProviderArn=arn, AddPrivateKey="second")
    with aws_error("LimitExceeded"):
        iam.update_saml_provider(SAMLProviderArn=arn, AddPrivateKey="third")
    iam.update_saml_provider(
        SAMLProviderArn=arn, RemovePrivateKey=got["PrivateKeyList"][0]["KeyId"]
    )
    assert len(iam.get_saml_provider(SAMLProviderArn=arn)["PrivateKeyList"]) == 1
    with aws_error("InvalidInput"):
        iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument="<a>" + "z" * 1000)


@covers("iam", "CreateSAMLProvider", "InvalidInput")
@covers("iam", "CreateSAMLProvider", "EntityAlreadyExists")
@pytest.mark.parametrize("bad", ["x" * 1000, "<a>" + " " * 1000 + "</a>"])
def test_saml_metadata_must_be_metadata(client, bad):
    # Docs: CreateSAMLProvider: InvalidInput, EntityAlreadyExists (409).
    iam = client("iam")
    with aws_error("InvalidInput", http_status=400):
        iam.create_saml_provider(Name="corp", SAMLMetadataDocument=bad)
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=PADDED)
    with aws_error("EntityAlreadyExists", http_status=409):
        iam.create_saml_provider(Name="corp", SAMLMetadataDocument=PADDED)


@covers("iam", "GetSAMLProvider", "NoSuchEntity")
@covers("iam", "DeleteSAMLProvider", "NoSuchEntity")
@covers("iam", "UpdateSAMLProvider", "NoSuchEntity")
@covers("iam", "TagSAMLProvider", "NoSuchEntity")
@covers("iam", "UntagSAMLProvider", "NoSuchEntity")
@covers("iam", "ListSAMLProviderTags", "NoSuchEntity")
def test_a_saml_provider_that_is_not_there(client, account):
    # Recorded answer of AWS (2026-02).
    iam = client("iam")
    arn = f"arn:aws:iam::{account}:saml-provider/gone"
    which = {"SAMLProviderArn": arn}
    for use in (
        lambda: iam.get_saml_provider(**which),
        lambda: iam.delete_saml_provider(**which),
        lambda: iam.update_saml_provider(**which, SAMLMetadataDocument=PADDED),
        lambda: iam.tag_saml_provider(**which, Tags=[{"Key": "k", "Value": "v"}]),
        lambda: iam.untag_saml_provider(**which, TagKeys=["k"]),
        lambda: iam.list_saml_provider_tags(**which),
    ):
        with aws_error(
            "NoSuchEntity", http_status=404, message=f"Manifest not found for arn {arn}"
        ):
            use()


@covers("iam", "TagSAMLProvider")
@covers("iam", "UntagSAMLProvider")
@covers("iam", "ListSAMLProviderTags")
def test_a_saml_provider_has_tags(client):
    iam = client("iam")
    which = {
        "SAMLProviderArn": iam.create_saml_provider(
            Name="corp", SAMLMetadataDocument=PADDED, Tags=[{"Key": "a", "Value": "1"}]
        )["SAMLProviderArn"]
    }
    iam.tag_saml_provider(**which, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_saml_provider(**which, TagKeys=["a"])
    assert iam.list_saml_provider_tags(**which)["Tags"] == [{"Key": "b", "Value": "2"}]
