/* rest_match.c — which operation a REST request is for.
 *
 * Docs: Smithy, "http trait": patterns of literals, {labels} and a {greedy+} label, with query
 * literals behind '?'. Of several that match, the more literal path wins, segment by segment, then
 * the one with more query literals.
 *
 * S3's operations are not told apart by that alone. `x-id` names the operation but most clients do
 * not send it, so it counts only when it is there. UploadPart and PutObject differ only in that the
 * former requires parameters: an operation whose required parameters and headers are all present
 * wins over one that lacks some, and more of them over fewer.
 */
#include "base/arena.h"
#include "syntax/uri.h"
#include "wire/rest.h"
#include "wire/router.h"

enum segment_rank { /* two bits each, leftmost segment highest */
                    RANK_GREEDY = 1,
                    RANK_LABEL = 2,
                    RANK_LITERAL = 3,
                    RANK_BITS = 2,
                    RANK_SEGMENTS = 31,
};

/* How well an operation fits; compared from the top. */
struct fit {
    uint64_t path_rank;
    size_t literals;     /* query literals that match */
    size_t missing;      /* required parameters and headers that are not there */
    size_t bound;        /* ... that are */
    bool is_a_candidate; /* path and query literals match at all */
};

static size_t segment_count(struct str path)
{
    size_t count = 1;
    for (size_t i = 0; i < path.len; i++)
        count += path.ptr[i] == '/';
    return count;
}

static bool is_label(struct str segment)
{
    return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

static bool is_greedy(struct str segment)
{
    return is_label(segment) && segment.ptr[segment.len - 2] == '+';
}

/* Cuts what the greedy label stands for off *path, leaving as many segments as follow it in the
 * pattern (`rest`, absent when it is last). */
static bool cut_greedy(struct str rest, struct str *path, struct str *out_value)
{
    struct str value = *path;
    struct str left = {0};
    for (size_t i = str_is_set(rest) ? segment_count(rest) : 0; i > 0; i--) {
        const ptrdiff_t slash = str_last_index(value, '/');
        if (slash < 0)
            return false;
        value = str_slice(value, 0, (size_t)slash);
        left = str_from(*path, (size_t)slash + 1);
    }
    *out_value = value;
    *path = left;
    return value.len > 0;
}

static struct str without_slashes(struct str path, bool at_end)
{
    if (path.len > 0 && path.ptr[0] == '/')
        path = str_from(path, 1);
    if (at_end && path.len > 0 && path.ptr[path.len - 1] == '/')
        path = str_slice(path, 0, path.len - 1);
    return path;
}

int rest_match_path(struct str pattern, struct str path,
                    struct rest_label labels[static REST_MAX_LABELS])
{
    int count = 0;
    struct str segment;
    struct str rest = without_slashes(pattern, true);
    path = str_or(without_slashes(path, false), STR(""));
    while (str_split_next(&rest, '/', &segment)) {
        struct str value = {0};
        if (is_greedy(segment)) {
            if (!str_is_set(path) || !cut_greedy(rest, &path, &value))
                return -1;
        } else if (!str_split_next(&path, '/', &value)) {
            return -1;
        }
        if (!is_label(segment)) {
            if (!str_eq(segment, value))
                return -1;
            continue;
        }
        if (value.len == 0 || count == REST_MAX_LABELS)
            return -1;
        const size_t braces = is_greedy(segment) ? 3 : 2;
        labels[count++] = (struct rest_label){.name = str_slice(segment, 1, segment.len - braces),
                                              .value = value};
    }
    return path.len == 0 ? count : -1; /* "/bucket/" is "/bucket" */
}

static uint64_t path_rank(struct str pattern)
{
    uint64_t rank = 0;
    struct str segment;
    struct str rest = without_slashes(pattern, true);
    for (int left = RANK_SEGMENTS; left > 0 && str_split_next(&rest, '/', &segment); left--) {
        const enum segment_rank own =
            is_greedy(segment) ? RANK_GREEDY : (is_label(segment) ? RANK_LABEL : RANK_LITERAL);
        rank |= (uint64_t)own << (left * RANK_BITS);
    }
    return rank;
}

/* Counts the query literals, or says that one does not match. */
static bool match_literals(struct str literals, const struct form *query, size_t *out_count)
{
    struct str piece;
    while (str_split_next(&literals, '&', &piece)) {
        const ptrdiff_t equals = str_index(piece, '=');
        const struct str name = equals < 0 ? piece : str_slice(piece, 0, (size_t)equals);
        const struct str wanted = equals < 0 ? STR("") : str_from(piece, (size_t)equals + 1);
        const struct str value = form_find(query, name);
        if (!str_is_set(value) && str_eq(name, STR("x-id")))
            continue;
        if (!str_is_set(value) || (wanted.len > 0 && !str_eq(value, wanted)))
            return false;
        ++*out_count;
    }
    return true;
}

static void count_required(const struct shape *shape, const struct wire_request *request,
                           const struct form *query, struct arena *arena, struct fit *fit)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (!(member->flags & MEMBER_REQUIRED))
            continue;
        bool is_there;
        if (member->location == LOCATION_QUERY)
            is_there = str_is_set(form_find(query, member->wire_name));
        else if (member->location == LOCATION_HEADER)
            is_there = str_is_set(wire_header(request, str_to_cstr(arena, member->wire_name)));
        else
            continue;
        fit->bound += is_there;
        fit->missing += !is_there;
    }
}

static struct fit fit_of(const struct operation *operation, const struct wire_request *request,
                         const struct form *query, struct arena *arena)
{
    struct rest_label labels[REST_MAX_LABELS];
    struct fit fit = {0};
    struct str literals = operation->http_uri;
    struct str path;
    /* The cheapest and most telling first: S3 has a hundred operations on two paths. */
    if (!str_eq(operation->http_method, request->method))
        return fit;
    str_split_next(&literals, '?', &path);
    if (!match_literals(literals, query, &fit.literals) ||
        rest_match_path(path, request->raw_path, labels) < 0)
        return fit;
    fit.path_rank = path_rank(path);
    fit.is_a_candidate = true;
    count_required(operation->in, request, query, arena, &fit);
    return fit;
}

static bool is_better(const struct fit *a, const struct fit *b)
{
    if (a->is_a_candidate != b->is_a_candidate)
        return a->is_a_candidate;
    if (a->path_rank != b->path_rank)
        return a->path_rank > b->path_rank;
    if (a->literals != b->literals)
        return a->literals > b->literals;
    if (a->missing != b->missing)
        return a->missing < b->missing;
    return a->bound > b->bound;
}

const struct operation *rest_find_operation(const struct service_model *service,
                                            const struct wire_request *request, struct arena *arena,
                                            struct str *out_name)
{
    const struct operation *best = NULL;
    struct fit best_fit = {0};
    struct form query = {0};
    *out_name = str_concat3(arena, request->method, STR(" "), request->raw_path);
    if (form_parse(arena, str_or(request->raw_query, STR("")), true, &query) < 0)
        return NULL;
    for (size_t i = 0; i < service->operation_count; i++) {
        const struct fit fit = fit_of(&service->operations[i], request, &query, arena);
        if (is_better(&fit, &best_fit)) {
            best = &service->operations[i];
            best_fit = fit;
        }
    }
    if (best)
        *out_name = best->name;
    return best;
}
