"""Telephones, mailboxes and applications: nothing leaves the machine, all can be read."""

import json
import re
import urllib.error
import urllib.request

import pytest
from harness import aws_error, covers, until


@pytest.fixture
def application(sns, unique):
    return sns.create_platform_application(
        Name=unique("app"), Platform="GCM",
        Attributes={"PlatformCredential": "secret"})["PlatformApplicationArn"]


@covers("sns", "Publish")
def test_text_messages_are_captured(sns, captured, account):
    sent = sns.publish(PhoneNumber="+15550100", Message="hello", MessageAttributes={
        "AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "me"}})
    assert "SequenceNumber" not in sent
    message = captured(protocol="sms", endpoint="+15550100")[0]
    assert message["body"] == "hello"
    assert message["account"] == account
    assert message["messageId"] == sent["MessageId"]
    assert message["topic"] is None
    assert message["attributes"] == {"AWS.SNS.SMS.SenderID": {"Type": "String", "Value": "me"}}


def test_a_topics_name_stands_in_front_of_text_messages(sns, new_topic, captured):
    topic = new_topic(DisplayName="shop")
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15550100")
    sns.publish(TopicArn=topic, Message="x" * 2000)
    assert captured(topic=topic)[0]["body"] == ("shop> " + "x" * 2000)[:1600]


def test_mail_is_captured_and_its_links_work(sns, new_topic, captured, verify):
    topic = new_topic()
    for protocol in ("email", "email-json"):
        answer = sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint="a@example.com")
        assert answer["SubscriptionArn"] == "pending confirmation"
    asked = sorted(captured(endpoint="a@example.com"), key=lambda m: m["protocol"])
    assert asked[0]["subject"] == "AWS Notification - Subscription Confirmation"
    urllib.request.urlopen(re.search("http://[^ ]*ConfirmSubscription[^ ]*",
                                     asked[0]["body"]).group().strip()).close()
    sns.confirm_subscription(TopicArn=topic, Token=json.loads(asked[1]["body"])["Token"])
    sns.publish(TopicArn=topic, Message="news", Subject="subject")
    mail, document = sorted(captured(after=max(m["id"] for m in asked)),
                            key=lambda m: m["protocol"])
    assert mail["subject"] == document["subject"] == "subject"
    assert mail["body"].startswith("news\n\n--\nIf you wish to stop receiving notifications")
    verify(json.loads(document["body"]))
    sns.publish(TopicArn=topic, Message="no subject")
    assert captured()[-1]["subject"] == "AWS Notification Message"


def test_the_page_filters_and_pages(sns, virga, captured):
    for i in range(5):
        sns.publish(PhoneNumber=f"+1555010{i}", Message=str(i))
    first = captured(limit=2)
    assert [m["body"] for m in first] == ["0", "1"] or len(first) == 2
    rest = captured(after=first[-1]["id"])
    assert len(rest) == 3
    assert captured(region="eu-west-1") == []
    for query in ("limit=0", "after=x"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"{virga.endpoint}/_virga/sns/messages?{query}")
        assert error.value.code == 400
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{virga.endpoint}/_virga/sns/nothing")
    assert error.value.code == 404


def test_captured_messages_go_after_a_week(sns, captured, clock):
    sns.publish(PhoneNumber="+15550100", Message="old")
    clock.advance("6d")
    assert len(captured()) == 1
    clock.advance("25h")
    until(lambda: not captured())


@covers("sns", "SetSMSAttributes")
@covers("sns", "GetSMSAttributes")
@covers("sns", "SetSMSAttributes", error="InvalidParameter")
def test_settings_of_text_messages(sns):
    given = {"DefaultSMSType": "Transactional", "DefaultSenderID": "me"}
    assert sns.get_sms_attributes()["attributes"] == {"MonthlySpendLimit": "1"}
    sns.set_sms_attributes(attributes=given)
    assert sns.get_sms_attributes()["attributes"] == {**given, "MonthlySpendLimit": "1"}
    assert sns.get_sms_attributes(attributes=["DefaultSMSType"])["attributes"] == {
        "DefaultSMSType": "Transactional"}
    with aws_error("InvalidParameter", match="Nonsense is not a valid attribute"):
        sns.set_sms_attributes(attributes={"Nonsense": "x"})
    with aws_error("InvalidParameter", match="DefaultSMSType"):
        sns.set_sms_attributes(attributes={"DefaultSMSType": "x"})


@covers("sns", "CheckIfPhoneNumberIsOptedOut")
@covers("sns", "CheckIfPhoneNumberIsOptedOut", error="InvalidParameter")
@covers("sns", "ListPhoneNumbersOptedOut")
@covers("sns", "OptInPhoneNumber")
@covers("sns", "OptInPhoneNumber", error="InvalidParameter")
@covers("sns", "CreateSMSSandboxPhoneNumber", error="OptedOut")
def test_telephones_opt_out_and_in(sns, virga, account, region):
    number = "+15550100"
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=number)["isOptedOut"] is False
    request = urllib.request.Request(
        f"{virga.endpoint}/_virga/sns/opt-out?account={account}&region={region}&phone=%2B15550100",
        method="POST", headers={"X-Virga-Control": "1"})
    urllib.request.urlopen(request).close()
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=number)["isOptedOut"] is True
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == [number]
    with aws_error("OptedOut", http_status=400):
        sns.create_sms_sandbox_phone_number(PhoneNumber=number)
    sns.opt_in_phone_number(phoneNumber=number)
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    for call in (sns.check_if_phone_number_is_opted_out, sns.opt_in_phone_number):
        with aws_error("InvalidParameter", match="PhoneNumber Reason: input incorrectly formatted"):
            call(phoneNumber="abc")


@covers("sns", "GetSMSSandboxAccountStatus")
@covers("sns", "CreateSMSSandboxPhoneNumber")
@covers("sns", "VerifySMSSandboxPhoneNumber")
@covers("sns", "VerifySMSSandboxPhoneNumber", error="VerificationException")
@covers("sns", "VerifySMSSandboxPhoneNumber", error="ResourceNotFound")
@covers("sns", "ListSMSSandboxPhoneNumbers")
@covers("sns", "DeleteSMSSandboxPhoneNumber")
@covers("sns", "DeleteSMSSandboxPhoneNumber", error="ResourceNotFound")
@covers("sns", "CreateSMSSandboxPhoneNumber", error="UserError")
@covers("sns", "ListOriginationNumbers")
def test_sandbox_numbers_are_verified_by_message(sns, captured):
    number = "+155501001"
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    assert sns.list_origination_numbers()["PhoneNumbers"] == []
    sns.create_sms_sandbox_phone_number(PhoneNumber=number)
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [
        {"PhoneNumber": number, "Status": "Pending"}]
    password = re.search(r"\d{6}", captured(endpoint=number)[0]["body"]).group()
    wrong = f"{(int(password) + 1) % 1000000:06}"
    with aws_error("VerificationException", http_status=400):
        sns.verify_sms_sandbox_phone_number(PhoneNumber=number, OneTimePassword=wrong)
    sns.verify_sms_sandbox_phone_number(PhoneNumber=number, OneTimePassword=password)
    assert sns.list_sms_sandbox_phone_numbers(MaxResults=1)["PhoneNumbers"] == [
        {"PhoneNumber": number, "Status": "Verified"}]
    with aws_error("UserError"):
        sns.create_sms_sandbox_phone_number(PhoneNumber=number)
    sns.delete_sms_sandbox_phone_number(PhoneNumber=number)
    with aws_error("ResourceNotFound", http_status=404):
        sns.delete_sms_sandbox_phone_number(PhoneNumber=number)
    with aws_error("ResourceNotFound"):
        sns.verify_sms_sandbox_phone_number(PhoneNumber=number, OneTimePassword="123456")


@covers("sns", "CreatePlatformApplication")
@covers("sns", "GetPlatformApplicationAttributes")
@covers("sns", "SetPlatformApplicationAttributes")
@covers("sns", "ListPlatformApplications")
@covers("sns", "DeletePlatformApplication")
@covers("sns", "GetPlatformApplicationAttributes", error="NotFound")
@covers("sns", "SetPlatformApplicationAttributes", error="NotFound")
@covers("sns", "CreatePlatformApplication", error="InvalidParameter")
def test_applications(sns, application, account):
    assert re.fullmatch(f"arn:aws:sns:us-east-1:{account}:app/GCM/app-.*", application)
    sns.set_platform_application_attributes(PlatformApplicationArn=application,
                                            Attributes={"SuccessFeedbackSampleRate": "5"})
    shown = {"Enabled": "true", "SuccessFeedbackSampleRate": "5"}
    assert sns.get_platform_application_attributes(
        PlatformApplicationArn=application)["Attributes"] == shown
    assert sns.list_platform_applications()["PlatformApplications"] == [
        {"PlatformApplicationArn": application, "Attributes": shown}]
    sns.delete_platform_application(PlatformApplicationArn=application)
    sns.delete_platform_application(PlatformApplicationArn=application)
    with aws_error("NotFound", message="PlatformApplication does not exist"):
        sns.get_platform_application_attributes(PlatformApplicationArn=application)
    with aws_error("NotFound"):
        sns.set_platform_application_attributes(PlatformApplicationArn=application,
                                                Attributes={"Enabled": "true"})
    for given in ({"Name": "a b", "Platform": "GCM", "Attributes": {"PlatformCredential": "x"}},
                  {"Name": "a", "Platform": "NONE", "Attributes": {"PlatformCredential": "x"}},
                  {"Name": "a", "Platform": "GCM", "Attributes": {"Enabled": "true"}}):
        with aws_error("InvalidParameter"):
            sns.create_platform_application(**given)


@covers("sns", "CreatePlatformEndpoint")
@covers("sns", "GetEndpointAttributes")
@covers("sns", "SetEndpointAttributes")
@covers("sns", "ListEndpointsByPlatformApplication")
@covers("sns", "DeleteEndpoint")
@covers("sns", "CreatePlatformEndpoint", error="InvalidParameter")
@covers("sns", "CreatePlatformEndpoint", error="NotFound")
@covers("sns", "GetEndpointAttributes", error="NotFound")
@covers("sns", "SetEndpointAttributes", error="InvalidParameter")
@covers("sns", "ListEndpointsByPlatformApplication", error="NotFound")
def test_endpoints(sns, application):
    made = sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t",
                                        CustomUserData="d")["EndpointArn"]
    assert sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t",
                                        CustomUserData="d")["EndpointArn"] == made
    with aws_error("InvalidParameter",
                   message=f"Invalid parameter: Token Reason: Endpoint {made} already exists with "
                           "the same Token, but different attributes."):
        sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t",
                                     CustomUserData="other")
    shown = {"CustomUserData": "d", "Enabled": "true", "Token": "t"}
    assert sns.get_endpoint_attributes(EndpointArn=made)["Attributes"] == shown
    sns.set_endpoint_attributes(EndpointArn=made, Attributes={"Enabled": "false", "Token": "u"})
    shown.update(Enabled="false", Token="u")
    assert sns.list_endpoints_by_platform_application(
        PlatformApplicationArn=application)["Endpoints"] == [
            {"EndpointArn": made, "Attributes": shown}]
    with aws_error("InvalidParameter"):
        sns.set_endpoint_attributes(EndpointArn=made, Attributes={"Nonsense": "x"})
    sns.delete_endpoint(EndpointArn=made)
    sns.delete_endpoint(EndpointArn=made)
    with aws_error("NotFound", message="Endpoint does not exist"):
        sns.get_endpoint_attributes(EndpointArn=made)
    with aws_error("NotFound"):
        sns.create_platform_endpoint(PlatformApplicationArn=application + "x", Token="t")
    with aws_error("NotFound"):
        sns.list_endpoints_by_platform_application(PlatformApplicationArn=application + "x")


@covers("sns", "Publish", error="EndpointDisabled")
@covers("sns", "Publish", error="PlatformApplicationDisabled")
def test_pushes_are_captured(sns, application, new_topic, captured):
    made = sns.create_platform_endpoint(PlatformApplicationArn=application,
                                        Token="t")["EndpointArn"]
    message = json.dumps({"default": "d", "GCM": '{"notification":{}}'})
    sns.publish(TargetArn=made, Message=message, MessageStructure="json")
    assert captured(endpoint=made)[0]["body"] == '{"notification":{}}'
    topic = new_topic()
    sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=made)
    sns.publish(TopicArn=topic, Message="by topic")
    assert captured(topic=topic)[0]["body"] == "by topic"
    with aws_error("InvalidParameter", match="Endpoint does not exist for endpoint arn"):
        sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=made + "x")
    sns.set_endpoint_attributes(EndpointArn=made, Attributes={"Enabled": "false"})
    with aws_error("EndpointDisabled", http_status=400):
        sns.publish(TargetArn=made, Message="x")
    sns.set_platform_application_attributes(PlatformApplicationArn=application,
                                            Attributes={"Enabled": "false"})
    with aws_error("PlatformApplicationDisabled", http_status=400):
        sns.publish(TargetArn=made, Message="x")
