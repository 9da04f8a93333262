"""AssumeRoleWithWebIdentity, with an identity provider of the test's own behind real TLS."""

import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import ssl
import threading
import time

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from harness import aws_error, covers

OPERATION = "AssumeRoleWithWebIdentity"


def coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificate():
    """A self-signed certificate of localhost, as PEM, with its key and fingerprint."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    der = made.public_bytes(serialization.Encoding.DER)
    return pem, hashlib.sha1(der).hexdigest()


class Issuer:
    """An OpenID Connect provider: discovery, keys, tokens."""

    def __init__(self, folder):
        pem, self.thumbprint = certificate()
        (folder / "issuer.pem").write_bytes(pem)
        self.keys = {}
        self.requests = []
        self.is_broken = False
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests.append(self.path)
                body = json.dumps(issuer.document(self.path)).encode()
                self.send_response(500 if issuer.is_broken else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "issuer.pem")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.add_key("first")

    def add_key(self, kid):
        self.keys[kid] = rsa.generate_private_key(65537, 2048)

    def document(self, path):
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        keys = []
        for kid, key in self.keys.items():
            numbers = key.public_key().public_numbers()
            modulus = coded(numbers.n.to_bytes(256, "big"))
            keys.append({"kty": "RSA", "kid": kid, "use": "sig", "n": modulus, "e": "AQAB"})
        return {"keys": keys}

    def token(self, kid="first", key=None, **claims):
        now = int(time.time())
        body = {"iss": self.url, "sub": "repo:me", "aud": "app", "exp": now + 600, "iat": now}
        body.update(claims)
        body = {name: value for name, value in body.items() if value is not None}
        head = coded(json.dumps({"alg": "RS256", "kid": kid}).encode())
        text = f"{head}.{coded(json.dumps(body).encode())}"
        key = key or self.keys[kid]
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{coded(signature)}"

    def close(self):
        self._server.shutdown()


@pytest.fixture
def issuer(tmp_path):
    made = Issuer(tmp_path)
    yield made
    made.close()


@pytest.fixture
def trusting(client, account, issuer):
    """trusting(condition) makes the provider and a role that trusts it; gives the role's ARN."""

    def make(condition=None, actions="sts:AssumeRoleWithWebIdentity", clients=("app",)):
        iam = client("iam", account=account)
        provider = iam.create_open_id_connect_provider(
            Url=issuer.url, ClientIDList=list(clients), ThumbprintList=[issuer.thumbprint]
        )["OpenIDConnectProviderArn"]
        statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": actions}
        if condition:
            statement["Condition"] = condition
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(document))[
            "Role"
        ]["Arn"]

    return make


@pytest.fixture
def assume(client):
    """assume(role, token) without any credentials."""
    sts = client("sts", config=Config(signature_version=UNSIGNED))

    def call(role, token, **more):
        return sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="ci", WebIdentityToken=token, **more
        )

    return call


@covers("sts", OPERATION)
def test_a_token_becomes_a_session_of_the_role(assume, trusting, issuer, client, account):
    name = issuer.url.removeprefix("https://")
    role = trusting({"StringEquals": {f"{name}:aud": "app", f"{name}:sub": "repo:me"}})
    answer = assume(role, issuer.token())
    assert answer["SubjectFromWebIdentityToken"] == "repo:me"
    assert answer["Audience"] == "app"
    assert answer["Provider"] == f"arn:aws:iam::{account}:oidc-provider/{name}"
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/web/ci"
    session = answer["Credentials"]
    who = client("sts", credentials=session).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{account}:assumed-role/web/ci"


@covers("sts", OPERATION)
def test_the_keys_are_asked_for_once_and_again_for_a_new_key(assume, trusting, issuer, clock):
    role = trusting()
    assume(role, issuer.token())
    assume(role, issuer.token())
    assert issuer.requests == ["/.well-known/openid-configuration", "/keys"]
    issuer.add_key("second")
    clock.advance("2m")
    expiry = int(time.time()) + 3600
    assume(role, issuer.token(kid="second", exp=expiry))
    assert len(issuer.requests) == 4


@covers("sts", OPERATION)
def test_tags_of_the_token_are_session_tags(assume, trusting, issuer):
    tags = {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]}
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    role = trusting({"StringEquals": {"aws:RequestTag/team": "blue"}}, actions)
    assume(role, issuer.token(**{"https://aws.amazon.com/tags": tags}))
    with aws_error("AccessDenied", 403):
        assume(role, issuer.token())


@covers("sts", OPERATION, error="AccessDenied")
@pytest.mark.parametrize("claim", [{"sub": "repo:other"}, {"azp": "other"}])
def test_the_trust_policy_decides(assume, trusting, issuer, claim):
    name = issuer.url.removeprefix("https://")
    role = trusting({"StringEquals": {f"{name}:aud": "app", f"{name}:sub": "repo:me"}})
    with aws_error("AccessDenied", 403, match="Not authorized to perform sts:AssumeRole"):
        assume(role, issuer.token(**claim))


@covers("sts", OPERATION, error="AccessDenied")
def test_a_role_that_is_missing_is_refused_alike(assume, trusting, issuer):
    role = trusting()
    with aws_error("AccessDenied", 403):
        assume(role + "er", issuer.token())


@covers("sts", OPERATION, error="InvalidIdentityToken")
@pytest.mark.parametrize(
    "claims, message",
    [
        ({"aud": "other"}, "Incorrect token audience"),
        ({"sub": None}, "Missing a required claim: sub"),
        ({"exp": None}, "Missing a required claim: exp"),
        ({"iss": "https://elsewhere.example"}, "No OpenIDConnect provider found in your account"),
        ({"iss": "http://plain.example"}, "Issuer must be a valid URL"),
    ],
)
def test_claims_are_checked(assume, trusting, issuer, claims, message):
    role = trusting()
    with aws_error("InvalidIdentityToken", 400, match=message):
        assume(role, issuer.token(**claims))


@covers("sts", OPERATION, error="InvalidIdentityToken")
def test_a_foreign_signature_is_refused(assume, trusting, issuer):
    role = trusting()
    other = rsa.generate_private_key(65537, 2048)
    with aws_error("InvalidIdentityToken", 400):
        assume(role, issuer.token(key=other))
    with aws_error("InvalidIdentityToken", 400, match="not a valid JWT"):
        assume(role, "no.token")


@covers("sts", OPERATION, error="InvalidIdentityToken")
def test_a_provider_that_cannot_be_asked_is_named(assume, trusting, issuer):
    role = trusting()
    issuer.is_broken = True
    with aws_error("InvalidIdentityToken", 400, match="Couldn't retrieve verification key"):
        assume(role, issuer.token())


@covers("sts", OPERATION, error="InvalidIdentityToken")
def test_an_unknown_certificate_is_not_trusted(assume, trusting, issuer):
    issuer.thumbprint = "a" * 40
    role = trusting()
    with aws_error("InvalidIdentityToken", 400, match="Couldn't retrieve verification key"):
        assume(role, issuer.token())
    assert issuer.requests == []


@covers("sts", OPERATION, error="ExpiredTokenException")
def test_an_expired_token_is_refused(assume, trusting, issuer):
    role = trusting()
    with aws_error("ExpiredTokenException", 400, match="Token expired"):
        assume(role, issuer.token(exp=int(time.time()) - 1))


@covers("sts", OPERATION, error="ValidationError")
def test_a_session_is_no_longer_than_the_role_allows(assume, trusting, issuer):
    role = trusting()
    with aws_error("ValidationError", 400, match="MaxSessionDuration"):
        assume(role, issuer.token(), DurationSeconds=43200)
