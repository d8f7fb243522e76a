/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The server over a Unix socket, with clients that the test writes for in the same thread. */

#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "daemon/http.h"

struct world {
	struct loop *loop;
	struct http_server *server;
	char dir[32], path[64];
	size_t content_len;
};

static char *content(void *arg, size_t *len)
{
	struct world *w = arg;
	char *text = malloc(w->content_len);

	memset(text, 'x', w->content_len);
	*len = w->content_len;
	return text;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e;

	strcpy(w->dir, "/tmp/weft-http.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/s", w->dir);
	w->content_len = 100;
	w->loop = loop_create();
	w->server = http_server_create(w->loop, w->path, "/metrics", "text/plain", content, w, &e);
	assert_non_null(w->server);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	http_server_destroy(w->server);
	loop_destroy(w->loop);
	assert_int_equal(access(w->path, F_OK), -1);
	rmdir(w->dir);
	free(w);
	return 0;
}

static int dial(struct world *w)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sa.sun_path, w->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	while (loop_run_once(w->loop, 0) > 0)
		;
	return fd;
}

static void say(struct world *w, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	for (int i = 0; i < 4; i++)
		loop_run_once(w->loop, 0);
}

/* What the server says until it closes, within 2 s; its length. */
static size_t hear(struct world *w, int fd, char *text, size_t size)
{
	uint64_t due_ms = clock_now_ms() + 2000;
	size_t len = 0;

	while (clock_now_ms() < due_ms && len + 1 < size) {
		ssize_t n = recv(fd, text + len, size - 1 - len, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		len += n > 0 ? (size_t)n : 0;
		loop_run_once(w->loop, 1);
	}
	text[len] = '\0';
	close(fd);
	return len;
}

static bool is_closed(struct world *w, int fd)
{
	char byte;

	loop_run_once(w->loop, 0);
	return recv(fd, &byte, 1, 0) == 0;
}

static void a_get_is_answered_with_the_content(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	char text[1024];

	say(w, fd, "GET /metrics?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n");
	hear(w, fd, text, sizeof(text));

	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_non_null(strstr(text, "Content-Length: 100\r\n"));
	assert_int_equal(strlen(strstr(text, "\r\n\r\n") + 4), 100);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	struct world *w = *state;
	int fd = dial(w);
	char text[1024];

	for (const char *p = request; *p; p++)
		say(w, fd, (char[]){*p, '\0'});
	hear(w, fd, text, sizeof(text));

	assert_non_null(strstr(text, "200 OK"));
}

static void other_requests_get_their_status(void **state)
{
	static const struct {
		const char *request, *status;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", "404"},
		{"POST /metrics HTTP/1.1\r\n\r\n", "405"},
		{"hello\r\n", "400"},
		{"GET http://x/metrics HTTP/1.1\r\n\r\n", "400"},
		{"GET /metrics HTTP/2.0\r\n\r\n", "400"},
		{"GET /metrics\r\n\r\n", "400"},
		{"\x16\x03\x01\x02\n", "400"},
	};
	struct world *w = *state;
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = dial(w);

		say(w, fd, cases[i].request);
		hear(w, fd, text, sizeof(text));
		assert_int_equal(strncmp(text + 9, cases[i].status, 3), 0);
	}
}

static void an_endless_request_is_cut_off(void **state)
{
	struct world *w = *state;
	static const char begin[] = "GET /metrics HTTP/1.1\r\nX: ";
	char text[1024], request[HTTP_REQUEST_MAX + 1];
	int fd = dial(w);

	memset(request, 'x', HTTP_REQUEST_MAX);
	memcpy(request, begin, strlen(begin));
	request[HTTP_REQUEST_MAX] = '\0';
	say(w, fd, request);
	hear(w, fd, text, sizeof(text));

	assert_non_null(strstr(text, "431 "));
}

static void a_reader_that_stalls_gets_all_of_a_large_page_in_the_end(void **state)
{
	struct world *w = *state;
	char *text = malloc(4u << 20);
	int fd = dial(w);
	size_t n;

	w->content_len = 3u << 20;
	say(w, fd, "GET /metrics HTTP/1.1\r\n\r\n");
	n = hear(w, fd, text, 4u << 20);

	assert_in_range(n, 3u << 20, (3u << 20) + 200);
	free(text);
}

static void silent_clients_make_room_for_others(void **state)
{
	struct world *w = *state;
	int silent[HTTP_CLIENTS_MAX + 4], fd;
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		silent[i] = dial(w);
	assert_true(is_closed(w, silent[0]));
	assert_false(is_closed(w, silent[ARRAY_SIZE(silent) - 1]));

	fd = dial(w);
	say(w, fd, "GET /metrics HTTP/1.1\r\n\r\n");
	hear(w, fd, text, sizeof(text));
	assert_non_null(strstr(text, "200 OK"));
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		close(silent[i]);
}

static void a_silent_client_is_let_go_in_time(void **state)
{
	struct world *w = *state;
	uint64_t start_ms = clock_now_ms();
	int fd = dial(w);

	while (!is_closed(w, fd) && clock_now_ms() < start_ms + 4 * HTTP_TIME_MAX_MS)
		loop_run_once(w->loop, 100);

	assert_in_range(clock_now_ms() - start_ms, HTTP_TIME_MAX_MS - 100, 3 * HTTP_TIME_MAX_MS);
	close(fd);
}

static void addresses_that_are_none_are_refused(void **state)
{
	static const char *const wrong[] = {"localhost:80",    "127.0.0.1", "127.0.0.1:0",
					    "127.0.0.1:99999", "::1:80",    "9464"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct err e = {0};

		assert_null(http_server_create(w->loop, wrong[i], "/", "", content, w, &e));
		assert_non_null(strstr(e.text, "ADDRESS:PORT"));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_get_is_answered_with_the_content),
		TEST(a_request_may_come_byte_by_byte),
		TEST(other_requests_get_their_status),
		TEST(an_endless_request_is_cut_off),
		TEST(a_reader_that_stalls_gets_all_of_a_large_page_in_the_end),
		TEST(silent_clients_make_room_for_others),
		TEST(a_silent_client_is_let_go_in_time),
		TEST(addresses_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
