/* One URL over and over, on kept-alive connections with one request at a time.
 *
 *   fetch PORT PATH CONNECTIONS SECONDS
 *
 * Prints one line of JSON; *failed* counts answers that are not 200.
 */
#include <sys/epoll.h>

#include "wire.h"

#define ROOM (64 * 1024)

typedef struct {
  int fd;
  size_t size;
  int64_t asked;
  char data[ROOM];
} Client;

static const char *request;
static size_t request_size;

static void ask(Client *c) {
  c->size = 0;
  c->asked = now_us();
  put(c->fd, request, request_size);
}

/* Is the answer whole? */
static int is_whole(const Client *c) {
  const char *body = memmem(c->data, c->size, "\r\n\r\n", 4);
  if (!body) return 0;
  const char *length = strcasestr(c->data, "\r\ncontent-length:");
  if (!length || length > body) errno = 0, die("content-length");
  return c->size >= (size_t)(body + 4 - c->data) + (size_t)atol(length + 17);
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "fetch PORT PATH CONNECTIONS SECONDS\n"), 2;
  int port = atoi(argv[1]), connections = atoi(argv[3]);
  static char text[1024];
  request_size = (size_t)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost:%d\r\n\r\n",
                                  argv[2], port);
  request = text;
  static Histogram latency;
  uint64_t count = 0, failed = 0;
  int epoll = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    Client *c = calloc(1, sizeof *c);
    c->fd = dial(port, 0);
    struct epoll_event want = {EPOLLIN, {.ptr = c}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &want);
    ask(c);
  }
  int64_t began = now_us(), end = began + (int64_t)(atof(argv[4]) * 1e6), now = began;
  while (now < end) {
    struct epoll_event found[64];
    int n = epoll_wait(epoll, found, 64, 100);
    now = now_us();
    for (int i = 0; i < n; i++) {
      Client *c = found[i].data.ptr;
      ssize_t got = read(c->fd, c->data + c->size, ROOM - 1 - c->size);
      if (got <= 0) die("read");
      c->data[c->size += (size_t)got] = 0;
      if (!is_whole(c)) continue;
      count++;
      failed += strncmp(c->data, "HTTP/1.1 200", 12) != 0;
      observe(&latency, now - c->asked);
      ask(c);
    }
  }
  printf("{\"count\":%llu,\"failed\":%llu,\"seconds\":%.3f,\"p50\":%.3f,\"p99\":%.3f}\n",
         (unsigned long long)count, (unsigned long long)failed, (double)(now - began) / 1e6,
         quantile(&latency, 0.5), quantile(&latency, 0.99));
  return 0;
}
