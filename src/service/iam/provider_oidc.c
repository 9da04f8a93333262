/* provider_oidc.c — OpenID Connect identity providers: a URL, its client ids and thumbprints.
 *
 * The ARN is made of the URL, so a URL is there once per account. Client ids and thumbprints are
 * kept as a JSON object of two arrays.
 *
 * Docs: IAM API reference, CreateOpenIDConnectProvider and the others.
 * OBSERVED: 2026-02, the texts of errors and what is empty in answers, as other test suites
 * recorded them.
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"
#include "service/iam/iam_public.h"
#include "syntax/json.h"

enum {
    MAX_CLIENTS = 100,
    MAX_THUMBPRINTS = 5,
};

/* --- client ids and thumbprints --- */

static struct json *array_of(struct call *call, const struct str *items, size_t count)
{
    struct json *array = json_new(call->arena, JSON_ARRAY);
    for (size_t i = 0; i < count; i++)
        json_append(array, json_new_string(call->arena, items[i]));
    return array;
}

static void read_array(struct call *call, const struct json *array, struct vec *out)
{
    vec_init(out, call->arena, sizeof(struct str));
    for (const struct json *item = array ? array->first : NULL; item; item = item->next)
        *(struct str *)vec_push(out) = item->text;
}

struct lists {
    struct vec clients;
    struct vec thumbprints;
};

static struct lists read_lists(struct call *call, const struct iam_provider *provider)
{
    struct json *body = NULL;
    struct lists lists;
    int rc = json_parse(call->arena, provider->body, 0, &body, NULL);
    CHECK(rc == 0); /* written below */
    read_array(call, json_find_cstr(body, "clients"), &lists.clients);
    read_array(call, json_find_cstr(body, "thumbprints"), &lists.thumbprints);
    return lists;
}

static struct str body_of(struct call *call, const struct lists *lists)
{
    struct json *body = json_new(call->arena, JSON_OBJECT);
    json_append_member(body, STR("clients"),
                       array_of(call, lists->clients.items, lists->clients.count));
    json_append_member(body, STR("thumbprints"),
                       array_of(call, lists->thumbprints.items, lists->thumbprints.count));
    return json_to_str(call->arena, body);
}

static bool holds(const struct vec *texts, struct str text)
{
    for (size_t i = 0; i < texts->count; i++) {
        const struct str *known = vec_at(texts, i);
        if (str_eq(*known, text))
            return true;
    }
    return false;
}

static void add_once(struct vec *texts, const struct str *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!holds(texts, items[i]))
            *(struct str *)vec_push(texts) = items[i];
    }
}

static enum status check_lists(struct call *call, const struct lists *lists)
{
    if (lists->thumbprints.count > MAX_THUMBPRINTS)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "Thumbprint list must contain fewer than 5 entries.");
    if (lists->clients.count > MAX_CLIENTS)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d",
                         MAX_CLIENTS);
    return STATUS_DONE;
}

/* --- rows --- */

static enum status find_provider(struct call *call, struct str arn, struct iam_provider *out)
{
    int rc = iam_store_find_provider(call->db, call->arena, call->scope.account, arn, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an identity provider");
    if (rc == 0 || out->kind != IAM_PROVIDER_OIDC)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "OpenIDConnect Provider not found for arn " STR_FMT, STR_ARG(arn));
    return STATUS_DONE;
}

static enum status put_provider(struct call *call, const struct iam_provider *provider)
{
    int rc = iam_store_put_provider(call->db, provider);
    return rc < 0 ? call_fail_internal(call, rc, "iam: write an identity provider") : STATUS_DONE;
}

static enum status put_lists(struct call *call, struct iam_provider *provider,
                             const struct lists *lists)
{
    enum status status = check_lists(call, lists);
    provider->body = body_of(call, lists);
    return status == STATUS_DONE ? put_provider(call, provider) : status;
}

/* AWS: "The URL must begin with https://"; "per the OIDC standard, path components are allowed but
 * query parameters are not".
 * DEVIATION: AWS wants no port number in the URL; a provider on this machine has one. */
static bool is_good_url(struct str url)
{
    if (!str_starts_with(url, STR("https://")))
        return false;
    struct str rest = str_from(url, 8);
    ptrdiff_t slash = str_index(rest, '/');
    struct str host = slash < 0 ? rest : str_slice(rest, 0, (size_t)slash);
    return host.len > 0 && str_index(rest, '?') < 0 && str_index(rest, '#') < 0 &&
           str_index(rest, ' ') < 0;
}

/* --- operations --- */

/* DEVIATION: AWS fetches the thumbprint of the provider's CA when the request gives none; here no
 * provider is asked and the list stays empty. */
enum status
iam_create_open_id_connect_provider(struct call *call,
                                    const struct iam_create_open_id_connect_provider_in *in,
                                    struct iam_create_open_id_connect_provider_out *out)
{
    if (!is_good_url(in->url))
        return call_fail(call, &ERROR_VALIDATION, "Invalid Open ID Connect Provider URL");
    struct str name = str_from(in->url, 8);
    struct iam_provider provider = {
        .arn = call_arn(call, "iam", true, "oidc-provider/" STR_FMT, STR_ARG(name)),
        .account = call->scope.account,
        .kind = IAM_PROVIDER_OIDC,
        .name = name,
        .tags = STR("{}"),
        .created_at_ms = call->now_ms / 1000 * 1000,
    };
    struct iam_provider taken = {0};
    int rc =
        iam_store_find_provider(call->db, call->arena, call->scope.account, provider.arn, &taken);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an identity provider");
    if (rc == 1)
        return call_fail(call, &IAM_ENTITY_ALREADY_EXISTS_EXCEPTION,
                         "Provider with url " STR_FMT " already exists.", STR_ARG(in->url));
    enum status status = iam_merge_tags(call, &provider.tags, &in->tags);
    if (status != STATUS_DONE)
        return status;
    struct lists lists;
    vec_init(&lists.clients, call->arena, sizeof(struct str));
    vec_init(&lists.thumbprints, call->arena, sizeof(struct str));
    add_once(&lists.clients, in->client_id_list.items, in->client_id_list.count);
    add_once(&lists.thumbprints, in->thumbprint_list.items, in->thumbprint_list.count);
    status = put_lists(call, &provider, &lists);
    if (status != STATUS_DONE)
        return status;
    out->open_id_connect_provider_arn = provider.arn;
    iam_tags_to_answer(call, provider.tags, &out->tags);
    return STATUS_DONE;
}

enum status iam_get_open_id_connect_provider(struct call *call,
                                             const struct iam_get_open_id_connect_provider_in *in,
                                             struct iam_get_open_id_connect_provider_out *out)
{
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->open_id_connect_provider_arn, &provider);
    if (status != STATUS_DONE)
        return status;
    const struct lists lists = read_lists(call, &provider);
    out->url = provider.name;
    out->client_id_list = (struct iam_client_id_list_type){
        .items = lists.clients.items, .count = lists.clients.count, .is_set = true};
    out->thumbprint_list = (struct iam_thumbprint_list_type){
        .items = lists.thumbprints.items, .count = lists.thumbprints.count, .is_set = true};
    out->create_date = opt_i64(provider.created_at_ms);
    iam_tags_to_answer(call, provider.tags, &out->tags);
    out->tags.is_set = true;
    return STATUS_DONE;
}

enum status
iam_list_open_id_connect_providers(struct call *call,
                                   const struct iam_list_open_id_connect_providers_in *in,
                                   struct iam_list_open_id_connect_providers_out *out)
{
    (void)in;
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_provider));
    int rc = iam_store_list_providers(call->db, call->arena, call->scope.account, IAM_PROVIDER_OIDC,
                                      &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list identity providers");
    struct iam_open_id_connect_provider_list_type *list = &out->open_id_connect_provider_list;
    list->items = arena_alloc_array(call->arena, found.count + 1, sizeof(*list->items));
    list->is_set = true;
    for (size_t i = 0; i < found.count; i++) {
        const struct iam_provider *provider = vec_at(&found, i);
        list->items[list->count++].arn = provider->arn;
    }
    return STATUS_DONE;
}

enum status
iam_delete_open_id_connect_provider(struct call *call,
                                    const struct iam_delete_open_id_connect_provider_in *in,
                                    struct iam_delete_open_id_connect_provider_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    int rc = iam_store_find_provider(call->db, call->arena, call->scope.account,
                                     in->open_id_connect_provider_arn, &provider);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an identity provider");
    if (rc == 0 || provider.kind != IAM_PROVIDER_OIDC)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "OpenId connect Provider " STR_FMT " cannot be found.",
                         STR_ARG(in->open_id_connect_provider_arn));
    rc = iam_store_delete_provider(call->db, call->scope.account, provider.arn);
    return rc < 0 ? call_fail_internal(call, rc, "iam: delete an identity provider") : STATUS_DONE;
}

/* AWS: "idempotent; it does not fail or return an error if you add an existing client ID". */
enum status iam_add_client_id_to_open_id_connect_provider(
    struct call *call, const struct iam_add_client_id_to_open_id_connect_provider_in *in,
    struct iam_add_client_id_to_open_id_connect_provider_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->open_id_connect_provider_arn, &provider);
    if (status != STATUS_DONE)
        return status;
    struct lists lists = read_lists(call, &provider);
    add_once(&lists.clients, &in->client_id, 1);
    return put_lists(call, &provider, &lists);
}

/* AWS: "idempotent; it does not fail or return an error if you try to remove a client ID that does
 * not exist". */
enum status iam_remove_client_id_from_open_id_connect_provider(
    struct call *call, const struct iam_remove_client_id_from_open_id_connect_provider_in *in,
    struct iam_remove_client_id_from_open_id_connect_provider_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->open_id_connect_provider_arn, &provider);
    if (status != STATUS_DONE)
        return status;
    struct lists lists = read_lists(call, &provider);
    struct vec kept;
    vec_init(&kept, call->arena, sizeof(struct str));
    for (size_t i = 0; i < lists.clients.count; i++) {
        const struct str *client = vec_at(&lists.clients, i);
        if (!str_eq(*client, in->client_id))
            *(struct str *)vec_push(&kept) = *client;
    }
    lists.clients = kept;
    return put_lists(call, &provider, &lists);
}

enum status iam_update_open_id_connect_provider_thumbprint(
    struct call *call, const struct iam_update_open_id_connect_provider_thumbprint_in *in,
    struct iam_update_open_id_connect_provider_thumbprint_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->open_id_connect_provider_arn, &provider);
    if (status != STATUS_DONE)
        return status;
    struct lists lists = read_lists(call, &provider);
    vec_init(&lists.thumbprints, call->arena, sizeof(struct str));
    add_once(&lists.thumbprints, in->thumbprint_list.items, in->thumbprint_list.count);
    return put_lists(call, &provider, &lists);
}

enum status iam_tag_open_id_connect_provider(struct call *call,
                                             const struct iam_tag_open_id_connect_provider_in *in,
                                             struct iam_tag_open_id_connect_provider_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->open_id_connect_provider_arn, &provider);
    if (status == STATUS_DONE)
        status = iam_merge_tags(call, &provider.tags, &in->tags);
    return status == STATUS_DONE ? put_provider(call, &provider) : status;
}

enum status
iam_untag_open_id_connect_provider(struct call *call,
                                   const struct iam_untag_open_id_connect_provider_in *in,
                                   struct iam_untag_open_id_connect_provider_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->open_id_connect_provider_arn, &provider);
    if (status == STATUS_DONE)
        status = iam_drop_tags(call, &provider.tags, &in->tag_keys);
    return status == STATUS_DONE ? put_provider(call, &provider) : status;
}

enum status
iam_list_open_id_connect_provider_tags(struct call *call,
                                       const struct iam_list_open_id_connect_provider_tags_in *in,
                                       struct iam_list_open_id_connect_provider_tags_out *out)
{
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->open_id_connect_provider_arn, &provider);
    return status == STATUS_DONE ? iam_list_tags(call, provider.tags, in->marker, in->max_items,
                                                 &out->tags, &out->is_truncated, &out->marker)
                                 : status;
}

static const struct str *texts_of(struct arena *arena, const struct json *list, size_t *out_count)
{
    struct str *texts =
        arena_alloc_array(arena, json_is_array(list) ? list->count : 0, sizeof(*texts));
    for (const struct json *item = json_is_array(list) ? list->first : NULL; item;
         item = item->next)
        texts[(*out_count)++] = item->text;
    return texts;
}

int iam_find_oidc_provider(struct db *db, struct arena *arena, struct str account, struct str name,
                           struct iam_oidc_provider *out_provider)
{
    struct iam_provider row = {0};
    struct json *body = NULL;
    struct str arn = str_format(arena, "arn:aws:iam::" STR_FMT ":oidc-provider/" STR_FMT,
                                STR_ARG(account), STR_ARG(name));
    int rc = iam_store_find_provider(db, arena, account, arn, &row);
    if (rc != 1)
        return rc;
    if (row.kind != IAM_PROVIDER_OIDC || json_parse(arena, row.body, 0, &body, NULL) < 0)
        return 0;
    *out_provider = (struct iam_oidc_provider){.arn = row.arn};
    out_provider->clients =
        texts_of(arena, json_find_cstr(body, "clients"), &out_provider->client_count);
    size_t count = 0;
    const struct str *prints = texts_of(arena, json_find_cstr(body, "thumbprints"), &count);
    struct str joined = STR("");
    for (size_t i = 0; i < count; i++)
        joined =
            str_concat3(arena, joined, i > 0 ? STR(",") : STR(""), str_lower(arena, prints[i]));
    out_provider->thumbprints = joined;
    return 1;
}
