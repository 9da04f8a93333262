"""CloudFormation types of providers, service-linked roles, MFA devices and server certificates."""

import json
import subprocess
import time

import pytest
from harness import aws_error

METADATA = (
    '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" '
    'entityID="https://idp.example.com/saml"><IDPSSODescriptor '
    'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></EntityDescriptor>'
    "<!--" + "x" * 1000 + "-->"
)
POLLS = 3000


@pytest.fixture
def settle(client):
    cloudformation = client("cloudformation")

    def wait(name, status):
        for _ in range(POLLS):
            stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(0.02)
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [event.get("ResourceStatusReason") for event in events]
        assert stack["StackStatus"] == status, reasons
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

    return wait


@pytest.fixture
def certificate(tmp_path):
    key, body = tmp_path / "key.pem", tmp_path / "body.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", body, "-subj", "/CN=www.example.com"],
        check=True,
        capture_output=True,
    )
    return {"body": body.read_text(), "key": key.read_text()}


def template(certificate, changed):
    tags = [{"Key": "stage", "Value": "two" if changed else "one"}]
    resources = {
        "Oidc": {
            "Type": "AWS::IAM::OIDCProvider",
            "Properties": {
                "Url": "https://issuer.example.com",
                "ClientIdList": ["b", "c"] if changed else ["a", "b"],
                "ThumbprintList": [("d" if changed else "c") * 40],
                "Tags": tags,
            },
        },
        "Saml": {
            "Type": "AWS::IAM::SAMLProvider",
            "Properties": {
                "Name": "corp",
                "SamlMetadataDocument": METADATA,
                "AssertionEncryptionMode": "Required" if changed else "Allowed",
                "Tags": tags,
            },
        },
        "Linked": {
            "Type": "AWS::IAM::ServiceLinkedRole",
            "Properties": {
                "AWSServiceName": "ecs.amazonaws.com",
                "Description": "new" if changed else "old",
            },
        },
        "Mfa": {
            "Type": "AWS::IAM::VirtualMFADevice",
            "Properties": {"VirtualMfaDeviceName": "phone", "Users": [], "Tags": tags},
        },
        "Certificate": {
            "Type": "AWS::IAM::ServerCertificate",
            "Properties": {
                "ServerCertificateName": "www",
                "CertificateBody": certificate["body"],
                "PrivateKey": certificate["key"],
                "Path": "/new/" if changed else "/old/",
                "Tags": tags,
            },
        },
    }
    outputs = {
        "Oidc": {"Value": {"Fn::GetAtt": ["Oidc", "Arn"]}},
        "Saml": {"Value": {"Ref": "Saml"}},
        "SamlId": {"Value": {"Fn::GetAtt": ["Saml", "SamlProviderUUID"]}},
        "Linked": {"Value": {"Fn::GetAtt": ["Linked", "RoleName"]}},
        "Mfa": {"Value": {"Fn::GetAtt": ["Mfa", "SerialNumber"]}},
        "Certificate": {"Value": {"Fn::GetAtt": ["Certificate", "Arn"]}},
    }
    return json.dumps({"Resources": resources, "Outputs": outputs})


def test_a_stack_creates_changes_and_removes_them(client, account, settle, certificate):
    # Docs: template reference, AWS::IAM::*: return values and update behaviours.
    iam, cloudformation = client("iam"), client("cloudformation")
    stack = cloudformation.create_stack(
        StackName="all",
        TemplateBody=template(certificate, False),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )["StackId"]
    outputs = settle("all", "CREATE_COMPLETE")
    prefix = f"arn:aws:iam::{account}"
    assert outputs["Oidc"] == f"{prefix}:oidc-provider/issuer.example.com"
    assert outputs["Saml"] == f"{prefix}:saml-provider/corp"
    assert outputs["Linked"] == "AWSServiceRoleForECS"
    assert outputs["Mfa"] == f"{prefix}:mfa/phone"
    assert outputs["Certificate"] == f"{prefix}:server-certificate/old/www"
    saml = iam.get_saml_provider(SAMLProviderArn=outputs["Saml"])
    assert saml["SAMLProviderUUID"] == outputs["SamlId"]

    cloudformation.update_stack(
        StackName="all",
        TemplateBody=template(certificate, True),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    outputs = settle("all", "UPDATE_COMPLETE")
    assert outputs["Certificate"] == f"{prefix}:server-certificate/new/www"
    oidc = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=outputs["Oidc"])
    assert sorted(oidc["ClientIDList"]) == ["b", "c"]
    assert oidc["ThumbprintList"] == ["d" * 40]
    assert {"Key": "stage", "Value": "two"} in oidc["Tags"]
    saml = iam.get_saml_provider(SAMLProviderArn=outputs["Saml"])
    assert saml["AssertionEncryptionMode"] == "Required"
    assert {"Key": "stage", "Value": "two"} in saml["Tags"]
    assert iam.get_role(RoleName="AWSServiceRoleForECS")["Role"]["Description"] == "new"
    tags = iam.list_mfa_device_tags(SerialNumber=outputs["Mfa"])["Tags"]
    assert {"Key": "stage", "Value": "two"} in tags
    tags = iam.list_server_certificate_tags(ServerCertificateName="www")["Tags"]
    assert {"Key": "stage", "Value": "two"} in tags

    cloudformation.delete_stack(StackName="all")
    settle(stack, "DELETE_COMPLETE")
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    with aws_error("NoSuchEntity"):
        iam.get_role(RoleName="AWSServiceRoleForECS")
