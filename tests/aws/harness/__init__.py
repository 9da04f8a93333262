"""What black-box tests import by name: `from harness import aws_error, covers`.

The fixtures (server, clients, clock, aws CLI) are in tests/aws/conftest.py.
"""

from .expect import aws_error, covers, until
from .raw import Connection, Response, exchange
from .server import Server, find_binary
from .sigv4 import Signer

__all__ = [
    "Connection",
    "Response",
    "Server",
    "Signer",
    "aws_error",
    "covers",
    "exchange",
    "find_binary",
    "until",
]
