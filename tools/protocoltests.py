#!/usr/bin/env python3
"""protocoltests.py - makes models and test cases of Smithy's published protocol tests.

    protocoltests.py AST OUTDIR SERVICE...

AST is the JSON AST of all published cases (tests/protocol/SmithyToJson.java). For each SERVICE, a
key of SERVICES below, OUTDIR gets what the build makes of any model (SERVICE/SERVICE_api.h and .c,
with the .model beside them); for all of them cases.json and protocol_models.c, the list of their
tables. tests/unit/protocol_tests.c runs the cases.

A case holds the parameters as JSON text in the form of wire_to_json: blobs in base64, timestamps in
the format of their member. Streamed blobs are left out: they are no part of the C structs.
"""

import base64
import datetime
import json
import os
import sys

import modelc
import modelimport

SERVICES = {
    "pt_json10": "aws.protocoltests.json10#JsonRpc10",
    "pt_json10_compatible": "aws.protocoltests.json10#QueryCompatibleJsonRpc10",
    "pt_json11": "aws.protocoltests.json#JsonProtocol",
    "pt_machinelearning": "com.amazonaws.machinelearning#AmazonML_20141212",
    "pt_query": "aws.protocoltests.query#AwsQuery",
    "pt_ec2": "aws.protocoltests.ec2#AwsEc2",
    "pt_rest_json": "aws.protocoltests.restjson#RestJson",
    "pt_rest_json_validation": "aws.protocoltests.restjson.validation#RestJsonValidation",
    "pt_apigateway": "com.amazonaws.apigateway#BackplaneControlService",
    "pt_glacier": "com.amazonaws.glacier#Glacier",
    "pt_rest_xml": "aws.protocoltests.restxml#RestXml",
    "pt_rest_xml_namespace": "aws.protocoltests.restxml.xmlns#RestXmlWithNamespace",
    "pt_s3": "com.amazonaws.s3#AmazonS3",
    "pt_cbor": "smithy.protocoltests.rpcv2Cbor#RpcV2Protocol",
    "pt_cbor_compatible": "aws.protocoltests.rpcv2cbor#QueryCompatibleRpcV2Protocol",
    "pt_cbor_incompatible": "aws.protocoltests.rpcv2cbor#NonQueryCompatibleRpcV2Protocol",
}
REQUEST_TESTS = "smithy.test#httpRequestTests"
RESPONSE_TESTS = "smithy.test#httpResponseTests"
MALFORMED_TESTS = "smithy.test#httpMalformedRequestTests"
REQUEST_ID = "x-amzn-requestid"


class Parameters:
    """Turns parameters as the cases spell them into the JSON form of a shape."""

    def __init__(self, ast):
        self.shapes = ast["shapes"]

    def trait(self, shape, name):
        return shape.get("traits", {}).get("smithy.api#" + name)

    def timestamp(self, value, member, target):
        text_format = self.trait(member, "timestampFormat") or self.trait(target, "timestampFormat")
        if text_format in (None, "epoch-seconds"):
            return value
        moment = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
        moment += datetime.timedelta(milliseconds=round(value * 1000))
        if text_format == "http-date":
            return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
        text = moment.strftime("%Y-%m-%dT%H:%M:%S")
        if moment.microsecond:
            text += (".%03d" % (moment.microsecond // 1000)).rstrip("0")
        return text + "Z"

    def convert(self, value, member):
        """`member` is a member of the model, or {"target": ...}."""
        target = self.shapes.get(member["target"], {"type": member["target"].split("#")[1].lower()})
        kind = target["type"]
        if value is None:
            return None
        if kind == "blob":
            return base64.b64encode(value.encode("utf-8")).decode("ascii")
        if kind == "timestamp":
            return self.timestamp(value, member, target)
        if kind in ("list", "set"):
            return [self.convert(item, target["member"]) for item in value]
        if kind == "map":
            return {key: self.convert(item, target["value"]) for key, item in value.items()}
        if kind in ("structure", "union"):
            return {
                name: self.convert(item, target["members"][name])
                for name, item in value.items()
                if not self.is_streamed(target["members"][name])
            }
        return value

    def streams(self, reference):
        members = self.shapes.get(reference["target"], {}).get("members", {})
        return any(self.is_streamed(member) for member in members.values())

    def is_streamed(self, member):
        return self.trait(self.shapes.get(member["target"], {}), "streaming") is not None


def applies(case, protocols):
    protocol = modelimport.SMITHY_PROTOCOLS.get(case["protocol"])
    return case.get("appliesTo", "server") == "server" and protocol in protocols


def common_part(kind, service, case):
    """What all kinds of cases have. Bodies of some XML cases come without their media type."""
    is_xml = case.get("body", "").startswith("<")
    return {
        "id": "%s.%s" % (case["id"], kind),
        "kind": kind,
        "service": service,
        "protocol": modelimport.SMITHY_PROTOCOLS[case["protocol"]],
        "headers": dict(case.get("headers", {})),
        "media": case.get("bodyMediaType", "application/xml" if is_xml else ""),
    }


def body_of(case):
    """Body as base64, or None when the case does not say."""
    body = case.get("body")
    if body is None:
        return None
    if case["protocol"] == "smithy.protocols#rpcv2Cbor":  # base64 already
        return body
    return base64.b64encode(body.encode("utf-8")).decode("ascii")


def path_of(case):
    """The path that the engines see: of a request to BUCKET.s3..., with the bucket in front."""
    bucket = (case.get("params") or {}).get("Bucket")
    path = case["uri"].partition("?")[0]
    if bucket and case.get("resolvedHost", "").startswith(bucket + "."):
        return "/" + bucket + path
    return path


def request_case(service, operation_name, operation, case, parameters):
    query = case["uri"].partition("?")[2]
    query = "&".join(([query] if query else []) + case.get("queryParams", []))
    result = common_part("request", service, case)
    result.update(
        operation=operation_name,
        method=case["method"],
        path=path_of(case),
        query=query or None,
        body=body_of(case) or "",
        params=parameters.convert(case.get("params", {}), operation["input"]),
    )
    if result["protocol"].startswith("awsJson"):  # cases about bodies and hosts leave it out
        target = "%s.%s" % (SERVICES[service].partition("#")[2], operation_name)
        result["headers"].setdefault("X-Amz-Target", target)
        version = result["protocol"][len("awsJson") :].replace("_", ".")
        result["headers"].setdefault("Content-Type", "application/x-amz-json-" + version)
    return result


def request_id_of(case):
    """The id that an answer is to carry: the one the case wants to see, or any."""
    ids = [value for name, value in case.get("headers", {}).items() if name.lower() == REQUEST_ID]
    return ids[0] if ids else "foo-id"


def response_case(service, operation_name, operation, case, parameters):
    result = common_part("response", service, case)
    result.update(
        operation=operation_name,
        code=case["code"],
        body=None if parameters.streams(operation["output"]) else body_of(case),
        forbidden=case.get("forbidHeaders", []),
        request_id=request_id_of(case),
        params=parameters.convert(case.get("params", {}), operation["output"]),
    )
    return result


def expand(value, parameters):
    """Fills `$name:L` (as it is) and `$name:S` (as a JSON string) in all texts of a request."""
    if isinstance(value, dict):
        return {key: expand(item, parameters) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, parameters) for item in value]
    if isinstance(value, str):
        for name, text in parameters.items():
            value = value.replace("$%s:L" % name, text)
            value = value.replace("$%s:S" % name, json.dumps(text))
    return value


def malformed_cases(service, operation_name, case):
    """One case for each set of values; they are numbered from 1."""
    columns = case.get("testParameters", {})
    rows = [dict(zip(columns, values)) for values in zip(*columns.values())] or [{}]
    cases = []
    for number, row in enumerate(rows, 1):
        request = dict(expand(case["request"], row), id=case["id"], protocol=case["protocol"])
        path, _, query = request.get("uri", "/").partition("?")
        query = "&".join(([query] if query else []) + request.get("queryParams", []))
        result = common_part("malformed", service, request)
        result.update(
            id="%s.malformed.%d" % (case["id"], number),
            operation=operation_name,
            method=request["method"],
            path=path,
            query=query or None,
            body=body_of(request) or "",
            code=case["response"]["code"],
            error=case["response"]["headers"]["x-amzn-errortype"],
            params={},
        )
        cases.append(result)
    return cases


def error_case(service, shape_id, case, parameters):
    members = dict(parameters.convert(case.get("params", {}), {"target": shape_id}))
    message = None
    for name in ("message", "Message"):
        message = members.pop(name, message)
    if message is None and "<Message>" in case.get("body", ""):  # the case forgets to say it
        message = case["body"].partition("<Message>")[2].partition("</Message>")[0]
    result = common_part("error", service, case)
    result.update(
        error=shape_id.partition("#")[2],
        code=case["code"],
        body=body_of(case),
        forbidden=case.get("forbidHeaders", []),
        request_id=request_id_of(case),
        message=message,
        params=members,
    )
    return result


def cases_of_service(ast, name, service_id, reader, parameters, seen):
    """The cases of one service. Errors that several services share are tested once."""
    shapes = ast["shapes"]
    service = shapes[service_id]
    protocols = reader.service.header["protocols"]
    cases, error_ids = [], [error["target"] for error in service.get("errors", [])]
    for operation_id in reader.operations_of(service):
        operation = shapes[operation_id]
        operation_name = operation_id.partition("#")[2]
        error_ids += [error["target"] for error in operation.get("errors", [])]
        traits = operation.get("traits", {})
        for case in traits.get(REQUEST_TESTS, []):
            if applies(case, protocols):
                cases.append(request_case(name, operation_name, operation, case, parameters))
        for case in traits.get(RESPONSE_TESTS, []):
            if applies(case, protocols):
                cases.append(response_case(name, operation_name, operation, case, parameters))
        for case in traits.get(MALFORMED_TESTS, []):
            if applies(case, protocols):
                cases += malformed_cases(name, operation_name, case)
    for error_id in sorted(set(error_ids)):
        for case in shapes[error_id].get("traits", {}).get(RESPONSE_TESTS, []):
            if applies(case, protocols) and case["id"] not in seen:
                seen.add(case["id"])
                cases.append(error_case(name, error_id, case, parameters))
    return cases


def compile_service(name, service, folder):
    """Writes the .model and compiles it, as the build does with models/."""
    os.makedirs(os.path.join(folder, name), exist_ok=True)
    path = os.path.join(folder, name, name + ".model")
    with open(path, "w", encoding="utf-8") as file:
        file.write(modelimport.Writer(name, service, "Smithy's protocol tests").write())
    if modelc.main(["modelc", path, os.path.join(folder, name)]) != 0:
        raise SystemExit(1)


def write_list(names, path):
    lines = ["/* protocol_models.c — made by tools/protocoltests.py. */"]
    lines += ['#include "%s/%s_api.h"' % (name, name) for name in names]
    lines += ["", "extern const struct service_model *const protocol_models[];"]
    lines += ["const struct service_model *const protocol_models[] = {"]
    lines += ["    &%s_model," % name for name in names]
    lines += ["    NULL,", "};", ""]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def main(arguments):
    if len(arguments) < 4:
        print("usage: protocoltests.py AST OUTDIR SERVICE...", file=sys.stderr)
        return 2
    with open(arguments[1], encoding="utf-8") as file:
        ast = json.load(file)
    folder, names = arguments[2], arguments[3:]
    unknown = set(names) ^ set(SERVICES)
    if unknown:
        print("protocoltests: not in both lists: " + " ".join(sorted(unknown)), file=sys.stderr)
        return 1
    parameters, cases, seen = Parameters(ast), [], set()
    for name in names:
        reader = modelimport.SmithyReader(ast, SERVICES[name], keeps_defaults=True)
        compile_service(name, reader.read(), folder)
        cases += cases_of_service(ast, name, SERVICES[name], reader, parameters, seen)
    write_list(names, os.path.join(folder, "protocol_models.c"))
    with open(os.path.join(folder, "cases.json"), "w", encoding="utf-8") as file:
        json.dump(cases, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
