"""Scale, and templates that mean harm."""

import json
import time

import pytest

from harness import aws_error, covers


def test_a_stack_of_500_resources(cfn, stacks, make, client):
    resources = {f"Q{i}": make.queue([f"Q{i - 7}"] if i > 6 else None) for i in range(500)}
    stack_id = cfn.create_stack(StackName="s", TemplateBody=make.template(resources))["StackId"]
    assert stacks.settle("s")["StackStatus"] == "CREATE_COMPLETE"
    pages = cfn.get_paginator("list_stack_resources").paginate(StackName="s")
    assert sum(len(page["StackResourceSummaries"]) for page in pages) == 500
    cfn.delete_stack(StackName="s")
    assert stacks.settle(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    resources["One"] = make.queue()
    with aws_error("ValidationError", message="Template format error: Number of resources, 501, "
                   "is greater than maximum allowed, 500"):
        cfn.create_stack(StackName="t", TemplateBody=make.template(resources))


def test_200_stacks_at_once(cfn, stacks, make):
    body = make.template({"Q": make.queue(), "R": make.queue(["Q"])})
    for i in range(200):
        cfn.create_stack(StackName=f"s{i}", TemplateBody=body)
    for i in range(200):
        assert stacks.settle(f"s{i}")["StackStatus"] == "CREATE_COMPLETE"


RESOURCE = "Resources: {Q: {Type: 'AWS::SQS::Queue'"


def bomb():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for i in range(1, 12):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]")
    return "Metadata:\n  " + "\n  ".join(lines) + "\n" + RESOURCE + "}}\n"


def loops():
    body = {"Type": "AWS::SQS::Queue"}
    values = [str(n) for n in range(200)]
    inner = {"Fn::ForEach::C": ["C", values, {"Q&{A}x&{B}x&{C}": body}]}
    middle = {"Fn::ForEach::B": ["B", values, inner]}
    return json.dumps({
        "Transform": "AWS::LanguageExtensions",
        "Resources": {"Fn::ForEach::A": ["A", values, middle]},
    })


def cycle():
    names = [f"Q{n}" for n in range(400)]
    return json.dumps({"Resources": {
        name: {"Type": "AWS::SQS::Queue", "DependsOn": names[(n + 1) % 400]}
        for n, name in enumerate(names)
    }})


def joins():
    value = {"Ref": "AWS::Region"}
    for _ in range(40):
        value = {"Fn::Join": ["", [value, value]]} if len(json.dumps(value)) < 20000 else value
    return json.dumps({"Resources": {"Q": {
        "Type": "AWS::SQS::Queue", "Properties": {"QueueName": value}}}})


HOSTILE = {
    "bomb": bomb(),
    "deep YAML": "a: " + "[" * 20000,
    "deep JSON": '{"a":' * 8000 + "1" + "}" * 8000,
    "deep map": "\n".join("  " * n + "a:" for n in range(150)) + "\n" + RESOURCE + "}}",
    "loops": loops(),
    "cycle": cycle(),
    "junk": "\x01\x02 {[" * 12000,
    "quotes": '"' * 50001,
    "colons": ":" * 50000,
    "tags": "Resources: " + "!Sub " * 9000 + "x",
    "keys": "Resources: {" + ", ".join(f"'k{n}': {{}}" for n in range(3000)) + "}",
    "null": "Resources: {Q: ~}",
    "own alias": "a: &a [*a]\n" + RESOURCE + "}}",
}


@pytest.mark.parametrize("name", HOSTILE)
@covers("cloudformation", "CreateStack", error="ValidationError")
def test_hostile_templates_are_refused_quickly(cfn, name):
    began = time.monotonic()
    with aws_error("ValidationError"):
        cfn.create_stack(
            StackName="s", TemplateBody=HOSTILE[name], Capabilities=["CAPABILITY_AUTO_EXPAND"]
        )
    # Generous: the server under test checks its memory on every access.
    assert time.monotonic() - began < 5


def test_what_functions_multiply_is_bounded(cfn, stacks):
    """A name of half a megabyte is the queue's to refuse, not ours to choke on."""
    began = time.monotonic()
    cfn.create_stack(StackName="s", TemplateBody=joins())
    assert stacks.settle("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert time.monotonic() - began < 10


@covers("cloudformation", "ValidateTemplate", error="ValidationError")
def test_a_body_is_limited(cfn):
    # The model: TemplateBody, and "Maximum: 51,200 bytes" in the API reference.
    with aws_error("ValidationError", match="at 'templateBody' failed to satisfy constraint"):
        cfn.validate_template(TemplateBody="x" * 51201)
