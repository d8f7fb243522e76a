/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Whole tests of weft-perf over loopback, server and client in processes of this program.
 *
 *   client -> 127.0.0.1 server
 *   client -> 127.0.0.2 proxy -> 127.0.0.1 server        the proxy can do harm: struct fault
 *
 * The proxy passes the control connection and the fixed data port on under the same numbers.
 */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "perf/client.h"
#include "perf/control.h"
#include "perf/server.h"
#include "perf/trial.h"

#define NONE UINT64_MAX

/* What the proxy does to what goes from client to server on the data port. */
struct fault {
	uint64_t flip;	 /* the byte that changes, or NONE */
	uint64_t drop;	 /* the message that is lost, or NONE */
	unsigned copies; /* of each message */
};

static const struct fault harmless = {NONE, NONE, 1};

static pid_t server_pid = -1, proxy_pid = -1;
static uint16_t control_port, data_port;
static struct err e;

/* A port that is free for TCP and UDP on all of loopback, or was a moment ago. */
static uint16_t free_port(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t len = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, len), 0);
	getsockname(fd, (struct sockaddr *)&any, &len);
	close(fd);
	return ntohs(any.sin_port);
}

static struct sockaddr_in loopback(int host, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	a.sin_addr.s_addr = htonl(0x7f000000u + (unsigned)host);
	return a;
}

static int connect_to(int type, int host, uint16_t port)
{
	struct sockaddr_in a = loopback(host, port);
	int fd = socket(AF_INET, type, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void await_listener(int host, uint16_t port)
{
	for (int i = 0; i < 500; i++) {
		int fd = connect_to(SOCK_STREAM, host, port);

		if (fd >= 0) {
			close(fd);
			return;
		}
		poll(NULL, 0, 10);
	}
	fail_msg("nothing listens on port %u", port);
}

/* Forks a process with a group of its own, which dies with the test. */
static pid_t fork_group(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
	} else {
		setpgid(pid, pid);
	}
	return pid;
}

/* Ends the group and waits for all of it: orphans come to this process, the subreaper. */
static void stop_group(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(-*pid, SIGKILL);
	while (waitpid(-*pid, NULL, 0) > 0)
		continue;
	*pid = -1;
}

static int start_server(void **state)
{
	struct server_options o = {.address = "127.0.0.1"};

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	o.port = control_port = free_port();
	data_port = free_port();
	server_pid = fork_group();
	if (server_pid == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		_exit(server_run(&o, NULL) != 0);
	}
	await_listener(1, control_port);
	return 0;
}

static int stop_server(void **state)
{
	stop_group(&server_pid);
	return 0;
}

static int stop_proxy(void **state)
{
	stop_group(&proxy_pid);
	return 0;
}

static int listen_on(int type, uint16_t port)
{
	struct sockaddr_in a = loopback(2, port);
	int fd = socket(AF_INET, type, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		_exit(1);
	if (type == SOCK_STREAM)
		listen(fd, 16);
	return fd;
}

/* Moves what is there one way. False at the end of either side. */
static bool pump(int from, int to, struct fault *f)
{
	static char buf[65536];
	ssize_t n = recv(from, buf, sizeof(buf), 0);

	if (n < 0 && errno == ECONNREFUSED)
		return true;
	if (n <= 0)
		return false;
	if (f->flip < (uint64_t)n)
		buf[f->flip] ^= 1;
	f->flip = f->flip == NONE || f->flip < (uint64_t)n ? NONE : f->flip - (uint64_t)n;
	if (f->drop != NONE && f->drop-- == 0)
		return true;
	for (unsigned i = 0; i < f->copies; i++)
		if (send(to, buf, (size_t)n, MSG_NOSIGNAL) != n)
			return false;
	return true;
}

static void relay(int near, int far, struct fault f)
{
	struct pollfd p[2] = {{near, POLLIN, 0}, {far, POLLIN, 0}};
	struct fault none = harmless;

	while (poll(p, 2, -1) > 0) {
		if (p[0].revents && !pump(near, far, &f)) {
			shutdown(far, SHUT_WR);
			p[0].fd = -1;
		}
		if (p[1].revents && !pump(far, near, &none)) {
			shutdown(near, SHUT_WR);
			p[1].fd = -1;
		}
		if (p[0].fd < 0 && p[1].fd < 0)
			break;
	}
	_exit(0);
}

static void proxy_datagrams(struct fault f)
{
	int near = listen_on(SOCK_DGRAM, data_port), far;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char byte;

	recvfrom(near, &byte, 1, MSG_PEEK, (struct sockaddr *)&from, &len);
	connect(near, (struct sockaddr *)&from, len);
	far = connect_to(SOCK_DGRAM, 1, data_port);
	relay(near, far, f);
}

static void proxy(struct fault f)
{
	struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};

	signal(SIGCHLD, SIG_IGN);
	p[0].fd = listen_on(SOCK_STREAM, control_port);
	p[1].fd = listen_on(SOCK_STREAM, data_port);
	if (fork() == 0)
		proxy_datagrams(f);
	while (poll(p, 2, -1) > 0) {
		int i = p[1].revents != 0;
		int near = accept(p[i].fd, NULL, NULL);

		if (fork() == 0)
			relay(near, connect_to(SOCK_STREAM, 1, i ? data_port : control_port),
			      i ? f : harmless);
		close(near);
	}
	_exit(0);
}

static void start_proxy(struct fault f)
{
	stop_group(&proxy_pid);
	proxy_pid = fork_group();
	if (proxy_pid == 0)
		proxy(f);
	await_listener(2, control_port);
}

static struct client_options quick(enum kind kind, const char *host)
{
	struct client_options o = {
		.host = host,
		.kind = kind,
		.port = control_port,
		.json = true,
		.runs_min = 3,
		.runs_max = 3,
		.setup = {.kind = kind,
			  .warmup_ns = 50 * NS_PER_MS,
			  .window_ns = 500 * NS_PER_MS,
			  .interval_ns = 125 * NS_PER_MS,
			  .send_size = 16384,
			  .recv_size = 65507,
			  .request_size = 32,
			  .response_size = 64,
			  .server_port = data_port,
			  .verify = 1},
	};

	return o;
}

/* What client_run prints to stdout, as JSON; its return value in *ret. */
static json_t *run_client(const struct client_options *o, int *ret)
{
	FILE *f = tmpfile();
	int saved = dup(1);
	json_error_t error;
	json_t *root;

	fflush(stdout);
	dup2(fileno(f), 1);
	*ret = client_run(o, &e);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	rewind(f);
	root = json_loadf(f, JSON_REJECT_DUPLICATES, &error);
	fclose(f);
	if (!root)
		fail_msg("invalid JSON: %s (%s)", error.text, e.text);
	return root;
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static bool intact(const json_t *root)
{
	return json_is_true(json_object_get(json_object_get(root, "verify"), "intact"));
}

static void assert_plausible_latency(const json_t *root)
{
	const json_t *l = json_object_get(root, "latency");
	const json_t *histogram = json_object_get(l, "histogram_ns");
	double count = 0;

	for (size_t i = 0; i < json_array_size(histogram); i++)
		count += json_number_value(json_array_get(json_array_get(histogram, i), 1));
	assert_true(count == number(l, "count") && count > 0);
	assert_true(number(l, "min_us") <= number(l, "p50_us"));
	assert_true(number(l, "p50_us") <= number(l, "p99_us"));
	assert_true(number(l, "p99_us") <= number(l, "max_us"));
	assert_string_equal(json_string_value(json_object_get(l, "loop")), "closed");
	assert_in_range(1e6 / number(l, "mean_us"), number(root, "throughput") * 0.5,
			number(root, "throughput") * 2);
}

static void every_test_measures_and_verifies_over_loopback(void **state)
{
	for (int kind = 0; kind < KIND_N; kind++) {
		struct client_options o = quick((enum kind)kind, "127.0.0.1");
		int ret;
		json_t *root = run_client(&o, &ret);

		assert_int_equal(ret, 0);
		assert_string_equal(json_string_value(json_object_get(root, "test")),
				    kind_traits((enum kind)kind)->name);
		assert_true(number(root, "schema_version") == 1);
		assert_true(number(root, "throughput") > 1);
		assert_int_equal(json_array_size(json_object_get(root, "intervals")), 4);
		assert_int_equal(json_array_size(json_object_get(root, "runs")), 1);
		assert_int_equal(json_array_size(json_object_get(root, "errors")), 0);
		assert_true(intact(root));
		if (kind_traits((enum kind)kind)->transactions)
			assert_plausible_latency(root);
		else
			assert_true(json_is_null(json_object_get(root, "latency")));
		assert_int_equal(json_is_null(json_object_get(root, "loss")),
				 kind != KIND_UDP_STREAM);
		json_decref(root);
	}
}

static void a_confidence_not_reached_is_recorded(void **state)
{
	struct client_options o = quick(KIND_TCP_RR, "127.0.0.1");
	json_t *root, *c;
	int ret;

	o.confidence = 0.99;
	o.interval = 0.000001;
	root = run_client(&o, &ret);

	assert_int_equal(ret, 0);
	c = json_object_get(root, "confidence");
	assert_true(json_is_false(json_object_get(c, "reached")));
	assert_true(number(c, "width_percent") > 0.0001);
	assert_int_equal(json_array_size(json_object_get(root, "runs")), 3);
	assert_int_equal(json_array_size(json_object_get(root, "intervals")), 12);
	json_decref(root);
}

static void a_proxy_with_a_fixed_data_port_works_as_a_nat_would(void **state)
{
	static const enum kind kinds[] = {KIND_TCP_STREAM, KIND_TCP_RR, KIND_UDP_STREAM,
					  KIND_UDP_RR};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct client_options o = quick(kinds[i], "127.0.0.2");
		json_t *root;
		int ret;

		start_proxy(harmless);
		root = run_client(&o, &ret);

		assert_int_equal(ret, 0);
		assert_true(intact(root));
		json_decref(root);
	}
}

static void one_changed_bit_is_found(void **state)
{
	static const enum kind kinds[] = {KIND_TCP_STREAM, KIND_TCP_RR, KIND_UDP_STREAM,
					  KIND_UDP_RR};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct client_options o = quick(kinds[i], "127.0.0.2");
		json_t *root;
		int ret;

		start_proxy((struct fault){1000, NONE, 1});
		root = run_client(&o, &ret);

		assert_int_equal(ret, -EBADMSG);
		assert_non_null(strstr(e.text, "not intact"));
		assert_false(intact(root));
		assert_int_equal(json_array_size(json_object_get(root, "errors")), 1);
		json_decref(root);
	}
}

static void a_lost_request_is_sent_again(void **state)
{
	struct client_options o = quick(KIND_UDP_RR, "127.0.0.2");
	json_t *root;
	int ret;

	start_proxy((struct fault){NONE, 50, 1});
	root = run_client(&o, &ret);

	assert_int_equal(ret, 0);
	assert_true(number(root, "resent") == 1);
	assert_true(intact(root));
	json_decref(root);
}

static void answers_to_doubled_requests_count_once(void **state)
{
	struct client_options o = quick(KIND_UDP_RR, "127.0.0.2");
	double asked, answered;
	json_t *root;
	int ret;

	start_proxy((struct fault){NONE, NONE, 2});
	root = run_client(&o, &ret);

	assert_int_equal(ret, 0);
	asked = number(json_object_get(root, "local"), "units");
	answered = number(json_object_get(root, "remote"), "units");
	assert_true(answered > asked * 1.8 && answered < asked * 2.2);
	json_decref(root);
}

static void doubled_datagrams_are_no_loss(void **state)
{
	struct client_options o = quick(KIND_UDP_STREAM, "127.0.0.2");
	json_t *root, *loss;
	int ret;

	o.setup.send_size = 1000;
	start_proxy((struct fault){NONE, NONE, 2});
	root = run_client(&o, &ret);

	assert_int_equal(ret, 0);
	loss = json_object_get(root, "loss");
	assert_true(number(loss, "lost") >= 0 && number(loss, "percent") <= 100);
	assert_true(number(loss, "reordered") > 0);
	json_decref(root);
}

static void garbage_on_the_control_port_harms_nobody(void **state)
{
	struct client_options o = quick(KIND_TCP_RR, "127.0.0.1");
	int idle = connect_to(SOCK_STREAM, 1, control_port);
	int rude = connect_to(SOCK_STREAM, 1, control_port), ret;
	char answer[MESSAGE_HEADER_SIZE + 1] = "";

	assert_true(write(rude, "GET / HTTP/1.1\r\n\r\n", 18) == 18);
	assert_int_equal(recv(rude, answer, MESSAGE_HEADER_SIZE, MSG_WAITALL), MESSAGE_HEADER_SIZE);
	assert_int_equal(answer[7], MESSAGE_ABORT);
	json_decref(run_client(&o, &ret));

	assert_int_equal(ret, 0);
	close(idle);
	close(rude);
}

static void a_setup_beyond_the_limits_is_answered_with_the_reason(void **state)
{
	struct client_options o = quick(KIND_UDP_STREAM, "127.0.0.1");
	json_t *root;
	int ret;

	o.setup.send_size = 65508;
	root = run_client(&o, &ret);

	assert_int_equal(ret, -ECONNABORTED);
	assert_non_null(strstr(e.text, "at most 65507 bytes"));
	assert_true(json_is_null(json_object_get(root, "throughput")));
	assert_int_equal(json_array_size(json_object_get(root, "errors")), 1);
	json_decref(root);
}

static void a_full_server_turns_clients_away_with_a_message(void **state)
{
	struct client_options o = quick(KIND_TCP_RR, "127.0.0.1");
	int idle[64], ret;

	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		idle[i] = connect_to(SOCK_STREAM, 1, control_port);
	json_decref(run_client(&o, &ret));

	assert_int_equal(ret, -ECONNABORTED);
	assert_non_null(strstr(e.text, "try again later"));
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		close(idle[i]);
}

static void no_server_is_said_with_the_next_step(void **state)
{
	struct client_options o = quick(KIND_TCP_RR, "127.0.0.3");
	int ret;

	json_decref(run_client(&o, &ret));

	assert_int_equal(ret, -ECONNREFUSED);
	assert_non_null(strstr(e.text, "is 'weft-perf server' running?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_test_measures_and_verifies_over_loopback),
		cmocka_unit_test(a_confidence_not_reached_is_recorded),
		cmocka_unit_test_teardown(a_proxy_with_a_fixed_data_port_works_as_a_nat_would,
					  stop_proxy),
		cmocka_unit_test_teardown(one_changed_bit_is_found, stop_proxy),
		cmocka_unit_test_teardown(a_lost_request_is_sent_again, stop_proxy),
		cmocka_unit_test_teardown(answers_to_doubled_requests_count_once, stop_proxy),
		cmocka_unit_test_teardown(doubled_datagrams_are_no_loss, stop_proxy),
		cmocka_unit_test(garbage_on_the_control_port_harms_nobody),
		cmocka_unit_test(a_setup_beyond_the_limits_is_answered_with_the_reason),
		cmocka_unit_test(a_full_server_turns_clients_away_with_a_message),
		cmocka_unit_test(no_server_is_said_with_the_next_step),
	};

	return cmocka_run_group_tests_name("perf_trial", tests, start_server, stop_server);
}
