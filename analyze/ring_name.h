/*
 * What a file's name tells of its place among those that one run of a capturing program wrote: dumpcap -b (NAME_00007_20260101120000.pcapng)
 * and tcpdump -C (NAME.pcap, NAME.pcap1, NAME.pcap2 ...) number them, and begin anew when they are started again. So two with consecutive
 * numbers are one capture, however long nothing came between them. Names with the time alone (tcpdump -G) do not tell.
 */
#ifndef VS_ANALYZE_RING_NAME_H
#define VS_ANALYZE_RING_NAME_H

#include <stdbool.h>
#include <stdint.h>

struct ring_name {
    uint64_t ring;   /* equal for the files of a ring; 0: no such name */
    uint32_t number;
    bool numbered;   /* in a ring for sure; else it may be the first file of tcpdump -C, which has no number, and the number is 0 */
};

struct ring_name ring_name_of(const char *path);

#endif
