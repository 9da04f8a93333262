/* trace.h — segment documents become a trace that can be asked about: a pure library.
 *
 * A trace is a forest of nodes: segments, and the subsegments inside them or sent by themselves,
 * linked by their parents' ids. A segment is the work of a service; a subsegment with a namespace
 * is a call to another one. When that other one sent no segment of its own, it is inferred from the
 * call. Everything lives in the arena; texts borrow from the documents.
 *
 * Docs: X-Ray developer guide, "AWS X-Ray segment documents", "AWS X-Ray concepts".
 */
#pragma once

#include "base/opt.h"
#include "base/str.h"

struct arena;
struct json;

struct xray_actor {
    struct str name;
    struct str type; /* "AWS::EC2::Instance", "remote", ...; absent: none */
    bool is_inferred;
};

struct xray_node {
    const struct json *document; /* object */
    struct str id;
    struct str parent_id; /* absent: none */
    struct str name;
    struct str ns; /* "aws", "remote" or absent */
    double start_s;
    double end_s; /* start_s while it is in progress */
    bool is_subsegment;
    bool is_in_progress;
    bool has_fault;
    bool has_error;
    bool has_throttle;
    struct str url;
    struct str method;
    struct str user_agent;
    struct str client_ip;
    struct opt_i64 status;
    struct xray_node *parent;  /* NULL: a root, or its parent was not sent */
    struct xray_node *segment; /* the segment that it is in; itself for segments; may be NULL */
    bool has_segment_below;    /* a call whose other end sent a segment */
    struct xray_actor callee;  /* of segments their own service, of calls the one called */
    bool is_call;              /* callee is a service that sent nothing itself */
    bool makes_calls;          /* of segments: has calls or segments below */
};

struct xray_tree {
    struct str id;
    struct xray_node *nodes;
    size_t count;
    struct xray_node *root; /* NULL: no segment without a parent has come */
    double start_s;
    double end_s;
    bool is_partial; /* something is in progress, or the root is missing */
};

/* Builds a trace of parsed documents (objects as xray_check_document lets through). */
struct xray_tree *xray_trace_build(struct arena *arena, struct str id,
                                   const struct json *const *documents, size_t count);

/* Checks a document as it comes in. NULL when it is well-formed; else the error code of
 * UnprocessedTraceSegments. */
const char *xray_check_document(const struct json *document);

bool xray_same_actor(const struct xray_actor *a, const struct xray_actor *b);
/* A member of an object as a number; absent: not there or no number. */
struct opt_f64 xray_number(const struct json *object, const char *name);
