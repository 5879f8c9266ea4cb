/* Devices that publish: as fast as the socket takes it, or in an open loop.
 *
 *   publish PORT CONNECTIONS DEVICES PAYLOAD COUNT [RATE]
 *
 * Message k is of device k % DEVICES and goes over connection k % DEVICES % CONNECTIONS. PAYLOAD:
 *   electrical  the nested reading of three phases: 117 bytes, 7 numbers
 *   timed       the same with the time at which the message was due as an eighth number
 *   small       one number
 *
 * With RATE (messages/s) the schedule is fixed before the first one: who is late sends at once
 * and tells how late it was (no coordinated omission). Prints one line of JSON.
 */
#include <sys/prctl.h>

#include "wire.h"

#define DIGITS 16
#define CHUNK (256 * 1024)
#define TICK 200 /* microseconds between two looks at the schedule, at most */

static const char ELECTRICAL[] =
    "\"voltage\":{\"a\":220.5,\"b\":219.8,\"c\":221.0},"
    "\"current\":{\"a\":15.2,\"b\":14.8,\"c\":15.5},\"power_factor\":0.92}}";

typedef struct {
  char *packet;
  size_t size;
  char *due; /* its digits; NULL: the payload has no time */
} Message;

static Message message_of(int device, const char *kind) {
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
  int body = 2 + name + length;
  Message m = {malloc((size_t)body + 3), 0, NULL};
  char *at = m.packet;
  *at++ = 0x30;
  if (body > 127) *at++ = (char)((body & 127) | 128), *at++ = (char)(body >> 7);
  else *at++ = (char)body;
  *at++ = (char)(name >> 8), *at++ = (char)name;
  memcpy(at, topic, (size_t)name);
  memcpy(at + name, payload, (size_t)length);
  m.size = (size_t)(at - m.packet + name + length);
  char *mark = memmem(at + name, (size_t)length, "\"due\":", 6);
  m.due = mark ? mark + 6 : NULL;
  return m;
}

static void stamp(char *digits, int64_t us) {
  for (int i = DIGITS - 1; i >= 0; i--, us /= 10) digits[i] = (char)('0' + us % 10);
}

static void flood(int fd, const Message *messages, long devices, long count) {
  char *block = malloc((size_t)devices * 256), *end = block;
  for (long i = 0; i < devices; i++) {
    memcpy(end, messages[i].packet, messages[i].size);
    end += messages[i].size;
  }
  for (long sent = 0; sent < count; sent += devices)
    for (char *at = block; at < end; at += CHUNK)
      put(fd, at, end - at < CHUNK ? (size_t)(end - at) : CHUNK);
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
  if (argc < 6) return fprintf(stderr, "publish PORT CONNECTIONS DEVICES PAYLOAD COUNT [RATE]\n"), 2;
  int port = atoi(argv[1]), connections = atoi(argv[2]);
  long devices = atol(argv[3]), count = atol(argv[5]);
  static Histogram lag;
  many_sockets();
  Message *messages = malloc((size_t)devices * sizeof *messages);
  for (long i = 0; i < devices; i++) messages[i] = message_of((int)i, argv[4]);
  int *fds = malloc((size_t)connections * sizeof *fds);
  for (int i = 0; i < connections; i++) {
    char name[32];
    snprintf(name, sizeof name, "load-%d-%d", getpid(), i);
    fds[i] = mqtt_connect(port, name);
  }
  int64_t began = now_us();
  if (argc > 6) open_loop(fds, connections, messages, devices, count, atof(argv[6]), &lag);
  else flood(fds[0], messages, devices, count);
  int64_t ended = now_us();
  printf("{\"sent\":%ld,\"began\":%lld,\"ended\":%lld,\"lag_p99\":%.3f,\"lag_max\":%.3f,\"cpu\":%.3f}\n",
         count, (long long)began, (long long)ended, quantile(&lag, 0.99),
         (double)lag.largest / 1e3, cpu_seconds());
  return 0;
}
