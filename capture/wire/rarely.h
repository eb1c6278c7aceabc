/* Keeps what is rarely done out of the functions that are called for every packet: they need fewer registers then. */
#ifndef VS_WIRE_RARELY_H
#define VS_WIRE_RARELY_H

#if defined(__GNUC__)
#define RARELY_CALLED __attribute__((noinline))
#else
#define RARELY_CALLED
#endif

#endif
