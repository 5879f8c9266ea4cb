/* Devices that publish: as fast as the socket takes it, or in an open loop.
 *
 *   publish PORT CONNECTIONS DEVICES PAYLOAD COUNT [RATE | qos1]
 *
 * Message k is of device k % DEVICES and goes over connection k % DEVICES % CONNECTIONS. PAYLOAD:
 *   electrical  the nested reading of three phases: 117 bytes, 7 numbers
 *   timed       the same with the time at which the message was due as an eighth number
 *   small       one number
 *
 * With RATE (messages/s) the schedule is fixed before the first one: who is late sends at once
 * and tells how late it was (no coordinated omission). With qos1 a flood at QoS 1 on one
 * connection: *acknowledged* counts the PUBACKs, *disorder* those that did not come in the order
 * of their messages (MQTT 3.1.1, 4.6). Prints one line of JSON.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>

#include "wire.h"

#define DIGITS 16
#define CHUNK (256 * 1024)
#define ROUND 1000       /* messages in a block of a flood, at least */
#define WINDOW 10000     /* messages that wait for their PUBACK, at most */
#define PATIENCE 10000   /* milliseconds without a PUBACK */
#define TICK 200         /* microseconds between two looks at the schedule, at most */

static const char ELECTRICAL[] =
    "\"voltage\":{\"a\":220.5,\"b\":219.8,\"c\":221.0},"
    "\"current\":{\"a\":15.2,\"b\":14.8,\"c\":15.5},\"power_factor\":0.92}}";

typedef struct {
  char *packet;
  size_t size;
  char *due; /* its digits; NULL: the payload has no time */
  size_t id; /* at QoS 1, where the packet identifier stands */
} Message;

static Message message_of(int device, const char *kind, int qos) {
  char topic[64], payload[256];
  int name = snprintf(topic, sizeof topic, "sensors/oven-%05d/telemetry", device);
  int length;
  if (!strcmp(kind, "electrical"))
    length = snprintf(payload, sizeof payload, "{\"electrical\":{%s", ELECTRICAL);
  else if (!strcmp(kind, "timed"))
    length = snprintf(payload, sizeof payload, "{\"electrical\":{\"due\":%016lld,%s",
                      1000000000000000LL, ELECTRICAL);
  else if (!strcmp(kind, "small"))
    length = snprintf(payload, sizeof payload, "{\"thermal\":{\"temperature\":190.5}}");
  else
    errno = 0, die("PAYLOAD");
  int body = 2 + name + 2 * qos + length;
  Message m = {malloc((size_t)body + 3), 0, NULL, 0};
  char *at = m.packet;
  *at++ = (char)(0x30 | qos << 1);
  if (body > 127) *at++ = (char)((body & 127) | 128), *at++ = (char)(body >> 7);
  else *at++ = (char)body;
  *at++ = (char)(name >> 8), *at++ = (char)name;
  memcpy(at, topic, (size_t)name);
  at += name;
  m.id = (size_t)(at - m.packet);
  at += 2 * qos;
  memcpy(at, payload, (size_t)length);
  m.size = (size_t)(at - m.packet + length);
  char *mark = memmem(at, (size_t)length, "\"due\":", 6);
  m.due = mark ? mark + 6 : NULL;
  return m;
}

static void stamp(char *digits, int64_t us) {
  for (int i = DIGITS - 1; i >= 0; i--, us /= 10) digits[i] = (char)('0' + us % 10);
}

static void flood(int fd, const Message *messages, long devices, long count) {
  /* Few devices take several rounds a block: the size of a write shall not depend on them. */
  long block_of = devices < ROUND && count % ROUND == 0 && ROUND % devices == 0 ? ROUND : devices;
  char *block = malloc((size_t)block_of * 256), *end = block;
  for (long i = 0; i < block_of; i++) {
    memcpy(end, messages[i % devices].packet, messages[i % devices].size);
    end += messages[i % devices].size;
  }
  for (long sent = 0; sent < count; sent += block_of)
    for (char *at = block; at < end; at += CHUNK)
      put(fd, at, end - at < CHUNK ? (size_t)(end - at) : CHUNK);
}

static uint16_t id_of(long number) { return (uint16_t)(number % 65535 + 1); }

static void flood_at_qos1(int fd, const Message *messages, long devices, long count,
                          long *acknowledged, long *disorder) {
  char *out = malloc(CHUNK + 256);
  static unsigned char in[CHUNK];
  size_t begin = 0, end = 0, held = 0;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  for (long sent = 0; *acknowledged < count;) {
    if (begin == end) begin = end = 0;
    while (!begin && end < CHUNK && sent < count && sent - *acknowledged < WINDOW) {
      const Message *m = &messages[sent % devices];
      memcpy(out + end, m->packet, m->size);
      out[end + m->id] = (char)(id_of(sent) >> 8);
      out[end + m->id + 1] = (char)id_of(sent);
      end += m->size;
      sent++;
    }
    struct pollfd ready = {fd, (short)(POLLIN | (begin < end ? POLLOUT : 0)), 0};
    if (poll(&ready, 1, PATIENCE) == 0) return;
    if (ready.revents & POLLOUT) {
      ssize_t n = write(fd, out + begin, end - begin);
      if (n < 0 && errno != EAGAIN) die("write");
      if (n > 0) begin += (size_t)n;
    }
    if (!(ready.revents & ~POLLOUT)) continue;
    ssize_t n = read(fd, in + held, sizeof in - held);
    if (n < 0 && errno == EAGAIN) continue;
    if (n <= 0) die("read");
    held += (size_t)n;
    size_t at = 0;
    for (; held - at >= 4; at += 4) {
      if (in[at] != 0x40 || in[at + 1] != 2) errno = 0, die("PUBACK");
      *disorder += (in[at + 2] << 8 | in[at + 3]) != id_of(*acknowledged);
      ++*acknowledged;
    }
    memmove(in, in + at, held -= at);
  }
}

static void open_loop(const int *fds, int connections, const Message *messages, long devices,
                      long count, double rate, Histogram *lag) {
  char *out = malloc(CHUNK + 256);
  size_t gathered = 0;
  int64_t began = now_us();
  prctl(PR_SET_TIMERSLACK, 1UL);
  for (long sent = 0; sent < count;) {
    int64_t now = now_us();
    int64_t due = began + (int64_t)((double)sent * 1e6 / rate);
    if (due > now) {
      int64_t wait = due - now > TICK ? due - now : TICK;
      struct timespec pause = {wait / 1000000, wait % 1000000 * 1000};
      nanosleep(&pause, NULL);
      continue;
    }
    while (sent < count && due <= now && gathered < CHUNK) {
      const Message *m = &messages[sent % devices];
      if (m->due) stamp(m->due, due);
      observe(lag, now - due);
      if (connections == 1) {
        memcpy(out + gathered, m->packet, m->size);
        gathered += m->size;
      } else {
        put(fds[sent % devices % connections], m->packet, m->size);
      }
      sent++;
      due = began + (int64_t)((double)sent * 1e6 / rate);
    }
    put(fds[0], out, gathered);
    gathered = 0;
  }
}

int main(int argc, char **argv) {
  if (argc < 6) return fprintf(stderr, "publish PORT CONNECTIONS DEVICES PAYLOAD COUNT [RATE | qos1]\n"), 2;
  int qos = argc > 6 && !strcmp(argv[6], "qos1"), port = atoi(argv[1]), connections = atoi(argv[2]);
  long devices = atol(argv[3]), count = atol(argv[5]), acknowledged = 0, disorder = 0;
  static Histogram lag;
  many_sockets();
  Message *messages = malloc((size_t)devices * sizeof *messages);
  for (long i = 0; i < devices; i++) messages[i] = message_of((int)i, argv[4], qos);
  int *fds = malloc((size_t)connections * sizeof *fds);
  for (int i = 0; i < connections; i++) {
    char name[32];
    snprintf(name, sizeof name, "load-%d-%d", getpid(), i);
    fds[i] = mqtt_connect(port, name);
  }
  int64_t began = now_us();
  if (qos) flood_at_qos1(fds[0], messages, devices, count, &acknowledged, &disorder);
  else if (argc > 6) open_loop(fds, connections, messages, devices, count, atof(argv[6]), &lag);
  else flood(fds[0], messages, devices, count);
  int64_t ended = now_us();
  printf("{\"sent\":%ld,\"acknowledged\":%ld,\"disorder\":%ld,\"began\":%lld,\"ended\":%lld,"
         "\"lag_p99\":%.3f,\"lag_max\":%.3f,\"cpu\":%.3f}\n",
         count, acknowledged, disorder, (long long)began, (long long)ended,
         quantile(&lag, 0.99), (double)lag.largest / 1e3, cpu_seconds());
  return 0;
}
