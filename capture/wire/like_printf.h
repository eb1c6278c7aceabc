/* Lets the compiler check the arguments of functions that format like printf. */
#ifndef VS_WIRE_LIKE_PRINTF_H
#define VS_WIRE_LIKE_PRINTF_H

#if defined(__GNUC__)
#define LIKE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define LIKE_PRINTF(text, first)
#endif

#endif
