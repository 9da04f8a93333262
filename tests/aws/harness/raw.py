"""HTTP by hand: exactly the bytes that a test wants, and the answer read strictly."""

import html
import json
import re
import socket

TIMEOUT_SECONDS = 30  # nothing that a test sends may make the server hang


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # list of (lower-case name, value)
        self.body = body

    def header(self, name):
        for key, value in self.headers:
            if key == name.lower():
                return value
        return None

    def json(self):
        return json.loads(self.body)

    def error(self):
        """(code, message) of an AWS error in any protocol; (None, None) when it is none."""
        text = self.body.decode("utf-8", "replace")
        if text.startswith("{"):
            content = json.loads(text)
            code = content.get("__type") or content.get("code") or self.header("x-amzn-errortype")
            message = content.get("message") or content.get("Message")
            return (re.sub(r"^.*#", "", code) if code else None), message
        code = re.search(r"<Code>([^<]*)</Code>", text)
        message = re.search(r"<Message>([^<]*)</Message>", text)
        return code and code.group(1), message and html.unescape(message.group(1))

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:500]!r}>"


class Connection:
    """One TCP connection. Reading fails the test when the server says nothing for long."""

    def __init__(self, server, timeout=TIMEOUT_SECONDS):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout)
        self.host = f"127.0.0.1:{server.port}"
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_request(self, method, target, headers, body=b"", length=None):
        """`length` None: the body's own; False: no Content-Length at all."""
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if length is not False:
            lines.append(f"content-length: {len(body) if length is None else length}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def _fill(self):
        data = self.socket.recv(65536)
        self._buffer += data
        return bool(data)

    def _read_until(self, mark):
        while mark not in self._buffer:
            if not self._fill():
                raise EOFError(f"the connection ended; read {self._buffer[:200]!r}")
        part, self._buffer = self._buffer.split(mark, 1)
        return part

    def _read_exactly(self, count):
        while len(self._buffer) < count:
            if not self._fill():
                raise EOFError(f"the connection ended within a body of {count} bytes")
        part, self._buffer = self._buffer[:count], self._buffer[count:]
        return part

    def _read_chunked(self):
        body = b""
        while True:
            size = int(self._read_until(b"\r\n"), 16)
            body += self._read_exactly(size)
            assert self._read_exactly(2) == b"\r\n"
            if size == 0:
                return body

    def read_response(self, method="POST"):
        head = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = re.fullmatch(r"HTTP/1\.1 ([1-5][0-9][0-9]) .*", head[0])
        assert status, f"no status line: {head[0]!r}"
        headers = []
        for line in head[1:]:
            name, value = line.split(":", 1)
            headers.append((name.lower(), value.strip()))
        response = Response(int(status.group(1)), headers, b"")
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return response
        if (response.header("transfer-encoding") or "").lower() == "chunked":
            response.body = self._read_chunked()
        elif response.header("content-length") is not None:
            response.body = self._read_exactly(int(response.header("content-length")))
        else:
            while self._fill():
                pass
            response.body, self._buffer = self._buffer, b""
        return response

    def is_closed_by_server(self):
        """True when the server ended the connection; reads (and drops) what came before."""
        try:
            while self._fill():
                pass
            return True
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False


def exchange(server, method, target, headers, body=b"", length=None):
    """One request on a connection of its own."""
    with Connection(server) as connection:
        connection.send_request(method, target, headers, body, length)
        return connection.read_response(method)
