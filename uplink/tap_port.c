/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/tap_port.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dataplane/copy.h"
#include "uplink/tap_dev.h"

#define VNET_LEN     sizeof(struct vnet)
#define FRAME_AT     64 /* of a buffer: the vnet header ends there, payload is aligned */
#define BUFFER_BYTES (FRAME_AT + ((FRAME_LEN_MAX + 64) & ~63u))
/*
 * What is read before it is passed on: a few large frames, which together stay in the processor's
 * second-level cache until they are copied to their receivers.
 */
#define ROUND_BYTES (256u << 10)
#define IOVS_MAX    64 /* of one write; a frame in more pieces is copied together first */

struct tap_queue {
	int fd;
	uint8_t *buffers;	      /* BURST_MAX of them */
	uint8_t *bounce;	      /* one more, of whoever holds tx_lock */
	uint32_t len[BURST_MAX];      /* of the frame in a buffer */
	uint8_t waiting[BURST_MAX];   /* buffers with frames, in order */
	uint8_t unused[BURST_MAX];    /* the others, the one to use next last */
	unsigned n_waiting, n_unused; /* w, r: the queue's worker, as all above but `bounce` */
	bool more;		      /* reading was broken off */
};

struct tap_port {
	struct port port; /* first: the data path sees this */
	struct dataplane *dp;
	void *user;
	struct offloads takes;
	struct link_setup link;
	char interface[LINK_NAME_MAX + 1];
	atomic_bool gone; /* w: workers; r: anyone */
	struct tap_queue queues[];
};

static inline struct tap_queue *tap_queue(const struct port_queue *q)
{
	return &container_of(q->port, struct tap_port, port)->queues[q->index];
}

/* --- receiving -------------------------------------------------------------------------------- */

static inline uint8_t *buffer(const struct tap_queue *tq, unsigned i)
{
	return tq->buffers + (size_t)i * BUFFER_BYTES;
}

static void read_failed(struct tap_port *tp)
{
	if (errno == EBADFD)
		atomic_store_explicit(&tp->gone, true, memory_order_relaxed);
}

/* Reads until nothing is there, no buffer is left, or the round has enough. */
static void read_frames(struct tap_port *tp, struct tap_queue *tq)
{
	size_t bytes = 0;

	tq->more = false;
	while (tq->n_unused > 0 && !tq->more) {
		unsigned i = tq->unused[tq->n_unused - 1];
		ssize_t n = read(tq->fd, buffer(tq, i) + FRAME_AT - VNET_LEN,
				 BUFFER_BYTES - FRAME_AT + VNET_LEN);

		if (n < (ssize_t)VNET_LEN) {
			read_failed(tp);
			return;
		}
		tq->n_unused--;
		tq->waiting[tq->n_waiting++] = (uint8_t)i;
		tq->len[i] = (uint32_t)((size_t)n - VNET_LEN);
		bytes += (size_t)n;
		tq->more = bytes >= ROUND_BYTES;
	}
}

static void show_frame(const struct tap_queue *tq, unsigned i, struct frame *f, struct burst *b)
{
	const uint8_t *bytes = buffer(tq, i) + FRAME_AT;

	f->len = tq->len[i];
	f->head_len = (uint16_t)MIN_OF(f->len, (uint32_t)FRAME_HEAD_MAX);
	memcpy(f->head, bytes, FRAME_HEAD_MAX);
	memcpy(&f->vnet, bytes - VNET_LEN, VNET_LEN);
	/* That the kernel has verified a checksum is of no use to a receiver that trusts nobody. */
	f->vnet.flags &= VNET_NEEDS_CSUM;
	f->bad = f->len < sizeof(struct eth_hdr) ? DROP_RUNT
		 : f->len > FRAME_LEN_MAX	 ? DROP_OVERSIZE
						 : DROP_NONE;
	f->segs = &b->segs[b->n_segs];
	f->n_segs = f->len > f->head_len;
	if (f->n_segs)
		b->segs[b->n_segs++] = (struct seg){bytes + f->head_len, f->len - f->head_len};
}

static unsigned tap_rx_peek(struct port_queue *q, struct burst *b)
{
	struct tap_queue *tq = tap_queue(q);

	read_frames(tap_port_of(q->port), tq);
	for (unsigned i = 0; i < tq->n_waiting; i++)
		show_frame(tq, tq->waiting[i], &b->frames[i], b);
	return b->n = tq->n_waiting;
}

static void tap_rx_release(struct port_queue *q, unsigned n)
{
	struct tap_queue *tq = tap_queue(q);

	for (unsigned i = n; i-- > 0;)
		tq->unused[tq->n_unused++] = tq->waiting[i];
	tq->n_waiting -= n;
	memmove(tq->waiting, tq->waiting + n, tq->n_waiting);
}

/* --- sending ---------------------------------------------------------------------------------- */

enum put { PUT_DONE, PUT_NO_ROOM, PUT_REFUSED };

static enum put put_failed(struct tap_port *tp, struct port_stats *st)
{
	switch (errno) {
	case EAGAIN:
	case ENOBUFS:
		return PUT_NO_ROOM;
	case EBADFD:
		atomic_store_explicit(&tp->gone, true, memory_order_relaxed);
		/* fallthrough */
	case EIO: /* the interface is down */
		st->drops[DROP_PORT_DOWN]++;
		return PUT_REFUSED;
	default:
		st->drops[DROP_HOST]++;
		return PUT_REFUSED;
	}
}

/* One write for one slice: straight from where its bytes lie, unless they must be summed. */
static enum put put_slice(struct tap_port *tp, struct tap_queue *tq, const struct slice *s,
			  struct port_stats *st)
{
	struct vnet vnet = s->plain || s->complete_csum ? (struct vnet){0} : s->vnet;
	struct iovec iov[IOVS_MAX + 1] = {{&vnet, VNET_LEN}};
	unsigned n = !s->plain && s->complete_csum ? 0 : slice_iov(s, iov + 1, IOVS_MAX);

	if (n == 0) {
		iov[1] = (struct iovec){tq->bounce, slice_len(s)};
		slice_copy(s, iov + 1, 1, 0);
		n = 1;
	}
	return writev(tq->fd, iov, (int)n + 1) < 0 ? put_failed(tp, st) : PUT_DONE;
}

/*
 * A slice that is written cannot be taken back. When there is no room for a later one, the frame
 * has been sent as far as the receiver is concerned, which has lost a segment.
 */
static enum put put_planned(struct tap_port *tp, struct tap_queue *tq, const struct gso_plan *plan,
			    const struct vlan_edit *edit, struct port_stats *st)
{
	uint8_t hdr[FRAME_HEAD_MAX], tagged[SLICE_HDR_MAX];
	enum put res = PUT_DONE;
	struct slice s;

	for (unsigned i = 0; i < plan->n_slices && res == PUT_DONE; i++) {
		gso_slice(plan, i, hdr, &s);
		if (edit)
			vlan_tag_apply(*edit, &s, tagged);
		res = put_slice(tp, tq, &s, st);
		if (res == PUT_DONE)
			st->tx_segments++;
		else if (res == PUT_NO_ROOM && i > 0)
			return PUT_DONE;
	}
	return res;
}

static enum put put_frame(struct tap_port *tp, struct tap_queue *tq, const struct frame *f,
			  const struct vlan_edit *edit, struct port_stats *st)
{
	uint8_t tagged[SLICE_HDR_MAX];
	enum drop_reason reason;
	struct gso_plan plan;

	if (gso_is_plain(f, &tp->takes)) {
		struct slice s = slice_of_plain(f);
		enum put res;

		if (edit)
			vlan_tag_apply(*edit, &s, tagged);
		res = put_slice(tp, tq, &s, st);
		st->tx_segments += res == PUT_DONE;
		return res;
	}
	reason = gso_plan(&plan, f, tp->takes);
	if (reason) {
		st->drops[reason]++;
		return PUT_REFUSED;
	}
	return put_planned(tp, tq, &plan, edit, st);
}

static struct tx_result tap_tx(struct port_queue *q, const struct burst *b, uint64_t mask,
			       struct port_stats *st)
{
	struct tap_port *tp = tap_port_of(q->port);
	struct tap_queue *tq = tap_queue(q);
	struct tx_result res = {0};

	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		const struct vlan_edit *edit = b->retag >> i & 1 ? &b->edits[i] : NULL;
		enum put put = put_frame(tp, tq, &b->frames[i], edit, st);

		if (put == PUT_DONE) {
			res.sent |= 1ull << i;
		} else if (put == PUT_NO_ROOM) {
			res.no_room = mask;
			break;
		}
	}
	return res;
}

/* The device tells of frames by itself. Of room it need not: waiting frames are tried each ms. */
static bool tap_arm(struct port_queue *q, bool want_room)
{
	return tap_queue(q)->more;
}

static void tap_disarm(struct port_queue *q)
{
}

static const struct port_ops tap_port_ops = {
	.kind = "tap",
	.rx_peek = tap_rx_peek,
	.rx_release = tap_rx_release,
	.tx = tap_tx,
	.arm = tap_arm,
	.disarm = tap_disarm,
};

/* --- control ---------------------------------------------------------------------------------- */

struct tap_port *tap_port_of(struct port *p)
{
	return container_of(p, struct tap_port, port);
}

void *tap_port_user(const struct tap_port *tp)
{
	return tp->user;
}

struct port *tap_port_port(struct tap_port *tp)
{
	return &tp->port;
}

/* Buffers are touched, and so become memory, as far as frames are large. */
static int queue_init(struct tap_queue *tq)
{
	size_t size = (size_t)(BURST_MAX + 1) * BUFFER_BYTES;
	void *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return -ENOMEM;
	tq->buffers = m;
	tq->bounce = buffer(tq, BURST_MAX);
	for (unsigned i = 0; i < BURST_MAX; i++)
		tq->unused[tq->n_unused++] = (uint8_t)(BURST_MAX - 1 - i);
	return 0;
}

static void free_port(struct tap_port *tp)
{
	for (unsigned i = 0; i < tp->port.n_queues; i++) {
		struct tap_queue *tq = &tp->queues[i];

		if (tq->buffers)
			munmap(tq->buffers, (size_t)(BURST_MAX + 1) * BUFFER_BYTES);
		if (tq->fd >= 0)
			close(tq->fd);
	}
	free(tp);
}

static struct tap_port *alloc_port(struct dataplane *dp, const struct tap_port_params *params)
{
	unsigned queues = params->queues ? params->queues : 1;
	size_t size = sizeof(struct tap_port) + queues * sizeof(struct tap_queue);
	struct tap_port *tp = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (!tp)
		return NULL;
	memset(tp, 0, size);
	port_init(&tp->port, &tap_port_ops, params->name, queues);
	tp->dp = dp;
	tp->user = params->user;
	tp->link = params->link;
	snprintf(tp->interface, sizeof(tp->interface), "%s", params->link.name);
	tp->link.name = tp->interface;
	for (unsigned i = 0; i < queues; i++)
		tp->queues[i].fd = -1;
	for (unsigned i = 0; i < queues; i++) {
		if (queue_init(&tp->queues[i]) < 0) {
			free_port(tp);
			return NULL;
		}
	}
	return tp;
}

static int open_device(struct tap_port *tp, const struct tap_port_params *params, struct err *e)
{
	int fds[PORT_QUEUES_MAX];
	struct tap_dev_params dev = {
		.name = tp->interface,
		.queues = tp->port.n_queues,
		.csum = params->csum,
		.tso = params->tso,
		.uso = params->uso,
		.fds = fds,
	};
	int ret = tap_dev_open(&dev, &tp->takes, e);

	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < tp->port.n_queues; i++) {
		tp->queues[i].fd = fds[i];
		tp->port.queues[i].wake_fds[0] = fds[i];
	}
	return link_setup(&tp->link, e);
}

struct tap_port *tap_port_create(struct dataplane *dp, const struct tap_port_params *params,
				 struct err *e)
{
	struct tap_port *tp;
	int ret;

	if (strlen(params->link.name) > LINK_NAME_MAX) {
		errno = -err_set(e, ENAMETOOLONG,
				 "port %s: interface name %s is longer than %d bytes; choose a "
				 "shorter one",
				 params->name, params->link.name, LINK_NAME_MAX);
		return NULL;
	}
	tp = alloc_port(dp, params);
	if (!tp) {
		errno = -err_set(e, ENOMEM, "port %s: out of memory", params->name);
		return NULL;
	}
	ret = open_device(tp, params, e);
	if (ret < 0)
		err_prefix(e, ret, "port %s", params->name);
	else
		ret = dataplane_port_add(dp, &tp->port, e);
	if (ret < 0) {
		free_port(tp);
		errno = -ret;
		return NULL;
	}
	dataplane_port_set_up(dp, &tp->port, true);
	return tp;
}

void tap_port_destroy(struct tap_port *tp)
{
	if (!tp)
		return;
	dataplane_port_retire(tp->dp, &tp->port);
	free_port(tp);
}

void tap_port_info(const struct tap_port *tp, struct tap_port_info *info)
{
	*info = (struct tap_port_info){
		.mtu = tp->link.mtu,
		.mac = tp->link.mac,
		.takes = tp->takes,
		.gone = tp->gone,
	};
	snprintf(info->interface, sizeof(info->interface), "%s", tp->interface);
}
