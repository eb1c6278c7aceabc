#!/usr/bin/env python3
"""A web proxy of the clients' network: passes CONNECT on, or first wants to know the user. usage: web_proxy.py ADDRESS PORT [--login]"""

import socket
import sys
import threading

import sstp
from sstp import say

ANSWER = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"


def pass_on(source, target):
    try:
        while octets := source.recv(65536):
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client):
    head, _ = sstp.http_head(client)
    host, _, port = head[0].split()[1].rpartition(":")
    if "--login" in sys.argv:
        client.sendall(ANSWER)
        client.close()
        return
    server = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
    pass_on(server, client)


def main():
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
    say("ready")
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
