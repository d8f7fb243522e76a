/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/gen/frontend.h"

/*
 * A backend of a few lines at the other end of a socket: it notes what it was told, answers as told
 * to, and ends when the frontend closes.
 */

#define NOTES_MAX 64

struct backend {
	int fd;
	uint64_t features, protocol;
	unsigned refuse;       /* this request is not acknowledged with 0 */
	unsigned hang_up_at;   /* the connection is closed instead of an answer */
	uint32_t answer_bytes; /* of GET_FEATURES, 8 */

	struct {
		unsigned request;
		unsigned n_fds;
	} notes[NOTES_MAX];
	unsigned n_notes;
	struct frontend_msg mem_table;
	uint64_t agreed;
	pthread_t thread;
};

static bool receive(struct backend *b, struct frontend_msg *m, unsigned *n_fds)
{
	char control[CMSG_SPACE(FRONTEND_FDS_MAX * sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = {m, FRONTEND_HEADER_BYTES};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	if (recvmsg(b->fd, &h, MSG_WAITALL) != FRONTEND_HEADER_BYTES)
		return false;
	c = CMSG_FIRSTHDR(&h);
	*n_fds = c ? (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
	for (unsigned i = 0; i < *n_fds; i++)
		close(((int *)CMSG_DATA(c))[i]);
	return !m->size || recv(b->fd, m->bytes, m->size, MSG_WAITALL) == m->size;
}

static void answer(struct backend *b, struct frontend_msg *m)
{
	m->flags = FRONTEND_VERSION | FRONTEND_REPLY;
	send(b->fd, m, FRONTEND_HEADER_BYTES + MIN_OF(m->size, sizeof(m->bytes)), MSG_NOSIGNAL);
}

static void answer_u64(struct backend *b, struct frontend_msg *m, uint64_t value)
{
	m->u64 = value;
	m->size = sizeof(m->u64);
	if (m->request == FRONTEND_GET_FEATURES && b->answer_bytes)
		m->size = b->answer_bytes;
	answer(b, m);
}

static void handle(struct backend *b, struct frontend_msg *m)
{
	bool wants_ack = m->flags & FRONTEND_NEED_REPLY;

	switch (m->request) {
	case FRONTEND_GET_FEATURES:
		answer_u64(b, m, b->features);
		return;
	case FRONTEND_GET_PROTOCOL_FEATURES:
		answer_u64(b, m, b->protocol);
		return;
	case FRONTEND_GET_QUEUE_NUM:
		answer_u64(b, m, 4);
		return;
	case FRONTEND_GET_VRING_BASE:
		m->state.num = 7;
		answer(b, m);
		return;
	case FRONTEND_SET_MEM_TABLE:
		b->mem_table = *m;
		break;
	case FRONTEND_SET_FEATURES:
		b->agreed = m->u64;
		break;
	default:
		break;
	}
	if (wants_ack)
		answer_u64(b, m, m->request == b->refuse);
}

static void *serve(void *arg)
{
	struct backend *b = arg;
	struct frontend_msg m;
	unsigned n_fds;

	while (b->n_notes < NOTES_MAX && receive(b, &m, &n_fds)) {
		b->notes[b->n_notes].request = m.request;
		b->notes[b->n_notes++].n_fds = n_fds;
		if (m.request == b->hang_up_at)
			break;
		handle(b, &m);
	}
	close(b->fd);
	return NULL;
}

static void start(struct backend *b, struct frontend *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	frontend_init(f);
	f->fd = fds[0];
	b->fd = fds[1];
	assert_int_equal(pthread_create(&b->thread, NULL, serve, b), 0);
}

static void stop(struct backend *b, struct frontend *f)
{
	frontend_close(f);
	pthread_join(b->thread, NULL);
}

static struct backend modern_backend(void)
{
	return (struct backend){
		.features = FRONTEND_F_PROTOCOL_FEATURES | 1ull << 32 | 1 << 15 | 1,
		.protocol = FRONTEND_PROTOCOL_MQ | FRONTEND_PROTOCOL_REPLY_ACK | 1 << 9,
	};
}

static void assert_order(const struct backend *b, const unsigned *requests, unsigned n)
{
	assert_int_equal(b->n_notes, n);
	for (unsigned i = 0; i < n; i++)
		if (b->notes[i].request != requests[i])
			fail_msg("message %u is %s, not %s", i,
				 frontend_request_name(b->notes[i].request),
				 frontend_request_name(requests[i]));
}

static void the_handshake_has_the_order_of_qemu(void **state)
{
	static const unsigned order[] = {
		FRONTEND_GET_FEATURES,
		FRONTEND_GET_PROTOCOL_FEATURES,
		FRONTEND_SET_PROTOCOL_FEATURES,
		FRONTEND_GET_QUEUE_NUM,
		FRONTEND_SET_OWNER,
		FRONTEND_SET_FEATURES,
		FRONTEND_SET_MEM_TABLE,
		FRONTEND_SET_VRING_NUM,
		FRONTEND_SET_VRING_BASE,
		FRONTEND_SET_VRING_ADDR,
		FRONTEND_SET_VRING_KICK,
		FRONTEND_SET_VRING_CALL,
		FRONTEND_SET_VRING_ENABLE,
		FRONTEND_GET_VRING_BASE,
	};
	struct backend b = modern_backend();
	struct frontend_queue q = {.size = 256, .kick_fd = -1, .call_fd = STDIN_FILENO};
	struct guestmem mem;
	struct frontend f;
	uint16_t base;

	assert_int_equal(guestmem_init(&mem, 1 << 20, 3, false, NULL), 0);
	start(&b, &f);
	assert_int_equal(frontend_negotiate(&f, 1 << 15, NULL), 0);
	assert_int_equal(frontend_set_mem(&f, &mem, NULL), 0);
	assert_int_equal(frontend_queue_start(&f, 0, &q, NULL), 0);
	assert_int_equal(frontend_queue_enable(&f, 0, true, NULL), 0);
	assert_int_equal(frontend_queue_stop(&f, 0, &base, NULL), 0);
	stop(&b, &f);
	guestmem_fini(&mem);

	assert_order(&b, order, ARRAY_SIZE(order));
	assert_int_equal(base, 7);
	assert_int_equal(b.notes[6].n_fds, 3);
	assert_int_equal(b.notes[10].n_fds, 0);
	assert_int_equal(b.notes[11].n_fds, 1);
}

static void only_what_is_offered_and_wanted_is_agreed(void **state)
{
	struct backend b = modern_backend();
	struct frontend f;

	start(&b, &f);
	assert_int_equal(frontend_negotiate(&f, 1ull << 32 | 1 << 5, NULL), 0);

	assert_int_equal(f.features, 1ull << 32 | FRONTEND_F_PROTOCOL_FEATURES);
	assert_int_equal(f.protocol, FRONTEND_PROTOCOL_MQ | FRONTEND_PROTOCOL_REPLY_ACK);
	assert_int_equal(f.n_pairs_max, 4);
	stop(&b, &f);
	assert_int_equal(b.agreed, 1ull << 32 | FRONTEND_F_PROTOCOL_FEATURES);
}

static void an_old_backend_hears_of_no_protocol_feature(void **state)
{
	static const unsigned order[] = {FRONTEND_GET_FEATURES, FRONTEND_SET_OWNER,
					 FRONTEND_SET_FEATURES};
	struct backend b = {.features = 1};
	struct frontend f;

	start(&b, &f);
	assert_int_equal(frontend_negotiate(&f, ~0ull, NULL), 0);
	assert_int_equal(frontend_queue_enable(&f, 0, true, NULL), 0);
	stop(&b, &f);

	assert_order(&b, order, ARRAY_SIZE(order));
}

static void a_refused_request_is_an_error_that_names_it(void **state)
{
	struct backend b = modern_backend();
	struct frontend f;
	struct err e;

	b.refuse = FRONTEND_SET_FEATURES;
	start(&b, &f);
	assert_int_equal(frontend_negotiate(&f, 1, &e), -EREMOTEIO);
	stop(&b, &f);

	assert_non_null(strstr(e.text, "refused SET_FEATURES"));
}

static void a_backend_that_hangs_up_is_an_error_at_once(void **state)
{
	struct backend b = modern_backend();
	struct frontend f;
	struct err e;

	b.hang_up_at = FRONTEND_GET_PROTOCOL_FEATURES;
	start(&b, &f);
	assert_int_equal(frontend_negotiate(&f, 1, &e), -ECONNRESET);

	assert_non_null(strstr(e.text, "GET_PROTOCOL_FEATURES"));
	assert_false(frontend_is_alive(&f));
	stop(&b, &f);
}

static void a_silent_backend_is_not_waited_for_longer_than_told(void **state)
{
	struct frontend f;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	frontend_init(&f);
	f.fd = fds[0];
	f.timeout_ms = 20;
	assert_true(frontend_is_alive(&f));
	assert_int_equal(frontend_negotiate(&f, 1, NULL), -ETIMEDOUT);

	frontend_close(&f);
	close(fds[1]);
}

static void an_answer_of_the_wrong_length_is_refused(void **state)
{
	static const uint32_t lengths[] = {4, 16, FRONTEND_PAYLOAD_MAX + 1, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct backend b = modern_backend();
		struct frontend f;

		b.answer_bytes = lengths[i];
		start(&b, &f);
		assert_int_equal(frontend_negotiate(&f, 1, NULL), -EPROTO);
		stop(&b, &f);
	}
}

static void the_memory_table_follows_on_without_a_gap(void **state)
{
	struct backend b = modern_backend();
	struct guestmem mem;
	struct frontend f;

	assert_int_equal(guestmem_init(&mem, 8 << 20, GUESTMEM_REGIONS_MAX, false, NULL), 0);
	start(&b, &f);
	assert_int_equal(frontend_negotiate(&f, 1, NULL), 0);
	assert_int_equal(frontend_set_mem(&f, &mem, NULL), 0);
	stop(&b, &f);

	assert_int_equal(b.mem_table.memory.n_regions, GUESTMEM_REGIONS_MAX);
	for (unsigned i = 0; i < GUESTMEM_REGIONS_MAX; i++) {
		struct frontend_region r = b.mem_table.memory.regions[i];

		assert_int_equal(r.bytes, 1 << 20);
		assert_int_equal(r.guest_addr, GUESTMEM_GPA_BASE + ((uint64_t)i << 20));
		assert_ptr_equal((void *)(uintptr_t)r.user_addr, mem.base + ((size_t)i << 20));
	}
	guestmem_fini(&mem);
}

static void any_message_with_any_descriptors_can_be_sent(void **state)
{
	struct backend b = modern_backend();
	struct frontend_msg m = {.request = 999, .flags = 0xffff, .size = 3};
	int fds[FRONTEND_FDS_MAX] = {0};
	struct frontend f;

	start(&b, &f);
	assert_int_equal(frontend_send(&f, &m, fds, FRONTEND_FDS_MAX, NULL), 0);
	assert_int_equal(frontend_send(&f, &m, fds, FRONTEND_FDS_MAX + 1, NULL), -EINVAL);
	stop(&b, &f);

	assert_int_equal(b.n_notes, 1);
	assert_int_equal(b.notes[0].request, 999);
	assert_int_equal(b.notes[0].n_fds, FRONTEND_FDS_MAX);
}

static void a_backend_may_come_and_go_at_a_listening_frontend(void **state)
{
	char dir[] = "/tmp/weft-test-XXXXXX";
	char path[64];
	struct frontend f, peer;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	frontend_init(&f);
	frontend_init(&peer);
	assert_int_equal(frontend_connect(&peer, path, 0, NULL), -ENOENT);
	assert_int_equal(frontend_listen(&f, path, NULL), 0);
	assert_int_equal(frontend_accept(&f, 1, NULL), -ETIMEDOUT);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(frontend_connect(&peer, path, 0, NULL), 0);
		assert_int_equal(frontend_accept(&f, 1000, NULL), 0);
		assert_true(frontend_is_alive(&f));
		frontend_disconnect(&peer);
		assert_false(frontend_is_alive(&f));
		frontend_disconnect(&f);
	}
	frontend_close(&f);

	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(dir), 0);
}

static void a_stale_socket_is_replaced_but_no_other_file(void **state)
{
	char path[] = "/tmp/weft-test-XXXXXX";
	int fd = mkstemp(path);
	struct frontend f, stale;

	assert_true(fd >= 0);
	frontend_init(&f);
	frontend_init(&stale);
	assert_int_equal(frontend_listen(&f, path, NULL), -EADDRINUSE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(frontend_listen(&stale, path, NULL), 0);
	assert_int_equal(frontend_listen(&f, path, NULL), 0);

	frontend_close(&f);
	frontend_close(&stale);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_handshake_has_the_order_of_qemu),
		cmocka_unit_test(only_what_is_offered_and_wanted_is_agreed),
		cmocka_unit_test(an_old_backend_hears_of_no_protocol_feature),
		cmocka_unit_test(a_refused_request_is_an_error_that_names_it),
		cmocka_unit_test(a_backend_that_hangs_up_is_an_error_at_once),
		cmocka_unit_test(a_silent_backend_is_not_waited_for_longer_than_told),
		cmocka_unit_test(an_answer_of_the_wrong_length_is_refused),
		cmocka_unit_test(the_memory_table_follows_on_without_a_gap),
		cmocka_unit_test(any_message_with_any_descriptors_can_be_sent),
		cmocka_unit_test(a_backend_may_come_and_go_at_a_listening_frontend),
		cmocka_unit_test(a_stale_socket_is_replaced_but_no_other_file),
	};

	return cmocka_run_group_tests_name("frontend", tests, NULL, NULL);
}
