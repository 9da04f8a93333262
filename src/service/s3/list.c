/* list.c — ListObjects, ListObjectsV2, ListObjectVersions.
 *
 * A page walks the keys in order. Keys that share a common prefix are shown as that prefix once;
 * behind the first of them the walk goes on a little, in case there are few, and then seeks to the
 * first key behind the prefix. So a page costs what it shows, not what lies below its prefixes.
 *
 * AWS: S3 API reference of each. Keys are in UTF-8 order; a common prefix counts as one item.
 */
#include "service/s3/list.h"

#include <errno.h>

#include "base/arena.h"
#include "service/s3/object.h"
#include "syntax/base64.h"
#include "syntax/uri.h"
#include "wire/identity.h"

enum {
    SKIP_MAX = 8, /* keys below a common prefix that are stepped over before seeking */
};

/* ---- helpers of requests ---- */

enum status s3_read_count(struct call *call, const char *name, struct str text, int64_t *out_count)
{
    int64_t count = S3_MAX_PAGE;
    if (str_is_set(text)) {
        int rc = str_to_i64(text, &count);
        if (rc == -EINVAL || (rc == 0 && count < 0) || count > INT32_MAX || rc == -ERANGE) {
            struct str message = str_format(
                call->arena,
                rc == 0 && count < 0 ? "Argument %s must be an integer between 0 and 2147483647"
                                     : "Provided %s not an integer or within integer range",
                name);
            return s3_fail_argument(call, name, text, str_to_cstr(call->arena, message));
        }
    }
    *out_count = count < S3_MAX_PAGE ? count : S3_MAX_PAGE;
    return STATUS_DONE;
}

/* The next code point, skipping the surrogates; false at the last one. */
static bool next_code_point(uint32_t *code)
{
    if (*code == 0x10FFFF)
        return false;
    *code = *code == 0xD7FF ? 0xE000 : *code + 1;
    return true;
}

static size_t write_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static uint32_t read_utf8(const char *at, size_t len)
{
    const unsigned char first = (unsigned char)at[0];
    uint32_t code = len == 1 ? first : first & (0x7FU >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3FU);
    return code;
}

/* The order of UTF-8 bytes is that of code points: the last code point is counted up; one that
 * cannot be is dropped, and the one before it counted up. */
struct str s3_end_of_prefix(struct arena *arena, struct str prefix)
{
    char *out = arena_alloc_text(arena, prefix.len + 1);
    while (prefix.len > 0) {
        size_t start = prefix.len - 1;
        while (start > 0 && ((unsigned char)prefix.ptr[start] & 0xC0) == 0x80)
            start--;
        uint32_t code = read_utf8(prefix.ptr + start, prefix.len - start);
        if (next_code_point(&code)) {
            for (size_t i = 0; i < start; i++)
                out[i] = prefix.ptr[i];
            return str_of(out, start + write_utf8(code, out + start));
        }
        prefix.len = start;
    }
    return (struct str){0};
}

/* ---- the walk ---- */

/* Starts anew at `at` (or behind it), in the order of keys. */
static void seek(struct s3_walk *walk, struct str at, bool is_inclusive)
{
    walk->at = at;
    walk->is_inclusive = is_inclusive;
    walk->at_seq = is_inclusive ? INT64_MAX : 0;
    walk->must_seek = true;
}

/* The common prefix that the key falls under, or an absent str. */
static struct str common_prefix(const struct s3_walk *walk, struct str key)
{
    if (walk->delimiter.len == 0)
        return (struct str){0};
    ptrdiff_t found = str_find(str_from(key, walk->prefix.len), walk->delimiter);
    if (found < 0)
        return (struct str){0};
    return str_slice(key, 0, walk->prefix.len + (size_t)found + walk->delimiter.len);
}

static bool is_below_last(const struct s3_walk *walk, struct str key)
{
    return walk->prefix_count > 0 && str_starts_with(key, walk->prefixes[walk->prefix_count - 1]);
}

/* Whether the prefix was answered on a page before: then it is the marker. */
static bool was_shown(const struct s3_walk *walk, struct str prefix)
{
    return str_is_set(walk->marker) && str_eq(walk->marker, prefix);
}

/* Takes one object into the page. False: stop stepping. */
bool s3_walk_visit(void *context, const struct s3_object_row *object)
{
    struct s3_walk *walk = context;
    walk->seen++;
    walk->seen_key = object->key;
    walk->seen_seq = object->seq;
    struct str prefix = common_prefix(walk, object->key);
    if (str_is_set(prefix) && (is_below_last(walk, object->key) || was_shown(walk, prefix))) {
        if (++walk->skipped < walk->patience)
            return true;
        /* Where one prefix has many keys, others have, too. */
        walk->patience = walk->patience > 1 ? walk->patience / 2 : 1;
        struct str end = s3_end_of_prefix(walk->arena, prefix);
        if (str_is_set(end))
            seek(walk, end, true);
        else
            walk->is_done = true;
        return false;
    }
    if (walk->item_count + walk->prefix_count == walk->limit) {
        walk->is_truncated = true;
        walk->is_done = true;
        return false;
    }
    if (walk->skipped > 0 && walk->skipped < walk->patience && walk->patience < SKIP_MAX)
        walk->patience++;
    walk->skipped = 0;
    if (str_is_set(prefix)) {
        walk->prefixes[walk->prefix_count++] = prefix;
        walk->last = prefix;
        walk->last_object = NULL;
        return true;
    }
    walk->items[walk->item_count++] = object;
    walk->last = object->key;
    walk->last_object = object;
    return true;
}

enum status s3_walk(struct call *call, const struct s3_bucket_row *bucket, struct s3_walk *walk,
                    bool has_versions)
{
    struct str end = s3_end_of_prefix(call->arena, walk->prefix);
    walk->arena = call->arena;
    walk->patience = SKIP_MAX;
    walk->items = arena_alloc_array(call->arena, (size_t)walk->limit + 1, sizeof(*walk->items));
    walk->prefixes =
        arena_alloc_array(call->arena, (size_t)walk->limit + 1, sizeof(*walk->prefixes));
    /* What is no text is in no key. */
    if (!str_is_utf8(walk->prefix) || !str_is_utf8(walk->at) ||
        str_index(walk->prefix, '\0') >= 0 || str_index(walk->at, '\0') >= 0)
        return s3_fail(call, &S3_INVALID_URI, NULL, "Couldn't parse the specified URI.");
    if (str_compare(walk->at, walk->prefix) < 0)
        seek(walk, walk->prefix, true);
    while (walk->limit > 0 && !walk->is_done) {
        const int64_t batch =
            (int64_t)(walk->limit - walk->item_count - walk->prefix_count) + SKIP_MAX + 1;
        walk->must_seek = false;
        walk->seen = 0;
        int rc = has_versions
                     ? s3_store_list_versions(call->db, call->arena, bucket->bucket_key, walk->at,
                                              walk->at_seq, end, batch, s3_walk_visit, walk)
                     : s3_store_list_objects(call->db, call->arena, bucket->bucket_key, walk->at,
                                             walk->is_inclusive, end, batch, s3_walk_visit, walk);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: list");
        if (!walk->must_seek && walk->seen < (size_t)batch)
            break;
        if (!walk->must_seek) {
            walk->at = walk->seen_key;
            walk->at_seq = walk->seen_seq;
            walk->is_inclusive = false;
        }
    }
    return STATUS_DONE;
}

/* ---- answers ---- */

/* AWS: with encoding-type=url, Delimiter, Prefix, keys and markers are percent-coded. */
static struct str coded(const struct s3_view *view, struct str text)
{
    if (!view->is_coded || !str_is_set(text))
        return text;
    return uri_encode_str(view->arena, text, true);
}

enum status s3_begin_view(struct call *call, struct str encoding_type, struct s3_view *out)
{
    *out = (struct s3_view){.arena = call->arena, .is_coded = str_is_set(encoding_type)};
    if (out->is_coded && !str_eq_cstr(encoding_type, "url"))
        return s3_fail_argument(call, "encoding-type", encoding_type,
                                "Invalid Encoding Method specified in Request");
    return STATUS_DONE;
}

struct str s3_coded(const struct s3_view *view, struct str text)
{
    return coded(view, text);
}

struct s3_owner *s3_owner_of(struct arena *arena, struct str account)
{
    struct s3_owner *owner = arena_alloc(arena, sizeof(*owner));
    owner->id = identity_canonical_user(arena, account);
    return owner;
}

void s3_show_prefixes(const struct s3_view *view, const struct s3_walk *walk,
                      struct s3_common_prefix_list *out)
{
    out->items = arena_alloc_array(view->arena, walk->prefix_count, sizeof(*out->items));
    for (size_t i = 0; i < walk->prefix_count; i++)
        out->items[out->count++].prefix = coded(view, walk->prefixes[i]);
}

static struct s3_checksum_algorithm_list algorithms_of(struct arena *arena,
                                                       const struct s3_object_row *object)
{
    struct s3_checksum_algorithm_list list = {0};
    struct str name = s3_checksum_name(object->checksum_kind);
    if (!str_is_set(name))
        return list;
    list.items = arena_alloc(arena, sizeof(*list.items));
    list.items[list.count++] = name;
    return list;
}

/* The owner of the one before, when it is the same account. */
static struct s3_owner *owner_after(struct arena *arena, const struct s3_walk *walk, size_t index,
                                    struct s3_owner *before)
{
    struct str account = walk->items[index]->owner;
    if (before && str_eq(walk->items[index - 1]->owner, account))
        return before;
    return s3_owner_of(arena, account);
}

static void show_objects(const struct s3_view *view, const struct s3_walk *walk, bool has_owner,
                         struct s3_object_list *out)
{
    out->items = arena_alloc_array(view->arena, walk->item_count, sizeof(*out->items));
    struct s3_owner *owner = NULL;
    for (size_t i = 0; i < walk->item_count; i++) {
        const struct s3_object_row *object = walk->items[i];
        owner = has_owner ? owner_after(view->arena, walk, i, owner) : NULL;
        out->items[out->count++] = (struct s3_object){
            .key = coded(view, object->key),
            .last_modified = s3_whole_second(object->modified_at_ms),
            .etag = s3_quoted(view->arena, object->etag),
            .checksum_algorithm = algorithms_of(view->arena, object),
            .checksum_type = s3_checksum_type(object),
            .size = opt_i64(object->size),
            .storage_class = s3_class_name(object),
            .owner = owner,
        };
    }
}

static struct str count_text(struct arena *arena, int64_t count)
{
    return str_format(arena, "%lld", (long long)count);
}

enum status s3_list_objects(struct call *call, const struct s3_list_objects_in *in,
                            struct s3_list_objects_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_view view;
    int64_t limit = 0;
    enum status status = s3_begin_view(call, in->encoding_type, &view);
    if (status == STATUS_DONE)
        status = s3_read_count(call, "max-keys", in->max_keys, &limit);
    if (status != STATUS_DONE)
        return status;
    struct s3_walk walk = {
        .prefix = str_or(in->prefix, STR("")),
        .delimiter = in->delimiter,
        .marker = in->marker,
        .at = str_or(in->marker, STR("")),
        .limit = (size_t)limit,
    };
    status = s3_walk(call, bucket, &walk, false);
    if (status != STATUS_DONE)
        return status;
    out->name = bucket->name;
    out->prefix = str_or(coded(&view, in->prefix), STR(""));
    out->marker = str_or(coded(&view, in->marker), STR(""));
    out->max_keys = count_text(call->arena, limit);
    out->is_truncated = opt_bool(walk.is_truncated);
    out->encoding_type = in->encoding_type;
    if (in->delimiter.len > 0)
        out->delimiter = coded(&view, in->delimiter);
    /* AWS: "This element is returned only if you have the delimiter request parameter specified."
     */
    if (walk.is_truncated && in->delimiter.len > 0)
        out->next_marker = coded(&view, walk.last);
    show_objects(&view, &walk, true, &out->contents);
    s3_show_prefixes(&view, &walk, &out->common_prefixes);
    return STATUS_DONE;
}

/* A token names the last key or prefix of the page; it is opaque, not secret. */
static struct str write_token(struct arena *arena, struct str last)
{
    return base64_encode_str(arena, str_concat(arena, STR("1"), last));
}

static enum status read_token(struct call *call, struct str token, struct str *out_last)
{
    struct str text = {0};
    if (base64_decode(call->arena, token, &text) == 0 && text.len > 1 && text.ptr[0] == '1' &&
        str_is_utf8(text) && str_index(text, '\0') < 0) {
        *out_last = str_from(text, 1);
        return STATUS_DONE;
    }
    return s3_fail_argument(call, "continuation-token", token,
                            "The continuation token provided is incorrect");
}

enum status s3_list_objects_v2(struct call *call, const struct s3_list_objects_v2_in *in,
                               struct s3_list_objects_v2_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_view view;
    int64_t limit = 0;
    struct str marker = in->start_after;
    enum status status = s3_begin_view(call, in->encoding_type, &view);
    if (status == STATUS_DONE)
        status = s3_read_count(call, "max-keys", in->max_keys, &limit);
    if (status == STATUS_DONE && str_is_set(in->continuation_token))
        status = read_token(call, in->continuation_token, &marker);
    if (status != STATUS_DONE)
        return status;
    struct s3_walk walk = {
        .prefix = str_or(in->prefix, STR("")),
        .delimiter = in->delimiter,
        .marker = marker,
        .at = str_or(marker, STR("")),
        .limit = (size_t)limit,
    };
    status = s3_walk(call, bucket, &walk, false);
    if (status != STATUS_DONE)
        return status;
    out->name = bucket->name;
    out->prefix = str_or(coded(&view, in->prefix), STR(""));
    out->max_keys = count_text(call->arena, limit);
    out->is_truncated = opt_bool(walk.is_truncated);
    out->encoding_type = in->encoding_type;
    out->key_count = opt_i32((int32_t)(walk.item_count + walk.prefix_count));
    out->continuation_token = in->continuation_token;
    out->start_after = coded(&view, in->start_after);
    if (in->delimiter.len > 0)
        out->delimiter = coded(&view, in->delimiter);
    if (walk.is_truncated)
        out->next_continuation_token = write_token(call->arena, walk.last);
    show_objects(&view, &walk, opt_bool_or(in->fetch_owner, false), &out->contents);
    s3_show_prefixes(&view, &walk, &out->common_prefixes);
    return STATUS_DONE;
}

/* ---- versions ---- */

static void show_versions(const struct s3_view *view, const struct s3_walk *walk,
                          struct s3_list_object_versions_out *out)
{
    out->versions.items =
        arena_alloc_array(view->arena, walk->item_count, sizeof(*out->versions.items));
    out->delete_markers.items =
        arena_alloc_array(view->arena, walk->item_count, sizeof(*out->delete_markers.items));
    struct s3_owner *owner = NULL;
    for (size_t i = 0; i < walk->item_count; i++) {
        const struct s3_object_row *object = walk->items[i];
        owner = owner_after(view->arena, walk, i, owner);
        if (object->is_marker) {
            out->delete_markers.items[out->delete_markers.count++] =
                (struct s3_delete_marker_entry){
                    .owner = owner,
                    .key = coded(view, object->key),
                    .version_id = object->version_id,
                    .is_latest = opt_bool(object->is_latest),
                    .last_modified = s3_whole_second(object->modified_at_ms),
                };
            continue;
        }
        out->versions.items[out->versions.count++] = (struct s3_object_version){
            .etag = s3_quoted(view->arena, object->etag),
            .checksum_algorithm = algorithms_of(view->arena, object),
            .checksum_type = s3_checksum_type(object),
            .size = opt_i64(object->size),
            .storage_class = s3_class_name(object),
            .key = coded(view, object->key),
            .version_id = object->version_id,
            .is_latest = opt_bool(object->is_latest),
            .last_modified = s3_whole_second(object->modified_at_ms),
            .owner = owner,
        };
    }
}

/* Where the version of a marker stands. One that is gone: behind its key. */
static enum status find_marker(struct call *call, const struct s3_bucket_row *bucket,
                               const struct s3_list_object_versions_in *in, struct s3_walk *walk)
{
    struct s3_object_row *version = NULL;
    if (!str_is_set(in->version_id_marker) || in->version_id_marker.len == 0)
        return STATUS_DONE;
    if (!str_is_set(in->key_marker))
        return s3_fail_argument(call, "version-id-marker", in->version_id_marker,
                                "A version-id marker cannot be specified without a key marker.");
    enum status status = s3_check_version_id(call, in->version_id_marker);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_store_find_object(call->db, call->arena, bucket->bucket_key, in->key_marker,
                                  in->version_id_marker, &version);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a marker");
    walk->at_seq = version ? version->seq : 0;
    return STATUS_DONE;
}

enum status s3_list_object_versions(struct call *call, const struct s3_list_object_versions_in *in,
                                    struct s3_list_object_versions_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_view view;
    int64_t limit = 0;
    enum status status = s3_begin_view(call, in->encoding_type, &view);
    if (status == STATUS_DONE)
        status = s3_read_count(call, "max-keys", in->max_keys, &limit);
    if (status != STATUS_DONE)
        return status;
    struct s3_walk walk = {
        .prefix = str_or(in->prefix, STR("")),
        .delimiter = in->delimiter,
        .marker = in->key_marker,
        .at = str_or(in->key_marker, STR("")),
        .limit = (size_t)limit,
    };
    status = find_marker(call, bucket, in, &walk);
    if (status == STATUS_DONE)
        status = s3_walk(call, bucket, &walk, true);
    if (status != STATUS_DONE)
        return status;
    out->name = bucket->name;
    out->prefix = str_or(coded(&view, in->prefix), STR(""));
    out->key_marker = str_or(coded(&view, in->key_marker), STR(""));
    out->version_id_marker = str_or(in->version_id_marker, STR(""));
    out->max_keys = count_text(call->arena, limit);
    out->is_truncated = opt_bool(walk.is_truncated);
    out->encoding_type = in->encoding_type;
    if (in->delimiter.len > 0)
        out->delimiter = coded(&view, in->delimiter);
    if (walk.is_truncated) {
        out->next_key_marker = coded(&view, walk.last);
        if (walk.last_object)
            out->next_version_id_marker = walk.last_object->version_id;
    }
    show_versions(&view, &walk, out);
    s3_show_prefixes(&view, &walk, &out->common_prefixes);
    return STATUS_DONE;
}
