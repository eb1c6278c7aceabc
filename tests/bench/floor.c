#define _DEFAULT_SOURCE /* u_int and friends of pcap.h */
/* floor CAPTURE: the least that a program on libpcap does with a file, reading it with an empty loop. The measure of ours. */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *p = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
    if (p == NULL) {
        fprintf(stderr, "floor: %s\n", argc == 2 ? error : "usage: floor CAPTURE");
        return 2;
    }
    uint64_t packets = 0, bytes = 0;
    struct pcap_pkthdr *header;
    const u_char *data;
    while (pcap_next_ex(p, &header, &data) == 1) {
        packets++;
        bytes += header->caplen;
    }
    printf("%" PRIu64 " packets %" PRIu64 " bytes\n", packets, bytes);
    pcap_close(p);
    return 0;
}
