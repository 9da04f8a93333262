"""An AWS signature of our own making, so that a test can get any part of it wrong.

Docs: IAM user guide, "Create a signed AWS API request".
"""

import datetime
import hashlib
import hmac
import urllib.parse


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _quote(text):
    return urllib.parse.quote(text, safe="-_.~")


class Signer:
    """Signs requests as `access_key`; what is given at construction ends up in the signature."""

    def __init__(self, access_key, secret_key="secret", token=None, region="us-east-1",
                 service="sts", now=None):
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token
        self.region = region
        self.service = service
        self.now = now

    def _date(self):
        now = self.now or datetime.datetime.now(datetime.timezone.utc)
        return now.strftime("%Y%m%dT%H%M%SZ")

    def _scope(self, date):
        return f"{date[:8]}/{self.region}/{self.service}/aws4_request"

    def _signature(self, date, canonical):
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", date, self._scope(date), digest])
        key = _hmac(b"AWS4" + self.secret_key.encode(), date[:8])
        for part in (self.region, self.service, "aws4_request"):
            key = _hmac(key, part)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _canonical(method, path, query, headers, payload_hash):
        names = sorted(headers)
        pairs = sorted((_quote(name), _quote(value)) for name, value in query)
        return "\n".join([
            method,
            urllib.parse.quote(path, safe="/-_.~%"),
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(f"{name}:{headers[name].strip()}\n" for name in names),
            ";".join(names),
            payload_hash,
        ])

    def headers(self, host, method="POST", path="/", query=(), body=b"", headers=None):
        """The headers of a signed request, `Host` among them, in the order to send."""
        date = self._date()
        signed = {name.lower(): value for name, value in (headers or {}).items()}
        signed.update({"host": host, "x-amz-date": date})
        if self.token:
            signed["x-amz-security-token"] = self.token
        canonical = self._canonical(method, path, query, signed, hashlib.sha256(body).hexdigest())
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{self._scope(date)}, "
            f"SignedHeaders={';'.join(sorted(signed))}, "
            f"Signature={self._signature(date, canonical)}"
        )
        return {**signed, "authorization": authorization}

    def presigned_query(self, host, method="GET", path="/", query=(), expires=300, body=b""):
        """The query string of a presigned URL."""
        date = self._date()
        pairs = list(query) + [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", f"{self.access_key}/{self._scope(date)}"),
            ("X-Amz-Date", date),
            ("X-Amz-Expires", str(expires)),
            ("X-Amz-SignedHeaders", "host"),
        ]
        if self.token:
            pairs.append(("X-Amz-Security-Token", self.token))
        canonical = self._canonical(
            method, path, pairs, {"host": host}, hashlib.sha256(body).hexdigest()
        )
        pairs.append(("X-Amz-Signature", self._signature(date, canonical)))
        return "&".join(f"{_quote(name)}={_quote(value)}" for name, value in pairs)
