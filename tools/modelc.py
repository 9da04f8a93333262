#!/usr/bin/env python3
"""modelc.py - compiles models/<svc>.model into typed C structs and the tables of wire/shape.h.

    modelc.py MODEL OUTDIR      writes OUTDIR/<svc>_api.h and OUTDIR/<svc>_api.c

The format of a .model is described in docs/models.md; read_model() below is its only reader. What
comes out is data, apart from one function per operation that calls its typed handler. Everything is
emitted after what it depends on, operations in the order of their names, so that the output only
changes where the model does.

Names: a shape or member becomes snake_case (`MD5OfBody`: md5_of_body), with the service's name in
front where it is visible outside the generated file. Two names that become one are an error; the
model has to be patched then.
"""

import json
import os
import re
import sys

SIMPLE_KINDS = {
    "string": "KIND_STRING",
    "blob": "KIND_BLOB",
    "boolean": "KIND_BOOLEAN",
    "byte": "KIND_INTEGER",
    "short": "KIND_INTEGER",
    "integer": "KIND_INTEGER",
    "long": "KIND_LONG",
    "float": "KIND_FLOAT",
    "double": "KIND_DOUBLE",
    "timestamp": "KIND_TIMESTAMP",
    "document": "KIND_DOCUMENT",
}
AGGREGATES = {"structure", "union", "error"}
KINDS = set(SIMPLE_KINDS) | AGGREGATES | {"list", "map"}

# C types of scalars: as a member or in a sparse collection, and as a plain item.
OPTIONAL_TYPES = {
    "string": "struct str",
    "blob": "struct str",
    "boolean": "struct opt_bool",
    "byte": "struct opt_i32",
    "short": "struct opt_i32",
    "integer": "struct opt_i32",
    "long": "struct opt_i64",
    "float": "struct opt_f64",
    "double": "struct opt_f64",
    "timestamp": "struct opt_i64",
    "document": "struct json *",
}
PLAIN_TYPES = dict(
    OPTIONAL_TYPES,
    boolean="bool",
    byte="int32_t",
    short="int32_t",
    integer="int32_t",
    long="int64_t",
    float="double",
    double="double",
    timestamp="int64_t",
)

PROTOCOLS = {
    "awsJson1_0": "PROTOCOL_AWS_JSON_1_0",
    "awsJson1_1": "PROTOCOL_AWS_JSON_1_1",
    "awsQuery": "PROTOCOL_AWS_QUERY",
    "ec2Query": "PROTOCOL_EC2_QUERY",
    "restJson1": "PROTOCOL_REST_JSON",
    "restXml": "PROTOCOL_REST_XML",
    "rpcv2Cbor": "PROTOCOL_RPC_V2_CBOR",
}
TIME_FORMATS = {
    "epoch-seconds": "TIMESTAMP_EPOCH_SECONDS",
    "date-time": "TIMESTAMP_DATE_TIME",
    "http-date": "TIMESTAMP_HTTP_DATE",
}
# Words of a member line; those of the second table name where the member travels.
MEMBER_FLAGS = {
    "required": "MEMBER_REQUIRED",
    "flattened": "MEMBER_FLATTENED",
    "attribute": "MEMBER_XML_ATTRIBUTE",
    "idempotency-token": "MEMBER_IDEMPOTENCY_TOKEN",
    "host-label": "MEMBER_HOST_LABEL",
    "streaming": "MEMBER_STREAMING",
    "media-json": "MEMBER_MEDIA_JSON",
    "context": "MEMBER_CONTEXT",
}
MEMBER_LOCATIONS = {
    "header": "LOCATION_HEADER",
    "prefix-headers": "LOCATION_PREFIX_HEADERS",
    "query": "LOCATION_QUERY",
    "query-params": "LOCATION_QUERY_PARAMS",
    "label": "LOCATION_LABEL",
    "payload": "LOCATION_PAYLOAD",
    "status": "LOCATION_STATUS",
}
INPUT_LOCATIONS = {"header", "prefix-headers", "query", "query-params", "label", "payload"}
OUTPUT_LOCATIONS = {"header", "prefix-headers", "payload", "status"}
MEMBER_VALUES = {"xml", "json", "ec2", "xmlns", "xmlns-prefix", "time", "default"}
SHAPE_WORDS = {
    "sparse": "SHAPE_SPARSE",
    "unique": "SHAPE_UNIQUE",
    "sensitive": "SHAPE_SENSITIVE",
    "event-stream": "SHAPE_EVENT_STREAM",
    "int-enum": "SHAPE_INT_ENUM",
}
OPERATION_WORDS = {
    "unsigned": "OPERATION_UNSIGNED",
    "streams-input": "OPERATION_STREAMS_INPUT",
    "streams-output": "OPERATION_STREAMS_OUTPUT",
    "requires-length": "OPERATION_REQUIRES_LENGTH",
    "checksum-required": "OPERATION_CHECKSUM_REQUIRED",
    "unwrapped-output": "OPERATION_UNWRAPPED_OUTPUT",
}
SERVICE_KEYS = {
    "id", "smithy-name", "endpoint-prefix", "signing-name", "arn-namespace", "target-prefix",
    "api-version", "xml-namespace", "protocols", "query-compatible", "no-error-wrapping",
}

# Words that may not name a member: keywords, and macros of gnu17 and <stdbool.h>, <errno.h>, ...
RESERVED = set(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while asm typeof bool true false linux unix errno stdin stdout stderr
    alignas alignof noreturn static_assert thread_local assert complex environ""".split()
)


class ModelError(Exception):
    """The model cannot be compiled; the text says where and why."""


# ---- reading ------------------------------------------------------------------------------------


class Member:
    """A member of a structure, the element of a list, or the key or value of a map."""

    def __init__(self, name, target, options):
        self.name = name
        self.target = target
        self.options = options

    @property
    def is_streaming(self):
        return "streaming" in self.options


class Shape:
    def __init__(self, kind, name, options):
        self.kind = kind
        self.name = name
        self.options = options
        self.members = []
        self.values = []
        self.pattern = None

    @property
    def is_event_stream(self):
        return "event-stream" in self.options


class Operation:
    def __init__(self, name):
        self.name = name
        self.method = "POST"
        self.uri = "/"
        self.code = 200
        self.input = None
        self.output = None
        self.errors = []
        self.words = []


class Model:
    def __init__(self, name):
        self.name = name
        self.service = {}
        self.operations = []
        self.shapes = {}


def unquote(text):
    """A value or pattern: as it stands, or a JSON string where that would be ambiguous."""
    return json.loads(text) if text.startswith('"') else text


def split_options(words):
    """`a=b c` becomes {"a": "b", "c": ""}."""
    options = {}
    for word in words:
        key, _, value = word.partition("=")
        if key in options:
            raise ModelError("'%s' is said twice" % key)
        options[key] = value
    return options


def read_shape(words):
    kind, name, rest = words[0], words[1], words[2:]
    positional = {"list": 1, "map": 2}.get(kind, 0)
    targets, options = rest[:positional], split_options(rest[positional:])
    shape = Shape(kind, name, options)
    if kind == "list":
        shape.members = [Member("member", targets[0], {})]
        part_options = {"": shape.members[0]}
    elif kind == "map":
        shape.members = [Member("key", targets[0], {}), Member("value", targets[1], {})]
        part_options = {"key-": shape.members[0], "value-": shape.members[1]}
    else:
        part_options = {}
    for prefix, member in part_options.items():
        for key in MEMBER_VALUES:
            if prefix + key in options:
                member.options[key] = options.pop(prefix + key)
    known = set(SHAPE_WORDS) | {"min", "max"}
    known |= {"xml", "xmlns"} if kind in AGGREGATES else set()
    known |= {"time"} if kind == "timestamp" else set()
    known |= {"media"} if kind in ("string", "blob") else set()
    known |= {"status", "sender", "query-code", "query-status"} if kind == "error" else set()
    check_known(options, known)
    return shape


def check_known(options, known):
    for key in options:
        if key not in known:
            raise ModelError("unknown word '%s'" % key)


def read_operation_line(operation, words):
    key, rest = words[0], words[1:]
    if key == "in":
        operation.input = rest[0]
    elif key == "out":
        operation.output = rest[0]
    elif key == "errors":
        operation.errors += rest
    elif key == "http":
        operation.method, operation.uri = rest[0], rest[1]
        operation.code = int(rest[2]) if len(rest) > 2 else 200
    elif key in OPERATION_WORDS:
        operation.words.append(key)
    else:
        raise ModelError("unknown word '%s'" % key)


def read_shape_line(shape, line):
    if line.startswith("= "):
        shape.values.append(unquote(line[2:]))
    elif line.startswith("~ "):
        shape.pattern = unquote(line[2:])
    elif shape.kind in AGGREGATES:
        words = line.split(" ")
        options = split_options(words[2:])
        check_known(options, set(MEMBER_FLAGS) | set(MEMBER_LOCATIONS) | MEMBER_VALUES)
        shape.members.append(Member(words[0], words[1], options))
    else:
        raise ModelError("a %s has no members" % shape.kind)


def read_line(model, current, line):
    """Reads one line; returns what the indented lines that follow belong to."""
    if line.startswith("  "):
        line = line[2:]
        if isinstance(current, Operation):
            read_operation_line(current, line.split(" "))
        elif isinstance(current, Shape):
            read_shape_line(current, line)
        elif current == "service":
            key, _, value = line.partition(" ")
            check_known({key: value}, SERVICE_KEYS)
            model.service[key] = value
        else:
            raise ModelError("indented line belongs to nothing")
        return current
    words = line.split(" ")
    if words[0] == "service":
        return "service"
    if words[0] == "operation":
        model.operations.append(Operation(words[1]))
        return model.operations[-1]
    if words[0] not in KINDS:
        raise ModelError("unknown kind '%s'" % words[0])
    shape = read_shape(words)
    if shape.name in model.shapes:
        raise ModelError("shape %s is defined twice" % shape.name)
    model.shapes[shape.name] = shape
    return shape


def read_model(path):
    """Reads a .model file. Raises ModelError with file and line."""
    name = os.path.basename(path).rsplit(".", 1)[0]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ModelError("%s: the file's name must be a C identifier in lower case" % path)
    model = Model(name)
    current = None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            try:
                current = read_line(model, current, line)
            except (ModelError, IndexError, ValueError) as error:
                raise ModelError("%s:%d: %s" % (path, number, error)) from error
    check_references(model, path)
    model.operations.sort(key=lambda operation: operation.name)
    return model


def check_references(model, path):
    def check(name, user):
        if name not in model.shapes:
            raise ModelError("%s: %s names the unknown shape %s" % (path, user, name))

    for shape in model.shapes.values():
        for member in shape.members:
            check(member.target, shape.name + "." + member.name)
    for operation in model.operations:
        for name in [operation.input, operation.output] + operation.errors:
            if name is not None:
                check(name, operation.name)


# ---- names --------------------------------------------------------------------------------------

WORD = re.compile(
    r"IPv[46]|OAuth|ETag|CRC32C|CRC64NVME"  # words that their capitals would tear apart
    r"|[A-Z]{2,}s(?![a-z])"  # plural of an abbreviation: ARNs
    r"|[A-Z]+(?![a-z])[0-9]*"  # abbreviation: MD5, VPC
    r"|[A-Z]?[a-z]+[0-9]*"
    r"|[0-9]+"
)


def snake(name):
    """MD5OfMessageBody: md5_of_message_body."""
    text = "_".join(word.lower() for word in WORD.findall(name))
    return "_" + text if not text or text[0].isdigit() else text


def field_name(name):
    text = snake(name)
    return text + "_" if text in RESERVED else text


class Names:
    """The C identifiers of one kind that are taken, each by one owner."""

    def __init__(self):
        self.owners = {}

    def claim(self, identifier, owner):
        """Takes an identifier that others see. Two owners are an error."""
        if self.owners.setdefault(identifier, owner) != owner:
            raise ModelError(
                "%s and %s both become '%s'; patch the model"
                % (self.owners[identifier], owner, identifier)
            )
        return identifier

    def claim_private(self, identifier, owner):
        """Takes an identifier of the generated file, numbered when it is taken."""
        number, wanted = 2, identifier
        while self.owners.setdefault(wanted, owner) != owner:
            wanted, number = "%s_%d" % (identifier, number), number + 1
        return wanted


# ---- C text -------------------------------------------------------------------------------------

ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def c_pieces(text):
    """The bytes of a string literal, each escaped as needed; `??` is kept from being a trigraph."""
    pieces = []
    for character in text:
        if character in ESCAPES:
            pieces.append(ESCAPES[character])
        elif character == "?" and pieces and pieces[-1] in ("?", "\\?"):
            pieces.append("\\?")
        elif " " <= character <= "~":
            pieces.append(character)
        else:
            pieces.extend("\\%03o" % byte for byte in character.encode("utf-8"))
    return pieces


def c_string(text, column=0):
    """A literal that starts at `column`; long ones are continued on lines of their own."""
    lines, line, room = [], "", 96 - column
    for piece in c_pieces(text):
        if len(line) + len(piece) > max(room, 40):
            lines.append(line)
            line = ""
        line += piece
    lines.append(line)
    return ("\n" + " " * column).join('"%s"' % line for line in lines)


def wrap(words, indent, first=""):
    """Words on as many lines of at most 100 columns as it takes."""
    lines, line = [], first
    for word in words:
        if len(line) + 1 + len(word) > 100 and line.strip(" *"):
            lines.append(line.rstrip())
            line = indent
        line += word if line in (indent, first) else " " + word
    lines.append(line)
    return lines


def align_comments(fields):
    """Lines of (declaration, comment), comments of neighbouring lines in one column."""
    lines, run = [], []
    for declaration, comment in fields + [("", "")]:
        if comment:
            run.append((declaration, comment))
            continue
        column = max((len(text) for text, _ in run), default=0)
        fits = all(column + 1 + len(text) <= 100 for _, text in run)
        for text, note in run:
            lines += [text.ljust(column) + " " + note] if fits else ["    " + note, text]
        run = []
        lines += [declaration] if declaration else []
    return lines


class Table:
    """Writes one designated initialiser, one member per line."""

    def __init__(self, indent):
        self.lines = []
        self.indent = indent

    def put(self, name, value):
        if value in ("", "0", None):
            return
        line = "%s.%s = %s," % (self.indent, name, value)
        if len(line) > 100:
            line = "%s.%s =\n%s    %s," % (self.indent, name, self.indent, value)
        self.lines.append(line)

    def put_str(self, name, text):
        if text:
            head = "%s.%s = STR_INIT(" % (self.indent, name)
            self.lines.append("%s%s)," % (head, c_string(text, len(head))))

    def put_cstr(self, name, text):
        if text is not None:
            head = "%s.%s = " % (self.indent, name)
            self.lines.append("%s%s," % (head, c_string(text, len(head))))

    def put_flags(self, name, flags):
        head = "%s.%s = " % (self.indent, name)
        one_line = head + " | ".join(flags) + ","
        if len(one_line) <= 100:
            self.put(name, " | ".join(flags))
        else:
            self.lines.append(head + (" |\n" + " " * len(head)).join(flags) + ",")


# ---- compiling ----------------------------------------------------------------------------------


class Use:
    """One C struct and shape table made from a shape of the model: a shape as such, or the input or
    output of one operation, which get structs of their own.

    `locations` are where members may travel other than in the body. Only the members of inputs,
    outputs and errors do; a shape's words about it mean nothing where it is used below them."""

    def __init__(self, shape, key, base, locations=()):
        self.shape = shape
        self.key = key
        self.base = base  # snake_case name without the service
        self.locations = locations
        self.comment = None


class Compiler:
    def __init__(self, model):
        self.model = model
        self.prefix = model.name
        self.header = []
        self.source = []
        self.types = Names()
        self.constants = Names()
        self.statics = Names()
        self.declared = {}  # use key: "open" while its parts are declared, then "done"
        self.late_entries = []
        self.tables = {}  # the same for shape tables
        self.uses = {}
        self.shape_names = {snake(name) for name in model.shapes}

    # -- uses and C types --

    def use_of(self, name):
        """The use of a shape by members."""
        if name not in self.uses:
            base = "_".join(snake(part) for part in name.split("."))
            self.uses[name] = Use(self.model.shapes[name], name, base)
        return self.uses[name]

    def struct_name(self, use):
        return self.types.claim("%s_%s" % (self.prefix, use.base), use.key)

    def entry_name(self, use):
        """The struct of a map's entry; a shape that has the plain name keeps it."""
        if use.base + "_entry" in self.shape_names:
            return self.types.claim("%s_%s_map_entry" % (self.prefix, use.base), use.key + " entry")
        return self.types.claim("%s_%s_entry" % (self.prefix, use.base), use.key + " entry")

    def c_type(self, name, place):
        """The C type of a shape in a "member", as an "item" or as a "sparse" item."""
        shape = self.model.shapes[name]
        if shape.is_event_stream:
            return "struct str"
        if shape.kind in SIMPLE_KINDS:
            return (PLAIN_TYPES if place == "item" else OPTIONAL_TYPES)[shape.kind]
        struct = "struct " + self.struct_name(self.use_of(name))
        by_pointer = shape.kind in AGGREGATES and place != "item"
        return struct + " *" if by_pointer else struct

    @staticmethod
    def declare(c_type, name):
        return c_type + name if c_type.endswith("*") else c_type + " " + name

    # -- header --

    def declare_target(self, name):
        """Declares what a member of that shape needs before it."""
        shape = self.model.shapes[name]
        if shape.kind in SIMPLE_KINDS or shape.is_event_stream:
            return
        use = self.use_of(name)
        state = self.declared.get(name)
        if state is None:
            self.declare_use(use)
        elif state == "open" and shape.kind in AGGREGATES:
            line = "struct %s;" % self.struct_name(use)
            if line not in self.header:
                self.header += [line, ""]
        elif state == "open":  # a structure in the collection holds the collection itself
            self.declare_collection(use)

    def declare_use(self, use):
        self.declared[use.key] = "open"
        if use.shape.kind in ("list", "map"):
            self.declare_target(use.shape.members[-1].target)
            if use.shape.kind == "map":
                self.declare_entry(use)
            if self.declared[use.key] == "open":
                self.declare_collection(use)
        else:
            self.declare_structure(use)
        self.declared[use.key] = "done"
        for late in [entry for entry in self.late_entries if entry[0] == use.key]:
            self.late_entries.remove(late)
            self.header += late[1]

    @staticmethod
    def item_place(shape):
        return "sparse" if "sparse" in shape.options else "item"

    def declare_collection(self, use):
        """The struct of a list or map, which only points to its items."""
        if use.shape.kind == "list":
            item = self.c_type(use.shape.members[0].target, self.item_place(use.shape))
        else:
            item = "struct " + self.entry_name(use)
        self.header += [
            "struct %s {" % self.struct_name(use),
            "    %s;" % self.declare(item, "*items"),
            "    size_t count;",
            "    bool is_set;",
            "};",
            "",
        ]
        self.declared[use.key] = "done"

    def declare_entry(self, use):
        value = use.shape.members[1].target
        item = self.c_type(value, self.item_place(use.shape))
        lines = [
            "struct %s {" % self.entry_name(use),
            "    struct str key;",
            "    %s;" % self.declare(item, "value"),
            "};",
            "",
        ]
        if self.declared.get(value) == "open" and not item.endswith("*"):
            # The value holds this map: its struct is complete only further down.
            self.late_entries.append((value, lines))
        else:
            self.header += lines

    def field_comment(self, member):
        notes = ["required"] if "required" in member.options else []
        if member.is_streaming:
            notes.append("streamed, so always absent here: see call->body")
        if self.model.shapes[member.target].is_event_stream:
            notes.append("encoded event stream")
        return "/* %s */" % "; ".join(notes) if notes else ""

    def members_of(self, shape):
        """The members that live in the C struct; an error's message travels in call->error."""
        if shape.kind != "error":
            return shape.members
        return [member for member in shape.members if member.name.lower() != "message"]

    def declare_structure(self, use):
        members = self.members_of(use.shape)
        for member in members:
            self.declare_target(member.target)
        fields, names = [], Names()
        for member in members:
            field = names.claim(field_name(member.name), use.shape.name + "." + member.name)
            c_type = self.c_type(member.target, "member")
            fields.append(("    %s;" % self.declare(c_type, field), self.field_comment(member)))
        lines = align_comments(fields)
        if not lines:
            lines.append("    char unused; /* no members */")
        if use.comment:
            self.header += use.comment
        if use.shape.kind == "union":
            self.header.append("/* One member is set. */")
        self.header += ["struct %s {" % self.struct_name(use)] + lines + ["};", ""]

    # -- shape tables --

    def table_of(self, name):
        """The address of a shape's table, which is emitted (or announced) before."""
        use = self.use_of(name)
        return "&" + self.emit_table(use)

    def emit_table(self, use):
        identifier = self.statics.claim_private(use.base + "_shape", use.key)
        state = self.tables.get(use.key)
        if state == "open":
            line = "static const struct shape %s;" % identifier
            if line not in self.source:
                self.source += [line, ""]
        if state is not None:
            return identifier
        self.tables[use.key] = "open"
        members = self.emit_members(use)
        values = self.emit_values(use)
        table = Table("    ")
        self.fill_shape(table, use, members, values)
        self.source += ["static const struct shape %s = {" % identifier] + table.lines + ["};", ""]
        self.tables[use.key] = "done"
        return identifier

    def fill_shape(self, table, use, members, values):
        shape = use.shape
        kind = SIMPLE_KINDS.get(shape.kind) or "KIND_" + shape.kind.upper()
        if shape.kind == "error":
            kind = "KIND_STRUCTURE"
        if shape.is_event_stream:
            kind = "KIND_BLOB"
        table.put_str("name", shape.name)
        table.put("kind", kind)
        flags = [flag for word, flag in SHAPE_WORDS.items() if word in shape.options]
        for word, flag in (("min", "SHAPE_HAS_MIN"), ("max", "SHAPE_HAS_MAX")):
            if word in shape.options:
                flags.append(flag)
        if shape.kind in ("byte", "short"):
            flags.append("SHAPE_IS_" + shape.kind.upper())
        table.put_flags("flags", flags)
        if members:
            table.put("member_count", "ARRAY_LEN(%s)" % members)
        if values:
            table.put("enum_count", "ARRAY_LEN(%s)" % values)
        self.fill_layout(table, use)
        table.put("members", members)
        table.put("enum_values", values)
        table.put_cstr("pattern", shape.pattern)
        table.put("min", c_number(shape.options.get("min")))
        table.put("max", c_number(shape.options.get("max")))
        table.put_str("xml_name", shape.options.get("xml"))
        table.put_str("xml_namespace", shape.options.get("xmlns"))
        table.put_str("media_type", shape.options.get("media"))

    def fill_layout(self, table, use):
        shape = use.shape
        if shape.is_event_stream or shape.kind in SIMPLE_KINDS:
            return
        if shape.kind == "list":
            item = self.c_type(shape.members[0].target, self.item_place(shape))
            table.put("size", "sizeof(%s)" % item)
        elif shape.kind == "map":
            entry = "struct " + self.entry_name(use)
            table.put("size", "sizeof(%s)" % entry)
            table.put("value_offset", "offsetof(%s, value)" % entry)
        else:
            table.put("size", "sizeof(struct %s)" % self.struct_name(use))

    def emit_values(self, use):
        if not use.shape.values:
            return None
        identifier = self.statics.claim_private(use.base + "_values", use.key)
        self.source.append("static const struct str %s[] = {" % identifier)
        for value in use.shape.values:
            self.source.append("    STR_INIT(%s)," % c_string(value, 13))
        self.source += ["};", ""]
        return identifier

    def emit_members(self, use):
        """Emits the member table with all shapes that it needs before it."""
        shape = use.shape
        members = [] if shape.is_event_stream else self.members_of(shape)
        if not members:
            return None
        targets = [self.table_of(member.target) for member in members]
        identifier = self.statics.claim_private(use.base + "_members", use.key)
        self.source.append("static const struct member %s[] = {" % identifier)
        for member, target in zip(members, targets):
            table = Table("        ")
            self.fill_member(table, use, member, target)
            self.source += ["    {"] + table.lines + ["    },"]
        self.source += ["};", ""]
        return identifier

    def fill_member(self, table, use, member, target):
        options = member.options
        xml_name = options.get("xml", member.name)
        table.put_str("name", member.name)
        table.put_str("json_name", options.get("json", member.name))
        table.put_str("xml_name", xml_name)
        table.put_str("ec2_name", options.get("ec2", xml_name[0].upper() + xml_name[1:]))
        location = [word for word in MEMBER_LOCATIONS if word in options and word in use.locations]
        if len(location) > 1:
            raise ModelError("%s.%s travels in two places" % (use.shape.name, member.name))
        if location:
            table.put_str("wire_name", options[location[0]])
        table.put_str("xml_namespace", options.get("xmlns"))
        table.put_str("xml_namespace_prefix", options.get("xmlns-prefix"))
        table.put("shape", target)
        if use.shape.kind in AGGREGATES:
            field = field_name(member.name)
            struct = self.struct_name(use)
            table.put("offset", "offsetof(struct %s, %s)" % (struct, field))
        table.put_flags("flags", [flag for word, flag in MEMBER_FLAGS.items() if word in options])
        if location:
            table.put("location", MEMBER_LOCATIONS[location[0]])
        time = options.get("time") or self.model.shapes[member.target].options.get("time")
        if time:
            table.put("timestamp_format", TIME_FORMATS[time])
        table.put_cstr("default_text", options.get("default"))

    # -- errors --

    def error_constant(self, name):
        text = "%s_%s" % (self.prefix.upper(), snake(name).upper())
        return self.constants.claim(text, "error " + name)

    def compile_error(self, shape):
        use = None
        if self.members_of(shape):
            base = re.sub("_(exception|error|fault)$", "", snake(shape.name)) + "_error"
            use = Use(shape, "error " + shape.name, base, OUTPUT_LOCATIONS)
            self.declare_use(use)
        table = Table("    ")
        is_sender = "sender" in shape.options
        status = shape.options.get("status", "400" if is_sender else "500")
        table.put_str("code", shape.name)
        table.put_str("query_code", shape.options.get("query-code", shape.name))
        table.put("http_status", status)
        table.put("query_status", shape.options.get("query-status", status))
        table.put("is_sender", "true" if is_sender else None)
        if use:
            table.put("shape", "&" + self.emit_table(use))
        for member in shape.members:
            if member not in self.members_of(shape):
                message_name = member.options.get("json", member.name)
                table.put_str("message_name", message_name if message_name != "message" else None)
        constant = self.error_constant(shape.name)
        self.source += ["const struct api_error %s = {" % constant] + table.lines + ["};", ""]

    def errors(self):
        shapes = [shape for shape in self.model.shapes.values() if shape.kind == "error"]
        return sorted(shapes, key=lambda shape: shape.name)

    # -- operations --

    def operation_constant(self, operation):
        text = "%s_OP_%s" % (self.prefix.upper(), snake(operation.name).upper())
        return self.constants.claim(text, "operation " + operation.name)

    def side(self, operation, which):
        """The use that is an operation's input ("in") or output ("out")."""
        name = operation.input if which == "in" else operation.output
        shape = self.model.shapes[name] if name else Shape("structure", operation.name, {})
        key = "%s (%s)" % (operation.name, which)
        locations = INPUT_LOCATIONS if which == "in" else OUTPUT_LOCATIONS
        return Use(shape, key, "%s_%s" % (snake(operation.name), which), locations)

    def handler_type(self, operation):
        return self.types.claim(
            "%s_%s_fn" % (self.prefix, snake(operation.name)), operation.name + " (handler)"
        )

    def declare_operation(self, operation):
        title = "/* %s" % operation.name
        if (operation.method, operation.uri) != ("POST", "/"):
            title += ": %s %s" % (operation.method, operation.uri)
        sides = [self.side(operation, "in"), self.side(operation, "out")]
        sides[0].comment = [title + " */"]
        for use in sides:
            self.declare_use(use)
        errors = [self.error_constant(name) for name in operation.errors]
        if errors:
            words = [name + "," for name in errors[:-1]] + [errors[-1] + ". */"]
            self.header += wrap(["Fails", "with"] + words, " * ", "/* ")
        function = self.handler_type(operation)
        head = "typedef enum status %s(" % function
        arguments = [
            "struct call *call",
            "const struct %s *in" % self.struct_name(sides[0]),
            "struct %s *out" % self.struct_name(sides[1]),
        ]
        text = head + ", ".join(arguments) + ");"
        if len(text) > 100:
            indent = " " * len(head)
            if len(head) + max(len(argument) for argument in arguments) + 2 > 100:
                indent, head = " " * 4, head + "\n    "
            text = head + (",\n" + indent).join(arguments) + ");"
        self.header += [text, ""]

    def emit_invoke(self, operation):
        """The function that finds and calls an operation's handler."""
        field = field_name(operation.name)
        name = "invoke_" + snake(operation.name)
        head = "static enum status %s(" % name
        arguments = "const void *handlers, struct call *call, const void *in, void *out)"
        if len(head) + len(arguments) > 100:
            arguments = arguments.replace(", const void *in", ",\n%sconst void *in" % (" " * len(head)))
        self.source += [
            head + arguments,
            "{",
            "    const struct %s_handlers *table = handlers;" % self.prefix,
            "    if (!table->%s)" % field,
            "        return STATUS_NOT_IMPLEMENTED;",
            "    return table->%s(call, in, out);" % field,
            "}",
            "",
        ]
        return name

    def emit_operation_parts(self, operation):
        """What an operation's table entry refers to; returns the entry."""
        sides = [self.side(operation, "in"), self.side(operation, "out")]
        tables = [self.emit_table(use) for use in sides]
        errors = None
        if operation.errors:
            errors = self.statics.claim_private(snake(operation.name) + "_errors", operation.name)
            self.source.append("static const struct api_error *const %s[] = {" % errors)
            self.source += ["    &%s," % self.error_constant(name) for name in operation.errors]
            self.source += ["};", ""]
        invoke = self.emit_invoke(operation)
        table = Table("        ")
        table.put_str("name", operation.name)
        table.put_str("http_method", operation.method)
        table.put_str("http_uri", operation.uri)
        table.put("http_code", str(operation.code))
        table.put_flags("flags", [OPERATION_WORDS[word] for word in operation.words])
        table.put("in", "&" + tables[0])
        table.put("out", "&" + tables[1])
        table.put("in_size", "sizeof(struct %s)" % self.struct_name(sides[0]))
        table.put("out_size", "sizeof(struct %s)" % self.struct_name(sides[1]))
        if errors:
            table.put("errors", errors)
            table.put("error_count", "ARRAY_LEN(%s)" % errors)
        offset = "offsetof(struct %s_handlers, %s)" % (self.prefix, field_name(operation.name))
        table.put("handler_offset", offset)
        table.put("invoke", invoke)
        return ["    [%s] = {" % self.operation_constant(operation)] + table.lines + ["    },"]

    # -- the two files --

    def compile(self):
        """Returns the texts of header and source."""
        source_name = "models/%s.model" % self.prefix
        self.source += [
            "/* %s_api.c — shape tables, errors and operations." % self.prefix,
            " *",
            " * Made by tools/modelc.py from %s; changes belong there." % source_name,
            " */",
            '#include "%s/%s_api.h"' % (self.prefix, self.prefix),
            "",
        ]
        self.header += [
            "/* %s_api.h — the operations of %s: inputs, outputs, handlers, errors."
            % (self.prefix, self.model.service.get("id", self.prefix)),
            " *",
            " * Made by tools/modelc.py from %s; changes belong there." % source_name,
            " * How shapes look in C is described in wire/shape.h.",
            " */",
            "#pragma once",
            "",
            "#include <stddef.h>",
            "",
            '#include "base/opt.h"',
            '#include "base/str.h"',
            '#include "wire/shape.h"',
            "",
        ]
        for shape in self.errors():
            self.compile_error(shape)
        self.declare_errors()
        for operation in self.model.operations:
            self.declare_operation(operation)
        entries = []
        for operation in self.model.operations:
            entries += self.emit_operation_parts(operation)
        self.declare_tables()
        self.emit_service(entries)
        return "\n".join(self.header) + "\n", "\n".join(self.source) + "\n"

    def declare_errors(self):
        for shape in self.errors():
            constant = self.error_constant(shape.name)
            self.header.append("extern const struct api_error %s;" % constant)
        self.header.append("")

    def declare_tables(self):
        operations = self.model.operations
        self.header.append("/* An operation whose pointer is NULL is not implemented. */")
        self.header.append("struct %s_handlers {" % self.prefix)
        names = Names()
        for operation in operations:
            field = names.claim(field_name(operation.name), operation.name)
            self.header.append("    %s *%s;" % (self.handler_type(operation), field))
        self.header += ["};", "", "/* Indices into %s_operations. */" % self.prefix]
        self.header.append("enum %s_op {" % self.prefix)
        self.header += ["    %s," % self.operation_constant(item) for item in operations]
        self.header += [
            "    %s_OP_COUNT," % self.prefix.upper(),
            "};",
            "",
            "extern const struct operation %s_operations[%s_OP_COUNT];"
            % (self.prefix, self.prefix.upper()),
            "extern const struct service_model %s_model;" % self.prefix,
        ]

    def emit_service(self, entries):
        service = self.model.service
        count = "%s_OP_COUNT" % self.prefix.upper()
        self.source.append("const struct operation %s_operations[%s] = {" % (self.prefix, count))
        self.source += entries + ["};", ""]
        table = Table("    ")
        table.put_str("name", self.prefix)
        for field, key in (
            ("service_id", "id"),
            ("smithy_name", "smithy-name"),
            ("endpoint_prefix", "endpoint-prefix"),
            ("signing_name", "signing-name"),
            ("arn_namespace", "arn-namespace"),
            ("target_prefix", "target-prefix"),
            ("api_version", "api-version"),
            ("xml_namespace", "xml-namespace"),
        ):
            table.put_str(field, service.get(key))
        protocols = service.get("protocols", "").split()
        table.put_flags("protocols", ["1U << " + PROTOCOLS[name] for name in protocols])
        if "query-compatible" in service:
            table.put("is_query_compatible", "true")
        if "no-error-wrapping" in service:
            table.put("is_s3_unwrapped", "true")
        table.put("operations", "%s_operations" % self.prefix)
        table.put("operation_count", count)
        self.source.append("const struct service_model %s_model = {" % self.prefix)
        self.source += table.lines + ["};"]


def c_number(text):
    if text is None:
        return None
    return "INT64_MIN" if int(text) == -(2**63) else str(int(text))


def main(arguments):
    if len(arguments) != 3:
        print("usage: modelc.py MODEL OUTDIR", file=sys.stderr)
        return 2
    try:
        model = read_model(arguments[1])
        header, source = Compiler(model).compile()
    except ModelError as error:
        print("modelc: %s" % error, file=sys.stderr)
        return 1
    os.makedirs(arguments[2], exist_ok=True)
    for suffix, text in (("h", header), ("c", source)):
        path = os.path.join(arguments[2], "%s_api.%s" % (model.name, suffix))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
