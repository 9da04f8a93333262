/* identity.c — resolves keys, checks signatures, compiles policies; caches per thread.
 *
 * The cache: one table of keys and one of principals per worker thread, both thrown away whole when
 * the process-wide version counter moved. The version is read before the transaction begins, so an
 * entry made from an older snapshot never outlives the change that made it stale. Any change of
 * IAM's rows notifies IDENTITY_CHANNEL in its transaction; after the commit the runtime turns that
 * into identity_changed(). Inside, identity_written() turns the cache off: what the transaction
 * wrote counts for its own calls, and what it read back is forgotten in case it is undone.
 *
 * Docs: IAM user guide, "IAM identifiers" (key id prefixes); error codes: "Common Errors" of the
 * STS and IAM (query) and the DynamoDB (JSON) references.
 */
#include "wire/identity.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "wire/runtime.h"

enum {
    CACHE_MAX_ENTRIES = 1000, /* keys or principals per worker; then the cache starts anew */
};

/* A key as the store has it; `is_known` false remembers that it has none. */
struct cached_key {
    struct access_key key;
    struct str session_token;
    bool is_known;
};

struct cached_policies {
    struct policy_set identity;
    const struct policy *boundary;
    const struct condition_value *tags;
    size_t tag_count;
};

struct cache {
    struct arena *arena;
    struct map keys;                          /* access key id -> struct cached_key */
    struct map policies;                      /* principal's key -> struct cached_policies */
    struct map documents[POLICY_SESSION + 1]; /* by kind: text -> compiled policy */
    size_t made_count; /* entries since the last reset, replaced ones included: bounds the arena */
    bool is_written;   /* the running transaction changed identities */
    uint64_t version;
};

static _Atomic uint64_t identity_version = 1;
static _Thread_local struct cache cache;

void identity_changed(void)
{
    atomic_fetch_add(&identity_version, 1);
}

void identity_refresh(void)
{
    uint64_t version = atomic_load(&identity_version);
    bool is_full = cache.made_count >= CACHE_MAX_ENTRIES;
    if (cache.arena && cache.version == version && !is_full && !cache.is_written)
        return;
    if (!cache.arena)
        cache.arena = arena_new();
    else
        arena_reset(cache.arena);
    map_init(&cache.keys, cache.arena);
    map_init(&cache.policies, cache.arena);
    for (size_t i = 0; i < ARRAY_LEN(cache.documents); i++)
        map_init(&cache.documents[i], cache.arena);
    cache.made_count = 0;
    cache.is_written = false;
    cache.version = version;
}

/* A thread's first use may come without a transaction of the executor's. */
static void make_cache(void)
{
    if (!cache.arena)
        identity_refresh();
}

void identity_written(void)
{
    cache.is_written = true;
}

void identity_thread_end(void)
{
    arena_free(cache.arena);
    cache = (struct cache){0};
}

struct principal identity_root(struct arena *arena, struct str account)
{
    return (struct principal){
        .kind = PRINCIPAL_ROOT,
        .account = str_copy(arena, account),
        .arn = str_concat3(arena, STR("arn:aws:iam::"), account, STR(":root")),
        .user_id = str_copy(arena, account),
        .name = STR("root"),
    };
}

struct principal identity_service(struct arena *arena, struct str account, struct str service)
{
    return (struct principal){
        .kind = PRINCIPAL_SERVICE,
        .account = str_copy(arena, account),
        .arn = STR(""),
        .user_id = STR(""),
        .name = str_copy(arena, service),
    };
}

struct str identity_canonical_user(struct arena *arena, struct str account)
{
    unsigned char hash[32];
    digest_sha256(account, hash);
    return hex_encode(arena, str_of((const char *)hash, sizeof(hash)));
}

static bool is_account_id(struct str key)
{
    if (key.len != 12)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] < '0' || key.ptr[i] > '9')
            return false;
    }
    return true;
}

struct principal identity_namespace(struct arena *arena, struct str access_key_id)
{
    static const uint64_t accounts = 1000000000000; /* of 12 digits */
    uint64_t hash = 0xcbf29ce484222325U;            /* FNV-1a: the same in every process */
    for (size_t i = 0; i < access_key_id.len; i++)
        hash = (hash ^ (unsigned char)access_key_id.ptr[i]) * 0x100000001b3U;
    struct str account = access_key_id;
    if (!is_account_id(access_key_id))
        account = str_format(arena, "%012llu", (unsigned long long)(hash % accounts));
    struct principal principal = identity_root(arena, account);
    principal.access_key_id = access_key_id;
    return principal;
}

static void copy_principal(struct arena *arena, const struct principal *from, struct principal *to)
{
    *to = *from;
    to->account = str_copy(arena, from->account);
    to->arn = str_copy(arena, from->arn);
    to->user_id = str_copy(arena, from->user_id);
    to->name = str_copy(arena, from->name);
    to->session_name = str_copy(arena, from->session_name);
    to->access_key_id = str_copy(arena, from->access_key_id);
    to->role_arn = str_copy(arena, from->role_arn);
    to->source_arn = str_copy(arena, from->source_arn);
    to->session_policies = from->session_policies ? json_copy(arena, from->session_policies) : NULL;
    to->session_tags = from->session_tags ? json_copy(arena, from->session_tags) : NULL;
}

/* Looks a key up in the cache or the store. 0 or -errno; *out_key is NULL when nobody issued it. */
static int find_key(const struct runtime *runtime, struct db *db, const struct sig *sig,
                    const struct cached_key **out_key)
{
    struct cached_key *cached = map_find(&cache.keys, sig->access_key_id);
    if (cached && !cache.is_written && str_eq(cached->session_token, sig->session_token)) {
        *out_key = cached;
        return 0;
    }
    cache.made_count++;
    cached = arena_alloc(cache.arena, sizeof(*cached));
    struct str id = str_copy(cache.arena, sig->access_key_id);
    int rc =
        sig->session_token.len > 0
            ? runtime->identity->open_session(db, cache.arena, id, sig->session_token, &cached->key)
            : runtime->identity->find_key(db, cache.arena, id, &cached->key);
    if (rc < 0)
        return rc;
    cached->is_known = rc == 1;
    cached->session_token = str_copy(cache.arena, sig->session_token);
    map_set(&cache.keys, id, cached);
    *out_key = cached;
    return 0;
}

static struct str payload_hash(struct arena *arena, struct str body)
{
    if (!body.ptr)
        return (struct str){0};
    unsigned char hash[32];
    digest_sha256(body, hash);
    return hex_encode(arena, str_of((const char *)hash, sizeof(hash)));
}

/* A key that was issued here: active, not expired, and the signature holds. */
static int check_key(struct arena *arena, const struct identity_request *asked,
                     const struct access_key *key, struct identity_problem *problem)
{
    bool is_s3_style = asked->request->is_s3_style;
    if (!key->is_active) {
        identity_refuse_key(is_s3_style, asked->sig->session_token.len > 0, problem);
        return -EACCES;
    }
    const struct sig_check check = {
        .secret_key = key->secret,
        .now_ms = asked->real_now_ms,
        .payload_hash = payload_hash(arena, asked->body),
        .region = asked->region.len > 0 ? asked->region : (struct str){0},
        .service = asked->service.len > 0 ? asked->service : (struct str){0},
    };
    struct str detail = {0};
    enum sig_result result = sig_verify(arena, asked->request, asked->sig, &check, &detail);
    if (result != SIG_OK) {
        identity_word_problem(is_s3_style, asked->sig->scheme, result, detail, problem);
        return -EACCES;
    }
    if (key->expires_at_ms != 0 && key->expires_at_ms <= asked->now_ms) {
        identity_refuse_expired(is_s3_style, problem);
        return -EACCES;
    }
    return 0;
}

/* A link ends with its time, even where nobody can tell who signed it. */
static int check_presigned_time(struct arena *arena, const struct identity_request *asked,
                                struct identity_problem *problem)
{
    struct str detail = {0};
    enum sig_result result =
        sig_check_presigned_time(arena, asked->request, asked->sig, asked->real_now_ms, &detail);
    if (result == SIG_OK)
        return 0;
    identity_word_problem(asked->request->is_s3_style, asked->sig->scheme, result, detail, problem);
    return -EACCES;
}

static struct principal *root_of(struct arena *arena, struct str account, struct str access_key_id)
{
    struct principal *principal = arena_alloc(arena, sizeof(*principal));
    *principal = identity_root(arena, account);
    principal->access_key_id = access_key_id;
    return principal;
}

int identity_resolve(struct runtime *runtime, struct db *db, struct arena *arena,
                     const struct identity_request *asked, const struct principal **out_principal,
                     struct identity_problem *out_problem)
{
    make_cache();
    struct str key_id = asked->sig->access_key_id;
    if (is_account_id(key_id)) {
        *out_principal = root_of(arena, key_id, key_id);
        return check_presigned_time(arena, asked, out_problem);
    }
    /* Only issued keys get into the cache: a look there is cheaper than checking the id's form. */
    bool is_issued = map_has(&cache.keys, key_id) || runtime->identity->is_issued(key_id);
    const struct cached_key *found = NULL;
    if (is_issued) {
        int rc = find_key(runtime, db, asked->sig, &found);
        if (rc < 0)
            return rc;
    }
    if (found && found->is_known) {
        int rc = check_key(arena, asked, &found->key, out_problem);
        if (rc < 0)
            return rc;
        struct principal *principal = arena_alloc(arena, sizeof(*principal));
        copy_principal(arena, &found->key.principal, principal);
        principal->access_key_id = key_id;
        if (asked->out_secret_key)
            *asked->out_secret_key = str_copy(arena, found->key.secret);
        *out_principal = principal;
        return 0;
    }
    if (is_issued || runtime->strict_auth) {
        identity_refuse_key(asked->request->is_s3_style, asked->sig->session_token.len > 0,
                            out_problem);
        return -EACCES;
    }
    *out_principal = root_of(arena, STR(IDENTITY_DEFAULT_ACCOUNT), key_id);
    return check_presigned_time(arena, asked, out_problem);
}

static const struct policy *compile(struct str document, enum policy_kind kind)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    return policy_parse(cache.arena, document, kind, &policy, &error) == 0 ? policy : NULL;
}

const struct policy *identity_compile(struct str document, enum policy_kind kind)
{
    make_cache();
    const struct policy *policy = map_find(&cache.documents[kind], document);
    if (policy)
        return policy;
    cache.made_count++;
    struct policy *compiled = NULL;
    struct policy_error error = {0};
    struct str copy = str_copy(cache.arena, document);
    if (policy_parse(cache.arena, copy, kind, &compiled, &error) < 0)
        return NULL;
    map_set(&cache.documents[kind], copy, compiled);
    return compiled;
}

static int load_policies(const struct runtime *runtime, struct db *db,
                         const struct principal *principal, struct cached_policies *out)
{
    struct principal_policies loaded = {0};
    int rc = runtime->identity->load_policies(db, cache.arena, principal, &loaded);
    if (rc < 0)
        return rc;
    const struct policy **list =
        arena_alloc_array(cache.arena, loaded.identity_count + 1, sizeof(*list));
    for (size_t i = 0; i < loaded.identity_count; i++) {
        list[i] = compile(loaded.identity[i], POLICY_IDENTITY);
        if (!list[i])
            return -EIO; /* it was checked when it was put: leaving out a Deny is not an option */
    }
    out->identity.count = loaded.identity_count;
    out->identity.policies = list;
    if (loaded.boundary.ptr)
        out->boundary = compile(loaded.boundary, POLICY_BOUNDARY);
    if (loaded.boundary.ptr && !out->boundary)
        return -EIO; /* never fall back to "no boundary" */
    out->tags = loaded.tags;
    out->tag_count = loaded.tag_count;
    return 0;
}

/* Sessions of one role share its policies: its ARN with its unique id, so that the sessions of a
 * role that is gone get nothing from a later one of the same name. A federated user has the
 * policies of whoever made the session, whom role_arn names. */
static struct str policies_key(struct arena *arena, const struct principal *principal)
{
    if (principal->kind == PRINCIPAL_FEDERATED_USER)
        return str_concat3(arena, principal->arn, STR(" by "), principal->role_arn);
    if (principal->role_arn.len == 0)
        return str_concat3(arena, principal->arn, STR(" "), principal->user_id);
    ptrdiff_t colon = str_index(principal->user_id, ':');
    struct str role_id =
        colon < 0 ? principal->user_id : str_slice(principal->user_id, 0, (size_t)colon);
    return str_concat3(arena, principal->role_arn, STR(" "), role_id);
}

int identity_policies(struct runtime *runtime, struct db *db, struct arena *arena,
                      const struct principal *principal, struct policy_set *out_identity,
                      const struct policy **out_boundary, const struct condition_value **out_tags,
                      size_t *out_tag_count)
{
    make_cache();
    struct str key = policies_key(arena, principal);
    struct cached_policies *cached = map_find(&cache.policies, key);
    if (!cached || cache.is_written) {
        cache.made_count++;
        cached = arena_alloc(cache.arena, sizeof(*cached));
        int rc = load_policies(runtime, db, principal, cached);
        if (rc < 0)
            return rc;
        map_set(&cache.policies, str_copy(cache.arena, key), cached);
    }
    *out_identity = cached->identity;
    *out_boundary = cached->boundary;
    *out_tags = cached->tags;
    *out_tag_count = cached->tag_count;
    return 0;
}
