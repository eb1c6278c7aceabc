/*
 * What DNS told whom: names and their addresses, as answers in the captures show. Bounded: of each client the latest answer to
 * each of its questions, the oldest give way. For who asks why a client came to one server and not to another.
 */
#ifndef VS_ANALYZE_DNS_ANSWERS_H
#define VS_ANALYZE_DNS_ANSWERS_H

#include "capture/frame.h"
#include "dissect/dns/dns.h"

enum { DNS_ANSWERS_MAX = 1024 };

struct dns_told {
    struct dns_answer answer;
    struct place place; /* of the latest message that said so; first: of the first */
    struct place first;
    uint32_t times;
};

struct dns_answers;

struct dns_answers *dns_answers_new(void); /* NULL when memory is short */
void dns_answers_free(struct dns_answers *t);
void dns_answers_add(struct dns_answers *t, const struct dns_answer *a, struct place place);

/*
 * The answer from which that client may have picked that address: the latest before `by_ns` (capture time; INT64_MAX for any
 * time), also of another capture. client NULL: whoever it was told. NULL when there is none. Lent until the next add.
 * An answer with several addresses, or several answers of one name with different first ones, is DNS round robin.
 */
const struct dns_told *dns_answers_find(const struct dns_answers *t, const struct address *client, const struct address *address,
                                        int64_t by_ns);

/* All different addresses that any answer gave for the name, at most `room`, in order of address; returns their number. */
size_t dns_answers_of_name(const struct dns_answers *t, const char *name, struct address *out, size_t room);

#endif
