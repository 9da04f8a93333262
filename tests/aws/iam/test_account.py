"""The account's alias, summary, password policy and credential report."""

import csv
import io

import pytest
from harness import aws_error, covers


@covers("iam", "CreateAccountAlias")
@covers("iam", "ListAccountAliases")
def test_a_new_alias_takes_the_place_of_the_old_one(client, unique):
    iam = client("iam")
    assert iam.list_account_aliases()["AccountAliases"] == []
    first, second = unique("one"), unique("two")
    iam.create_account_alias(AccountAlias=first)
    iam.create_account_alias(AccountAlias=second)
    answer = iam.list_account_aliases()
    assert answer["AccountAliases"] == [second]
    assert answer["IsTruncated"] is False


@covers("iam", "CreateAccountAlias", "EntityAlreadyExists")
def test_an_alias_belongs_to_one_account(client, unique):
    # Docs: "The account alias must be unique across all Amazon Web Services products".
    alias = unique("mine")
    client("iam", account="111122223333").create_account_alias(AccountAlias=alias)
    with aws_error("EntityAlreadyExists", http_status=409, match=f"The account alias {alias} "):
        client("iam").create_account_alias(AccountAlias=alias)


@covers("iam", "DeleteAccountAlias")
@covers("iam", "DeleteAccountAlias", "NoSuchEntity")
def test_an_alias_is_deleted_by_its_name(client, unique):
    iam = client("iam")
    alias = unique("mine")
    iam.create_account_alias(AccountAlias=alias)
    with aws_error("NoSuchEntity", http_status=404):
        iam.delete_account_alias(AccountAlias=unique("other"))
    iam.delete_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == []


@covers("iam", "GetAccountSummary")
def test_the_summary_counts_and_tells_quotas(client):
    # Recorded answer of AWS (2026-02): these keys and quotas; one more of each when made.
    iam = client("iam")
    before = iam.get_account_summary()["SummaryMap"]
    assert len(before) == 34
    assert before["UsersQuota"] == 5000
    assert before["GroupsQuota"] == 300
    assert before["PolicySizeQuota"] == 6144
    assert before["RolePolicySizeQuota"] == 10240
    assert before["AccountPasswordPresent"] == 1
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="all")
    iam.create_instance_profile(InstanceProfileName="box")
    iam.create_policy(
        PolicyName="p",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",'
        '"Resource":"*"}]}',
    )
    iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")
    iam.create_open_id_connect_provider(Url="https://issuer.example.com")
    after = iam.get_account_summary()["SummaryMap"]
    grown = {key for key in after if after[key] == before[key] + 1}
    assert grown == {
        "Users",
        "Groups",
        "InstanceProfiles",
        "Policies",
        "PolicyVersionsInUse",
        "MFADevices",
        "Providers",
    }


@covers("iam", "UpdateAccountPasswordPolicy")
@covers("iam", "GetAccountPasswordPolicy")
def test_a_password_policy_has_defaults(client):
    # Recorded answer of AWS (2026-02).
    iam = client("iam")
    iam.update_account_password_policy()
    assert iam.get_account_password_policy()["PasswordPolicy"] == {
        "AllowUsersToChangePassword": False,
        "ExpirePasswords": False,
        "MinimumPasswordLength": 6,
        "RequireLowercaseCharacters": False,
        "RequireNumbers": False,
        "RequireSymbols": False,
        "RequireUppercaseCharacters": False,
    }
    wanted = {
        "AllowUsersToChangePassword": True,
        "HardExpiry": True,
        "MaxPasswordAge": 60,
        "MinimumPasswordLength": 10,
        "PasswordReusePrevention": 3,
        "RequireLowercaseCharacters": True,
        "RequireNumbers": True,
        "RequireSymbols": True,
        "RequireUppercaseCharacters": True,
    }
    iam.update_account_password_policy(**wanted)
    assert iam.get_account_password_policy()["PasswordPolicy"] == {
        **wanted,
        "ExpirePasswords": True,
    }


@covers("iam", "UpdateAccountPasswordPolicy", "ValidationError")
def test_a_password_policy_has_limits(client):
    with aws_error("ValidationError", match="minimumPasswordLength"):
        client("iam", is_validated=False).update_account_password_policy(
            MinimumPasswordLength=129
        )


@covers("iam", "GetAccountPasswordPolicy", "NoSuchEntity")
@covers("iam", "DeleteAccountPasswordPolicy")
@covers("iam", "DeleteAccountPasswordPolicy", "NoSuchEntity")
def test_a_password_policy_that_is_not_there(client, account):
    # Recorded answers of AWS (2026-02).
    iam = client("iam")
    text = f"The Password Policy with domain name {account} cannot be found."
    with aws_error("NoSuchEntity", http_status=404, match=text):
        iam.get_account_password_policy()
    iam.update_account_password_policy()
    iam.delete_account_password_policy()
    with aws_error(
        "NoSuchEntity",
        http_status=404,
        match="The account policy with name PasswordPolicy cannot be found.",
    ):
        iam.delete_account_password_policy()


@covers("iam", "CreateLoginProfile", "PasswordPolicyViolation")
def test_passwords_follow_the_account_password_policy(client):
    iam = client("iam")
    iam.create_user(UserName="ann")
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True)
    with aws_error("PasswordPolicyViolation"):
        iam.create_login_profile(UserName="ann", Password="Abcdefgh1234567")
    iam.create_login_profile(UserName="ann", Password="only-small-letters")


@covers("iam", "GetCredentialReport", "ReportNotPresent")
def test_a_report_must_be_made_first(client):
    # Recorded answer of AWS (2026-02): 410.
    with aws_error("ReportNotPresent", http_status=410):
        client("iam").get_credential_report()


@covers("iam", "GenerateCredentialReport")
@covers("iam", "GetCredentialReport")
def test_the_report_has_a_row_per_user(client, account):
    # Docs: "Generate credential reports for your AWS account": columns.
    iam = client("iam")
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="Correct-Horse-9")
    iam.create_access_key(UserName="ann")
    first = iam.generate_credential_report()
    assert first["State"] == "STARTED"
    assert first["Description"].startswith("No report exists.")
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(report["Content"].decode())))
    assert [row["user"] for row in rows] == ["<root_account>", "ann"]
    assert rows[0]["arn"] == f"arn:aws:iam::{account}:root"
    assert rows[0]["password_enabled"] == "not_supported"
    ann = rows[1]
    assert len(ann) == 22
    assert ann["password_enabled"] == "true"
    assert ann["password_last_used"] == "no_information"
    assert ann["password_next_rotation"] == "N/A"
    assert ann["mfa_active"] == "false"
    assert ann["access_key_1_active"] == "true"
    assert ann["access_key_1_last_used_date"] == "N/A"
    assert ann["access_key_2_active"] == "false"
    assert ann["user_creation_time"].endswith("+00:00")


@pytest.mark.clock
@covers("iam", "GetCredentialReport", "ReportExpired")
def test_a_report_lives_for_four_hours(client, clock):
    # Docs: GenerateCredentialReport: a report "has been generated within the past four hours".
    iam = client("iam")
    iam.generate_credential_report()
    clock.advance("241m")
    with aws_error("ReportExpired", http_status=410):
        iam.get_credential_report()
    assert iam.generate_credential_report()["State"] == "STARTED"
    iam.get_credential_report()
