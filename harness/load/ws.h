/* What the bench's two C programs share: time, samples, WebSocket frames, and the handshake's hash.
 *
 * Owns nothing that is running. Sources: RFC 6455 (sections 4.2.2, 5.2, 5.5), RFC 3174 (SHA-1), RFC 4648 (base64).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };
enum { FIN = 0x80, MASKED = 0x80, MAX_HEADER = 14, MAX_CONTROL = 125 };

typedef struct {
    uint64_t payload;    /* bytes that follow the header */
    unsigned header;     /* bytes of the header, with the mask */
    unsigned char opcode, fin, mask[4];
} Frame;

static inline double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* Read a frame's header. Returns 0 when there are too few bytes for it. */
static inline int read_header(const unsigned char *at, size_t have, Frame *frame) {
    if (have < 2) return 0;
    unsigned length = at[1] & 0x7f, extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    unsigned masked = at[1] & MASKED ? 4 : 0;
    frame->header = 2 + extended + masked;
    if (have < frame->header) return 0;
    frame->opcode = at[0] & 0x0f;
    frame->fin = at[0] & FIN;
    frame->payload = extended ? 0 : length;
    for (unsigned i = 0; i < extended; i++) frame->payload = frame->payload << 8 | at[2 + i];
    memset(frame->mask, 0, 4);
    if (masked) memcpy(frame->mask, at + 2 + extended, 4);
    return 1;
}

/* Write a frame into `out`, which has room for MAX_HEADER more than the payload; returns its bytes. A client's frame is
 * masked with zero, which is a mask like any other and costs nothing. */
static inline size_t write_frame(unsigned char *out, int opcode, const void *payload, size_t bytes, int masked) {
    size_t at = 2;
    out[0] = FIN | opcode;
    if (bytes < 126) {
        out[1] = bytes;
    } else {
        unsigned extended = bytes < 65536 ? 2 : 8;
        out[1] = extended == 2 ? 126 : 127;
        for (unsigned i = 0; i < extended; i++) out[at++] = (uint64_t)bytes >> 8 * (extended - 1 - i);
    }
    if (masked) {
        out[1] |= MASKED;
        memset(out + at, 0, 4);
        at += 4;
    }
    memcpy(out + at, payload, bytes);
    return at + bytes;
}

static inline uint32_t rotate(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

/* SHA-1 of fewer than 120 bytes, which a key and its GUID (60) are. */
static inline void sha1(const char *text, size_t bytes, unsigned char digest[20]) {
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t hash[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, words[80];
    unsigned char padded[128] = {0};
    size_t total = bytes < 56 ? 64 : 128;
    memcpy(padded, text, bytes);
    padded[bytes] = 0x80;
    padded[total - 2] = bytes * 8 >> 8;
    padded[total - 1] = bytes * 8;
    for (size_t block = 0; block < total; block += 64) {
        for (int i = 0; i < 16; i++) {
            const unsigned char *at = padded + block + 4 * i;
            words[i] = (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
        }
        for (int i = 16; i < 80; i++) words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
        uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];
        for (int i = 0; i < 80; i++) {
            int round = i / 20;
            uint32_t mixed = round == 0 ? (b & c) | (~b & d) : round == 2 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
            uint32_t next = rotate(a, 5) + mixed + e + constants[round] + words[i];
            e = d, d = c, c = rotate(b, 30), b = a, a = next;
        }
        hash[0] += a, hash[1] += b, hash[2] += c, hash[3] += d, hash[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = hash[i / 4] >> (24 - 8 * (i % 4));
}

/* The value of Sec-WebSocket-Accept for a key of 24 characters; `out` takes 29. */
static inline void accept_of(const char *key, char *out) {
    static const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char joined[64];
    unsigned char digest[21] = {0};
    memcpy(joined, key, 24);
    memcpy(joined + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    sha1(joined, 60, digest);
    for (int i = 0, at = 0; i < 21; i += 3) {
        uint32_t three = digest[i] << 16 | digest[i + 1] << 8 | digest[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) out[at++] = alphabet[three >> shift & 63];
    }
    out[27] = '=';
    out[28] = 0;
}
