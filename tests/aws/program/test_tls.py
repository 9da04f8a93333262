"""The TLS door: a local CA, and services found by the host names that clients hard-code."""

import socket
import ssl
import subprocess

import boto3
import pytest
import urllib3.util.connection
from botocore.config import Config


@pytest.fixture
def ca(virga, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text(virga.command("ca").stdout)
    return path


@pytest.fixture
def resolver(virga, monkeypatch):
    """Every name is this machine, and every port is the server's: what a hosts file does."""
    names = []

    def connect(address, *arguments, **options):
        names.append(address[0])
        return socket.create_connection(("127.0.0.1", virga.port), 30)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect)
    return names


def aws_client(service, account, ca, region="us-east-1", **more):
    return boto3.client(
        service,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="secret",
        verify=str(ca),
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
        **more,
    )


def test_the_ca_is_a_certificate_authority(ca):
    done = subprocess.run(
        ["openssl", "x509", "-in", str(ca), "-noout", "-text"],
        capture_output=True, text=True, check=True,
    )
    assert "CA:TRUE" in done.stdout
    assert subprocess.run(
        ["openssl", "verify", "-CAfile", str(ca), str(ca)], check=False, capture_output=True
    ).returncode == 0


def test_the_ca_stays_the_same(virga, ca):
    assert virga.command("ca").stdout == ca.read_text()


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "sqs.eu-west-1.amazonaws.com", "sts.amazonaws.com"]
)
def test_each_name_gets_a_certificate_that_openssl_verifies(virga, ca, name):
    option = ["-servername", name, "-verify_hostname", name]
    if name[0].isdigit():
        option = ["-noservername", "-verify_ip", name]  # RFC 6066: no address in SNI
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{virga.port}", "-CAfile", str(ca),
         "-verify_return_error", "-brief", *option],
        input="", capture_output=True, text=True, check=False, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Verification: OK" in done.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_of_tls_are_refused(virga, ca):
    context = ssl.create_default_context(cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", virga.port), 30) as plain:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            context.wrap_socket(plain, server_hostname="localhost")


def test_boto3_talks_https_to_the_port(virga, account, ca):
    sts = aws_client("sts", account, ca, endpoint_url=f"https://localhost:{virga.port}")
    assert sts.get_caller_identity()["Account"] == account


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_client_without_any_endpoint_setting_works(virga, account, ca, resolver, region):
    sts = aws_client("sts", account, ca, region)
    assert sts.get_caller_identity()["Account"] == account
    assert resolver[-1].endswith("amazonaws.com")
    sqs = aws_client("sqs", account, ca, region)
    url = sqs.create_queue(QueueName="by-name")["QueueUrl"]
    assert resolver[-1] == f"sqs.{region}.amazonaws.com"
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"] == {
        "QueueArn": f"arn:aws:sqs:{region}:{account}:by-name"
    }


def test_a_client_that_does_not_know_the_ca_refuses(virga, account):
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="secret",
        endpoint_url=f"https://localhost:{virga.port}",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        sts.get_caller_identity()


def test_exec_makes_clients_trust_the_door(virga, account):
    done = virga.command(
        "exec", f"--account={account}", "--", "curl", "-sS", "--resolve",
        f"sts.amazonaws.com:{virga.port}:127.0.0.1",
        f"https://sts.amazonaws.com:{virga.port}/_virga/health",
    )
    assert '"status":"running"' in done.stdout
