/* A loopback HTTP stub in C: the same reply to every POST, a fixed time after it arrived.
 *
 *     cc -O2 -o delay delay.c && ./delay MICROSECONDS BODY     (prints its port)
 *
 * One thread, epoll, keep-alive. As the delay is the same for all, replies are due in the order
 * of arrival: a ring is the whole timer. Enough of HTTP for a load test, and no more: a request
 * is a head with Content-Length and a body, one at a time on a connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, BUFFER = 65536 };

struct due { int fd; uint64_t at; };

static struct { char *data; size_t used; unsigned generation; } in[MOST];
static struct { struct due due; unsigned generation; } ring[MOST];
static size_t head, tail;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Whether the buffer holds a whole request; if so it is taken out. */
static int take(int fd)
{
    char *end = memmem(in[fd].data, in[fd].used, "\r\n\r\n", 4);
    if (!end)
        return 0;
    *end = 0;
    char *length = strcasestr(in[fd].data, "content-length:");
    *end = '\r';
    size_t need = (size_t)(end + 4 - in[fd].data) + (length ? strtoul(length + 15, NULL, 10) : 0);
    if (in[fd].used < need)
        return 0;
    memmove(in[fd].data, in[fd].data + need, in[fd].used - need);
    in[fd].used -= need;
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: %s MICROSECONDS BODY\n", argv[0]), 2;
    uint64_t delay = strtoull(argv[1], NULL, 10) * 1000;
    char reply[BUFFER];
    int size = snprintf(reply, sizeof reply,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s", strlen(argv[2]), argv[2]);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024))
        return perror("listen"), 1;
    getsockname(listener, (struct sockaddr *)&address, &address_size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = timer;
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);

    for (;;) {
        int ready = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int made = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (made < 0)
                    continue;
                if (made >= MOST || !(in[made].data || (in[made].data = malloc(BUFFER)))) {
                    close(made);
                    continue;
                }
                in[made].used = 0;
                in[made].generation++;
                setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.fd = made;
                epoll_ctl(poll, EPOLL_CTL_ADD, made, &event);
            } else if (fd == timer) {
                uint64_t fired;
                if (read(timer, &fired, sizeof fired) < 0 && errno != EAGAIN)
                    return 1;
            } else {
                ssize_t got = read(fd, in[fd].data + in[fd].used, BUFFER - in[fd].used);
                if (got <= 0) {
                    if (got == 0 || errno != EAGAIN) {
                        in[fd].generation++;
                        close(fd);
                    }
                    continue;
                }
                in[fd].used += (size_t)got;
                while (take(fd)) {
                    ring[tail % MOST].due = (struct due){fd, now() + delay};
                    ring[tail++ % MOST].generation = in[fd].generation;
                }
            }
        }
        while (head < tail && ring[head % MOST].due.at <= now()) {
            int fd = ring[head % MOST].due.fd;
            if (ring[head++ % MOST].generation == in[fd].generation
                && write(fd, reply, (size_t)size) != size)
                in[fd].generation++, close(fd);
        }
        if (head < tail) {
            uint64_t at = ring[head % MOST].due.at;
            struct itimerspec when = {.it_value = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
        }
    }
}
