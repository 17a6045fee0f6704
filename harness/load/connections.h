/* The connections of the bench's clients: begun, and counted as they end.
 *
 * Owns how they begin and end, and the counts that `client.c` reports. Refuses to know what is being measured.
 */
#include "ws.h"
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { LISTENER, ECHOER, SPEAKER, STALLED, KINDS };
enum { GONE, CONNECTING, ASKED, OPEN, CLOSING }; /* in this order: OPEN and later have been open */
enum { MAX_CONNECTIONS = 1 << 20, CHUNK = 1 << 16, EVENTS = 512, ECHOES = 64, HEAD = 2048, TEXT_BYTES = 1 << 17 };

typedef struct {
    int fd;
    unsigned char kind, state, was_open, unclean, fin; /* unclean: ended by a reset, or its close was not answered */
    unsigned short held_bytes;
    uint64_t payload_left;                         /* of a text that has begun */
    unsigned char held[MAX_HEADER + MAX_CONTROL];  /* the beginning of a header, or of a control frame */
    char *head;                                    /* the handshake's response, until it is complete */
    unsigned head_bytes, echo_first, echoes_due, texts;
    double started_at;
    double *asked_at;                              /* of an echoer: when each text that is due was sent */
} Connection;

typedef struct {
    float *at;
    size_t count, room;
} Samples;

static Connection *all, *speaker;
static int connections, failed, live[KINDS], first_of[KINDS], codes[65536], epoll, port, deflate;
static int full, unclean, without; /* ended by the server: with a full closing handshake, with half of one, with none */
static uint64_t heard;
static double said_at, last_heard_at, first_close_at, last_end_at, cpu_before, idle_s;
static int awake;
static Samples echoes, back, *every_heard;
static unsigned back_after;                        /* of a herd: who has heard so many texts is back */
static char refusal[128], path_of[KINDS][512];
static unsigned char text[TEXT_BYTES + MAX_HEADER];

static double cpu_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void keep(Samples *samples, double seconds) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 4096;
        samples->at = realloc(samples->at, samples->room * sizeof(float));
    }
    samples->at[samples->count++] = seconds;
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Of sorted samples, by nearest rank. */
static double percentile(const Samples *samples, double percent) {
    size_t rank = ceil(percent / 100 * samples->count);
    return samples->at[rank ? rank - 1 : 0];
}

static size_t make_text(size_t bytes) {
    static char words[TEXT_BYTES];
    memset(words, 'x', sizeof words);
    return write_frame(text, TEXT, words, bytes < TEXT_BYTES ? bytes : TEXT_BYTES, 1);
}

static void watch(Connection *one, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.u32 = one - all};
    epoll_ctl(epoll, how, one->fd, &event);
}

static void end(Connection *one) {
    if (!one->was_open) failed++;
    else {
        live[one->kind]--;
        *(one->state == OPEN ? &without : one->unclean ? &unclean : &full) += 1;
        last_end_at = now_s();
    }
    free(one->head);
    one->head = NULL;
    one->state = GONE;
    close(one->fd);
}

static void reset(Connection *one) {
    struct linger at_once = {1, 0};
    setsockopt(one->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (one->state == OPEN) without--;
    end(one);
}

static void begin(Connection *one) {
    static const char *offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    static const char *envelopes = "Sec-WebSocket-Protocol: ebb.v1\r\n";
    char request[1024];
    int bytes = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         "Sec-WebSocket-Version: 13\r\n%s%s\r\n", path_of[one->kind], port, deflate ? offer : "",
                         back_after ? envelopes : "");
    one->state = ASKED;
    one->head = malloc(HEAD);
    watch(one, EPOLLIN, EPOLL_CTL_MOD);
    if (send(one->fd, request, bytes, MSG_NOSIGNAL) != bytes) end(one);
}

/* Begin to connect one more; what becomes of it is counted. */
static void start(int kind, const char *path) {
    Connection *one = &all[connections++];
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, small = 2048, segment = 536;
    there.sin_port = htons(port);
    *one = (Connection){.kind = kind, .state = CONNECTING, .started_at = now_s()};
    strcpy(path_of[kind], path);
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (kind == STALLED) { /* so that its backlog stands in the server, and not in the kernel */
        setsockopt(one->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        setsockopt(one->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    if (kind == ECHOER) one->asked_at = malloc(ECHOES * sizeof(double));
    if (kind == SPEAKER) speaker = one;
    if (one->fd < 0 || (connect(one->fd, (struct sockaddr *)&there, sizeof there) && errno != EINPROGRESS)) {
        snprintf(refusal, sizeof refusal, "%s", strerror(errno));
        end(one);
    } else
        watch(one, EPOLLOUT, EPOLL_CTL_ADD);
}
