/* The bench's clients: thousands of WebSockets in one thread, cheap enough not to be what is measured.
 *
 * Owns the connections, the clock and the samples. Takes one command a line on standard input and answers each with one
 * line of JSON; ends with its input. Answers pings and closing handshakes whatever else it does. What a text says is
 * never looked at: a text is a delivery. Every command is bounded in time.
 *
 *     client PORT DEFLATE     DEFLATE 1 offers permessage-deflate, as browsers do
 *
 *     connect KIND COUNT AT_ONCE TIMEOUT_S PATH       KIND: 0 listener, 1 echoer, 2 speaker, 3 stalled reader
 *     herd COUNT WINDOW_S TEXTS TIMEOUT_S PATH        begun over WINDOW_S; each is back once it has heard TEXTS (ebb.v1)
 *     fanout COUNT INTERVAL_S BYTES PATIENCE_S        the speaker says, and waits until everyone has heard
 *     burst COUNT BYTES PATIENCE_S                    the speaker says it all, as fast as it is taken
 *     echo PER_S SECONDS PATIENCE_S TEXT              steady, over all echoers in turn
 *     settle QUIET_S TIMEOUT_S                        until nobody has heard anything for a while
 *     drop KIND                                       reset them
 *     mark                                            forget those whom the server has closed; says how many
 *     closing TIMEOUT_S                               until the server has closed everyone, since `mark`
 */
#define _GNU_SOURCE
#include "frames.h"

/* The reply's common end: what the command cost, without waiting awake, and what it received. */
static void reply(double began, const char *format, ...) {
    va_list values;
    va_start(values, format);
    printf("{");
    vprintf(format, values);
    printf("\"seconds\":%.6f,\"cpu_s\":%.6f,\"frames\":%llu}\n", now_s() - began, cpu_s() - cpu_before - idle_s,
           (unsigned long long)heard);
    fflush(stdout);
    va_end(values);
}

static void say_samples(const char *name, Samples *samples, char *out) {
    qsort(samples->at, samples->count, sizeof(float), ascending);
    double sum = 0;
    for (size_t i = 0; i < samples->count; i++) sum += samples->at[i];
    if (!samples->count) sprintf(out, "\"%s\":null,", name);
    else
        sprintf(out, "\"%s\":{\"count\":%zu,\"avg\":%.9f,\"p50\":%.9f,\"p99\":%.9f,\"max\":%.9f},", name, samples->count,
                sum / samples->count, percentile(samples, 50), percentile(samples, 99), percentile(samples, 100));
    samples->count = 0;
}

static void do_connect(double began, int kind, int count, int at_once, double timeout_s, const char *path) {
    int live_before = live[kind], failed_before = failed, started = 0, done = 0;
    refusal[0] = 0;
    first_of[kind] = connections;
    while (done < count && now_s() < began + timeout_s) {
        while (started < count && started - done < at_once) start(kind, path), started++;
        pump(0.1);
        done = live[kind] - live_before + failed - failed_before;
    }
    int open = live[kind] - live_before;
    reply(began, "\"open\":%d,\"failed\":%d,\"reason\":\"%s\",", open, count - open, refusal);
}

static void do_herd(double began, int count, double window_s, int texts, double timeout_s, const char *path) {
    static char told[256];
    int started = 0;
    refusal[0] = 0;
    back_after = texts;
    while (back.count < (size_t)count && now_s() < began + timeout_s) {
        while (started < count && now_s() >= began + window_s * started / count) start(LISTENER, path), started++;
        pump(started < count ? 0.001 : 0.1);
    }
    back_after = 0;
    size_t came = back.count;
    say_samples("each", &back, told);
    reply(began, "\"back\":%zu,\"failed\":%d,\"reason\":\"%s\",\"last_s\":%.6f,%s", came, failed, refusal,
          last_heard_at - began, told);
}

/* Wait until `wanted` more texts were heard. Returns 0 when patience ended first. */
static int until_heard(uint64_t wanted, double patience_ends) {
    while (heard < wanted) {
        double now = now_s();
        if (now >= patience_ends || !live[SPEAKER]) return 0;
        pump(patience_ends - now < 0.1 ? patience_ends - now : 0.1);
    }
    return 1;
}

static void do_fanout(double began, int count, double interval_s, size_t bytes, double patience_s) {
    static Samples last, every;
    static char told[2][256];
    size_t length = make_text(bytes);
    int said = 0, arrived = 0, listeners = live[LISTENER];
    every_heard = &every;
    for (; said < count && arrived == said; said++) {
        while (now_s() < began + said * interval_s) pump(began + said * interval_s - now_s());
        uint64_t wanted = heard + live[LISTENER];
        said_at = now_s();
        if (!give_all(speaker, text, length, said_at + patience_s)) break;
        if (!until_heard(wanted, said_at + patience_s)) continue;
        arrived++;
        keep(&last, last_heard_at - said_at);
    }
    double took_s = (arrived ? last_heard_at : now_s()) - began;
    every_heard = NULL;
    say_samples("last", &last, told[0]);
    say_samples("every", &every, told[1]);
    reply(began, "\"said\":%d,\"arrived\":%d,\"listeners\":%d,\"took_s\":%.6f,%s%s", said, arrived, listeners, took_s,
          told[0], told[1]);
}

static void do_burst(double began, int count, size_t bytes, double patience_s) {
    size_t length = make_text(bytes);
    uint64_t wanted = (uint64_t)count * live[LISTENER];
    int listeners = live[LISTENER], said = 0;
    for (; said < count && give_all(speaker, text, length, began + patience_s); said++) pump(0);
    double said_s = now_s() - began;
    until_heard(wanted, began + patience_s);
    reply(began, "\"said\":%d,\"said_s\":%.6f,\"listeners\":%d,\"wanted\":%llu,\"took_s\":%.6f,", said, said_s, listeners,
          (unsigned long long)wanted, last_heard_at - began);
}

static void do_echo(double began, double per_s, double seconds, double patience_s, const char *words) {
    static char told[256];
    size_t length = write_frame(text, TEXT, words, strlen(words), 1);
    int count = per_s * seconds, said = 0, among = live[ECHOER];
    for (; said < count && among; said++) {
        while (now_s() < began + said / per_s) pump(began + said / per_s - now_s());
        Connection *to = &all[first_of[ECHOER] + said % among];
        if (to->state != OPEN || to->echoes_due == ECHOES) break; /* the server has lost it, or is overwhelmed */
        to->asked_at[(to->echo_first + to->echoes_due++) % ECHOES] = now_s();
        if (!give_all(to, text, length, now_s() + patience_s)) break;
    }
    while (echoes.count < (size_t)said && now_s() < began + seconds + patience_s) pump(0.05);
    say_samples("echo", &echoes, told);
    reply(began, "\"said\":%d,%s", said, told);
}

static void do_settle(double began, double quiet_s, double timeout_s) {
    uint64_t before = ~0ull;
    double quiet_since = began;
    while (now_s() < began + timeout_s && now_s() < quiet_since + quiet_s) {
        if (heard != before) before = heard, quiet_since = now_s();
        pump(quiet_s / 4);
    }
    reply(began, "\"quiet\":%s,", now_s() >= quiet_since + quiet_s ? "true" : "false");
}

static void do_drop(double began, int kind) {
    for (int i = 0; i < connections; i++)
        if (all[i].kind == kind && all[i].state != GONE) reset(&all[i]);
    reply(began, "");
}

static void do_mark(double began) {
    int ended = full + unclean + without;
    full = unclean = without = 0;
    first_close_at = 0;
    memset(codes, 0, sizeof codes);
    reply(began, "\"ended\":%d,", ended);
}

static void do_closing(double began, double timeout_s) {
    int left = 1;
    while (left && now_s() < began + timeout_s) {
        pump(0.02);
        left = live[LISTENER] + live[ECHOER] + live[SPEAKER];
    }
    printf("{\"codes\":{");
    for (int code = 0, first = 1; code < 65536; code++)
        if (codes[code]) printf("%s\"%d\":%d", first ? "" : ",", code, codes[code]), first = 0;
    printf("},\"left\":%d,\"full\":%d,\"unclean\":%d,\"without\":%d,\"first_close_at\":%.6f,\"last_end_at\":%.6f}\n", left,
           full, unclean, without, first_close_at, last_end_at);
    fflush(stdout);
}

static void obey(const char *line) {
    static char words[512];
    int a = 0, b = 0, c = 0;
    double x = 0, y = 0, z = 0, began = now_s();
    cpu_before = cpu_s();
    heard = 0, idle_s = 0;
    awake = !strncmp(line, "fanout", 6) || !strncmp(line, "burst", 5) || !strncmp(line, "echo", 4);
    if (sscanf(line, "connect %d %d %d %lf %511s", &a, &b, &c, &x, words) == 5) do_connect(began, a, b, c, x, words);
    else if (sscanf(line, "herd %d %lf %d %lf %511s", &a, &x, &b, &y, words) == 5) do_herd(began, a, x, b, y, words);
    else if (sscanf(line, "fanout %d %lf %d %lf", &a, &x, &b, &y) == 4) do_fanout(began, a, x, b, y);
    else if (sscanf(line, "burst %d %d %lf", &a, &b, &x) == 3) do_burst(began, a, b, x);
    else if (sscanf(line, "echo %lf %lf %lf %511[^\n]", &x, &y, &z, words) == 4) do_echo(began, x, y, z, words);
    else if (sscanf(line, "settle %lf %lf", &x, &y) == 2) do_settle(began, x, y);
    else if (sscanf(line, "drop %d", &a) == 1) do_drop(began, a);
    else if (!strncmp(line, "mark", 4)) do_mark(began);
    else if (sscanf(line, "closing %lf", &x) == 1) do_closing(began, x);
    else exit(2);
    awake = 0;
}

int main(int count, char **words) {
    static char line[1024];
    size_t have = 0;
    if (count != 3) return 2;
    prepare(atoi(words[1]), atoi(words[2]));
    for (;;) {
        pump(0.5);
        ssize_t got = read(STDIN_FILENO, line + have, sizeof line - 1 - have);
        if (!got) return 0;
        if (got > 0) have += got;
        line[have] = 0;
        if (!strchr(line, '\n')) continue;
        obey(line); /* one at a time: the bench waits for the answer */
        have = 0;
    }
}
