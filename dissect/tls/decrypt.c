/* Decryption is not there yet: no record has a key. */
#include "dissect/tls/decrypt.h"

bool side_has_keys(struct tls_session *s, enum direction dir)
{
    (void)s, (void)dir;
    return false;
}

enum opened record_open(struct tls_session *s, enum direction dir, struct span fragment, uint8_t *room,
                        struct span *out, uint8_t *type)
{
    (void)s, (void)dir, (void)fragment, (void)room, (void)out, (void)type;
    return NOT_OPENED;
}

void record_passed(struct tls_session *s, enum direction dir)
{
    s->side[dir].sequence++;
}

void keys_after_ccs(struct tls_session *s, enum direction dir)
{
    s->side[dir].sequence = 0;
}

void keys_after_message(struct tls_session *s, enum direction dir, uint8_t handshake_type)
{
    (void)s, (void)dir, (void)handshake_type;
}

void keys_free(struct keys *k)
{
    (void)k;
}

struct openers *openers_new(void)
{
    static char none;
    return (struct openers *)&none;
}

void openers_free(struct openers *o)
{
    (void)o;
}
