/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * kill -9 of everybody, in any order, under traffic. weftd and the guests are processes of their
 * own; each guest sends numbered frames to the other, checks every byte of those it gets, and tells
 * what it saw in a page that it shares with the test:
 *
 *	guest 0 (connects) ---- a.sock [ weftd: bridge lan ] b.sock ---- guest 1 (listens)
 *
 *	CYCLES=N	how many times somebody is killed, 200 unless given
 */

#include "tests/lib/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/gen/driver.h"
#include "tests/lib/packet.h"

#define BACK_MS	   1000 /* until traffic flows again: what the test insists on */
#define START_MS   10000
#define TRAFFIC_MS 20 /* at most, before the next one is killed */
#define BURST	   16
#define FRAME_MIN  60
#define FRAME_MAX  1514
#define HEADER	   26 /* Ethernet, length of the frame, number of the frame */
#define WARM_UP	   20 /* cycles */
#ifdef __SANITIZE_ADDRESS__
#define RSS_MAX_KB (256 << 10) /* freed memory is kept for a while */
#else
#define RSS_MAX_KB 2048
#endif
#define SAMPLES_MAX 10000

/* What a guest saw; shared with the test. */
struct seen {
	_Atomic uint64_t received, sent, corrupt, sessions;
	_Atomic uint64_t first_ns; /* the first frame after the test cleared it */
};

struct world {
	char dir[64], config[96], control[96];
	struct seen *seen; /* of guests 0 and 1 */
	pid_t weftd, guests[2];
	uint64_t up_ns; /* when the last one that was started was up */
	unsigned cycles;
	double back_ms[SAMPLES_MAX];
	unsigned n_back;
	unsigned seed;
};

/* --- a guest -----------------------------------------------------------------------------------
 */

static void fill(uint8_t *frame, uint32_t len, int from, uint64_t number)
{
	struct mac dst = station((uint8_t)(2 - from)), src = station((uint8_t)(1 + from));

	packet_raw(frame, &dst, &src, HEADER);
	memcpy(frame + 14, &len, sizeof(len));
	memcpy(frame + 18, &number, sizeof(number));
	for (uint32_t i = HEADER; i < len; i++)
		frame[i] = packet_pattern(i + (uint32_t)number);
}

static bool is_whole(const uint8_t *frame, uint32_t len, int from)
{
	uint8_t want[FRAME_MAX];
	uint64_t number;

	memcpy(&number, frame + 18, sizeof(number));
	fill(want, len, from, number);
	return memcmp(frame, want, len) == 0;
}

static void receive_all(struct driver *d, struct seen *me, int from)
{
	struct driver_frame f;
	uint8_t buf[FRAME_MAX];
	int ret;

	while ((ret = driver_rx(d, 0, &f)) == 1) {
		bool right = f.len >= FRAME_MIN && f.len <= FRAME_MAX &&
			     driver_frame_copy(&f, buf, sizeof(buf)) == f.len &&
			     is_whole(buf, f.len, from);

		driver_rx_release(d, 0, &f);
		if (!right)
			me->corrupt++;
		if (me->received++ == 0 || me->first_ns == 0)
			me->first_ns = clock_now_ns();
	}
	if (ret < 0)
		me->corrupt++;
}

static void send_burst(struct driver *d, struct seen *me, int self, uint64_t *number)
{
	uint8_t frame[FRAME_MAX];

	for (unsigned i = 0; i < BURST; i++) {
		uint32_t len = FRAME_MIN + (uint32_t)(*number * 37 % (FRAME_MAX - FRAME_MIN));

		fill(frame, len, self, *number);
		if (driver_tx(d, 0, NULL, frame, len, NULL) < 0)
			break;
		++*number;
		me->sent++;
	}
	driver_tx_kick(d, 0);
}

/* Frames until weftd dies. */
static void exchange(struct driver *d, struct seen *me, int self)
{
	uint64_t number = (uint64_t)getpid() << 32;

	me->sessions++;
	while (frontend_is_alive(&d->frontend)) {
		send_burst(d, me, self, &number);
		receive_all(d, me, !self);
		usleep(100);
	}
}

static bool meet(struct driver *d, const struct world *w, int self)
{
	char path[128];
	struct err e;

	snprintf(path, sizeof(path), "%s/%c.sock", w->dir, 'a' + self);
	if (self == 0)
		return driver_connect(d, path, START_MS, &e) == 0;
	return driver_accept(d, path, START_MS, &e) == 0;
}

static void guest_main(const struct world *w, int self)
{
	struct driver_options o;
	struct driver d;
	struct err e;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	driver_options_init(&o);
	o.features = DRIVER_FEATURES_BASIC | (self ? DRIVER_F(VIRTIO_RING_F_EVENT_IDX) : 0);
	if (driver_init(&d, &o, &e) < 0)
		_exit(1);
	d.frontend.timeout_ms = START_MS;
	for (;;) {
		if (meet(&d, w, self) && driver_start(&d, &e) == 0)
			exchange(&d, &w->seen[self], self);
		driver_disconnect(&d);
	}
}

/* --- starting and killing ----------------------------------------------------------------------
 */

static pid_t start_guest(struct world *w, int self)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		guest_main(w, self);
	return pid;
}

static void exec_weftd(const struct world *w)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	int log = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	path[n > 0 ? n : 0] = '\0';
	for (int up = 0; up < 2 && strrchr(path, '/'); up++)
		*strrchr(path, '/') = '\0';
	strcat(path, "/bin/weftd");
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execl(path, path, "--run-dir", w->dir, "-c", w->config, (char *)NULL);
	_exit(127);
}

static bool answers(const struct world *w)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", w->control);
	ok = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	close(fd);
	return ok;
}

static pid_t start_weftd(struct world *w)
{
	uint64_t deadline = clock_now_ms() + START_MS;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		exec_weftd(w);
	while (!answers(w)) {
		if (clock_now_ms() > deadline || waitpid(pid, NULL, WNOHANG) == pid)
			fail_msg("weftd did not start");
		usleep(500);
	}
	return pid;
}

static void kill_process(pid_t *pid)
{
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static unsigned at_random(struct world *w, unsigned below)
{
	return (unsigned)rand_r(&w->seed) % below;
}

/* Starts who is not there, in any order. */
static void start_missing(struct world *w)
{
	unsigned first = at_random(w, 3);

	for (unsigned i = 0; i < 3; i++) {
		unsigned who = (first + i) % 3;

		if (who == 2 && !w->weftd)
			w->weftd = start_weftd(w);
		else if (who < 2 && !w->guests[who])
			w->guests[who] = start_guest(w, (int)who);
		else
			continue;
		w->up_ns = clock_now_ns();
	}
}

/* Waits until both guests get frames; the time since everybody was up is a sample. */
static void wait_traffic(struct world *w, uint64_t within_ms)
{
	uint64_t deadline = clock_now_ms() + within_ms, first = 0;

	for (int i = 0; i < 2; i++) {
		uint64_t ns;

		while ((ns = w->seen[i].first_ns) == 0) {
			if (clock_now_ms() > deadline)
				fail_msg("guest %d gets no frames %llu ms after all are up", i,
					 (unsigned long long)within_ms);
			usleep(100);
		}
		first = ns > first ? ns : first;
	}
	if (w->n_back < SAMPLES_MAX)
		w->back_ms[w->n_back++] = first > w->up_ns ? (double)(first - w->up_ns) / 1e6 : 0;
}

/* Kills those of the mask (guests 0 and 1, weftd is 2) at a random moment. */
static void cycle(struct world *w, unsigned mask)
{
	usleep(at_random(w, TRAFFIC_MS * 1000));
	for (unsigned who = 0; who < 3; who++)
		if (mask >> who & 1)
			kill_process(who == 2 ? &w->weftd : &w->guests[who]);
	/* What is on its way to the one that was not killed is not the traffic that we wait for. */
	usleep(2000);
	w->seen[0].first_ns = w->seen[1].first_ns = 0;
	start_missing(w);
	wait_traffic(w, BACK_MS);
}

/* --- what may grow -----------------------------------------------------------------------------
 */

static unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static unsigned weftd_fds(const struct world *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", w->weftd);
	return count_entries(path);
}

static long weftd_rss_kb(const struct world *w)
{
	char path[64];
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", w->weftd);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void assert_fds(const struct world *w, unsigned before)
{
	uint64_t deadline = clock_now_ms() + 3000;

	while (weftd_fds(w) > before && clock_now_ms() < deadline)
		usleep(1000);
	assert_in_range(weftd_fds(w), 1, before);
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void write_config(struct world *w)
{
	FILE *f;

	snprintf(w->config, sizeof(w->config), "%s/weft.yaml", w->dir);
	snprintf(w->control, sizeof(w->control), "%s/weftd.sock", w->dir);
	f = fopen(w->config, "w");
	assert_non_null(f);
	fprintf(f,
		"version: 1\nbridges:\n  lan: {}\nports:\n  a: {bridge: lan}\n"
		"  b: {bridge: lan, vhost-user: {path: %s/b.sock, mode: client}}\n",
		w->dir);
	fclose(f);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *cycles = getenv("CYCLES");

	snprintf(w->dir, sizeof(w->dir), "/tmp/weft-kill.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->cycles = cycles ? (unsigned)atoi(cycles) : 200;
	w->seed = 1;
	w->seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->seen, MAP_FAILED);
	write_config(w);
	*state = w;
	start_missing(w);
	wait_traffic(w, START_MS);
	w->n_back = 0;
	return 0;
}

static void remove_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char sub[512];

	while (dir && (e = readdir(dir))) {
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (e->d_name[0] == '.' || unlink(sub) == 0)
			continue;
		remove_files(sub);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 2; i++)
		if (w->guests[i])
			kill_process(&w->guests[i]);
	if (w->weftd)
		kill_process(&w->weftd);
	remove_files(w->dir);
	munmap(w->seen, 4096);
	free(w);
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void assert_sound(struct world *w)
{
	qsort(w->back_ms, w->n_back, sizeof(w->back_ms[0]), by_size);
	print_message("%u cycles; traffic was back after %.1f ms (median), %.1f ms (99 %%), "
		      "%.1f ms (longest); %llu frames, %llu corrupt\n",
		      w->n_back, w->back_ms[w->n_back / 2], w->back_ms[w->n_back * 99 / 100],
		      w->back_ms[w->n_back - 1],
		      (unsigned long long)(w->seen[0].received + w->seen[1].received),
		      (unsigned long long)(w->seen[0].corrupt + w->seen[1].corrupt));
	assert_int_equal(w->seen[0].corrupt + w->seen[1].corrupt, 0);
}

static void guests_that_are_killed_leave_nothing_and_their_traffic_comes_back(void **state)
{
	struct world *w = *state;
	unsigned fds = 0, files = 0;
	long rss = 0;

	for (unsigned i = 0; i < w->cycles * 3 / 4; i++) {
		if (i == WARM_UP) {
			fds = weftd_fds(w);
			files = count_entries(w->dir);
			rss = weftd_rss_kb(w);
		}
		cycle(w, 1 + i % 3); /* one, the other, both */
	}

	assert_sound(w);
	assert_fds(w, fds);
	assert_int_equal(count_entries(w->dir), files);
	rss = weftd_rss_kb(w) - rss;
	if (rss > RSS_MAX_KB)
		fail_msg("weftd grew by %ld KiB", rss);
}

static void weftd_and_guests_may_die_in_any_order(void **state)
{
	struct world *w = *state;
	unsigned files = 0;

	for (unsigned i = 0; i < w->cycles / 4; i++) {
		if (i == 5)
			files = count_entries(w->dir);
		cycle(w, 4 | (i & 1 ? at_random(w, 4) : 0));
	}

	assert_sound(w);
	assert_int_equal(count_entries(w->dir), files);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(guests_that_are_killed_leave_nothing_and_their_traffic_comes_back),
		T(weftd_and_guests_may_die_in_any_order),
	};

	return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
