/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * virtio-console with multiport (VIRTIO 1.2, 5.3) and one port, number 1, which has a name: the
 * channel of the agent in the guest. Port 0 would be a console; there is none.
 *
 * Bytes wait where they come from: the guest's in its ring while the stream has no room, the
 * stream's in its socket while the guest has no buffer or has not opened the port. Without a client
 * the guest's bytes are thrown away, as a serial line would.
 *
 * Control messages to the guest are few and small; those for which the guest has no buffer yet wait
 * in a short queue.
 */

#include <errno.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/device.h"
#include "vmm/virtq.h"

#define CLASS_SERIAL 0x078000
#define QUEUE_SIZE   128
#define PORT	     1
#define PORTS	     2
#define NAME_MAX_LEN 64
#define PENDING_MAX  16
#define CHUNK	     4096

enum { PORT0_RX, PORT0_TX, CONTROL_RX, CONTROL_TX, PORT1_RX, PORT1_TX, QUEUES };

struct message {
	struct virtio_console_control h;
	char name[NAME_MAX_LEN]; /* with a NUL */
	size_t len;
};

struct virtio_console {
	struct virtio d; /* first */
	struct virtio_console_config config;
	char name[NAME_MAX_LEN];
	bool guest_open, client;
	bool told_client; /* what the guest knows of it, while suspended */
	struct stream stream;
	struct virtq rings[QUEUES];
	struct device_queue queues[QUEUES];
	unsigned n_pending;
	struct message pending[PENDING_MAX];
};

static struct virtio_console *console_of(struct virtio *d)
{
	return container_of(d, struct virtio_console, d);
}

static void check_rings(struct virtio_console *v)
{
	for (unsigned q = 0; q < QUEUES; q++)
		if (v->rings[q].broken && !(v->d.status & VIRTIO_CONFIG_S_NEEDS_RESET))
			virtio_needs_reset(&v->d);
}

/* --- control messages ----------------------------------------------------------------------------
 */

static void send_pending(struct virtio_console *v)
{
	struct virtq *vq = &v->rings[CONTROL_RX];
	struct virtq_chain c;

	while (v->n_pending && virtq_pop(vq, &c) > 0) {
		const struct message *m = &v->pending[0];
		size_t n = virtq_write(&c, 0, &m->h, sizeof(m->h));

		n += virtq_write(&c, n, m->name, m->len);
		virtq_push(vq, &c, (uint32_t)n);
		memmove(v->pending, v->pending + 1, --v->n_pending * sizeof(*m));
	}
	if (v->n_pending)
		virtq_arm(vq);
}

static void tell(struct virtio_console *v, uint16_t event, uint16_t value, const char *name)
{
	struct message *m;

	if (v->n_pending == PENDING_MAX)
		return; /* a guest that asks and takes no answers */
	m = &v->pending[v->n_pending++];
	*m = (struct message){.h = {.id = PORT, .event = event, .value = value}};
	m->len = strlen(name);
	memcpy(m->name, name, m->len);
	send_pending(v);
}

static void obey(struct virtio_console *v, const struct virtio_console_control *h)
{
	switch (h->event) {
	case VIRTIO_CONSOLE_DEVICE_READY:
		if (h->value == 1)
			tell(v, VIRTIO_CONSOLE_PORT_ADD, 1, "");
		break;
	case VIRTIO_CONSOLE_PORT_READY:
		if (h->id != PORT || h->value != 1)
			break;
		tell(v, VIRTIO_CONSOLE_PORT_NAME, 1, v->name);
		if (v->client)
			tell(v, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		if (h->id != PORT)
			break;
		v->guest_open = h->value == 1;
		if (v->guest_open)
			stream_unblock(&v->stream);
		break;
	}
}

static void on_control(struct virtio_console *v)
{
	struct virtio_console_control h;
	struct virtq_chain c;

	do {
		while (virtq_pop(&v->rings[CONTROL_TX], &c) > 0) {
			if (virtq_read(&c, 0, &h, sizeof(h)) == sizeof(h))
				obey(v, &h);
			virtq_push(&v->rings[CONTROL_TX], &c, 0);
		}
	} while (virtq_arm(&v->rings[CONTROL_TX]));
}

/* --- the port's bytes ----------------------------------------------------------------------------
 */

static void copy_out(struct virtio_console *v, const struct virtq_chain *c)
{
	uint8_t bytes[CHUNK];
	size_t at = 0, n;

	while ((n = virtq_read(c, at, bytes, sizeof(bytes))) > 0) {
		stream_write(&v->stream, bytes, n);
		at += n;
	}
}

/* What the stream cannot take stays in the ring until it is writable. */
static void on_output(struct virtio_console *v)
{
	struct virtq *vq = &v->rings[PORT1_TX];
	struct virtq_chain c;

	do {
		while (virtq_pop(vq, &c) > 0) {
			/* More than would ever fit is the guest's loss. */
			if (v->client &&
			    stream_room(&v->stream) < MIN_OF(c.out_bytes, (size_t)STREAM_BUFFER)) {
				virtq_unpop(vq);
				return;
			}
			copy_out(v, &c);
			virtq_push(vq, &c, 0);
		}
	} while (virtq_arm(vq));
}

/* How many bytes the guest's next buffer takes. */
static size_t next_buffer(struct virtio_console *v)
{
	struct virtq *vq = &v->rings[PORT1_RX];
	struct virtq_chain c;

	if (virtq_pop(vq, &c) <= 0)
		return 0;
	virtq_unpop(vq);
	return MIN_OF(c.in_bytes, (size_t)CHUNK);
}

static size_t input_room(void *arg)
{
	struct virtio_console *v = arg;
	size_t room;

	if (!v->d.started || !v->guest_open)
		return 0;
	room = next_buffer(v);
	if (!room && virtq_arm(&v->rings[PORT1_RX]))
		room = next_buffer(v);
	return room;
}

static void input(void *arg, const uint8_t *bytes, size_t len)
{
	struct virtio_console *v = arg;
	struct virtq_chain c;

	while (len && virtq_pop(&v->rings[PORT1_RX], &c) > 0) {
		size_t n = virtq_write(&c, 0, bytes, len);

		virtq_push(&v->rings[PORT1_RX], &c, (uint32_t)n);
		bytes += n;
		len -= n;
		if (!n)
			break;
	}
	check_rings(v);
}

static void writable(void *arg)
{
	struct virtio_console *v = arg;

	if (v->d.started)
		on_output(v);
	check_rings(v);
}

static void connected(void *arg, bool is)
{
	struct virtio_console *v = arg;

	v->client = is;
	if (v->d.started)
		tell(v, VIRTIO_CONSOLE_PORT_OPEN, is, "");
}

static const struct stream_ops stream_ops = {
	.room = input_room, .input = input, .writable = writable, .connected = connected};

/* --- the device ----------------------------------------------------------------------------------
 */

static void on_kick(struct virtio *d, unsigned queue)
{
	struct virtio_console *v = console_of(d);

	switch (queue) {
	case CONTROL_RX:
		send_pending(v);
		break;
	case CONTROL_TX:
		on_control(v);
		break;
	case PORT1_RX:
		stream_unblock(&v->stream);
		break;
	case PORT1_TX:
		on_output(v);
		break;
	}
	check_rings(v);
}

static int start(struct virtio *d)
{
	struct virtio_console *v = console_of(d);

	if (!virtio_has(d, VIRTIO_CONSOLE_F_MULTIPORT))
		return -ENOTSUP;
	for (unsigned q = CONTROL_RX; q < QUEUES; q++) {
		if (!d->queues[q].enabled || virtq_start(&v->rings[q], d, q) < 0)
			return -EFAULT;
		device_queue_again(&v->queues[q]);
	}
	return 0;
}

static void stop(struct virtio *d)
{
	struct virtio_console *v = console_of(d);

	v->guest_open = false;
	v->n_pending = 0;
}

static void save(const struct virtio *d, struct state_writer *w)
{
	const struct virtio_console *v = container_of(d, const struct virtio_console, d);

	state_put_u8(w, v->guest_open);
	state_put_u8(w, v->client);
	for (unsigned q = CONTROL_RX; q < QUEUES; q++)
		virtq_save(&v->rings[q], d, q, w);
	state_put_u8(w, (uint8_t)v->n_pending);
	for (unsigned i = 0; i < v->n_pending; i++) {
		state_put_u16(w, v->pending[i].h.event);
		state_put_u16(w, v->pending[i].h.value);
		state_put_text(w, v->pending[i].name);
	}
}

static int load_pending(struct virtio_console *v, struct state_reader *r, struct err *e)
{
	v->n_pending = state_get_u8(r);
	if (v->n_pending > PENDING_MAX) {
		v->n_pending = 0;
		return state_refuse(r, e, "more messages than can wait");
	}
	for (unsigned i = 0; i < v->n_pending; i++) {
		struct message *m = &v->pending[i];

		*m = (struct message){.h.id = PORT};
		m->h.event = state_get_u16(r);
		m->h.value = state_get_u16(r);
		state_get_text(r, m->name, sizeof(m->name));
		m->len = strlen(m->name);
	}
	return 0;
}

static int load(struct virtio *d, struct state_reader *r, struct err *e)
{
	struct virtio_console *v = console_of(d);
	int ret = 0;

	v->guest_open = state_get_u8(r) == 1;
	v->told_client = state_get_u8(r) == 1;
	for (unsigned q = CONTROL_RX; q < QUEUES && ret == 0; q++)
		ret = virtq_load(&v->rings[q], d, q, r, e);
	return ret ?: load_pending(v, r, e);
}

/* The client is another one, or none. */
static void resume(struct virtio *d)
{
	struct virtio_console *v = console_of(d);

	if (v->client != v->told_client)
		tell(v, VIRTIO_CONSOLE_PORT_OPEN, v->client, "");
	v->told_client = v->client;
}

static void suspend(struct virtio *d)
{
	console_of(d)->told_client = console_of(d)->client;
}

static void destroy(struct virtio *d)
{
	struct virtio_console *v = console_of(d);

	virtio_fini(d);
	for (unsigned q = 0; q < QUEUES; q++)
		device_queue_fini(&v->queues[q]);
	stream_close(&v->stream);
	free(v);
}

static const struct virtio_ops console_ops = {
	.start = start,
	.stop = stop,
	.destroy = destroy,
	.suspend = suspend,
	.resume = resume,
	.save = save,
	.load = load,
};

static int join_loop(struct virtio_console *v, struct loop *loop, struct err *e)
{
	int ret = stream_attach(&v->stream, loop, &stream_ops, v, e);

	for (unsigned q = 0; q < QUEUES && ret == 0; q++)
		ret = device_queue_init(&v->queues[q], loop, &v->d, q, on_kick, e);
	return ret;
}

struct virtio *virtio_console_create(const struct device_env *env, const char *name,
				     const char *where, struct err *e)
{
	struct virtio_console *v = calloc(1, sizeof(*v));
	const struct virtio_params params = {
		.type = VIRTIO_ID_CONSOLE,
		.class_code = CLASS_SERIAL,
		.features = VIRTIO_FEATURES_OF_RINGS | VIRTIO_BIT(VIRTIO_CONSOLE_F_MULTIPORT),
		.config_at = offsetof(struct virtio_console, config),
		.config_bytes = sizeof(v->config),
		.n_queues = QUEUES,
		.queue_size = QUEUE_SIZE,
	};

	if (!v || strlen(name) >= NAME_MAX_LEN) {
		free(v);
		err_set(e, EINVAL, "%s: a port's name has at most %d bytes", name,
			NAME_MAX_LEN - 1);
		return NULL;
	}
	strcpy(v->name, name);
	v->config.max_nr_ports = PORTS;
	if (stream_open(&v->stream, where, e) < 0) {
		free(v);
		return NULL;
	}
	if (virtio_init(&v->d, &params, &console_ops, env->hv, env->mem, e) == 0 &&
	    join_loop(v, env->loop, e) == 0)
		return &v->d;
	destroy(&v->d);
	return NULL;
}
