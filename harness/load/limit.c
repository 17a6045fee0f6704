/* The limit: a WebSocket server in C that does nothing but call send(2) once a client.
 *
 * Owns /ws (a text goes to every other client), /echo (a text comes back), pings, closing handshakes, and 1012 to
 * everyone at SIGTERM. One thread, epoll, no library. A client that does not read gets a bounded backlog, and is cut off
 * when that is full. Prints, as it ends, how many microseconds a frame took in the loop of send(2).
 *
 *     limit PORT
 */
#define _GNU_SOURCE
#include "ws.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

enum { MAX_FDS = 1 << 20, CHUNK = 1 << 18, BACKLOG_BYTES = 1 << 20, EVENTS = 512, CLOSE_WITHIN_S = 10 };

typedef struct {
    unsigned char *unread, *unsent; /* the beginning of a request or frame; what the kernel did not take */
    size_t unread_bytes, unsent_bytes;
    int listener, open, closing; /* place among the listeners, -1 for none */
} Client;

static Client *clients[MAX_FDS];
static int listeners[MAX_FDS], listening, connected, epoll;
static unsigned char chunk[CHUNK * 2], out[CHUNK + MAX_HEADER];
static double sending_s;
static uint64_t frames;
static volatile sig_atomic_t told_to_stop;

static void stop(int number) { told_to_stop = number; }
static void watch(int fd, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, how, fd, &event);
}

static void unlisten(Client *client) {
    if (client->listener < 0) return;
    int last = listeners[--listening];
    listeners[client->listener] = last;
    clients[last]->listener = client->listener;
    client->listener = -1;
}

static void forget(int fd) {
    Client *client = clients[fd];
    unlisten(client);
    free(client->unread), free(client->unsent), free(client);
    clients[fd] = NULL;
    connected--;
    close(fd);
}

/* Keep what the kernel did not take. A client over its limit is cut off by the loop, not here: `shutdown` wakes it. */
static void keep(int fd, const unsigned char *bytes, size_t count) {
    Client *client = clients[fd];
    if (client->unsent_bytes + count > BACKLOG_BYTES) {
        shutdown(fd, SHUT_RDWR);
        return;
    }
    client->unsent = realloc(client->unsent, client->unsent_bytes + count);
    memcpy(client->unsent + client->unsent_bytes, bytes, count);
    client->unsent_bytes += count;
    watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

static void give(int fd, const unsigned char *bytes, size_t count) {
    ssize_t taken = clients[fd]->unsent_bytes ? 0 : send(fd, bytes, count, MSG_NOSIGNAL);
    if (taken < 0) taken = 0; /* EAGAIN, or a peer that is gone, which the loop will hear of */
    if ((size_t)taken < count) keep(fd, bytes + taken, count - taken);
}

static void flush(int fd) {
    Client *client = clients[fd];
    ssize_t taken = send(fd, client->unsent, client->unsent_bytes, MSG_NOSIGNAL);
    if (taken <= 0) return;
    client->unsent_bytes -= taken;
    memmove(client->unsent, client->unsent + taken, client->unsent_bytes);
    if (!client->unsent_bytes) watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static void broadcast(int but, size_t bytes) {
    double began = now_s();
    for (int i = 0; i < listening; i++)
        if (listeners[i] != but) give(listeners[i], out, bytes), frames++;
    sending_s += now_s() - began;
}

static void say_close(int fd, const void *payload, size_t bytes) {
    if (!clients[fd]->closing) give(fd, out, write_frame(out, CLOSE, payload, bytes, 0));
    clients[fd]->closing = 1;
    unlisten(clients[fd]);
}

/* Act on one frame. Returns 0 when the connection is over. */
static int act(int fd, const Frame *frame, unsigned char *payload) {
    for (size_t i = 0; i < frame->payload; i++) payload[i] ^= frame->mask[i & 3];
    if (frame->opcode == CLOSE) {
        say_close(fd, payload, frame->payload < 2 ? 0 : 2);
        return 0;
    }
    if (frame->opcode == PING) give(fd, out, write_frame(out, PONG, payload, frame->payload, 0));
    if (frame->opcode != TEXT || clients[fd]->closing) return 1;
    size_t bytes = write_frame(out, TEXT, payload, frame->payload, 0);
    if (clients[fd]->listener >= 0) broadcast(fd, bytes);
    else give(fd, out, bytes);
    return 1;
}

/* Answer the request in `at`. Returns its bytes, 0 while it is not complete, -1 when it is no handshake. */
static long welcome(int fd, char *at, size_t have) {
    char *end = memmem(at, have, "\r\n\r\n", 4), key_of_accept[29], answer[256];
    if (!end) return have < CHUNK ? 0 : -1;
    *end = 0;
    char *key = strcasestr(at, "sec-websocket-key:");
    if (!key || strlen(key += 18 + strspn(key + 18, " ")) < 24) {
        const char *refusal = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        give(fd, (const unsigned char *)refusal, strlen(refusal));
        return -1;
    }
    accept_of(key, key_of_accept);
    int bytes = snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", key_of_accept);
    give(fd, (unsigned char *)answer, bytes);
    clients[fd]->open = 1;
    if (strncmp(at, "GET /echo", 9)) clients[fd]->listener = listening, listeners[listening++] = fd;
    return end + 4 - at;
}

/* Take what a client has sent. Returns 0 when the connection is over. */
static int hear(int fd) {
    Client *client = clients[fd];
    if (client->unread_bytes) memcpy(chunk, client->unread, client->unread_bytes);
    ssize_t got = recv(fd, chunk + client->unread_bytes, CHUNK, 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    size_t have = client->unread_bytes + got, at = 0;
    for (Frame frame;;) {
        if (!client->open) {
            long taken = welcome(fd, (char *)chunk, have);
            if (taken < 0) return 0;
            if (taken == 0) break;
            at = taken;
        }
        if (!read_header(chunk + at, have - at, &frame)) break;
        if (frame.payload > CHUNK - MAX_HEADER) return 0;
        if (have - at < frame.header + frame.payload) break;
        if (!act(fd, &frame, chunk + at + frame.header)) return 0;
        at += frame.header + frame.payload;
    }
    client->unread_bytes = have - at;
    if (!client->unread_bytes) return 1;
    client->unread = realloc(client->unread, client->unread_bytes);
    memcpy(client->unread, chunk + at, client->unread_bytes);
    return 1;
}

static void let_in(int door) {
    int fd, yes = 1;
    while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        clients[fd] = calloc(1, sizeof(Client));
        clients[fd]->listener = -1;
        connected++;
        watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
}

int main(int count, char **words) {
    int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[EVENTS];
    here.sin_port = htons(count > 1 ? atoi(words[1]) : 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(door, (struct sockaddr *)&here, sizeof here) || listen(door, 4096)) return perror("limit"), 1;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(door, EPOLLIN, EPOLL_CTL_ADD);
    for (double ends_at = 0; !ends_at || (connected && now_s() < ends_at);) {
        int happened = epoll_wait(epoll, events, EVENTS, 100);
        for (int i = 0; i < happened; i++) {
            int fd = events[i].data.fd;
            if (fd == door) let_in(door);
            else {
                if (events[i].events & EPOLLOUT) flush(fd);
                if (events[i].events & ~EPOLLOUT && !hear(fd)) forget(fd);
            }
        }
        if (told_to_stop && !ends_at) {
            close(door);
            ends_at = now_s() + CLOSE_WITHIN_S;
            for (int fd = 0; fd < MAX_FDS; fd++)
                if (clients[fd]) say_close(fd, "\x03\xf4", 2); /* 1012, service restart */
        }
    }
    printf("limit: %.3f us a frame, %llu frames\n", frames ? sending_s / frames * 1e6 : 0, (unsigned long long)frames);
    return 0;
}
