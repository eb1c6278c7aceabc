#include "dump_ike.h"

#include <stdio.h>

#include "analyze/nat/nat_hash.h"

enum { CHAINS = 2, PROPOSAL = 2, TRANSFORM = 3 };

/* The payloads of one message: in the clear, and inside SK when it was opened. */
struct chains {
    const struct ike_payloads *chain[CHAINS];
    unsigned count;
};

static void print_hex(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
}

static void print_number(unsigned number, bool *first)
{
    printf("%s%u", *first ? "" : ",", number);
    *first = false;
}

/* Proposals and transforms have payload types of their own (RFC 2408 section 3.1), which IKEv2 has kept. In IKEv1 every
 * transform is read as a proposal; those of one proposal share its SPI field. */
static void print_proposals(struct span sa, bool version1, bool *first)
{
    struct ike_proposals all;
    ike_read_proposals(sa, version1, &all);
    for (unsigned i = 0; i < all.count; i++) {
        const struct ike_proposal *p = &all.proposals[i];
        if (!version1 || i == 0 || p->spi.data != p[-1].spi.data)
            print_number(PROPOSAL, first);
        for (unsigned t = 0; t < (version1 ? 1u : p->transform_count); t++)
            print_number(TRANSFORM, first);
    }
}

static void print_types(const struct chains *all, bool version1)
{
    bool first = true;
    printf(" types=");
    for (unsigned c = 0; c < all->count; c++) {
        const struct ike_payloads *p = all->chain[c];
        for (unsigned i = 0; i < p->count; i++)
            print_number(p->types[i], &first);
        print_proposals(p->sa, version1, &first);
    }
}

static void print_notifies(const struct chains *all)
{
    bool first = true;
    printf(" notify=");
    for (unsigned c = 0; c < all->count; c++)
        for (unsigned i = 0; i < all->chain[c]->notify_count; i++)
            print_number(all->chain[c]->notifies[i].type, &first);
}

static void print_auth(const struct chains *all)
{
    bool first = true;
    printf(" auth=");
    for (unsigned c = 0; c < all->count; c++)
        if (all->chain[c]->auth_method != 0)
            print_number(all->chain[c]->auth_method, &first);
}

static void print_vendor_ids(const struct chains *all)
{
    const char *before = "";
    printf(" vendor_ids=");
    for (unsigned c = 0; c < all->count; c++)
        for (unsigned i = 0; i < all->chain[c]->vendor_id_count; i++, before = ",") {
            printf("%s", before);
            print_hex(all->chain[c]->vendor_ids[i].data, all->chain[c]->vendor_ids[i].len);
        }
}

/* How many such hashes there are, and whether one of them is that of e: "2/true". Nothing when there is none. */
static void print_nat(struct digests *d, const struct chains *all, const struct ike_message *m, uint16_t type,
                      const struct endpoint *e)
{
    struct nat_question q;
    unsigned hashes = 0;
    bool match = false;
    memcpy(q.initiator_spi, m->initiator_spi, IKE_SPI);
    memcpy(q.responder_spi, m->responder_spi, IKE_SPI);
    for (unsigned c = 0; c < all->count; c++)
        for (unsigned i = 0; i < all->chain[c]->notify_count; i++) {
            const struct ike_notify *n = &all->chain[c]->notifies[i];
            if (n->type != type || n->data.len != NAT_HASH)
                continue;
            hashes++;
            memcpy(q.hash, n->data.data, NAT_HASH);
            match = match || nat_hash_matches(d, &q, e);
        }
    if (hashes > 0)
        printf(" %s=%u/%s", type == IKE_N_NAT_DETECTION_SOURCE_IP ? "nat_source" : "nat_destination", hashes,
               match ? "true" : "false");
}

/* The layer tells the payloads of what it sees for the first time; those of a copy are read here. */
static struct chains chains_of(const struct ike_event *e, bool version1, struct ike_payloads *room)
{
    const struct ike_message *m = e->message;
    struct chains all = {{NULL, NULL}, 0};
    if (e->clear != NULL) {
        all.chain[all.count++] = e->clear;
    } else if (!version1 || !m->encrypted) {
        (version1 ? ike1_read_payloads : ike_read_payloads)(m->next_payload, m->payloads, m->cut, room);
        all.chain[all.count++] = room;
    }
    if (e->inside != NULL)
        all.chain[all.count++] = e->inside;
    return all;
}

void dump_ike(struct digests *digests, struct place place, const struct ike_event *e)
{
    static const char *const kinds[] = {[IKE_EVENT_MESSAGE] = "message", [IKE_EVENT_RETRANSMISSION] = "retransmission",
                                        [IKE_EVENT_FRAGMENT] = "fragment", [IKE_EVENT_TRANSLATED] = "translated"};
    static const char *const sk[] = {[IKE_SK_NONE] = "none", [IKE_SK_NO_KEY] = "no-key", [IKE_SK_OPENED] = "opened",
                                     [IKE_SK_WRONG_KEY] = "wrong-key", [IKE_SK_UNREADABLE] = "unreadable"};
    const struct ike_message *m = e->message;
    struct ike_payloads room;
    if (m == NULL)
        return;
    bool version1 = m->version >> 4 == 1;
    const struct chains all = chains_of(e, version1, &room);
    printf("ike %llu %s version=0x%02x exchange=%u ispi=", (unsigned long long)place.frame, kinds[e->kind], m->version,
           m->exchange);
    print_hex(m->initiator_spi, IKE_SPI);
    printf(" rspi=");
    print_hex(m->responder_spi, IKE_SPI);
    printf(" fragment=%u/%u marker=%d sk=%s", m->fragment, m->fragments, e->marker, sk[e->sk]);
    print_types(&all, version1);
    print_notifies(&all);
    print_auth(&all);
    print_vendor_ids(&all);
    if (!version1) {
        print_nat(digests, &all, m, IKE_N_NAT_DETECTION_SOURCE_IP, &e->source);
        print_nat(digests, &all, m, IKE_N_NAT_DETECTION_DESTINATION_IP, &e->destination);
    }
    printf("%s\n", m->malformed ? " malformed" : "");
}
