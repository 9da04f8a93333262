"""Virtual MFA devices: one-time passwords are really checked."""

import base64
import datetime
import hashlib
import hmac
import struct

import pytest
from harness import aws_error, covers


def code(seed, step):
    """RFC 6238 with SHA-1, 30 seconds and 6 digits."""
    mac = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


def step_of(iam):
    """The server's clock, from the date of an answer, in steps of 30 seconds."""
    date = iam.list_users()["ResponseMetadata"]["HTTPHeaders"]["date"]
    time = datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")
    return int(time.replace(tzinfo=datetime.timezone.utc).timestamp()) // 30


def create(iam, name="phone", **more):
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, **more)["VirtualMFADevice"]
    return device["SerialNumber"], device["Base32StringSeed"]


def enable(iam, user, serial, seed, ahead=0):
    step = step_of(iam) + ahead
    iam.enable_mfa_device(
        UserName=user,
        SerialNumber=serial,
        AuthenticationCode1=code(seed, step - 1),
        AuthenticationCode2=code(seed, step),
    )


@covers("iam", "CreateVirtualMFADevice")
def test_a_device_has_a_seed_and_a_picture(client, account):
    # Docs: CreateVirtualMFADevice: seed as base32, QR code as PNG.
    device = client("iam").create_virtual_mfa_device(
        VirtualMFADeviceName="phone", Path="/team/", Tags=[{"Key": "k", "Value": "v"}]
    )["VirtualMFADevice"]
    assert device["SerialNumber"] == f"arn:aws:iam::{account}:mfa/team/phone"
    assert len(base64.b32decode(device["Base32StringSeed"])) == 40
    assert device["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    assert device["Tags"] == [{"Key": "k", "Value": "v"}]


@covers("iam", "CreateVirtualMFADevice", "EntityAlreadyExists")
@covers("iam", "CreateVirtualMFADevice", "ValidationError")
def test_a_device_is_there_once_and_its_path_is_one(client):
    # Recorded answers of AWS (2026-02).
    iam = client("iam")
    create(iam)
    with aws_error("EntityAlreadyExists", http_status=409, message="MFA device already exists."):
        create(iam)
    with aws_error("ValidationError", http_status=400, match="path"):
        create(iam, Path="/open")


@covers("iam", "EnableMFADevice")
@covers("iam", "ListMFADevices")
@covers("iam", "ListVirtualMFADevices")
@covers("iam", "GetMFADevice")
@covers("iam", "DeactivateMFADevice")
@covers("iam", "DeleteVirtualMFADevice")
def test_two_codes_in_a_row_enable_a_device(client):
    iam = client("iam")
    iam.create_user(UserName="ann")
    serial, seed = create(iam)
    assert iam.list_mfa_devices(UserName="ann")["MFADevices"] == []
    enable(iam, "ann", serial, seed)
    listed = iam.list_mfa_devices(UserName="ann")["MFADevices"]
    assert [(one["UserName"], one["SerialNumber"]) for one in listed] == [("ann", serial)]
    got = iam.get_mfa_device(SerialNumber=serial, UserName="ann")
    assert (got["UserName"], got["SerialNumber"]) == ("ann", serial)
    assigned = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert assigned[0]["User"]["UserName"] == "ann"
    assert "Base32StringSeed" not in assigned[0]
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"] == []
    iam.deactivate_mfa_device(UserName="ann", SerialNumber=serial)
    assert iam.list_mfa_devices(UserName="ann")["MFADevices"] == []
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []


@covers("iam", "ListVirtualMFADevices")
def test_devices_are_paged(client):
    iam = client("iam")
    serials = [create(iam, f"phone{i}")[0] for i in range(5)]
    pages = iam.get_paginator("list_virtual_mfa_devices").paginate(
        PaginationConfig={"PageSize": 2}
    )
    found = [one["SerialNumber"] for page in pages for one in page["VirtualMFADevices"]]
    assert found == serials


@covers("iam", "EnableMFADevice", "InvalidAuthenticationCode")
def test_wrong_codes_enable_nothing(client):
    # Docs: EnableMFADevice, InvalidAuthenticationCode: 403.
    iam = client("iam")
    iam.create_user(UserName="ann")
    serial, seed = create(iam)
    step = step_of(iam)
    for first, second in (
        (code(seed, step), code(seed, step)),
        (code(seed, step), code(seed, step - 1)),
        (code(seed, step - 100), code(seed, step - 99)),
    ):
        with aws_error(
            "InvalidAuthenticationCode",
            http_status=403,
            message="Authentication code for device is not valid.",
        ):
            iam.enable_mfa_device(
                UserName="ann",
                SerialNumber=serial,
                AuthenticationCode1=first,
                AuthenticationCode2=second,
            )


@covers("iam", "EnableMFADevice", "NoSuchEntity")
@covers("iam", "EnableMFADevice", "EntityAlreadyExists")
@covers("iam", "DeactivateMFADevice", "NoSuchEntity")
@covers("iam", "DeleteVirtualMFADevice", "NoSuchEntity")
@covers("iam", "DeleteVirtualMFADevice", "DeleteConflict")
@covers("iam", "GetMFADevice", "NoSuchEntity")
@covers("iam", "ListMFADevices", "NoSuchEntity")
def test_devices_and_users_must_be_there(client, account):
    # Recorded answers of AWS (2026-02).
    iam = client("iam")
    gone = f"arn:aws:iam::{account}:mfa/nonexistent"
    no_device = f"MFA Device with serial number {gone} does not exist."
    no_user = "The user with name nobody cannot be found."
    iam.create_user(UserName="ann")
    serial, seed = create(iam)
    with aws_error("NoSuchEntity", http_status=404, message=no_user):
        enable(iam, "nobody", serial, seed)
    with aws_error("NoSuchEntity", http_status=404, message=no_device):
        enable(iam, "ann", gone, seed)
    with aws_error("NoSuchEntity", http_status=404, message=no_user):
        iam.deactivate_mfa_device(UserName="nobody", SerialNumber=serial)
    with aws_error("NoSuchEntity", http_status=404, message=no_device):
        iam.deactivate_mfa_device(UserName="ann", SerialNumber=gone)
    with aws_error("NoSuchEntity", http_status=404, message=no_device):
        iam.delete_virtual_mfa_device(SerialNumber=gone)
    with aws_error("NoSuchEntity", http_status=404):
        iam.get_mfa_device(SerialNumber=gone)
    with aws_error("NoSuchEntity", http_status=404, message=no_user):
        iam.list_mfa_devices(UserName="nobody")
    enable(iam, "ann", serial, seed)
    with aws_error("EntityAlreadyExists", http_status=409, message="MFA Device is already in use."):
        enable(iam, "ann", serial, seed)
    with aws_error("DeleteConflict", http_status=409):
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    with aws_error("DeleteConflict", http_status=409, match="must delete MFA device first"):
        iam.delete_user(UserName="ann")


@covers("iam", "ResyncMFADevice")
@covers("iam", "ResyncMFADevice", "InvalidAuthenticationCode")
@covers("iam", "ResyncMFADevice", "NoSuchEntity")
def test_a_device_whose_clock_is_wrong_is_brought_back(client):
    # Docs: "Resynchronize virtual and hardware MFA devices".
    iam = client("iam")
    iam.create_user(UserName="ann")
    serial, seed = create(iam)
    enable(iam, "ann", serial, seed)
    ahead = step_of(iam) + 60

    def resync(first, second, user="ann"):
        iam.resync_mfa_device(
            UserName=user,
            SerialNumber=serial,
            AuthenticationCode1=code(seed, first),
            AuthenticationCode2=code(seed, second),
        )

    resync(ahead, ahead + 1)
    with aws_error("InvalidAuthenticationCode", http_status=403):
        resync(ahead, ahead + 1)  # RFC 6238, 5.2: a code is accepted once
    iam.create_user(UserName="bob")
    with aws_error("NoSuchEntity", http_status=404):
        resync(ahead + 2, ahead + 3, user="bob")


@covers("iam", "TagMFADevice")
@covers("iam", "UntagMFADevice")
@covers("iam", "ListMFADeviceTags")
@covers("iam", "TagMFADevice", "NoSuchEntity")
@covers("iam", "UntagMFADevice", "NoSuchEntity")
@covers("iam", "ListMFADeviceTags", "NoSuchEntity")
def test_devices_have_tags(client, account):
    iam = client("iam")
    serial, _ = create(iam)
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "b", "Value": "1"}])
    iam.tag_mfa_device(
        SerialNumber=serial, Tags=[{"Key": "a", "Value": "2"}, {"Key": "B", "Value": "3"}]
    )
    tags = iam.list_mfa_device_tags(SerialNumber=serial)["Tags"]
    assert {one["Key"]: one["Value"] for one in tags} == {"B": "3", "a": "2"}
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["b"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "a", "Value": "2"}]
    gone = f"arn:aws:iam::{account}:mfa/nonexistent"
    with aws_error("NoSuchEntity"):
        iam.tag_mfa_device(SerialNumber=gone, Tags=[{"Key": "a", "Value": "2"}])
    with aws_error("NoSuchEntity"):
        iam.untag_mfa_device(SerialNumber=gone, TagKeys=["a"])
    with aws_error("NoSuchEntity"):
        iam.list_mfa_device_tags(SerialNumber=gone)


@covers("iam", "EnableMFADevice", "LimitExceeded")
@pytest.mark.parametrize("count", [8])
def test_a_user_has_eight_devices_at_most(client, count):
    # Docs: "up to eight MFA devices of any combination".
    iam = client("iam")
    iam.create_user(UserName="ann")
    for i in range(count):
        enable(iam, "ann", *create(iam, f"phone{i}"))
    with aws_error("LimitExceeded", http_status=409):
        enable(iam, "ann", *create(iam, "one-too-many"))
