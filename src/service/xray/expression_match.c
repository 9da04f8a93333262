/* expression_match.c — asks a compiled filter expression about a trace. See expression.h.
 *
 * Keywords outside service() and edge() speak of the trace: its root segment, or for user,
 * annotation and the like anything in it. Inside they speak of one segment, or of one call to a
 * service that sent no segment. A service matches when any of its nodes does.
 */
#include "service/xray/expression_private.h"
#include "service/xray/trace.h"
#include "syntax/json.h"

/* What keywords speak of: `node` NULL is the trace as a whole. */
struct subject {
    const struct xray_tree *trace;
    const struct xray_node *node;
};

static bool takes(const struct xray_expression *e, struct subject subject);

static const struct xray_node *main_node(struct subject subject)
{
    return subject.node ? subject.node : subject.trace->root;
}

/* Whether a node belongs to what keywords speak of: all of the trace, or what the segment holds. */
static bool is_inside(struct subject subject, const struct xray_node *node)
{
    return !subject.node || node == subject.node ||
           (!subject.node->is_subsegment && node->segment == subject.node);
}

static bool compare_numbers(enum xray_operator operator, double left, double right)
{
    switch (operator) {
    case XRAY_EQUAL:
        return left == right;
    case XRAY_UNEQUAL:
        return left != right;
    case XRAY_LESS:
        return left < right;
    case XRAY_AT_MOST:
        return left <= right;
    case XRAY_MORE:
        return left > right;
    case XRAY_AT_LEAST:
        return left >= right;
    case XRAY_CONTAINS:
    case XRAY_BEGINSWITH:
    case XRAY_ENDSWITH:
        break;
    }
    return false;
}

static bool compare_texts(enum xray_operator operator, struct str left, struct str right)
{
    switch (operator) {
    case XRAY_EQUAL:
        return str_eq(left, right);
    case XRAY_UNEQUAL:
        return !str_eq(left, right);
    case XRAY_CONTAINS:
        return str_contains(left, right);
    case XRAY_BEGINSWITH:
        return str_starts_with(left, right);
    case XRAY_ENDSWITH:
        return str_ends_with(left, right);
    case XRAY_LESS:
    case XRAY_AT_MOST:
    case XRAY_MORE:
    case XRAY_AT_LEAST:
        break;
    }
    return false;
}

static bool takes_annotation(const struct xray_expression *e, const struct json *annotation)
{
    if (e->term == XRAY_FLAG)
        return annotation->kind != JSON_FALSE;
    switch (e->value_kind) {
    case XRAY_TEXT:
        return annotation->kind == JSON_STRING &&
               compare_texts(e->operator, annotation->text, e->text);
    case XRAY_NUMBER:
        break;
    case XRAY_TRUE:
    case XRAY_FALSE: {
        bool is_same = annotation->kind == (e->value_kind == XRAY_TRUE ? JSON_TRUE : JSON_FALSE);
        bool is_flag = annotation->kind == JSON_TRUE || annotation->kind == JSON_FALSE;
        return is_flag && is_same == (e->operator== XRAY_EQUAL);
    }
    }
    /* xray_number reads members: the annotation is one. */
    struct json holder = {.kind = JSON_OBJECT};
    struct json copy = *annotation;
    copy.key = STR("v");
    copy.next = NULL;
    holder.first = &copy;
    struct opt_f64 number = xray_number(&holder, "v");
    return number.is_set && compare_numbers(e->operator, number.value, e->number);
}

/* Texts of which a trace may have many. */
static struct str text_of(enum xray_keyword keyword, const struct xray_node *node)
{
    const struct json *aws = json_find_cstr(node->document, "aws");
    const struct json *ec2 = json_find_cstr(aws, "ec2");
    if (keyword == XRAY_USER)
        return json_find_str(node->document, "user");
    if (keyword == XRAY_AVAILABILITYZONE)
        return json_find_str(ec2, "availability_zone");
    if (keyword == XRAY_INSTANCE_ID)
        return json_find_str(ec2, "instance_id");
    if (keyword == XRAY_RESOURCE_ARN)
        return str_or(json_find_str(node->document, "resource_arn"),
                      json_find_str(aws, "resource_arn"));
    return (struct str){0};
}

static bool has_message(const struct xray_expression *e, const struct xray_node *node)
{
    const struct json *exceptions =
        json_find_cstr(json_find_cstr(node->document, "cause"), "exceptions");
    for (const struct json *item = json_is_array(exceptions) ? exceptions->first : NULL; item;
         item = item->next) {
        struct str message = json_find_str(item, "message");
        if (message.ptr && compare_texts(e->operator, message, e->text))
            return true;
    }
    return false;
}

static bool any_node_has(const struct xray_expression *e, struct subject subject)
{
    for (size_t i = 0; i < subject.trace->count; i++) {
        const struct xray_node *node = &subject.trace->nodes[i];
        if (!is_inside(subject, node))
            continue;
        if (e->keyword == XRAY_ANNOTATION) {
            const struct json *found =
                json_find(json_find_cstr(node->document, "annotations"), e->key);
            if (found && takes_annotation(e, found))
                return true;
        } else if (e->keyword == XRAY_MESSAGE) {
            if (has_message(e, node))
                return true;
        } else {
            struct str text = text_of(e->keyword, node);
            if (text.ptr && compare_texts(e->operator, text, e->text))
                return true;
        }
    }
    return false;
}

static bool flag_of(enum xray_keyword keyword, struct subject subject)
{
    const struct xray_node *node = main_node(subject);
    if (keyword == XRAY_PARTIAL)
        return subject.node ? subject.node->is_in_progress : subject.trace->is_partial;
    if (!node)
        return false;
    if (keyword == XRAY_OK)
        return !node->has_fault && !node->has_error && !node->has_throttle;
    if (keyword == XRAY_ERROR)
        return node->has_error;
    if (keyword == XRAY_THROTTLE)
        return node->has_throttle;
    if (keyword == XRAY_FAULT)
        return node->has_fault;
    if (keyword == XRAY_INFERRED)
        return node->is_call;
    if (keyword == XRAY_FIRST || keyword == XRAY_ROOT)
        return node == subject.trace->root;
    if (keyword == XRAY_LAST)
        return !node->makes_calls;
    if (keyword == XRAY_REMOTE)
        return node->ns.len > 0;
    return false;
}

static bool compare_keyword(const struct xray_expression *e, struct subject subject)
{
    const struct xray_node *node = main_node(subject);
    switch (e->keyword) {
    case XRAY_DURATION:
        if (!subject.node)
            return compare_numbers(e->operator, subject.trace->end_s - subject.trace->start_s,
                                   e->number);
        return compare_numbers(e->operator, node->end_s - node->start_s, e->number);
    case XRAY_RESPONSETIME:
        return node && compare_numbers(e->operator, node->end_s - node->start_s, e->number);
    case XRAY_HTTP_STATUS:
        return node && node->status.is_set &&
               compare_numbers(e->operator,(double) node->status.value, e->number);
    case XRAY_HTTP_URL:
        return node && node->url.ptr && compare_texts(e->operator, node->url, e->text);
    case XRAY_HTTP_METHOD:
        return node && node->method.ptr && compare_texts(e->operator, node->method, e->text);
    case XRAY_HTTP_USERAGENT:
        return node && node->user_agent.ptr &&
               compare_texts(e->operator, node->user_agent, e->text);
    case XRAY_HTTP_CLIENTIP:
        return node && node->client_ip.ptr && compare_texts(e->operator, node->client_ip, e->text);
    case XRAY_NAME:
        return node && compare_texts(e->operator, node->callee.name, e->text);
    case XRAY_TYPE:
        return node && compare_texts(e->operator, node->callee.type, e->text);
    case XRAY_USER:
    case XRAY_MESSAGE:
    case XRAY_AVAILABILITYZONE:
    case XRAY_INSTANCE_ID:
    case XRAY_RESOURCE_ARN:
    case XRAY_ANNOTATION:
        return any_node_has(e, subject);
    case XRAY_OK:
    case XRAY_ERROR:
    case XRAY_THROTTLE:
    case XRAY_FAULT:
    case XRAY_PARTIAL:
    case XRAY_INFERRED:
    case XRAY_FIRST:
    case XRAY_LAST:
    case XRAY_REMOTE:
    case XRAY_ROOT:
        break;
    }
    bool wants_true = (e->value_kind == XRAY_TRUE) == (e->operator== XRAY_EQUAL);
    return flag_of(e->keyword, subject) == wants_true;
}

/* --- services and edges --- */

static bool fits(const struct xray_selector *selector, const struct xray_actor *service)
{
    return (!selector->name.ptr || str_eq(selector->name, service->name)) &&
           (!selector->type.ptr || str_eq(selector->type, service->type));
}

/* Whether a node is the work of a service, rather than something inside it. */
static bool is_service_node(const struct xray_node *node)
{
    return !node->is_subsegment || node->is_call;
}

/* The segment on the calling side, or NULL: the client. */
static const struct xray_node *caller_of(const struct xray_node *node)
{
    return node->is_call ? node->segment : node->parent ? node->parent->segment : NULL;
}

static bool is_edge_node(const struct xray_expression *e, const struct xray_node *node)
{
    const struct xray_node *caller = caller_of(node);
    return is_service_node(node) && fits(&e->target, &node->callee) && caller &&
           fits(&e->source, &caller->callee);
}

bool xray_expression_selects(const struct xray_expression *expression,
                             const struct xray_tree *trace, const struct xray_node *node)
{
    const struct subject subject = {trace, node};
    bool is_meant = expression->term == XRAY_EDGE
                        ? is_edge_node(expression, node)
                        : expression->term == XRAY_SERVICE && is_service_node(node) &&
                              fits(&expression->source, &node->callee);
    return is_meant && (!expression->left || takes(expression->left, subject));
}

static bool any_selected(const struct xray_expression *e, const struct xray_tree *trace)
{
    for (size_t i = 0; i < trace->count; i++) {
        if (xray_expression_selects(e, trace, &trace->nodes[i]))
            return true;
    }
    return false;
}

/* Recursion is bounded by the expression's length. */
static bool takes(const struct xray_expression *e, struct subject subject)
{
    switch (e->term) {
    case XRAY_ALL:
        return true;
    case XRAY_AND:
        return takes(e->left, subject) && takes(e->right, subject);
    case XRAY_OR:
        return takes(e->left, subject) || takes(e->right, subject);
    case XRAY_NOT:
        return !takes(e->left, subject);
    case XRAY_FLAG:
        return e->keyword == XRAY_ANNOTATION ? any_node_has(e, subject)
                                             : flag_of(e->keyword, subject);
    case XRAY_COMPARE:
        return compare_keyword(e, subject);
    case XRAY_SERVICE:
    case XRAY_EDGE:
        return any_selected(e, subject.trace);
    case XRAY_GROUP:
        return e->left && takes(e->left, subject);
    }
    return false;
}

bool xray_expression_takes(const struct xray_expression *expression, const struct xray_tree *trace)
{
    return takes(expression, (struct subject){trace, NULL});
}
