/* The ceiling: a subscriber that reads in batches and does nothing else.
 *
 *   drain PORT COUNT NAP
 *
 * Subscribes to sensors/#, says "ready", counts PUBLISH packets. NAP microseconds after each
 * read that did not fill the buffer: Mosquitto sends faster to a reader that naps. Prints one
 * line of JSON; *ended* is when the last message came. Ends after COUNT messages, or 5 s
 * without one.
 */
#include <poll.h>

#include "wire.h"

#define ROOM (256 * 1024)
#define PATIENCE 5000

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "drain PORT COUNT NAP\n"), 2;
  long wanted = atol(argv[2]), count = 0;
  useconds_t nap = (useconds_t)atoi(argv[3]);
  int fd = mqtt_connect(atoi(argv[1]), "drain");
  static const unsigned char subscribe[] = "\x82\x0e\x00\x01\x00\x09sensors/#\x00";
  put(fd, subscribe, sizeof subscribe - 1);
  unsigned char answer[5];
  take(fd, answer, sizeof answer);
  printf("ready\n");
  fflush(stdout);

  unsigned char *data = malloc(ROOM);
  size_t held = 0;
  int64_t began = 0, ended = 0;
  while (count < wanted) {
    struct pollfd quiet = {fd, POLLIN, 0};
    if (poll(&quiet, 1, began ? PATIENCE : -1) == 0) break;
    ssize_t n = read(fd, data + held, ROOM - held);
    if (n <= 0) break;
    ended = now_us();
    if (!began) began = ended;
    size_t end = held + (size_t)n, at = 0;
    for (;;) {
      size_t length = 0, head = 1;
      int whole = 0;
      while (at + head < end && head < 5 && !whole) {
        length |= (size_t)(data[at + head] & 127) << (7 * (head - 1));
        whole = data[at + head++] < 128;
      }
      if (!whole || at + head + length > end) break;
      count += data[at] >> 4 == 3;
      at += head + length;
    }
    held = end - at;
    memmove(data, data + at, held);
    if (nap && end < ROOM) usleep(nap);
  }
  printf("{\"count\":%ld,\"began\":%lld,\"ended\":%lld,\"cpu\":%.3f}\n", count, (long long)began,
         (long long)ended, cpu_seconds());
  return 0;
}
