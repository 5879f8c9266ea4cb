/* What the load tools share: sockets on loopback, MQTT's greeting, time, and a histogram.
 *
 * Everything ends the program with a line on stderr when it fails: a load tool that limps on
 * would measure itself.
 */
#ifndef WIRE_H
#define WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "failed");
  exit(1);
}

/* Microseconds since 1970: 16 digits, the same clock in every process of the machine. */
static inline int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline double cpu_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* As many descriptors as the machine lets us have. */
static inline void many_sockets(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* A connection to 127.0.0.1. *tight*: a receive buffer of 4 KiB and small segments, else
 * loopback hides for minutes that nothing is read. */
static inline int dial(int port, int tight) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (tight) {
    int size = 4096, segment = 536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  }
  struct timeval patience = {30, 0}; /* for an answer: nobody waits for ever */
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
  return fd;
}

static inline void put(int fd, const void *data, size_t size) {
  const char *at = data;
  while (size) {
    ssize_t n = write(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) die("write");
    at += n;
    size -= (size_t)n;
  }
}

static inline void take(int fd, void *data, size_t size) {
  char *at = data;
  while (size) {
    ssize_t n = read(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) die("read");
    at += n;
    size -= (size_t)n;
  }
}

/* MQTT 3.1.1, clean session, no keep-alive. */
static inline int mqtt_connect(int port, const char *client_id) {
  int fd = dial(port, 0);
  size_t length = strlen(client_id);
  unsigned char packet[64] = {0x10, (unsigned char)(12 + length), 0, 4, 'M', 'Q', 'T', 'T', 4, 2};
  packet[13] = (unsigned char)length;
  memcpy(packet + 14, client_id, length);
  put(fd, packet, 14 + length);
  unsigned char answer[4];
  take(fd, answer, sizeof answer);
  if (answer[0] != 0x20 || answer[3] != 0) errno = 0, die("CONNACK");
  return fd;
}

/* Microseconds in buckets that are at most 1/32 wide. */
typedef struct {
  uint64_t bucket[64 * 32];
  uint64_t count;
  int64_t largest;
} Histogram;

static inline int bucket_of(int64_t us) {
  if (us < 0) us = 0;
  if (us < 32) return (int)us;
  int shift = 58 - __builtin_clzll((uint64_t)us);
  return (shift + 1) * 32 + (int)((us >> shift) - 32);
}

static inline void observe(Histogram *h, int64_t us) {
  h->bucket[bucket_of(us)]++;
  h->count++;
  if (us > h->largest) h->largest = us;
}

/* The upper end of the bucket in which the quantile lies, in milliseconds. */
static inline double quantile(const Histogram *h, double q) {
  uint64_t rank = (uint64_t)(q * (double)h->count), seen = 0;
  for (int i = 0; i < 64 * 32; i++) {
    seen += h->bucket[i];
    if (seen > rank) {
      int shift = i / 32 - 1;
      int64_t top = i < 32 ? i + 1 : (int64_t)(i % 32 + 33) << shift;
      return (double)(top < h->largest ? top : h->largest) / 1e3;
    }
  }
  return (double)h->largest / 1e3;
}

#endif
