/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A hostile frontend on a real socket. The input is a list of messages: right ones of a handshake,
 * with some bytes changed, in any order, with odd descriptors, cut off, or made of nothing but
 * input. A guest on another port must not notice, and nothing may leak.
 *
 *	byte 0	request
 *	byte 1	1: start from what the handshake would send; 2: queue 1; 0x0c: which descriptors;
 *		0x30: bytes to change; 0x40: send half of it; 0x80: a frame and a kick after it
 *	then	pairs of place and value of the bytes to change; without a template first the size
 */

#include <fcntl.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "dataplane/eal.h"
#include "tests/lib/attacknet.h"
#include "vhost/message.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 48
#define CHECK_EVERY  64 /* inputs */
#define FDS_SLACK    4

enum { OWN_FDS, NO_FDS, ODD_FDS, MANY_FDS };

static struct attacknet *net;
static struct driver guest; /* whose memory and rings the right messages are about */
static int odd_fds[4];
static unsigned fds_before, inputs;

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t take(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static void die(const char *what)
{
	fprintf(stderr, "fuzz_vhost_user: %s\n", what);
	abort();
}

static void clean_up(void)
{
	driver_fini(&guest);
	attacknet_destroy(net);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct driver_options o;
	struct err e = {0};

	log_level_set("any", "error", &e);
	if (eal_init(CONFIG_OFF, &e) < 0)
		die(e.text);
	net = attacknet_create(true);
	driver_options_init(&o);
	o.ring_size = 64;
	if (driver_init(&guest, &o, &e) < 0)
		die(e.text);
	if (pipe2(odd_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		die("pipe");
	odd_fds[2] = memfd_create("small", MFD_CLOEXEC);
	odd_fds[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds_before = attacknet_open_fds();
	atexit(clean_up);
	return 0;
}

/* The payload that the handshake would have, and its descriptors. */
static unsigned make_right(struct frontend_msg *m, unsigned queue, int *fds)
{
	struct virtq *vq = &guest.queues[queue].vq;

	switch (m->request) {
	case FRONTEND_SET_MEM_TABLE:
		m->size = 8 + sizeof(m->memory.regions[0]);
		m->memory.n_regions = 1;
		m->memory.regions[0] = (struct frontend_region){
			.guest_addr = GUESTMEM_GPA_BASE,
			.bytes = guest.mem.bytes,
			.user_addr = (uintptr_t)guest.mem.base,
		};
		fds[0] = guest.mem.fd[0];
		return 1;
	case FRONTEND_SET_VRING_ADDR:
		m->size = sizeof(m->addr);
		m->addr = (struct vhost_vring_addr){
			.index = queue,
			.desc_user_addr = (uintptr_t)vq->desc,
			.avail_user_addr = (uintptr_t)vq->avail,
			.used_user_addr = (uintptr_t)vq->used,
		};
		return 0;
	case FRONTEND_SET_VRING_KICK:
	case FRONTEND_SET_VRING_CALL:
	case FRONTEND_SET_VRING_ERR:
		m->size = sizeof(m->u64);
		m->u64 = queue;
		fds[0] = m->request == FRONTEND_SET_VRING_KICK ? vq->kick_fd : vq->call_fd;
		return 1;
	case FRONTEND_SET_FEATURES:
		m->size = sizeof(m->u64);
		m->u64 = DRIVER_FEATURES_BASIC | DRIVER_FEATURES_TSO | FRONTEND_F_PROTOCOL_FEATURES;
		return 0;
	case FRONTEND_SET_PROTOCOL_FEATURES:
		m->size = sizeof(m->u64);
		m->u64 = FRONTEND_PROTOCOL_REPLY_ACK;
		return 0;
	case FRONTEND_SET_VRING_NUM:
	case FRONTEND_SET_VRING_BASE:
	case FRONTEND_GET_VRING_BASE:
	case FRONTEND_SET_VRING_ENABLE:
		m->size = sizeof(m->state);
		m->state.index = queue;
		m->state.num = m->request == FRONTEND_SET_VRING_NUM	 ? vq->size
			       : m->request == FRONTEND_SET_VRING_ENABLE ? 1
									 : 0;
		return 0;
	default:
		return 0;
	}
}

static unsigned make_message(struct input *in, uint8_t how, struct frontend_msg *m, int *fds)
{
	unsigned n_fds = 0, changes = how >> 4 & 3;

	if (how & 1)
		n_fds = make_right(m, how >> 1 & 1, fds);
	else
		m->size = take(in);
	if ((how >> 2 & 3) != OWN_FDS)
		n_fds = 0;
	if ((how >> 2 & 3) == ODD_FDS)
		n_fds = 1 + take(in) % 2;
	if ((how >> 2 & 3) == MANY_FDS)
		n_fds = FRONTEND_FDS_MAX;
	for (unsigned i = 0; i < n_fds && (how >> 2 & 3) != OWN_FDS; i++)
		fds[i] = odd_fds[i % 4];
	for (unsigned i = 0; i < changes; i++) {
		unsigned at = take(in);

		((uint8_t *)m)[at % (FRONTEND_HEADER_BYTES + 48)] = take(in);
	}
	return n_fds;
}

static void send_message(struct frontend *f, struct frontend_msg *m, const int *fds, unsigned n_fds,
			 bool half)
{
	struct err e;

	if (half)
		send(f->fd, m, (FRONTEND_HEADER_BYTES + m->size % FRONTEND_PAYLOAD_MAX) / 2,
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		frontend_send(f, m, fds, n_fds, &e);
}

/* Offers a frame, as it lies, and any head that the input names. */
static void send_frame(uint8_t head)
{
	struct virtq *vq = &guest.queues[1].vq;

	vq->desc[head % vq->size] = (struct vring_desc){
		.addr = guestmem_gpa(&guest.mem, guest.queues[1].slots), .len = 12 + head};
	virtq_add_raw(vq, head);
	virtq_publish(vq);
	eventfd_write(vq->kick_fd, 1);
}

static void discard_answers(struct frontend *f)
{
	uint8_t buf[4096];

	while (recv(f->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

/* Everything that was sent is read before the connection ends. */
static void finish(struct frontend *f)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	uint8_t buf[4096];

	shutdown(f->fd, SHUT_WR);
	while (poll(&p, 1, 3000) == 1 && recv(f->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	frontend_close(f);
}

static void check_others(void)
{
	if (!attacknet_delivers(net, ATTACKNET_B, ATTACKNET_C, 100))
		die("guests on other ports do not reach each other any more");
	if (!attacknet_wait_fds(fds_before + FDS_SLACK))
		die("descriptors leak");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct frontend f;
	struct err e;

	for (unsigned q = 0; q < 2; q++)
		virtq_reset(&guest.queues[q].vq);
	frontend_init(&f);
	if (frontend_connect(&f, attacknet_path(net, ATTACKNET_A), 1000, &e) < 0)
		die(e.text);
	for (unsigned i = 0; i < MESSAGES_MAX && in.size > 1; i++) {
		struct frontend_msg m = {.request = take(&in) % 48, .flags = FRONTEND_VERSION};
		uint8_t how = take(&in);
		int fds[FRONTEND_FDS_MAX];
		unsigned n_fds = make_message(&in, how, &m, fds);

		send_message(&f, &m, fds, n_fds, how & 0x40);
		if (how & 0x80)
			send_frame(take(&in));
		discard_answers(&f);
	}
	finish(&f);
	if (!attacknet_wait_step(net, ATTACKNET_A, VHOST_STEP_CONNECT))
		die("the session does not end");
	if (++inputs % CHECK_EVERY == 0)
		check_others();
	return 0;
}
