"""Expectations: which error, and which operation a test is about."""

import contextlib
import re
import time

import botocore.exceptions
import pytest


def covers(service, operation, error=None, is_all=False):
    """Says what a test shows: that the operation works, or that it answers this error (or these).
    `is_all`: the error is all that this operation can answer here, so no test shows a success.

    The arguments are written out as literals: tools/check reads them from the source.
    """
    return pytest.mark.covers(
        service=service, operation=operation, error=error, is_all=is_all
    )


class Caught:
    """What the service answered, filled when the block ends."""

    code = None
    message = None
    http_status = None
    response = None


@contextlib.contextmanager
def aws_error(code, http_status=None, message=None, match=None):
    """The block must end in this error of AWS; anything else fails the test.

    `message` is the whole text, `match` a regular expression found in it.
    """
    caught = Caught()
    try:
        yield caught
    except botocore.exceptions.ClientError as error:
        caught.response = error.response
        caught.code = error.response["Error"].get("Code")
        caught.message = error.response["Error"].get("Message", "")
        caught.http_status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    else:
        pytest.fail(f"expected the error {code}, but the call succeeded")
    answered = f"the answer was {caught.http_status} {caught.code}: {caught.message}"
    assert caught.code == code, f"expected the error {code}; {answered}"
    if http_status is not None:
        assert caught.http_status == http_status, f"expected HTTP {http_status}; {answered}"
    if message is not None:
        assert caught.message == message, f"expected the text {message!r}; {answered}"
    if match is not None:
        assert re.search(match, caught.message), f"expected a text like {match!r}; {answered}"


def until(condition, seconds=30):
    """Asks until it gives something true, and gives that; what never comes fails the test. For what
    workflows do after a call."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() >= end:
            pytest.fail(f"it did not happen within {seconds} s")
        time.sleep(0.01)
    return found
