/*
 * One IKE message: header, chain, and all that is read from payloads. Input: bytes that the snap length cut (1), a byte of
 * options (bit 0: the chain is read as cut), then the message.
 */
#include "dissect/ike/ike.h"
#include "tests/fuzz/fuzz_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch_text(const char *text)
{
    if (text != NULL)
        touch(span_of(text, strlen(text)));
}

static void check_proposals(struct span sa, bool version1)
{
    static struct ike_proposals all;
    ike_read_proposals(sa, version1, &all);
    if (all.count > IKE_PROPOSALS_MAX)
        abort();
    for (size_t i = 0; i < all.count; i++) {
        const struct ike_proposal *p = &all.proposals[i];
        if (p->transform_count > IKE_TRANSFORMS_MAX)
            abort();
        touch(p->spi);
        for (size_t t = 0; t < p->transform_count; t++) {
            char name[IKE_TRANSFORM_NAME];
            if (ike_transform_name(name, &p->transforms[t]) != name || strlen(name) + 1 >= sizeof name)
                abort();
            touch_text(ike_transform_weakness(&p->transforms[t]));
        }
    }
}

static void check_selectors(struct span ts)
{
    struct ike_selector s[IKE_TS_MAX];
    size_t count = ike_read_selectors(ts, s);
    if (count > IKE_TS_MAX)
        abort();
    for (size_t i = 0; i < count; i++) {
        char text[ADDRESS_TEXT];
        touch_text(address_text(text, &s[i].first));
        touch_text(address_text(text, &s[i].last));
    }
}

static void check_cp(struct span cp)
{
    struct ike_cp_attribute a[IKE_CP_ATTRIBUTES_MAX];
    size_t count = ike_read_cp(cp, a);
    if (count > IKE_CP_ATTRIBUTES_MAX)
        abort();
    for (size_t i = 0; i < count; i++)
        touch(a[i].value);
}

static void check_lists(const struct ike_payloads *p, uint8_t version)
{
    for (size_t i = 0; i < p->notify_count; i++) {
        touch(p->notifies[i].spi);
        touch(p->notifies[i].data);
        touch_text(ike_notify_name(version, p->notifies[i].type));
        if (ike_notify_of(p, p->notifies[i].type) == NULL)
            abort();
    }
    for (size_t i = 0; i < p->vendor_id_count; i++) {
        const char *text;
        uint32_t number;
        if ((ike_vendor_of(p->vendor_ids[i], &text, &number) == IKE_VENDOR_UNKNOWN) != (text == NULL))
            abort();
        if (!ike_has_vendor_id(p, p->vendor_ids[i]))
            abort();
    }
    for (size_t i = 0; i < p->cert_count; i++)
        touch(p->certs[i].data);
    for (size_t i = 0; i < p->certreq_count; i++)
        touch(p->certreqs[i].data);
    for (size_t i = 0; i < p->delete_count; i++) {
        touch(p->deletes[i].spis);
        if (p->deletes[i].spis.len != (size_t)p->deletes[i].count * p->deletes[i].spi_size)
            abort();
    }
}

static void check_payloads(const struct ike_payloads *p, uint8_t version)
{
    const struct span spans[] = {p->sa, p->nonce, p->tsi, p->tsr, p->eap, p->ms_correlation, p->ke, p->auth, p->cp,
                                 p->idi.data, p->idr.data};
    touch_all(spans, sizeof spans / sizeof *spans);
    if (p->count > IKE_PAYLOADS_MAX || p->notify_count > IKE_NOTIFIES_MAX || p->vendor_id_count > IKE_VENDOR_IDS_MAX ||
        p->cert_count > IKE_CERTS_MAX || p->certreq_count > IKE_CERTS_MAX || p->delete_count > IKE_DELETES_MAX ||
        p->malformed != (p->reason != NULL))
        abort();
    for (size_t i = 0; i < p->count; i++)
        touch_text(ike_payload_name(version, p->types[i]));
    touch_text(ike_auth_method_name(p->auth_method));
    touch_text(ike_id_type_name(p->idi.type));
    check_lists(p, version);
    check_proposals(p->sa, version >> 4 == 1);
    check_selectors(p->tsi);
    check_selectors(p->tsr);
    check_cp(p->cp);
}

static void check_message(const struct ike_message *m, struct span bytes)
{
    touch(m->whole);
    touch(m->payloads);
    touch(m->sk);
    touch(m->associated);
    if (m->whole.len > bytes.len || m->whole.data != bytes.data || m->malformed != (m->reason != NULL) ||
        (m->cut && m->whole.len >= m->length) || (m->sk.len > 0 && !m->encrypted) ||
        (m->sk.len > 0 && m->associated.data + m->associated.len != m->sk.data))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ike_payloads payloads;
    struct cursor c = cursor_of(span_of(data, size));
    uint8_t cut, options;
    struct ike_message m;
    if (!take_u8(&c, &cut) || !take_u8(&c, &options))
        return 0;
    struct span bytes = cursor_rest(&c);
    uint32_t wire_len = (uint32_t)bytes.len + cut;
    bool recognised = ike_recognise(bytes, wire_len);
    if (!ike_parse(bytes, wire_len, &m)) {
        if (recognised || bytes.len >= IKE_HEADER)
            abort();
        return 0;
    }
    check_message(&m, bytes);
    touch_text(ike_exchange_name(m.version, m.exchange));
    bool chain_cut = m.cut || (options & 1) != 0;
    ike_read_payloads(m.next_payload, m.payloads, chain_cut, &payloads);
    check_payloads(&payloads, 0x20);
    ike1_read_payloads(m.next_payload, m.payloads, chain_cut, &payloads);
    check_payloads(&payloads, 0x10);
    return 0;
}
