"""MS-CHAPv2 (RFC 2759) and its keys (RFC 3079). OpenSSL 3 hides MD4, so it is written out; DES is libcrypto's."""

import ctypes
import hashlib
import struct

CRYPTO = ctypes.CDLL("libcrypto.so.3")
MAGIC_SERVER = b"Magic server to client signing constant"
MAGIC_MORE = b"Pad to make it do more than one iteration"
MAGIC_MASTER = b"This is the MPPE Master Key"
MAGIC_SEND = (b"On the client side, this is the send key; on the server side, it is the receive key.")
MAGIC_RECEIVE = (b"On the client side, this is the receive key; on the server side, it is the send key.")


def md4(data):
    """RFC 1320."""
    mask = 0xFFFFFFFF
    message = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    rounds = (
        (lambda x, y, z: (x & y) | (~x & z), 0, (3, 7, 11, 19), range(16)),
        (lambda x, y, z: (x & y) | (x & z) | (y & z), 0x5A827999, (3, 5, 9, 13), [i % 4 * 4 + i // 4 for i in range(16)]),
        (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1, (3, 9, 11, 15), (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)))
    for offset in range(0, len(message), 64):
        words = struct.unpack_from("<16I", message, offset)
        a, b, c, d = state
        for mix, constant, shifts, order in rounds:
            for step, index in enumerate(order):
                value = (a + mix(b, c, d) + words[index] + constant) & mask
                turn = shifts[step % 4]
                a, b, c, d = d, (value << turn | value >> (32 - turn)) & mask, b, c
        state = [(old + new) & mask for old, new in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def des(key7, block):
    """One block under a key of 56 bits."""
    bits = int.from_bytes(key7, "big")
    key = bytes((bits >> (49 - 7 * i) & 0x7F) << 1 for i in range(8))
    schedule, out = ctypes.create_string_buffer(128), ctypes.create_string_buffer(8)
    CRYPTO.DES_set_key_unchecked(key, schedule)
    CRYPTO.DES_ecb_encrypt(block, out, schedule, 1)
    return out.raw


def nt_hash(password):
    return md4(password.encode("utf-16-le"))


def challenge_hash(peer, authenticator, user):
    """The user's name goes in without its domain (RFC 2759, 8.2)."""
    return hashlib.sha1(peer + authenticator + user.split("\\")[-1].encode()).digest()[:8]


def nt_response(authenticator, peer, user, password):
    key, block = nt_hash(password) + bytes(5), challenge_hash(peer, authenticator, user)
    return b"".join(des(key[i:i + 7], block) for i in (0, 7, 14))


def authenticator_response(authenticator, peer, user, password, response):
    """What the server must say to prove that it knows the password, too: "S=" and 40 digits."""
    digest = hashlib.sha1(md4(nt_hash(password)) + response + MAGIC_SERVER).digest()
    proof = hashlib.sha1(digest + challenge_hash(peer, authenticator, user) + MAGIC_MORE).digest()
    return "S=" + proof.hex().upper()


def master_keys(password, response):
    """The client's send and receive key (RFC 3079, 3.4)."""
    master = hashlib.sha1(md4(nt_hash(password)) + response + MAGIC_MASTER).digest()[:16]
    return tuple(hashlib.sha1(master + bytes(40) + magic + b"\xF2" * 40).digest()[:16]
                 for magic in (MAGIC_SEND, MAGIC_RECEIVE))
