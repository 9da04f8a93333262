/* provider_saml.c — SAML identity providers: a name, the provider's metadata, keys to decrypt
 * assertions.
 *
 * The metadata is parsed when it is written: it must be a SAML 2.0 EntityDescriptor with an
 * IDPSSODescriptor. Nothing here signs in with it (STS answers NotImplemented).
 *
 * Docs: IAM API reference, CreateSAMLProvider and the others; OASIS saml-metadata-2.0, section 2.3.
 * OBSERVED: 2026-02, the texts of errors and the members of answers, as other test suites recorded
 * them.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/iam/iam_account.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "syntax/xml.h"

enum {
    MAX_KEYS = 2,       /* AWS: a provider has at most two private keys */
    ID_CHARACTERS = 24, /* the model wants 22 at least of key ids */
};

/* AWS: without validUntil of its own the metadata is valid for a hundred years. */
static const int64_t default_validity_ms = 100LL * 365 * 24 * 3600 * 1000;

static const char id_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static enum status read_metadata(struct call *call, struct str text, int64_t *out_valid_until_ms)
{
    struct xml_node *root = NULL;
    struct xml_error error = {0};
    int rc = xml_parse(call->arena, text, &root, &error);
    if (rc < 0 || !str_eq_cstr(root->name, "EntityDescriptor") ||
        !xml_attribute(root, STR("entityID")).ptr || !xml_find(root, STR("IDPSSODescriptor")))
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION, "Could not parse metadata");
    *out_valid_until_ms = call->now_ms / 1000 * 1000 + default_validity_ms;
    struct str until = xml_attribute(root, STR("validUntil"));
    if (until.ptr && time_parse_rfc3339(until, out_valid_until_ms) < 0)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION, "Could not parse metadata");
    return STATUS_DONE;
}

static enum status find_provider(struct call *call, struct str arn, struct iam_provider *out)
{
    int rc = iam_store_find_provider(call->db, call->arena, call->scope.account, arn, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an identity provider");
    if (rc == 0 || out->kind != IAM_PROVIDER_SAML)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION, "Manifest not found for arn " STR_FMT,
                         STR_ARG(arn));
    return STATUS_DONE;
}

static enum status put_provider(struct call *call, const struct iam_provider *provider)
{
    int rc = iam_store_put_provider(call->db, provider);
    return rc < 0 ? call_fail_internal(call, rc, "iam: write an identity provider") : STATUS_DONE;
}

/* --- private keys --- */

static struct json *read_keys(struct call *call, const struct iam_provider *provider)
{
    struct json *keys = NULL;
    int rc = json_parse(call->arena, str_or(provider->private_keys, STR("[]")), 0, &keys, NULL);
    CHECK(rc == 0); /* written below */
    return keys;
}

static enum status add_key(struct call *call, struct iam_provider *provider, struct str pem)
{
    struct json *keys = read_keys(call, provider);
    if (keys->count >= MAX_KEYS)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for PrivateKeysPerSamlProvider: %d", MAX_KEYS);
    struct str id = rand_text(call->arena, str_from_cstr(id_alphabet), ID_CHARACTERS);
    struct json *key = json_new(call->arena, JSON_OBJECT);
    json_append_member(key, STR("id"), json_new_string(call->arena, id));
    json_append_member(key, STR("time"), json_new_number(call->arena, call->now_ms / 1000 * 1000));
    json_append_member(key, STR("pem"), json_new_string(call->arena, pem));
    json_append(keys, key);
    provider->private_keys = json_to_str(call->arena, keys);
    return STATUS_DONE;
}

static enum status remove_key(struct call *call, struct iam_provider *provider, struct str id)
{
    const struct json *keys = read_keys(call, provider);
    struct json *kept = json_new(call->arena, JSON_ARRAY);
    for (const struct json *key = keys->first; key; key = key->next) {
        if (!str_eq(json_find_str(key, "id"), id))
            json_append(kept, json_copy(call->arena, key));
    }
    if (kept->count == keys->count)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The private key with id " STR_FMT " cannot be found.", STR_ARG(id));
    provider->private_keys = json_to_str(call->arena, kept);
    return STATUS_DONE;
}

/* --- operations --- */

enum status iam_create_saml_provider(struct call *call,
                                     const struct iam_create_saml_provider_in *in,
                                     struct iam_create_saml_provider_out *out)
{
    struct iam_provider provider = {
        .arn = call_arn(call, "iam", true, "saml-provider/" STR_FMT, STR_ARG(in->name)),
        .account = call->scope.account,
        .kind = IAM_PROVIDER_SAML,
        .name = in->name,
        .id = rand_text(call->arena, str_from_cstr(id_alphabet), ID_CHARACTERS),
        .body = in->saml_metadata_document,
        .encryption_mode = str_or(in->assertion_encryption_mode, STR("Allowed")),
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
                         "SAMLProvider with name " STR_FMT " already exists.", STR_ARG(in->name));
    enum status status = read_metadata(call, in->saml_metadata_document, &provider.valid_until_ms);
    if (status == STATUS_DONE && in->add_private_key.ptr)
        status = add_key(call, &provider, in->add_private_key);
    if (status == STATUS_DONE)
        status = iam_merge_tags(call, &provider.tags, &in->tags);
    if (status == STATUS_DONE)
        status = put_provider(call, &provider);
    if (status != STATUS_DONE)
        return status;
    out->saml_provider_arn = provider.arn;
    iam_tags_to_answer(call, provider.tags, &out->tags);
    return STATUS_DONE;
}

enum status iam_get_saml_provider(struct call *call, const struct iam_get_saml_provider_in *in,
                                  struct iam_get_saml_provider_out *out)
{
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->saml_provider_arn, &provider);
    if (status != STATUS_DONE)
        return status;
    const struct json *keys = read_keys(call, &provider);
    out->private_key_list.items =
        arena_alloc_array(call->arena, keys->count + 1, sizeof(*out->private_key_list.items));
    out->private_key_list.is_set = true;
    for (const struct json *key = keys->first; key; key = key->next) {
        int64_t time_ms = 0;
        int rc = str_to_i64(json_find_cstr(key, "time")->text, &time_ms);
        CHECK(rc == 0); /* written by add_key */
        out->private_key_list.items[out->private_key_list.count++] = (struct iam_saml_private_key){
            .key_id = json_find_str(key, "id"), .timestamp = opt_i64(time_ms)};
    }
    out->saml_provider_uuid = provider.id;
    out->saml_metadata_document = provider.body;
    out->create_date = opt_i64(provider.created_at_ms);
    out->valid_until = opt_i64(provider.valid_until_ms);
    out->assertion_encryption_mode = provider.encryption_mode;
    iam_tags_to_answer(call, provider.tags, &out->tags);
    out->tags.is_set = true;
    return STATUS_DONE;
}

enum status iam_list_saml_providers(struct call *call, const struct iam_list_saml_providers_in *in,
                                    struct iam_list_saml_providers_out *out)
{
    (void)in;
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_provider));
    int rc = iam_store_list_providers(call->db, call->arena, call->scope.account, IAM_PROVIDER_SAML,
                                      &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list identity providers");
    struct iam_saml_provider_list_type *list = &out->saml_provider_list;
    list->items = arena_alloc_array(call->arena, found.count + 1, sizeof(*list->items));
    list->is_set = true;
    for (size_t i = 0; i < found.count; i++) {
        const struct iam_provider *provider = vec_at(&found, i);
        list->items[list->count++] = (struct iam_saml_provider_list_entry){
            .arn = provider->arn,
            .valid_until = opt_i64(provider->valid_until_ms),
            .create_date = opt_i64(provider->created_at_ms),
        };
    }
    return STATUS_DONE;
}

enum status iam_update_saml_provider(struct call *call,
                                     const struct iam_update_saml_provider_in *in,
                                     struct iam_update_saml_provider_out *out)
{
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->saml_provider_arn, &provider);
    if (status == STATUS_DONE && in->saml_metadata_document.ptr) {
        provider.body = in->saml_metadata_document;
        status = read_metadata(call, provider.body, &provider.valid_until_ms);
    }
    if (status == STATUS_DONE && in->remove_private_key.ptr)
        status = remove_key(call, &provider, in->remove_private_key);
    if (status == STATUS_DONE && in->add_private_key.ptr)
        status = add_key(call, &provider, in->add_private_key);
    if (status != STATUS_DONE)
        return status;
    provider.encryption_mode = str_or(in->assertion_encryption_mode, provider.encryption_mode);
    out->saml_provider_arn = provider.arn;
    return put_provider(call, &provider);
}

enum status iam_delete_saml_provider(struct call *call,
                                     const struct iam_delete_saml_provider_in *in,
                                     struct iam_delete_saml_provider_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->saml_provider_arn, &provider);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_delete_provider(call->db, call->scope.account, provider.arn);
    return rc < 0 ? call_fail_internal(call, rc, "iam: delete an identity provider") : STATUS_DONE;
}

enum status iam_tag_saml_provider(struct call *call, const struct iam_tag_saml_provider_in *in,
                                  struct iam_tag_saml_provider_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->saml_provider_arn, &provider);
    if (status == STATUS_DONE)
        status = iam_merge_tags(call, &provider.tags, &in->tags);
    return status == STATUS_DONE ? put_provider(call, &provider) : status;
}

enum status iam_untag_saml_provider(struct call *call, const struct iam_untag_saml_provider_in *in,
                                    struct iam_untag_saml_provider_out *out)
{
    (void)out;
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->saml_provider_arn, &provider);
    if (status == STATUS_DONE)
        status = iam_drop_tags(call, &provider.tags, &in->tag_keys);
    return status == STATUS_DONE ? put_provider(call, &provider) : status;
}

enum status iam_list_saml_provider_tags(struct call *call,
                                        const struct iam_list_saml_provider_tags_in *in,
                                        struct iam_list_saml_provider_tags_out *out)
{
    struct iam_provider provider = {0};
    enum status status = find_provider(call, in->saml_provider_arn, &provider);
    return status == STATUS_DONE ? iam_list_tags(call, provider.tags, in->marker, in->max_items,
                                                 &out->tags, &out->is_truncated, &out->marker)
                                 : status;
}
