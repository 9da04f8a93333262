"""servers — starts and ends the servers that are compared, and talks to them without a client."""

import os
import socket
import subprocess
import tempfile
import time

START_S = 20.0  # for moto, which imports much; the others take milliseconds
HOST = "127.0.0.1"


class Failed(Exception):
    """A server did not start or did not answer."""


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Server:
    """A running server: name, pid, port. Ends with the `with` block or stop().

    Virga and the ceiling print their address when they take requests. For a server that prints
    none, pass its port: it counts as started when it can be connected to.
    """

    def __init__(self, name, command, port=None):
        self.name = name
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log if port else subprocess.PIPE,
            stderr=self.log,
        )
        self.pid = self.process.pid
        self.port = port
        try:
            if port:
                self._wait_for_port()
            else:
                self._read_port()
        except Failed:
            self.stop()
            raise

    def said(self):
        """The end of the server's log."""
        size = os.fstat(self.log.fileno()).st_size
        tail = os.pread(self.log.fileno(), 2000, max(0, size - 2000))
        return tail.decode(errors="replace").strip()

    def _fail(self):
        raise Failed(f"{self.name} did not start: {self.said()}")

    def _read_port(self):
        line = self.process.stdout.readline().decode().strip()
        if not line.startswith("http://"):
            self._fail()
        self.port = int(line.rsplit(":", 1)[1])

    def _wait_for_port(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection((HOST, self.port), 1.0).close()
                return
            except OSError:
                time.sleep(0.05)  # nothing tells when moto is ready
        self._fail()

    def resident_mb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6

    def cpu_s(self):
        """CPU time that the process has used, over all its threads."""
        return time.clock_gettime((~self.pid << 3) | 2)  # what clock_getcpuclockid(3) gives

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def one_answer(port, request):
    """Sends the bytes of a request and returns those of its answer, which must be a success."""
    with socket.create_connection((HOST, port), 10.0) as connection:
        connection.sendall(request)
        answer = bytearray()
        whole = None
        while whole is None or len(answer) < whole:
            more = connection.recv(1 << 20)
            if not more:
                raise Failed("the server closed the connection")
            answer += more
            whole = whole or _whole_length(answer)
    if not answer.split(b" ", 2)[1] == b"200":
        raise Failed(f"the server refused: {answer.decode(errors='replace')}")
    return bytes(answer)


def _whole_length(answer):
    """Bytes of head and body; None while the head is not complete."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    for line in answer[:end].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return end + 4 + int(value)
    raise Failed("an answer without Content-Length")
