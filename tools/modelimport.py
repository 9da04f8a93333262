#!/usr/bin/env python3
"""modelimport.py - makes models/<svc>.model from the public AWS API models.

    modelimport.py NAME SOURCE --from TEXT [--query-names OLD] [-o FILE]

NAME    the service's name in this project: "sqs"
SOURCE  botocore's service-2.json or service-2.json.gz, or a Smithy model as JSON AST

A developer's tool, for when AWS publishes something new; the build reads only models/. Both kinds
of source become the same intermediate form (class Service), of which the shapes that operations can
reach are written, in the order of their names, without any documentation text. models/VERSION says
what the committed models were made of. models/patches/NAME.json, when it exists, is merged into the
source before; it says why.

--query-names compares the XML names with those of an older botocore model, for a service that has
since left the Query protocol (SQS), and reports each difference.
"""

import argparse
import gzip
import json
import os
import re
import sys

MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models")
AGGREGATES = ("structure", "union", "error")
BOTOCORE_PROTOCOLS = {
    "query": "awsQuery",
    "ec2": "ec2Query",
    "rest-json": "restJson1",
    "rest-xml": "restXml",
    "smithy-rpc-v2-cbor": "rpcv2Cbor",
}
SMITHY_PROTOCOLS = {
    "aws.protocols#awsJson1_0": "awsJson1_0",
    "aws.protocols#awsJson1_1": "awsJson1_1",
    "aws.protocols#awsQuery": "awsQuery",
    "aws.protocols#ec2Query": "ec2Query",
    "aws.protocols#restJson1": "restJson1",
    "aws.protocols#restXml": "restXml",
    "smithy.protocols#rpcv2Cbor": "rpcv2Cbor",
}


class ImportProblem(Exception):
    """The source holds something that a .model cannot say."""


# ---- the intermediate form ----------------------------------------------------------------------


class Service:
    def __init__(self):
        self.header = {}  # keys of a .model's service block; "protocols" is a list
        self.operations = {}
        self.shapes = {}


class Operation:
    def __init__(self):
        self.input = None
        self.output = None
        self.errors = []
        self.http = ("POST", "/", 200)
        self.words = []


class Shape:
    """`options` and those of members hold the words of the .model format; True stands for a word
    without a value."""

    def __init__(self, kind):
        self.kind = kind
        self.options = {}
        self.members = []  # (name, target, options)
        self.values = []
        self.pattern = None


# ---- botocore -----------------------------------------------------------------------------------

BOTOCORE_TIMES = {"iso8601": "date-time", "unixTimestamp": "epoch-seconds", "rfc822": "http-date"}
BOTOCORE_LOCATIONS = {
    "header": "header",
    "headers": "prefix-headers",
    "querystring": "query",
    "uri": "label",
    "statusCode": "status",
}
BOTOCORE_KINDS = {"bigdecimal": "double", "biginteger": "long", "character": "string"}


class BotocoreReader:
    """Reads botocore's service-2.json. What a `locationName` is depends on the protocol: an XML
    name, a JSON name, or, with a `location`, a header or query parameter."""

    def __init__(self, model):
        self.model = model
        self.service = Service()

    def read(self):
        self.read_header()
        for name, operation in self.model["operations"].items():
            self.service.operations[name] = self.read_operation(operation)
        for name, shape in self.model["shapes"].items():
            self.service.shapes[name] = self.read_shape(name, shape)
        for operation in self.model["operations"].values():
            self.read_root(operation.get("input", {}))
        return self.service

    def read_root(self, reference):
        """restXml: name and namespace of a request's root element stand at the operation."""
        if "locationName" in reference:
            self.service.shapes[reference["shape"]].options["xml"] = reference["locationName"]
        if "xmlNamespace" in reference:
            uri, _ = self.namespace(reference["xmlNamespace"])
            self.service.shapes[reference["shape"]].options["xmlns"] = uri

    def read_header(self):
        meta = self.model["metadata"]
        protocols = []
        for protocol in meta.get("protocols", [meta["protocol"]]):
            if protocol == "json":
                protocol = "awsJson" + meta["jsonVersion"].replace(".", "_")
            protocols.append(BOTOCORE_PROTOCOLS.get(protocol, protocol))
        signing_name = meta.get("signingName", meta["endpointPrefix"])
        header = {
            "id": meta["serviceId"],
            "smithy-name": meta.get("targetPrefix", meta["serviceId"].replace(" ", "")),
            "endpoint-prefix": meta["endpointPrefix"],
            "signing-name": signing_name,
            "arn-namespace": signing_name,
            "target-prefix": meta.get("targetPrefix"),
            "api-version": meta["apiVersion"],
            "xml-namespace": meta.get("xmlNamespace"),
            "protocols": protocols,
            "query-compatible": "awsQueryCompatible" in meta,
            "no-error-wrapping": meta["endpointPrefix"] == "s3",
        }
        self.is_xml = bool({"awsQuery", "ec2Query", "restXml"} & set(protocols))
        self.is_ec2 = "ec2Query" in protocols
        self.has_json_names = "restJson1" in protocols
        self.service.header = header

    def read_operation(self, source):
        operation = Operation()
        operation.input = source.get("input", {}).get("shape")
        operation.output = source.get("output", {}).get("shape")
        operation.errors = [error["shape"] for error in source.get("errors", [])]
        http = source["http"]
        uri = self.label_members(http["requestUri"], operation.input)
        operation.http = (http["method"], uri, http.get("responseCode", 200))
        if source.get("authtype") == "none" or source.get("auth") == ["smithy.api#noAuth"]:
            operation.words.append("unsigned")
        if self.streams(operation.input):
            operation.words.append("streams-input")
        if self.streams(operation.output):
            operation.words.append("streams-output")
        if self.requires_length(operation.input):
            operation.words.append("requires-length")
        if source.get("httpChecksumRequired") or source.get("httpChecksum", {}).get(
            "requestChecksumRequired"
        ):
            operation.words.append("checksum-required")
        if source.get("unwrappedOutput"):  # only by patches: botocore has no word for it
            operation.words.append("unwrapped-output")
        wrapper = source.get("output", {}).get("resultWrapper")
        if wrapper not in (None, source["name"] + "Result"):
            raise ImportProblem("%s: result wrapper %s" % (source["name"], wrapper))
        return operation

    def label_members(self, uri, name):
        """The path with its labels called as the members that they fill."""
        members = self.model["shapes"][name].get("members", {}) if name else {}
        for member_name, member in members.items():
            if member.get("location") == "uri":
                label = re.escape(member.get("locationName", member_name))
                uri = re.sub(r"\{%s(\+?)\}" % label, r"{%s\1}" % member_name, uri)
        return uri

    def streams(self, name):
        if name is None:
            return False
        shape = self.model["shapes"][name]
        payload = shape.get("payload")
        if payload is None:
            return False
        target = self.model["shapes"][shape["members"][payload]["shape"]]
        return bool(
            target.get("streaming")
            or target.get("eventstream")
            or shape["members"][payload].get("streaming")
        )

    def requires_length(self, name):
        members = self.model["shapes"][name].get("members", {}) if name else {}
        targets = [self.model["shapes"][member["shape"]] for member in members.values()]
        return any(target.get("requiresLength") for target in targets)

    def read_shape(self, name, source):
        kind = source["type"]
        kind = BOTOCORE_KINDS.get(kind, kind)
        if source.get("document"):
            return Shape("document")
        if kind == "structure" and source.get("union"):
            kind = "union"
        if source.get("exception") or "error" in source:
            kind = "error"
        shape = Shape(kind)
        if kind in AGGREGATES:
            self.read_members(shape, source)
        elif kind == "list":
            shape.members = [self.read_part("member", source["member"])]
        elif kind == "map":
            shape.members = [
                self.read_part("key", source["key"]),
                self.read_part("value", source["value"]),
            ]
        self.read_constraints(shape, source)
        if kind == "error":
            self.read_error(name, shape, source)
        if source.get("eventstream"):
            shape.options["event-stream"] = True
        if kind == "timestamp" and "timestampFormat" in source:
            shape.options["time"] = BOTOCORE_TIMES[source["timestampFormat"]]
        return shape

    @staticmethod
    def read_constraints(shape, source):
        for key in ("min", "max"):
            if key in source:
                put_bound(shape, key, source[key])
        for key in ("sensitive", "sparse"):
            if source.get(key):
                shape.options[key] = True
        shape.values = list(source.get("enum", []))
        shape.pattern = source.get("pattern")

    def read_error(self, name, shape, source):
        error = source.get("error", {})
        is_sender = error.get("senderFault", not source.get("fault", False))
        status = error.get("httpStatusCode", 400 if is_sender else 500)
        if is_sender and status >= 500:
            is_sender = False
        shape.options["status"] = str(status)
        if is_sender:
            shape.options["sender"] = True
        if error.get("code", name) != name:
            shape.options["query-code"] = error["code"]

    def read_members(self, shape, source):
        required = set(source.get("required", []))
        if "locationName" in source:
            shape.options["xml"] = source["locationName"]
        if "xmlNamespace" in source:
            shape.options["xmlns"] = self.namespace(source["xmlNamespace"])[0]
        for name, member in source.get("members", {}).items():
            options = self.read_member(name, member)
            if name in required:
                options["required"] = True
            if source.get("payload") == name:
                options["payload"] = True
            shape.members.append((name, member["shape"], options))

    @staticmethod
    def namespace(source):
        return (source, None) if isinstance(source, str) else (source["uri"], source.get("prefix"))

    def read_member(self, name, member):
        options = {}
        target = self.model["shapes"][member["shape"]]
        wire_name = member.get("locationName")
        location = BOTOCORE_LOCATIONS.get(member.get("location"))
        if location in ("header", "prefix-headers", "query"):
            is_map = location == "query" and target["type"] == "map"
            options["query-params" if is_map else location] = True if is_map else wire_name
        elif location:
            options[location] = True
        elif self.is_xml or not self.has_json_names:
            self.read_xml_name(options, name, member, target)
        elif wire_name not in (None, name):
            options["json"] = wire_name
        if self.is_ec2:
            xml_name = options.get("xml", name)
            query_name = member.get("queryName", xml_name[0].upper() + xml_name[1:])
            if query_name != xml_name[0].upper() + xml_name[1:]:
                options["ec2"] = query_name
        if member.get("idempotencyToken"):
            options["idempotency-token"] = True
        if member.get("hostLabel"):
            options["host-label"] = True
        if member.get("streaming") or target.get("streaming"):
            options["streaming"] = True
        if member.get("jsonvalue"):
            options["media-json"] = True
        if "timestampFormat" in member:
            options["time"] = BOTOCORE_TIMES[member["timestampFormat"]]
        return options

    def read_xml_name(self, options, name, member, target):
        wire_name = member.get("locationName")
        if target.get("flattened") or member.get("flattened"):
            options["flattened"] = True
            # botocore puts the name of a flattened list on its element.
            wire_name = target.get("member", {}).get("locationName", wire_name)
            wire_name = target.get("locationName", wire_name)
        if wire_name not in (None, name):
            options["xml"] = wire_name
        if member.get("xmlAttribute"):
            options["attribute"] = True
            if ":" in options.get("xml", ""):
                prefix = options["xml"].split(":")[0]
                options.setdefault("xmlns-prefix", prefix)
        if "xmlNamespace" in member:
            uri, prefix = self.namespace(member["xmlNamespace"])
            options["xmlns"] = uri
            if prefix:
                options["xmlns-prefix"] = prefix

    @staticmethod
    def read_part(name, part):
        options = {}
        if part.get("locationName") not in (None, name):
            options["xml"] = part["locationName"]
        if "timestampFormat" in part:
            options["time"] = BOTOCORE_TIMES[part["timestampFormat"]]
        return (name, part["shape"], options)


# ---- Smithy JSON AST ----------------------------------------------------------------------------

API = "smithy.api#"
PRELUDE = {
    "String": "string", "Blob": "blob", "Boolean": "boolean", "PrimitiveBoolean": "boolean",
    "Byte": "byte", "PrimitiveByte": "byte", "Short": "short", "PrimitiveShort": "short",
    "Integer": "integer", "PrimitiveInteger": "integer", "Long": "long", "PrimitiveLong": "long",
    "Float": "float", "PrimitiveFloat": "float", "Double": "double", "PrimitiveDouble": "double",
    "Timestamp": "timestamp", "Document": "document", "Unit": "structure",
}
SMITHY_KINDS = {"enum": "string", "intEnum": "integer", "set": "list", "service": None}
MEMBER_TRAITS = {
    "required": "required",
    "xmlFlattened": "flattened",
    "xmlAttribute": "attribute",
    "idempotencyToken": "idempotency-token",
    "hostLabel": "host-label",
    "httpLabel": "label",
    "httpPayload": "payload",
    "httpQueryParams": "query-params",
    "httpResponseCode": "status",
}
VALUE_TRAITS = {
    "httpHeader": "header",
    "httpPrefixHeaders": "prefix-headers",
    "httpQuery": "query",
    "jsonName": "json",
    "xmlName": "xml",
    "timestampFormat": "time",
}
CONSTRAINT_TRAITS = ("length", "range", "pattern", "sensitive", "uniqueItems")


class SmithyReader:
    """Reads one service of a Smithy JSON AST.

    `keeps_defaults`: AWS's own models carry the default 0 or false wherever an older language had a
    primitive type; that tells clients how to hold the value and servers nothing, so it is dropped
    unless asked for (protocol tests)."""

    def __init__(self, model, service_id=None, keeps_defaults=False):
        self.shapes = model["shapes"]
        self.keeps_defaults = keeps_defaults
        services = [name for name, shape in self.shapes.items() if shape["type"] == "service"]
        if service_id is None and len(services) != 1:
            raise ImportProblem("more than one service: " + " ".join(services))
        self.service_id = service_id or services[0]
        self.service = Service()
        self.names = {}  # absolute shape id: name
        self.derived = []  # shapes to make of others: name, target, constraints

    def read(self):
        source = self.shapes[self.service_id]
        self.read_header(source)
        for operation_id in self.operations_of(source):
            self.service.operations[self.bare(operation_id)] = self.read_operation(
                self.shapes[operation_id], source
            )
        for derived in self.derived:
            self.derive(*derived)
        return self.service

    @staticmethod
    def bare(shape_id):
        return shape_id.partition("#")[2]

    @staticmethod
    def trait(shape, name, default=None):
        return shape.get("traits", {}).get(name if "#" in name else API + name, default)

    def operations_of(self, source):
        """Operations of a service or resource and of the resources below it."""
        found = [item["target"] for item in source.get("operations", [])]
        found += [item["target"] for item in source.get("collectionOperations", [])]
        for key in ("create", "put", "read", "update", "delete", "list"):
            if key in source:
                found.append(source[key]["target"])
        for resource in source.get("resources", []):
            found += self.operations_of(self.shapes[resource["target"]])
        return found

    def read_header(self, source):
        name = self.bare(self.service_id)
        aws = self.trait(source, "aws.api#service", {})
        sigv4 = self.trait(source, "aws.auth#sigv4", {})
        protocols = [
            short
            for trait, short in SMITHY_PROTOCOLS.items()
            if self.trait(source, trait) is not None
        ]
        signing_name = sigv4.get("name", aws.get("endpointPrefix", name.lower()))
        no_wrapping = self.trait(source, "aws.protocols#restXml", {}).get("noErrorWrapping", False)
        self.service.header = {
            "id": aws.get("sdkId", name),
            "smithy-name": name,
            "endpoint-prefix": aws.get("endpointPrefix", signing_name),
            "signing-name": signing_name,
            "arn-namespace": aws.get("arnNamespace", signing_name),
            "target-prefix": name,
            "api-version": source.get("version"),
            "xml-namespace": self.trait(source, "xmlNamespace", {}).get("uri"),
            "protocols": protocols,
            "query-compatible": self.trait(source, "aws.protocols#awsQueryCompatible") is not None,
            "no-error-wrapping": no_wrapping or aws.get("sdkId") == "S3",
        }

    def read_operation(self, source, service):
        operation = Operation()
        operation.input = self.side(source.get("input"))
        operation.output = self.side(source.get("output"))
        errors = service.get("errors", []) + source.get("errors", [])
        operation.errors = [self.use(error["target"]) for error in errors]
        http = self.trait(source, "http")
        if http:
            operation.http = (http["method"], http["uri"], http.get("code", 200))
        # optionalAuth: "can be invoked with or without authentication".
        if self.trait(source, "auth") == [] or self.trait(source, "optionalAuth") is not None:
            operation.words.append("unsigned")
        for shape_id, word in ((source.get("input"), "input"), (source.get("output"), "output")):
            if shape_id and self.streams(self.shapes.get(shape_id["target"], {})):
                operation.words.append("streams-" + word)
        if self.requires_length(source.get("input")):
            operation.words.append("requires-length")
        checksum = self.trait(source, "aws.protocols#httpChecksum", {})
        if (
            self.trait(source, "httpChecksumRequired") is not None
            or checksum.get("requestChecksumRequired")
        ):
            operation.words.append("checksum-required")
        if self.trait(source, "aws.customizations#s3UnwrappedXmlOutput") is not None:
            operation.words.append("unwrapped-output")
        return operation

    def side(self, reference):
        if reference is None or reference["target"] == "smithy.api#Unit":
            return None
        return self.use(reference["target"])

    def streams(self, shape):
        return any(
            self.trait(self.shapes.get(member["target"], {}), "streaming") is not None
            for member in shape.get("members", {}).values()
        )

    def requires_length(self, reference):
        shape = self.shapes.get(reference["target"], {}) if reference else {}
        return any(
            self.trait(self.shapes.get(member["target"], {}), "requiresLength") is not None
            for member in shape.get("members", {}).values()
        )

    def use(self, shape_id):
        """The name of a shape, which is read when it is new."""
        if shape_id in self.names:
            return self.names[shape_id]
        namespace, _, name = shape_id.partition("#")
        taken = set(self.names.values())
        if name in taken:  # shapes of two namespaces
            name = namespace.split(".")[-1].capitalize() + name
        if name in taken:
            raise ImportProblem("two shapes named %s" % name)
        self.names[shape_id] = name
        if namespace == "smithy.api":
            self.service.shapes[name] = Shape(PRELUDE[name])
        else:
            self.service.shapes[name] = self.read_shape(name, self.shapes[shape_id])
        return name

    def read_shape(self, shape_name, source):
        kind = SMITHY_KINDS.get(source["type"], source["type"])
        if self.trait(source, "error"):
            kind = "error"
        shape = Shape(kind)
        self.read_constraints(shape, source.get("traits", {}))
        self.read_values(shape, source)
        if kind in AGGREGATES:
            self.read_structure(shape_name, shape, source)
        elif kind == "list":
            shape.members = [self.read_part(shape_name, "member", source["member"])]
        elif kind == "map":
            shape.members = [
                self.read_part(shape_name, part, source[part]) for part in ("key", "value")
            ]
        if kind in ("string", "blob") and self.trait(source, "mediaType"):
            shape.options["media"] = self.trait(source, "mediaType")
        if self.trait(source, "sparse") is not None:
            shape.options["sparse"] = True
        if kind == "timestamp" and self.trait(source, "timestampFormat"):
            shape.options["time"] = self.trait(source, "timestampFormat")
        return shape

    @staticmethod
    def read_constraints(shape, traits):
        for trait in ("length", "range"):
            for key, value in traits.get(API + trait, {}).items():
                put_bound(shape, key, value)
        if API + "pattern" in traits:
            shape.pattern = traits[API + "pattern"]
        if API + "sensitive" in traits:
            shape.options["sensitive"] = True
        if API + "uniqueItems" in traits:
            shape.options["unique"] = True

    def read_values(self, shape, source):
        if source["type"] == "intEnum":
            shape.options["int-enum"] = True
        if source["type"] in ("enum", "intEnum"):
            for name, member in source["members"].items():
                shape.values.append(str(self.trait(member, "enumValue", name)))
        for value in self.trait(source, "enum", []):
            shape.values.append(value["value"])

    def read_structure(self, shape_name, shape, source):
        if shape.kind == "error":
            self.read_error(shape, source)
        if self.trait(source, "streaming") is not None:
            shape.options["event-stream"] = True
        if self.trait(source, "xmlName"):
            shape.options["xml"] = self.trait(source, "xmlName")
        if self.trait(source, "xmlNamespace"):
            shape.options["xmlns"] = self.trait(source, "xmlNamespace")["uri"]
        for name, member in source.get("members", {}).items():
            shape.members.append(self.read_member(shape_name, name, member))

    def read_error(self, shape, source):
        fault = self.trait(source, "error")
        status = self.trait(source, "httpError", 400 if fault == "client" else 500)
        shape.options["status"] = str(status)
        if fault == "client":
            shape.options["sender"] = True
        query = self.trait(source, "aws.protocols#awsQueryError")
        if query:
            shape.options["query-code"] = query["code"]
            if query["httpResponseCode"] != status:
                shape.options["query-status"] = str(query["httpResponseCode"])

    def read_member(self, owner, name, member):
        options = {}
        traits = member.get("traits", {})
        for trait, word in MEMBER_TRAITS.items():
            if API + trait in traits:
                options[word] = True
        for trait, word in VALUE_TRAITS.items():
            if API + trait in traits:
                options[word] = traits[API + trait]
        if "aws.protocols#ec2QueryName" in traits:
            options["ec2"] = traits["aws.protocols#ec2QueryName"]
        self.read_namespace(options, traits)
        target = self.shapes.get(member["target"], {})
        if self.trait(target, "streaming") is not None:
            options["streaming"] = True
        if self.trait(target, "mediaType") and target["type"] == "string":
            options["media-json"] = True
        default = traits.get(API + "default")
        if default is not None and (self.keeps_defaults or default):
            text = json.dumps(default, separators=(",", ":"))
            options["default"] = text.replace(" ", "\\u0020")
        return (name, self.constrained(owner, name, member), options)

    @staticmethod
    def read_namespace(options, traits):
        namespace = traits.get(API + "xmlNamespace")
        if namespace:
            options["xmlns"] = namespace["uri"]
            if "prefix" in namespace:
                options["xmlns-prefix"] = namespace["prefix"]

    def read_part(self, owner, name, part):
        options = {}
        traits = part.get("traits", {})
        for trait in ("xmlName", "timestampFormat"):
            if API + trait in traits:
                options[VALUE_TRAITS[trait]] = traits[API + trait]
        self.read_namespace(options, traits)
        return (name, self.constrained(owner, name, part), options)

    def constrained(self, owner, name, member):
        """The target of a member; constraints on the member itself make a shape of its own."""
        target = self.use(member["target"])
        own = {
            trait: value
            for trait, value in member.get("traits", {}).items()
            if trait.startswith(API) and trait[len(API) :] in CONSTRAINT_TRAITS
        }
        if not own:
            return target
        derived = "%s.%s" % (owner, name)
        self.derived.append((derived, target, own))
        return derived

    def derive(self, derived, target, own):
        base = self.service.shapes[target]
        shape = Shape(base.kind)
        shape.options = dict(base.options)
        shape.members = base.members
        shape.values = base.values
        shape.pattern = base.pattern
        if API + "length" in own or API + "range" in own:
            shape.options.pop("min", None)
            shape.options.pop("max", None)
        self.read_constraints(shape, own)
        self.service.shapes[derived] = shape


def put_bound(shape, key, value):
    """`min` or `max`. A bound that is no integer is rounded to the inside of the range."""
    number = float(value)
    if number != int(number):
        value = int(number // 1) + (1 if key == "min" else 0)
    shape.options[key] = str(int(value))


# ---- writing ------------------------------------------------------------------------------------

MEMBER_WORDS = [
    "required", "label", "payload", "status", "query-params", "header", "prefix-headers", "query",
    "json", "xml", "ec2", "flattened", "attribute", "xmlns", "xmlns-prefix", "time", "streaming",
    "media-json", "idempotency-token", "host-label", "context", "default",
]
SHAPE_WORDS = [
    "status", "sender", "query-code", "query-status", "min", "max", "xml", "xmlns", "time", "media",
    "sparse", "unique", "sensitive", "event-stream", "int-enum",
]
HEADER_KEYS = [
    "id", "smithy-name", "endpoint-prefix", "signing-name", "arn-namespace", "target-prefix",
    "api-version", "xml-namespace", "protocols", "query-compatible", "no-error-wrapping",
]


def words_of(options, order, prefix=""):
    """`options` as words of a line, in a fixed order."""
    unknown = set(options) - set(order)
    if unknown:
        raise ImportProblem("no word for " + " ".join(sorted(unknown)))
    words = []
    for key in order:
        if key in options:
            value = options[key]
            words.append(prefix + key if value is True else "%s%s=%s" % (prefix, key, value))
    for word in words:
        if " " in word:
            raise ImportProblem("a space in '%s'" % word)
    return words


def quote(text):
    is_plain = text and text == text.strip() and not text.startswith('"') and text.isprintable()
    return text if is_plain else json.dumps(text)


class Writer:
    def __init__(self, name, service, source_name):
        self.service = service
        self.lines = [
            "# %s.model — %s, from %s" % (name, service.header["id"], source_name),
            "# Made by tools/modelimport.py; changes by hand belong in models/patches/.",
            "",
        ]

    def write(self):
        self.write_header()
        for name in sorted(self.service.operations):
            self.write_operation(name, self.service.operations[name])
        for name in sorted(self.reachable()):
            self.write_shape(name, self.service.shapes[name])
        return "\n".join(self.lines).rstrip("\n") + "\n"

    def reachable(self):
        found, waiting = set(), []
        for operation in self.service.operations.values():
            waiting += [operation.input, operation.output] + operation.errors
        while waiting:
            name = waiting.pop()
            if name is None or name in found:
                continue
            found.add(name)
            shape = self.service.shapes[name]
            if "event-stream" not in shape.options:
                waiting += [target for _, target, _ in shape.members]
        return found

    def write_header(self):
        self.lines.append("service")
        for key in HEADER_KEYS:
            value = self.service.header.get(key)
            if isinstance(value, list):
                value = " ".join(value)
            if value is True:
                self.lines.append("  " + key)
            elif value:
                self.lines.append("  %s %s" % (key, value))
        self.lines.append("")

    def write_operation(self, name, operation):
        self.lines.append("operation " + name)
        if operation.http != ("POST", "/", 200):
            method, uri, code = operation.http
            suffix = " %d" % code if code != 200 else ""
            self.lines.append("  http %s %s%s" % (method, uri, suffix))
        if operation.input:
            self.lines.append("  in " + operation.input)
        if operation.output:
            self.lines.append("  out " + operation.output)
        line = "  errors"
        for error in sorted(set(operation.errors)):
            if len(line) + 1 + len(error) > 100:
                self.lines.append(line)
                line = "  errors"
            line += " " + error
        if operation.errors:
            self.lines.append(line)
        self.lines += ["  " + word for word in operation.words]
        self.lines.append("")

    def write_shape(self, name, shape):
        words = [shape.kind, name]
        if shape.kind in ("list", "map"):
            words += [target for _, target, _ in shape.members]
        words += words_of(shape.options, SHAPE_WORDS)
        if shape.kind in ("list", "map"):
            for part, _, options in shape.members:
                prefix = "" if part == "member" else part + "-"
                words += words_of(options, MEMBER_WORDS, prefix)
        has_lines = bool(shape.pattern is not None or shape.values or shape.kind in AGGREGATES)
        if has_lines and self.lines[-1]:
            self.lines.append("")
        self.lines.append(" ".join(words))
        if shape.pattern is not None:
            self.lines.append("  ~ " + quote(shape.pattern))
        self.lines += ["  = " + quote(value) for value in shape.values]
        if shape.kind in AGGREGATES and "event-stream" not in shape.options:
            for member, target, options in shape.members:
                words = [member, target] + words_of(options, MEMBER_WORDS)
                self.lines.append("  " + " ".join(words))
        if has_lines:
            self.lines.append("")


# ---- patches, checks ----------------------------------------------------------------------------


def merge(target, patch):
    """RFC 7396: objects are merged, null removes, anything else replaces."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value


def check_query_names(service, old):
    """Compares the XML names with those of an older model that still spoke Query; returns the
    differences as texts. What one of the two lacks is not compared, nor are the elements of lists
    that only occur flattened: they have the name of the member that holds them."""
    wrapped = set()
    for shape in service.shapes.values():
        wrapped |= {target for _, target, options in shape.members if "flattened" not in options}
    differences = []
    for name, old_shape in old.shapes.items():
        shape = service.shapes.get(name, Shape(None))
        if shape.kind == "list" and name not in wrapped:
            continue
        members = {member: options for member, _, options in shape.members}
        for member, _, old_options in old_shape.members:
            options = members.get(member, old_options)
            for word in ("xml", "flattened"):
                here, there = options.get(word, "none"), old_options.get(word, "none")
                if here != there:
                    text = "%s.%s: %s is %s, was %s" % (name, member, word, here, there)
                    differences.append(text)
    return differences


def load(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def read_source(model, service_id=None, keeps_defaults=False):
    if "smithy" in model:
        return SmithyReader(model, service_id, keeps_defaults).read()
    return BotocoreReader(model).read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("source")
    parser.add_argument("--from", dest="source_name", required=True)
    parser.add_argument("--query-names")
    parser.add_argument("-o", dest="output")
    arguments = parser.parse_args()
    if not re.fullmatch("[a-z][a-z0-9_]*", arguments.name):
        parser.error("NAME must be a C identifier in lower case")
    model = load(arguments.source)
    patch_path = os.path.join(MODELS, "patches", arguments.name + ".json")
    if os.path.exists(patch_path):
        patch = load(patch_path)
        patch.pop("why")
        merge(model, patch)
    try:
        service = read_source(model)
        if arguments.query_names:
            old = read_source(load(arguments.query_names))
            for difference in check_query_names(service, old):
                print("modelimport: " + difference, file=sys.stderr)
        text = Writer(arguments.name, service, arguments.source_name).write()
    except ImportProblem as problem:
        print("modelimport: %s: %s" % (arguments.source, problem), file=sys.stderr)
        return 1
    output = arguments.output or os.path.join(MODELS, arguments.name + ".model")
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
