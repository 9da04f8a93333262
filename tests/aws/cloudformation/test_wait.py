"""Wait conditions, creation policies and SignalResource."""

import json
import urllib.error
import urllib.request

import pytest

from harness import aws_error, covers


def wait_for(count=1, timeout="3600", handle=None, **more):
    return {
        "Type": "AWS::CloudFormation::WaitCondition",
        "DependsOn": more.pop("depends_on", []),
        "Properties": {"Handle": handle or {"Ref": "Handle"}, "Count": count, "Timeout": timeout},
        **more,
    }


def put(url, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method="PUT")
    with urllib.request.urlopen(request) as answer:
        return answer.status


def begin(cfn, name, resources, make, **sections):
    cfn.create_stack(StackName=name, TemplateBody=make.template(resources, **sections))


def eventually(look, what):
    for _ in range(500):
        found = look()
        if found:
            return found
    pytest.fail(f"never: {what}")


@pytest.fixture
def handle_of(stacks):
    def find(name, logical_id="Handle"):
        def look():
            found = stacks.resources(name).get(logical_id, (None, None))
            return found[1] if found[0] == "CREATE_COMPLETE" else None

        return eventually(look, "a handle")

    return find


def signal(unique_id, status="SUCCESS", data="", reason=""):
    return {"Status": status, "UniqueId": unique_id, "Data": data, "Reason": reason}


def test_signals_complete_a_wait_condition(cfn, stacks, make, handle_of):
    begin(
        cfn, "s", {"Handle": make.handle, "Wait": wait_for(count=2)}, make,
        Outputs={"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}},
    )
    url = handle_of("s")
    assert put(url, signal("a", data="one")) == 200
    assert put(url, signal("a", data="one again")) == 200  # the same signal counts once
    assert stacks.describe("s")["StackStatus"] == "CREATE_IN_PROGRESS"
    assert put(url, signal("b", data={"n": 2})) == 200
    assert stacks.settle("s")["StackStatus"] == "CREATE_COMPLETE"
    # AWS: "{ "Signal1" : "Application has completed configuration." }", as text.
    assert json.loads(stacks.outputs("s")["Data"]) == {"a": "one again", "b": '{"n":2}'}
    assert stacks.physical("s", "Wait").endswith("/Wait")
    stacks.delete("s")
    with pytest.raises(urllib.error.HTTPError):
        put(url, signal("c"))


def test_a_failure_signal_fails_the_stack(cfn, stacks, make, handle_of):
    begin(cfn, "s", {"Handle": make.handle, "Wait": wait_for()}, make)
    url = handle_of("s")
    put(url, signal("x", "FAILURE", reason="no disk"))
    assert stacks.settle("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert (
        "Wait",
        "CREATE_FAILED",
        "WaitCondition received failed message: 'no disk' for uniqueId: x",
    ) in stacks.events("s")


@pytest.mark.parametrize("body", [b"junk", b"[]", {"Status": "MAYBE", "UniqueId": "x"},
                                  {"Status": "SUCCESS"}])
def test_what_is_no_signal_is_refused(cfn, make, handle_of, body):
    begin(cfn, "s", {"Handle": make.handle, "Wait": wait_for()}, make)
    url = handle_of("s")
    with pytest.raises(urllib.error.HTTPError) as error:
        put(url, body)
    assert error.value.code == 400
    with pytest.raises(urllib.error.HTTPError):
        put(url[:-1] + ("A" if url[-1] != "A" else "B"), signal("x"))
    cfn.delete_stack(StackName="s")


def test_a_wait_condition_times_out(cfn, stacks, make, handle_of, clock):
    begin(cfn, "s", {"Handle": make.handle, "Wait": wait_for(count=2, timeout="600")}, make)
    put(handle_of("s"), signal("x"))
    clock.advance("9m")
    assert stacks.describe("s")["StackStatus"] == "CREATE_IN_PROGRESS"
    clock.advance("2m")
    assert stacks.settle("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [e[2] for e in stacks.events("s") if e[1] == "CREATE_FAILED"] == [
        "WaitCondition timed out. Received 1 conditions when expecting 2"
    ]


def test_a_wait_condition_is_never_updated(cfn, stacks, make, handle_of):
    begin(cfn, "s", {"Handle": make.handle, "Wait": wait_for()}, make)
    put(handle_of("s"), signal("x"))
    stacks.settle("s")
    stacks.update(
        "s", {"Handle": make.handle, "Wait": wait_for(count=2)}, status="UPDATE_ROLLBACK_COMPLETE"
    )
    reasons = [e[2] for e in stacks.events("s") if e[1] == "UPDATE_FAILED"]
    assert reasons == [
        "Update to resource type AWS::CloudFormation::WaitCondition is not supported."
    ]


POLICY = {"ResourceSignal": {"Count": 2, "Timeout": "PT10M"}}


def policy_wait():
    return {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": POLICY}


@covers("cloudformation", "SignalResource")
def test_signals_satisfy_a_creation_policy(cfn, stacks, make):
    begin(cfn, "s", {"Wait": policy_wait(), "Q": make.queue(depends_on=["Wait"])}, make)
    eventually(lambda: "Wait" in stacks.resources("s"), "a resource")
    arguments = {"StackName": "s", "LogicalResourceId": "Wait", "Status": "SUCCESS"}
    cfn.signal_resource(UniqueId="i-1", **arguments)
    assert "Q" not in stacks.resources("s")
    cfn.signal_resource(UniqueId="i-2", **arguments)
    assert stacks.settle("s")["StackStatus"] == "CREATE_COMPLETE"
    assert (
        "Wait", "CREATE_IN_PROGRESS", "Received SUCCESS signal with UniqueId i-1"
    ) in stacks.events("s")


@covers("cloudformation", "SignalResource", error="ValidationError")
def test_signals_that_nobody_waits_for(cfn, stacks, make):
    begin(cfn, "s", {"Wait": policy_wait()}, make)
    eventually(lambda: "Wait" in stacks.resources("s"), "a resource")
    arguments = {"StackName": "s", "LogicalResourceId": "Wait", "Status": "SUCCESS",
                 "UniqueId": "i-1"}
    with aws_error("ValidationError", message="Stack [none] does not exist"):
        cfn.signal_resource(**{**arguments, "StackName": "none"})
    with aws_error("ValidationError", message="Resource Q does not exist for stack s"):
        cfn.signal_resource(**{**arguments, "LogicalResourceId": "Q"})
    cfn.signal_resource(**arguments)
    with aws_error("ValidationError", match="Signals may only be updated with a FAILURE status"):
        cfn.signal_resource(**arguments)
    cfn.signal_resource(**{**arguments, "Status": "FAILURE"})
    assert stacks.settle("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [e[2] for e in stacks.events("s") if e[1] == "CREATE_FAILED"] == [
        "Received FAILURE signal with UniqueId i-1"
    ]
    with aws_error("ValidationError", match="state and can not be signaled"):
        cfn.signal_resource(**arguments)


def test_a_creation_policy_times_out(cfn, stacks, make, clock):
    begin(cfn, "s", {"Wait": policy_wait()}, make)
    eventually(lambda: "Wait" in stacks.resources("s"), "a resource")
    clock.advance("11m")
    assert stacks.settle("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [e[2] for e in stacks.events("s") if e[1] == "CREATE_FAILED"] == [
        "Failed to receive 2 resource signal(s) within the specified duration"
    ]
