/* tls.c — the local certificate authority, and server certificates made when a name is asked for.
 *
 * One P-256 key serves all leaves of a process: it is made at start and never leaves memory. A leaf
 * is then one signature (about 50 us), made inside the handshake and kept in a table; a new name
 * beyond TLS_MAX_NAMES puts out the oldest.
 *
 * The files of the CA are written once, under a lock file, each by rename, so that processes that
 * start together agree on one CA and none ever reads half a file.
 *
 * RFC: 5280 (extensions), 6125 (names), 6066 section 3 (SNI), 7301 (ALPN).
 */
#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/tls_private.h"

enum {
    DAY_S = 24 * 60 * 60,
    CA_DAYS = 3650,
    LEAF_DAYS = 365,
    LEAF_RENEW_DAYS = 300, /* a process that runs for so long makes it again */
    BUCKETS = 256,
    MAX_NAME_LEN = 253,   /* RFC 1035 */
    MAX_COMMON_NAME = 64, /* X.520 */
    MAX_PEM_BYTES = 64 * 1024,
    SERIAL_BYTES = 16,
};

static const char default_names[] = "DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:::1";

struct leaf {
    struct leaf *bucket_next;
    struct leaf *newer;
    uint64_t hash;
    int64_t made_at_s;
    X509 *certificate;
    size_t name_len;
    char name[];
};

struct tls_context {
    SSL_CTX *ssl;
    X509 *ca;
    EVP_PKEY *ca_key;
    EVP_PKEY *leaf_key;
    X509 *default_leaf;
    pthread_mutex_t lock; /* protects what follows */
    struct leaf *buckets[BUCKETS];
    struct leaf *oldest;
    struct leaf *newest;
    size_t leaf_count;
};

static void x509_autoclose(X509 **slot)
{
    X509_free(*slot);
}

static void pkey_autoclose(EVP_PKEY **slot)
{
    EVP_PKEY_free(*slot);
}

static void bio_autoclose(BIO **slot)
{
    BIO_free(*slot);
}

static void fd_autoclose(int *slot)
{
    if (*slot >= 0)
        close(*slot);
}

/* Certificates are checked against real time, whatever the clock of the services says. */
static int64_t real_now_s(void)
{
    return (clock_now_ms() - clock_offset_ms()) / 1000;
}

/* Making certificates */

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool is_ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_ok;
}

static bool set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];
    rand_bytes(bytes, sizeof(bytes));
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, never short */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool is_ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_ok;
}

/* Subject, key, serial number and validity; issuer is left to the caller. */
static X509 *certificate_new(EVP_PKEY *key, const char *common_name, int64_t days)
{
    AUTO(x509) X509 *certificate = X509_new();
    if (!certificate)
        return NULL;
    const int64_t now_s = real_now_s();
    /* A day of slack for clients whose clock is behind. */
    bool is_ok = X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
                 ASN1_TIME_set(X509_getm_notBefore(certificate), now_s - DAY_S) != NULL &&
                 ASN1_TIME_set(X509_getm_notAfter(certificate), now_s + days * DAY_S) != NULL &&
                 X509_set_pubkey(certificate, key) == 1;
    X509_NAME *subject = X509_get_subject_name(certificate);
    const unsigned char *text = (const unsigned char *)common_name;
    is_ok = is_ok && X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
                                                (const unsigned char *)"Virga", -1, -1, 0) == 1;
    is_ok = is_ok && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1;
    return is_ok ? TAKE(certificate) : NULL;
}

static X509 *make_ca(EVP_PKEY *key)
{
    AUTO(x509) X509 *ca = certificate_new(key, "Virga local CA", CA_DAYS);
    bool is_ok = ca && X509_set_issuer_name(ca, X509_get_subject_name(ca)) == 1 &&
                 add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                 add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                 add_extension(ca, ca, NID_subject_key_identifier, "hash") &&
                 X509_sign(ca, key, EVP_sha256()) > 0;
    return is_ok ? TAKE(ca) : NULL;
}

static X509 *make_leaf(const struct tls_context *context, const char *common_name,
                       const char *names)
{
    AUTO(x509) X509 *leaf = certificate_new(context->leaf_key, common_name, LEAF_DAYS);
    bool is_ok = leaf && X509_set_issuer_name(leaf, X509_get_subject_name(context->ca)) == 1 &&
                 add_extension(leaf, context->ca, NID_basic_constraints, "critical,CA:FALSE") &&
                 add_extension(leaf, context->ca, NID_key_usage, "critical,digitalSignature") &&
                 add_extension(leaf, context->ca, NID_ext_key_usage, "serverAuth") &&
                 add_extension(leaf, context->ca, NID_subject_key_identifier, "hash") &&
                 add_extension(leaf, context->ca, NID_authority_key_identifier, "keyid") &&
                 add_extension(leaf, context->ca, NID_subject_alt_name, names) &&
                 X509_sign(leaf, context->ca_key, EVP_sha256()) > 0;
    return is_ok ? TAKE(leaf) : NULL;
}

/* Certificates per name */

/* Copies a host name in lower case. False for what is not one: it comes from the peer, and goes
 * into the syntax of OpenSSL's extension texts. */
static bool read_name(const char *text, char out[MAX_NAME_LEN + 1])
{
    size_t len = 0;
    for (; text[len]; len++) {
        char c = text[len];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool is_ok =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (!is_ok || len == MAX_NAME_LEN)
            return false;
        out[len] = c;
    }
    out[len] = '\0';
    return len > 0 && out[0] != '.' && out[len - 1] != '.';
}

/* "a.b.c" also gets "*.b.c", so that clients that keep connections by certificate profit; not
 * "*.c", which no client accepts. */
static X509 *make_named_leaf(const struct tls_context *context, const char *name)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_from_cstr(name);
    struct str names = str_format(arena, "DNS:%s", name);
    ptrdiff_t dot = str_index(text, '.');
    struct str parent = dot < 0 ? STR("") : str_from(text, (size_t)dot + 1);
    if (str_index(parent, '.') > 0)
        names = str_format(arena, STR_FMT ",DNS:*." STR_FMT, STR_ARG(names), STR_ARG(parent));
    return make_leaf(context, text.len <= MAX_COMMON_NAME ? name : "Virga", names.ptr);
}

static void leaf_free(struct leaf *leaf)
{
    X509_free(leaf->certificate);
    mem_free(leaf);
}

static struct leaf *find_leaf(struct tls_context *context, struct str name, uint64_t hash)
{
    struct leaf *leaf = context->buckets[hash % BUCKETS];
    while (leaf && !(leaf->hash == hash && str_eq(str_of(leaf->name, leaf->name_len), name)))
        leaf = leaf->bucket_next;
    return leaf;
}

static void drop_oldest(struct tls_context *context)
{
    struct leaf *leaf = context->oldest;
    struct leaf **slot = &context->buckets[leaf->hash % BUCKETS];
    while (*slot != leaf)
        slot = &(*slot)->bucket_next;
    *slot = leaf->bucket_next;
    context->oldest = leaf->newer;
    if (!context->oldest)
        context->newest = NULL;
    context->leaf_count--;
    leaf_free(leaf);
}

static struct leaf *add_leaf(struct tls_context *context, struct str name, uint64_t hash)
{
    X509 *certificate = make_named_leaf(context, name.ptr);
    if (!certificate)
        return NULL;
    if (context->leaf_count == TLS_MAX_NAMES)
        drop_oldest(context);
    struct leaf *leaf = mem_new(sizeof(*leaf) + name.len + 1);
    leaf->certificate = certificate;
    leaf->hash = hash;
    leaf->made_at_s = real_now_s();
    leaf->name_len = name.len;
    memcpy(leaf->name, name.ptr, name.len);
    leaf->bucket_next = context->buckets[hash % BUCKETS];
    context->buckets[hash % BUCKETS] = leaf;
    if (context->newest)
        context->newest->newer = leaf;
    else
        context->oldest = leaf;
    context->newest = leaf;
    context->leaf_count++;
    return leaf;
}

/* The certificate for `name`, as a reference of the caller's; NULL when OpenSSL fails. */
static X509 *certificate_for(struct tls_context *context, const char *name)
{
    struct str text = str_from_cstr(name);
    uint64_t hash = str_hash(text);
    pthread_mutex_lock(&context->lock);
    struct leaf *leaf = find_leaf(context, text, hash);
    if (leaf && real_now_s() - leaf->made_at_s > (int64_t)LEAF_RENEW_DAYS * DAY_S) {
        X509 *renewed = make_named_leaf(context, name);
        if (renewed) {
            X509_free(leaf->certificate);
            leaf->certificate = renewed;
            leaf->made_at_s = real_now_s();
        }
    }
    if (!leaf)
        leaf = add_leaf(context, text, hash);
    X509 *certificate = leaf ? leaf->certificate : NULL;
    if (certificate)
        X509_up_ref(certificate);
    pthread_mutex_unlock(&context->lock);
    return certificate;
}

/* OpenSSL calls it when the client's hello was read. */
static int choose_certificate(SSL *ssl, void *argument)
{
    struct tls_context *context = argument;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    char name[MAX_NAME_LEN + 1];
    AUTO(x509) X509 *made = NULL;
    if (asked && read_name(asked, name))
        made = certificate_for(context, name);
    X509 *certificate = made ? made : context->default_leaf;
    return SSL_use_certificate(ssl, certificate) == 1 &&
           SSL_use_PrivateKey(ssl, context->leaf_key) == 1;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned int in_len, void *argument)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)argument;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK; /* HTTP/1.1 without having agreed on it */
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* The files of the CA */

struct ca_paths {
    char *certificate;
    char *key;
    char *lock;
};

static struct ca_paths ca_paths(struct arena *arena, struct str dir)
{
    return (struct ca_paths){
        .certificate = str_to_cstr(arena, str_concat(arena, dir, STR("/ca.pem"))),
        .key = str_to_cstr(arena, str_concat(arena, dir, STR("/ca-key.pem"))),
        .lock = str_to_cstr(arena, str_concat(arena, dir, STR("/ca.lock"))),
    };
}

static int write_file(struct arena *arena, const char *path, struct str bytes, mode_t mode)
{
    char *temporary = str_to_cstr(arena, str_format(arena, "%s.new", path));
    AUTO(fd) int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    if (fchmod(fd, mode) != 0)
        return -errno;
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -EIO;
        bytes = str_from(bytes, (size_t)written);
    }
    if (fsync(fd) != 0 || rename(temporary, path) != 0)
        return -errno;
    return 0;
}

static int read_file(struct arena *arena, const char *path, struct str *out_bytes)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char *bytes = arena_alloc_text(arena, MAX_PEM_BYTES);
    size_t len = 0;
    while (len < MAX_PEM_BYTES) {
        ssize_t got = read(fd, bytes + len, MAX_PEM_BYTES - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0) {
            *out_bytes = str_of(bytes, len);
            return 0;
        }
        len += (size_t)got;
    }
    return -EFBIG;
}

static struct str bio_text(struct arena *arena, BIO *bio)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    return str_copy(arena, str_of(bytes, len > 0 ? (size_t)len : 0));
}

/* Makes a CA and writes both files, the key first: a certificate without its key is of no use. */
static int create_ca(struct arena *arena, const struct ca_paths *paths)
{
    AUTO(pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
    AUTO(x509) X509 *ca = key ? make_ca(key) : NULL;
    AUTO(bio) BIO *key_bio = BIO_new(BIO_s_mem());
    AUTO(bio) BIO *ca_bio = BIO_new(BIO_s_mem());
    if (!ca || !key_bio || !ca_bio ||
        PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(ca_bio, ca) != 1)
        return -EIO;
    int rc = write_file(arena, paths->key, bio_text(arena, key_bio), 0600);
    if (rc < 0)
        return rc;
    return write_file(arena, paths->certificate, bio_text(arena, ca_bio), 0644);
}

/* Reads the CA, which is made first when there is none. */
static int load_ca(struct arena *arena, struct str dir, struct str *out_pem, struct str *out_key,
                   struct str *out_message)
{
    const struct ca_paths paths = ca_paths(arena, dir);
    AUTO(fd) int lock = open(paths.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0) {
        *out_message = str_format(arena, "cannot lock %s: %s", paths.lock, strerror(errno));
        return -EIO;
    }
    int rc = 0;
    if (access(paths.certificate, F_OK) != 0 && errno == ENOENT)
        rc = create_ca(arena, &paths);
    if (rc < 0) {
        *out_message = str_format(arena, "cannot write the CA to " STR_FMT ": %s", STR_ARG(dir),
                                  strerror(-rc));
        return -EIO;
    }
    struct str pem = {0};
    struct str key = {0};
    rc = read_file(arena, paths.certificate, &pem);
    if (rc == 0 && out_key)
        rc = read_file(arena, paths.key, &key);
    if (rc < 0) {
        *out_message =
            str_format(arena, "cannot read the CA in " STR_FMT ": %s", STR_ARG(dir), strerror(-rc));
        return -EIO;
    }
    *out_pem = pem;
    if (out_key)
        *out_key = key;
    return 0;
}

static int no_password(char *out, int size, int for_writing, void *context)
{
    (void)out;
    (void)size;
    (void)for_writing;
    (void)context;
    return -1; /* instead of asking on the terminal */
}

/* Parses both files. Returns a complaint, or NULL. */
static const char *parse_ca(struct tls_context *context, struct str pem, struct str key)
{
    AUTO(bio) BIO *ca_bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    AUTO(bio) BIO *key_bio = BIO_new_mem_buf(key.ptr, (int)key.len);
    CHECK(ca_bio != NULL && key_bio != NULL);
    context->ca = PEM_read_bio_X509(ca_bio, NULL, no_password, NULL);
    if (!context->ca)
        return "ca.pem is not a certificate";
    context->ca_key = PEM_read_bio_PrivateKey(key_bio, NULL, no_password, NULL);
    if (!context->ca_key)
        return "ca-key.pem is not a private key";
    if (X509_check_private_key(context->ca, context->ca_key) != 1)
        return "ca-key.pem is not the key of ca.pem";
    if (X509_cmp_current_time(X509_get0_notAfter(context->ca)) <= 0)
        return "ca.pem has expired; remove it to have a new one made";
    return NULL;
}

/* The context */

static bool configure(struct tls_context *context)
{
    static const unsigned char session_context[] = "virga";
    context->leaf_key = EVP_EC_gen("P-256");
    context->ssl = SSL_CTX_new(TLS_server_method());
    if (!context->leaf_key || !context->ssl)
        return false;
    context->default_leaf = make_leaf(context, "localhost", default_names);
    SSL_CTX *ssl = context->ssl;
    /* Release buffers: an idle connection keeps no record buffers. Clients that just close the
     * socket have ended their stream; Content-Length and chunks tell truncation. */
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_cert_cb(ssl, choose_certificate, context);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    return context->default_leaf && SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_session_id_context(ssl, session_context, sizeof(session_context) - 1) == 1;
}

int tls_context_open(struct arena *arena, struct str dir, struct tls_context **out_context,
                     struct str *out_message)
{
    struct str pem = {0};
    struct str key = {0};
    int rc = load_ca(arena, dir, &pem, &key, out_message);
    if (rc < 0)
        return rc;
    struct tls_context *context = mem_new(sizeof(*context));
    CHECK(pthread_mutex_init(&context->lock, NULL) == 0);
    const char *complaint = parse_ca(context, pem, key);
    if (!complaint && !configure(context))
        complaint = "OpenSSL refused the configuration";
    ERR_clear_error();
    if (complaint) {
        *out_message = str_format(arena, "the CA in " STR_FMT ": %s", STR_ARG(dir), complaint);
        tls_context_close(context);
        return -EIO;
    }
    *out_context = context;
    return 0;
}

void tls_context_close(struct tls_context *context)
{
    if (!context)
        return;
    while (context->oldest)
        drop_oldest(context);
    SSL_CTX_free(context->ssl);
    X509_free(context->ca);
    X509_free(context->default_leaf);
    EVP_PKEY_free(context->ca_key);
    EVP_PKEY_free(context->leaf_key);
    pthread_mutex_destroy(&context->lock);
    mem_free(context);
}

int tls_ca_pem(struct arena *arena, struct str dir, struct str *out_pem)
{
    struct str message = {0};
    return load_ca(arena, dir, out_pem, NULL, &message);
}

struct ssl_st *tls_session_new(struct tls_context *context, int fd)
{
    SSL *ssl = SSL_new(context->ssl);
    if (ssl && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ssl = NULL;
    }
    if (ssl)
        SSL_set_accept_state(ssl);
    ERR_clear_error();
    return ssl;
}
