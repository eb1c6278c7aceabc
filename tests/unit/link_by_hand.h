/* What each side of a link sends, written where it is sent: C(s, 1, 2) is two bytes of the client, S(s, 1, 2) of the
 * server. The test says what becomes of them: feed(s, direction, bytes, length). */
#ifndef VS_TEST_LINK_BY_HAND_H
#define VS_TEST_LINK_BY_HAND_H

#include "bytes_by_hand.h"

#define SAY(s, direction, ...)                                                                                         \
    do {                                                                                                               \
        static const uint8_t bytes_[] = {__VA_ARGS__};                                                                 \
        feed(s, direction, bytes_, sizeof bytes_);                                                                     \
    } while (0)
#define C(s, ...) SAY(s, TO_SERVER, __VA_ARGS__)
#define S(s, ...) SAY(s, TO_CLIENT, __VA_ARGS__)

#endif
