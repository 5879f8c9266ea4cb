/* WebSocket clients that count.
 *
 *   listen PORT CLIENTS KIND DEVICES [STUCK]
 *
 * KIND: all (everything), tenth (client i has the type oven<i % 10>), own (ten Things each);
 * and two that nothing is to be told of, where DEVICES says how many subscriptions each client
 * has: silent (Things and types that nobody reports for), terms (a property above what any has).
 * The last STUCK of the clients have small buffers and read nothing before the end is known.
 * Says "ready" when every subscription is answered. Then a line with the number of changes that
 * all clients together must be told comes in on stdin; the tool ends when they have been, or
 * after 5 s without any, and prints one line of JSON:
 *
 *   events   StateChanged received          changes   events + sum(n - 1) over "conflated": n
 *   merged   events with "conflated"        broken    events whose seq did not rise
 *   p50..max milliseconds from due to received, of the clients that are not stuck
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include "wire.h"

#define ROOM (512 * 1024)
#define PATIENCE 5000000

typedef struct {
  int fd, stuck;
  char *held; /* the beginning of a frame that is not whole */
  size_t size;
  int64_t seq;
} Client;

static struct {
  uint64_t events, changes, merged, broken, answers;
  int64_t last;
  Histogram latency;
} tally;

static void say(int fd, const char *text) {
  unsigned char frame[1024];
  size_t length = strlen(text), head = 2;
  frame[0] = 0x81;
  if (length < 126) frame[1] = (unsigned char)(0x80 | length);
  else frame[1] = 0xfe, frame[2] = (unsigned char)(length >> 8), frame[3] = (unsigned char)length, head = 4;
  memset(frame + head, 0, 4); /* a mask of zeros */
  memcpy(frame + head + 4, text, length);
  put(fd, frame, head + 4 + length);
}

static int greet(int port, int stuck) {
  int fd = dial(port, stuck);
  char text[1024];
  int n = snprintf(text, sizeof text,
                   "GET /api/v1/ws HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                   "Sec-WebSocket-Version: 13\r\n\r\n", port);
  put(fd, text, (size_t)n);
  for (n = 0; n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4); n++) take(fd, text + n, 1);
  if (strncmp(text, "HTTP/1.1 101", 12)) errno = 0, die("upgrade");
  return fd;
}

static int subscribe(int fd, const char *kind, int client, long devices) {
  char text[256];
  if (!strcmp(kind, "own")) {
    for (int i = 0; i < 10; i++) {
      snprintf(text, sizeof text, "{\"action\":\"subscribe\",\"thingId\":\"factory:oven-%05ld\"}",
               (client * 10L + i) % devices);
      say(fd, text);
    }
    return 10;
  }
  if (!strcmp(kind, "silent") || !strcmp(kind, "terms")) {
    for (long i = client * devices; i < (client + 1) * devices; i++) {
      if (!strcmp(kind, "terms"))
        snprintf(text, sizeof text, "{\"action\":\"subscribe\",\"filter\":{"
                 "\"features.electrical.properties.voltage.a\":{\"$gt\":%ld}}}", 1000 + i);
      else if (i % 2)
        snprintf(text, sizeof text, "{\"action\":\"subscribe\",\"filter\":{\"type\":\"silent%ld\"}}", i);
      else
        snprintf(text, sizeof text, "{\"action\":\"subscribe\",\"thingId\":\"factory:silent-%ld\"}", i);
      say(fd, text);
    }
    return (int)devices;
  }
  if (!strcmp(kind, "tenth"))
    snprintf(text, sizeof text, "{\"action\":\"subscribe\",\"filter\":{\"type\":\"oven%d\"}}", client % 10);
  else
    snprintf(text, sizeof text, "{\"action\":\"subscribe\",\"filter\":{}}");
  say(fd, text);
  return 1;
}

/* The number that ends before *end*, and where it begins. */
static int64_t number_before(const char *end, const char **start) {
  int64_t value = 0, unit = 1;
  while (end[-1] >= '0' && end[-1] <= '9') value += (*--end - '0') * unit, unit *= 10;
  *start = end;
  return value;
}

static void event(Client *c, const char *text, size_t size, int64_t now) {
  static const char SEQ[] = "\"seq\":", MERGED[] = ",\"conflated\":";
  const size_t seq = sizeof SEQ - 1, merged = sizeof MERGED - 1;
  const char *start;
  int64_t stands_for = 1, number = number_before(text + size - 1, &start);
  if (!memcmp(start - merged, MERGED, merged)) {
    stands_for = number;
    tally.merged++;
    number = number_before(start - merged, &start);
  }
  if (!memcmp(start - seq, SEQ, seq)) {
    if (number <= c->seq) tally.broken++;
    c->seq = number;
  }
  tally.events++;
  tally.changes += (uint64_t)stands_for;
  if (c->stuck) return;
  static size_t likely = 0; /* where the last one had it */
  static const char DUE[] = "\"due\":";
  const char *due = likely + 22 < size && !memcmp(text + likely, DUE, 6)
                        ? text + likely : memmem(text, size, DUE, 6);
  if (!due) return;
  likely = (size_t)(due - text);
  int64_t value = 0;
  for (int i = 6; i < 22; i++) value = value * 10 + (due[i] - '0');
  observe(&tally.latency, now - value);
}

static void frame(Client *c, int opcode, const char *text, size_t size, int64_t now) {
  static const unsigned char pong[6] = {0x8a, 0x80};
  if (opcode == 9) put(c->fd, pong, sizeof pong);
  if (opcode == 8) errno = 0, die("the server closed");
  if (opcode != 1) return;
  if (size > 23 && !memcmp(text, "{\"event\":\"StateChanged\"", 23)) {
    event(c, text, size, now);
    tally.last = now;
  } else if (size > 21 && !memcmp(text, "{\"event\":\"Subscribed\"", 21)) {
    tally.answers++;
  }
}

static void receive(Client *c, char *data) {
  memcpy(data, c->held, c->size);
  ssize_t n = recv(c->fd, data + c->size, ROOM - c->size, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) die("a client was cut off");
  int64_t now = now_us();
  size_t end = c->size + (size_t)n, at = 0;
  while (end - at >= 2) {
    const unsigned char *head = (unsigned char *)data + at;
    size_t size = head[1], skip = 2;
    if (size == 126) skip = 4;
    if (size == 127) skip = 10;
    if (end - at < skip) break;
    if (skip > 2) {
      size = 0;
      for (size_t i = 2; i < skip; i++) size = size << 8 | head[i];
    }
    if (size > ROOM - 16) errno = 0, die("a frame is too large");
    if (end - at < skip + size) break;
    frame(c, head[0] & 15, data + at + skip, size, now);
    at += skip + size;
  }
  c->size = end - at;
  if (c->size) {
    c->held = realloc(c->held, c->size);
    memcpy(c->held, data + at, c->size);
  }
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "listen PORT CLIENTS KIND DEVICES [STUCK]\n"), 2;
  int port = atoi(argv[1]), clients = atoi(argv[2]), stuck = argc > 5 ? atoi(argv[5]) : 0;
  long devices = atol(argv[4]);
  uint64_t asked = 0, expected = UINT64_MAX;
  char *data = malloc(ROOM);
  many_sockets();
  int epoll = epoll_create1(0);
  Client *all = calloc((size_t)clients, sizeof *all);
  for (int i = 0; i < clients; i++) {
    all[i].stuck = i >= clients - stuck;
    all[i].fd = greet(port, all[i].stuck);
    asked += (uint64_t)subscribe(all[i].fd, argv[3], i, devices);
    struct epoll_event want = {EPOLLIN, {.ptr = &all[i]}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &want);
  }
  struct epoll_event told = {EPOLLIN, {.ptr = NULL}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &told);

  int is_ready = 0;
  int64_t heard = now_us();
  while (tally.changes < expected) {
    struct epoll_event found[256];
    int n = epoll_wait(epoll, found, 256, 200);
    for (int i = 0; i < n; i++) {
      Client *c = found[i].data.ptr;
      if (c) {
        receive(c, data);
        continue;
      }
      char line[64] = {0};
      if (read(STDIN_FILENO, line, sizeof line - 1) <= 0) return 1;
      expected = strtoull(line, NULL, 10);
      epoll_ctl(epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
      for (int k = clients - stuck; k < clients; k++) {
        struct epoll_event want = {EPOLLIN, {.ptr = &all[k]}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, all[k].fd, &want);
      }
      heard = now_us();
    }
    if (!is_ready && tally.answers == asked) {
      is_ready = 1;
      for (int k = clients - stuck; k < clients; k++)
        epoll_ctl(epoll, EPOLL_CTL_DEL, all[k].fd, NULL);
      printf("ready\n");
      fflush(stdout);
    }
    if (tally.last > heard) heard = tally.last;
    if (!is_ready && now_us() - heard > 4 * PATIENCE) errno = 0, die("subscriptions");
    if (expected != UINT64_MAX && now_us() - heard > PATIENCE) break;
  }
  const Histogram *h = &tally.latency;
  printf("{\"events\":%llu,\"changes\":%llu,\"merged\":%llu,\"broken\":%llu,\"last\":%lld,"
         "\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,\"cpu\":%.3f}\n",
         (unsigned long long)tally.events, (unsigned long long)tally.changes,
         (unsigned long long)tally.merged, (unsigned long long)tally.broken,
         (long long)tally.last, quantile(h, 0.5), quantile(h, 0.9), quantile(h, 0.99),
         quantile(h, 0.999), (double)h->largest / 1e3, cpu_seconds());
  return 0;
}
