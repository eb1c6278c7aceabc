/*
 * The client's EAP configuration: EapHostConfig or the ProfileXML around it (wire-facts: local names only, prefixes and
 * namespaces differ between versions). Read without network, without a DOCTYPE, so without entities.
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/certificate/expect_internal.h"

enum { EAP_TLS = 13, EAP_TTLS = 21, EAP_PEAP = 25, EAP_TEAP = 55, NESTING_MAX = 32, ESCAPES_MAX = 2 };

struct reader {
    struct expect *expect;
    const char *file;
    int64_t line_base; /* added to lines of an escaped document: the line of the element that holds it */
    size_t configs;    /* EapHostConfig elements met */
    bool failed;
    char *error;
};

static bool is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static int64_t line_of(const struct reader *r, const xmlNode *node)
{
    return r->line_base + xmlGetLineNo((xmlNode *)(uintptr_t)node);
}

static void fail_at(struct reader *r, const xmlNode *node, const char *reason)
{
    if (!r->failed)
        expect_fail(r->error, "%.300s line %lld: %.160s", r->file, (long long)line_of(r, node), reason);
    r->failed = true;
}

/* Next node of the tree below root in document order; does not enter `node` when skip is set. */
static xmlNode *next_below(xmlNode *root, xmlNode *node, bool skip)
{
    if (!skip && node->type == XML_ELEMENT_NODE && node->children != NULL)
        return node->children;
    while (node != root && node->next == NULL)
        node = node->parent;
    return node == root ? NULL : node->next;
}

static xmlNode *child(const xmlNode *parent, const char *name)
{
    xmlNode *node = parent->children;
    while (node != NULL && !is(node, name))
        node = node->next;
    return node;
}

/* Elements that hold a method of their own. */
static bool begins_method(const xmlNode *node)
{
    return is(node, "Eap") || is(node, "EapTtls") || is(node, "EapTeap") || is(node, "EapHostConfig");
}

/* The first descendant of that name which belongs to this method, not to one inside it. */
static xmlNode *own(xmlNode *method, const char *name)
{
    for (xmlNode *node = next_below(method, method, false); node != NULL;
         node = next_below(method, node, begins_method(node)))
        if (is(node, name))
            return node;
    return NULL;
}

static xmlNode *own_any(xmlNode *method, const char *const names[static 3])
{
    xmlNode *node = NULL;
    for (size_t i = 0; node == NULL && i < 3 && names[i] != NULL; i++)
        node = own(method, names[i]);
    return node;
}

static bool text_equal(xmlNode *node, const char *word, const char *number)
{
    xmlChar *text = xmlNodeGetContent(node);
    const char *at = text != NULL ? (const char *)text : "";
    at += strspn(at, " \t\r\n");
    size_t len = strcspn(at, " \t\r\n");
    bool equal = (len == strlen(word) && xmlStrncasecmp((const xmlChar *)at, (const xmlChar *)word, (int)len) == 0) ||
                 (len == strlen(number) && memcmp(at, number, len) == 0);
    xmlFree(text);
    return equal;
}

static unsigned type_number(xmlNode *node)
{
    xmlChar *text = node != NULL ? xmlNodeGetContent(node) : NULL;
    const char *at = text != NULL ? (const char *)text : "";
    unsigned value = 0;
    at += strspn(at, " \t\r\n");
    for (; *at >= '0' && *at <= '9' && value < 1000; at++)
        value = value * 10 + (unsigned)(*at - '0');
    xmlFree(text);
    return value;
}

/* Hex digits with anything between them (blanks, U+200E of the console); 40 or 64 of them, or none at all. */
static void add_pin(struct reader *r, struct expect_method *m, xmlNode *node)
{
    xmlChar *text = xmlNodeGetContent(node);
    uint8_t hash[32] = {0};
    size_t digits = 0;
    for (const xmlChar *p = text; p != NULL && *p != '\0'; p++) {
        uint8_t c = *p, low = c | 0x20;
        unsigned value = c >= '0' && c <= '9' ? c - 48u : low >= 'a' && low <= 'f' ? low - 87u : 16u;
        if (value < 16 && digits < 64)
            hash[digits / 2] = (uint8_t)((unsigned)hash[digits / 2] << 4 | value);
        digits += value < 16 ? 1 : 0;
    }
    xmlFree(text);
    if (digits == 0)
        return;
    if (digits != 40 && digits != 64) {
        char reason[96];
        snprintf(reason, sizeof reason, "thumbprint of %zu hex digits, not 40 (SHA-1) or 64 (SHA-256)", digits);
        fail_at(r, node, reason);
    } else if (m->pin_count == EXPECT_PINS_MAX) {
        fail_at(r, node, "too many thumbprints");
    } else {
        memcpy(m->pins[m->pin_count].hash, hash, sizeof hash);
        m->pins[m->pin_count++].len = (uint8_t)(digits / 2);
    }
}

static void read_validation(struct reader *r, struct expect_method *m, xmlNode *validation)
{
    for (xmlNode *node = validation->children; node != NULL && !r->failed; node = node->next) {
        if (is(node, "TrustedRootCA") || is(node, "TrustedRootCAHash") || is(node, "TrustedRootCAHashes")) {
            add_pin(r, m, node);
        } else if (is(node, "ServerNames")) {
            char reason[EXPECT_ERROR];
            xmlChar *text = xmlNodeGetContent(node);
            const char *names = text != NULL ? (const char *)text : "";
            if (!expect_split_names(m->server_names, &m->name_count, names, strlen(names), reason))
                fail_at(r, node, reason);
            xmlFree(text);
        } else if (is(node, "DisableUserPromptForServerValidation") || is(node, "DisablePrompt")) {
            m->no_prompt = text_equal(node, "true", "1");
        }
    }
}

static const char *method_name(unsigned type)
{
    return type == EAP_TLS ? "EAP-TLS" : type == EAP_TTLS ? "EAP-TTLS" : type == EAP_PEAP ? "PEAP" : "TEAP";
}

/* One method with server validation; others (26 inside PEAP) have none and are left out. */
static void read_method(struct reader *r, xmlNode *method, unsigned type, unsigned depth)
{
    if (type != EAP_TLS && type != EAP_TTLS && type != EAP_PEAP && type != EAP_TEAP)
        return;
    if (r->expect->method_count == EXPECT_METHODS_MAX) {
        fail_at(r, method, "too many EAP methods");
        return;
    }
    if (depth == 0 && r->expect->method_count > 0)
        expect_remark_add(r->expect,
                          "%.300s line %lld: a second EAP method; certificates are judged by the first one, %s",
                          r->file, (long long)line_of(r, method), method_name(r->expect->methods[0].eap_type));
    struct expect_method *m = &r->expect->methods[r->expect->method_count++];
    *m = (struct expect_method){.eap_type = (uint8_t)type, .depth = depth > 0 ? 1 : 0, .validates = true};
    xmlNode *validation = own(method, "ServerValidation"), *perform = own(method, "PerformServerValidation");
    xmlNode *accept = own(method, "AcceptServerName");
    if (validation != NULL)
        read_validation(r, m, validation);
    m->validates = perform == NULL || !text_equal(perform, "false", "0");
    m->checks_names = m->name_count > 0 && (accept == NULL || !text_equal(accept, "false", "0"));
    if (!m->validates)
        expect_remark_add(r->expect,
                          "%.300s line %lld: %s does not validate the server (PerformServerValidation is false): any "
                          "server gets the user's login",
                          r->file, (long long)line_of(r, perform), method_name(type));
    else if (m->name_count > 0 && !m->checks_names)
        expect_remark_add(r->expect,
                          "%.300s line %lld: %s has ServerNames, but AcceptServerName is false: names are not checked",
                          r->file, (long long)line_of(r, accept), method_name(type));
}

static unsigned host_type(xmlNode *config)
{
    xmlNode *method = child(config, "EapMethod");
    return method != NULL ? type_number(child(method, "Type")) : 0;
}

/* The methods inside node, each with its depth; `type` is the EapMethod type of the EapHostConfig around. */
static void read_methods(struct reader *r, xmlNode *node, unsigned type, unsigned depth, unsigned nesting)
{
    if (nesting > NESTING_MAX || r->failed)
        return;
    for (xmlNode *at = node->children; at != NULL; at = at->next) {
        if (at->type != XML_ELEMENT_NODE)
            continue;
        unsigned inside = type, below = depth;
        if (is(at, "Eap") && child(at, "Type") != NULL)
            inside = type_number(child(at, "Type"));
        else if (is(at, "EapTtls"))
            inside = EAP_TTLS;
        else if (is(at, "EapTeap"))
            inside = EAP_TEAP;
        else if (is(at, "EapHostConfig"))
            inside = host_type(at);
        if (begins_method(at) && !is(at, "EapHostConfig")) {
            read_method(r, at, inside, depth);
            below = depth + 1;
        }
        read_methods(r, at, inside, below, nesting + 1);
    }
}

static void read_host_config(struct reader *r, xmlNode *config)
{
    static const char *const blob_names[3] = {"ConfigBlob", NULL, NULL};
    r->configs++;
    xmlNode *blob = own_any(config, blob_names);
    if (blob != NULL)
        expect_remark_add(r->expect,
                          "%.300s line %lld: ConfigBlob, the binary form of a configuration, is not supported: names "
                          "and thumbprints in it are unknown",
                          r->file, (long long)line_of(r, blob));
    read_methods(r, config, host_type(config), 0, 0);
}

static void read_text(struct reader *r, struct span text, unsigned escapes);

/* Reads every text below root that is an XML document of its own, escaped inside this one. */
static void read_escaped(struct reader *r, xmlNode *root, unsigned escapes)
{
    for (xmlNode *node = root; node != NULL && !r->failed; node = next_below(root, node, false)) {
        bool has_text = node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
        const char *content = has_text && node->content != NULL ? (const char *)node->content : "";
        const char *start = strchr(content, '<');
        if (start == NULL || strstr(start, "EapHostConfig") == NULL)
            continue;
        int64_t base = r->line_base;
        r->line_base += xmlGetLineNo(node->parent) - 1;
        read_text(r, span_of(start, strlen(start)), escapes + 1);
        r->line_base = base;
    }
}

/* Stops at a DOCTYPE: a configuration has none, and entities are the ways to hurt a reader of XML. */
static void refuse_doctype(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    xmlParserCtxt *ctxt = ctx;
    (void)name;
    (void)external;
    (void)system;
    ctxt->_private = ctxt; /* the mark that read_document looks for */
    xmlStopParser(ctxt);
}

static xmlDoc *read_document(struct reader *r, struct span text, bool as_utf8)
{
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | (as_utf8 ? XML_PARSE_IGNORE_ENC : 0);
    xmlParserCtxt *ctxt = xmlNewParserCtxt();
    if (ctxt == NULL) {
        r->failed = true;
        expect_fail(r->error, "%.300s: memory is short", r->file);
        return NULL;
    }
    ctxt->sax->internalSubset = refuse_doctype;
    xmlDoc *doc =
        xmlCtxtReadMemory(ctxt, (const char *)text.data, (int)text.len, NULL, as_utf8 ? "UTF-8" : NULL, options);
    const xmlError *problem = xmlCtxtGetLastError(ctxt);
    if (ctxt->_private != NULL) {
        xmlFreeDoc(doc);
        doc = NULL;
        expect_fail(r->error, "%.300s line %lld: a DOCTYPE is not accepted", r->file,
                    (long long)(r->line_base + (ctxt->input != NULL ? ctxt->input->line : 0)));
    } else if (doc == NULL) {
        const char *reason = problem != NULL && problem->message != NULL ? problem->message : "no XML";
        expect_fail(r->error, "%.300s line %lld: %.*s", r->file,
                    (long long)(r->line_base + (problem != NULL ? problem->line : 1)), (int)strcspn(reason, "\n"),
                    reason);
    }
    r->failed = doc == NULL;
    xmlFreeParserCtxt(ctxt);
    return doc;
}

/* A file saved by other programs may name an encoding that it no longer has; the name is ignored in a second try. */
static xmlDoc *read_any_encoding(struct reader *r, struct span text, bool escaped)
{
    xmlDoc *doc = read_document(r, text, escaped);
    char first[EXPECT_ERROR];
    if (doc != NULL || escaped || text.len < 2 || text.data[0] != '<' || text.data[1] == 0 ||
        strstr(r->error, "DOCTYPE") != NULL)
        return doc;
    memcpy(first, r->error, sizeof first);
    doc = read_document(r, text, true);
    if (doc == NULL)
        memcpy(r->error, first, sizeof first);
    return doc;
}

static void read_text(struct reader *r, struct span text, unsigned escapes)
{
    if (escapes > ESCAPES_MAX || text.len > EXPECT_FILE_MAX)
        return;
    xmlDoc *doc = read_any_encoding(r, text, escapes > 0);
    xmlNode *root = doc != NULL ? xmlDocGetRootElement(doc) : NULL;
    size_t before = r->configs;
    for (xmlNode *node = root; node != NULL && !r->failed;) {
        bool found = is(node, "EapHostConfig");
        if (found)
            read_host_config(r, node);
        node = next_below(root, node, found);
    }
    if (root != NULL && !r->failed && r->configs == before)
        read_escaped(r, root, escapes);
    xmlFreeDoc(doc);
}

bool eap_config_parse(struct expect *e, const char *name, struct span text, char error[static EXPECT_ERROR])
{
    struct reader r = {.expect = e, .file = name, .error = error};
    if (text.len == 0)
        return expect_fail(error, "%.300s: is empty", name);
    read_text(&r, text, 0);
    if (r.failed)
        return false;
    return r.configs > 0 || expect_fail(error, "%.300s: no EapHostConfig element in it", name);
}
