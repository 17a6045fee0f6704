/* What the bench's clients do with the bytes they get: count texts, answer control frames. The event loop. */
#include "connections.h"

static void pump(double timeout_s);

/* Send a frame to the last byte. Returns 0 when the server did not take it in time. */
static int give_all(Connection *to, const unsigned char *frame, size_t bytes, double until) {
    size_t sent = 0;
    while (sent < bytes) {
        ssize_t taken = to->state == OPEN ? send(to->fd, frame + sent, bytes - sent, MSG_NOSIGNAL) : -1;
        if (taken > 0) sent += taken;
        else if (to->state != OPEN || errno != EAGAIN || now_s() > until) return 0;
        else pump(0.001);
    }
    return 1;
}

static void text_ended(Connection *one, double now) {
    if (one->kind == LISTENER) {
        heard++;
        last_heard_at = now;
        if (every_heard) keep(every_heard, now - said_at);
        if (++one->texts == back_after) keep(&back, now - one->started_at);
    } else if (one->kind == ECHOER && one->echoes_due) {
        keep(&echoes, now - one->asked_at[one->echo_first]);
        one->echo_first = (one->echo_first + 1) % ECHOES;
        one->echoes_due--;
    }
}

static void control(Connection *one, const Frame *frame, const unsigned char *payload) {
    unsigned char answer[MAX_HEADER + MAX_CONTROL];
    int closing = frame->opcode == CLOSE;
    if (frame->opcode != PING && !closing) return;
    if (closing && one->state == OPEN) {
        codes[frame->payload < 2 ? 1005 : payload[0] << 8 | payload[1]]++;
        one->state = CLOSING;
        if (!first_close_at) first_close_at = now_s();
    }
    size_t bytes = closing && frame->payload > 2 ? 2 : frame->payload;
    bytes = write_frame(answer, closing ? CLOSE : PONG, payload, bytes, 1);
    one->unclean = send(one->fd, answer, bytes, MSG_NOSIGNAL) != (ssize_t)bytes; /* not answered: no full handshake */
}

/* Take bytes of frames. Texts are skipped, not kept; a header or control frame that is not complete is held. */
static void take(Connection *one, const unsigned char *at, size_t have, double now) {
    Frame frame;
    while (have) {
        if (one->payload_left) {
            size_t part = one->payload_left < have ? one->payload_left : have;
            one->payload_left -= part, at += part, have -= part;
            if (!one->payload_left && one->fin) text_ended(one, now);
            continue;
        }
        const unsigned char *from = at;
        size_t there = have, held = one->held_bytes;
        if (held) { /* go on with what was held, as far as it may be needed */
            there = have < sizeof one->held - held ? have : sizeof one->held - held;
            memcpy(one->held + held, at, there);
            there += held;
            from = one->held;
        }
        int known = read_header(from, there, &frame), is_control = known && frame.opcode >= CLOSE;
        size_t whole = known ? frame.header + (is_control ? frame.payload : 0) : 0;
        if (!known || there < whole) { /* at most a header and a control frame, which `held` has room for */
            if (!held) memcpy(one->held, at, there);
            one->held_bytes = there;
            return;
        }
        at += whole - held, have -= whole - held, one->held_bytes = 0;
        if (is_control) {
            control(one, &frame, from + frame.header);
            continue;
        }
        one->fin = frame.fin;
        one->payload_left = frame.payload;
        if (!frame.payload && frame.fin) text_ended(one, now);
    }
}

/* Take bytes of the handshake's response, and what follows it. */
static void greet(Connection *one, const unsigned char *bytes, size_t count, double now) {
    size_t part = count < HEAD - 1 - one->head_bytes ? count : HEAD - 1 - one->head_bytes;
    memcpy(one->head + one->head_bytes, bytes, part);
    one->head_bytes += part;
    one->head[one->head_bytes] = 0;
    char *rest = strstr(one->head, "\r\n\r\n");
    if (!rest && one->head_bytes < HEAD - 1) return;
    if (!rest || strncmp(one->head + 8, " 101", 4) || !strstr(one->head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
        snprintf(refusal, sizeof refusal, "%.*s", (int)strcspn(one->head, "\r\n\"\\"), one->head);
        end(one);
        return;
    }
    size_t frames_from = rest + 4 - one->head - (one->head_bytes - part);
    free(one->head);
    one->head = NULL;
    one->state = OPEN;
    one->was_open = 1;
    live[one->kind]++;
    take(one, bytes + frames_from, count - frames_from, now);
    if (one->kind == STALLED) epoll_ctl(epoll, EPOLL_CTL_DEL, one->fd, NULL);
}

static void happen(Connection *one) {
    static unsigned char chunk[CHUNK];
    if (one->state == GONE) return;
    if (one->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) snprintf(refusal, sizeof refusal, "%s", strerror(error)), end(one);
        else begin(one);
        return;
    }
    ssize_t got = recv(one->fd, chunk, CHUNK, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        if (one->state == ASKED) snprintf(refusal, sizeof refusal, "closed before it answered the handshake");
        one->unclean |= got < 0; /* reset: the handshake was not full */
        end(one);
    } else if (one->state == ASKED) greet(one, chunk, got, now_s());
    else take(one, chunk, got, now_s());
}

/* Let things happen, for at most so long; the last millisecond is waited for without sleep, to be on time.
 * While frames are timed it does not sleep at all: a server slower than its clients would pay for waking them at every
 * frame (measured on a virtual machine: 1.5 us of 7.5), and a faster one would not. */
static void pump(double timeout_s) {
    struct epoll_event events[EVENTS];
    double began = now_s();
    int count = epoll_wait(epoll, events, EVENTS, timeout_s > 0.001 && !awake ? (int)(timeout_s * 1000) : 0);
    if (!count && awake) idle_s += now_s() - began;
    for (int i = 0; i < count; i++)
        if (events[i].data.u32 != MAX_CONNECTIONS) happen(&all[events[i].data.u32]);
}

static void prepare(int server_port, int offers_deflate) {
    struct epoll_event input = {.events = EPOLLIN, .data.u32 = MAX_CONNECTIONS};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    port = server_port, deflate = offers_deflate;
    all = calloc(MAX_CONNECTIONS, sizeof *all); /* only the pages in use are ever there */
    epoll = epoll_create1(EPOLL_CLOEXEC);
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    input.events |= EPOLLET; /* a command must not keep waking the one that is being obeyed */
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
}
