/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/vhost_port.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhost/announce.h"
#include "vhost/features.h"
#include "vhost/pair.h"
#include "vhost/session.h"
#include "vhost/sigbus.h"
#include "vhost/vhost_socket.h"

/*
 * How long a guest may wait to be told that frames it sent are done with. A few small ones block
 * no sender, and waking up for them alone would cost more than it gives.
 */
#define NOTIFY_DELAY_NS	      500000
#define NOTIFY_DELAY_SMALL_NS 5000000
#define NOTIFY_SMALL_BYTES    8192

/* --- data path: the port's operations --------------------------------------------------------- */

/* A look at the guest's index costs a line of its cache: one burst in 16 has to do. */
static inline void sample_fill(struct ring_fill *fill, const struct virtqueue *vq)
{
	if (unlikely(fill->bursts++ % 16 == 0))
		fill->sampled[ring_fill_bucket(virtqueue_posted(vq))]++;
}

static inline struct vhost_pair *vhost_pair(const struct port_queue *q)
{
	return &vhost_port_of(q->port)->pairs[q->index];
}

static unsigned vhost_rx_peek(struct port_queue *q, struct burst *b)
{
	struct vhost_port *vp = vhost_port_of(q->port);
	struct vhost_pair *pair = &vp->pairs[q->index];
	unsigned n;

	/* Not in the middle of held frames: their bits count from the ring's first one. */
	if (unlikely(atomic_load_explicit(&vp->announcing, memory_order_acquire)) &&
	    vp->announce_on == q->index && !q->done_ahead)
		return announce_peek(vp, pair, b);
	n = virtqueue_peek(&pair->rings[VHOST_FROM_GUEST], b, BURST_MAX);
	if (n)
		sample_fill(&q->port->stats[q->worker->id].rx_fill, &pair->rings[VHOST_FROM_GUEST]);
	for (unsigned i = 0; i < n; i++) {
		struct frame *f = &b->frames[i];

		if (unlikely((f->vnet.flags | f->vnet.gso_type) && !f->bad))
			f->bad = vhost_features_check(vp->features, &f->vnet);
	}
	return n;
}

static void vhost_rx_release(struct port_queue *q, unsigned n)
{
	struct vhost_port *vp = vhost_port_of(q->port);
	struct vhost_pair *pair = &vp->pairs[q->index];
	struct virtqueue *vq = &pair->rings[VHOST_FROM_GUEST];
	uint64_t due_ns;

	if (unlikely(pair->announce_peeked)) {
		announce_release(vp, pair);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		pair->unnotified_bytes += q->worker->burst.frames[i].len;
	virtqueue_release(vq, n);
	if (virtqueue_unnotified(vq) == 0) {
		pair->unnotified_bytes = 0;
		q->notify_due_ns = 0;
		return;
	}
	due_ns = q->worker->now_ns + (pair->unnotified_bytes > NOTIFY_SMALL_BYTES
					      ? NOTIFY_DELAY_NS
					      : NOTIFY_DELAY_SMALL_NS);
	if (q->notify_due_ns == 0 || due_ns < q->notify_due_ns)
		q->notify_due_ns = due_ns;
}

static void vhost_notify(struct port_queue *q)
{
	struct vhost_pair *pair = vhost_pair(q);

	virtqueue_notify(&pair->rings[VHOST_FROM_GUEST]);
	pair->unnotified_bytes = 0;
	q->notify_due_ns = 0;
}

/* Puts all slices of a frame or none: a receiver never sees half of a segmented frame. */
static enum virtqueue_put put_planned(struct virtqueue *vq, const struct gso_plan *plan,
				      const struct vlan_edit *edit)
{
	struct virtqueue_mark mark = virtqueue_mark(vq);
	uint8_t hdr[FRAME_HEAD_MAX], tagged[SLICE_HDR_MAX];
	struct slice s;

	for (unsigned i = 0; i < plan->n_slices; i++) {
		enum virtqueue_put res;

		gso_slice(plan, i, hdr, &s);
		if (unlikely(edit))
			vlan_tag_apply(*edit, &s, tagged);
		res = virtqueue_put(vq, &s);
		if (res != VIRTQUEUE_PUT_DONE) {
			virtqueue_rewind(vq, mark);
			return res;
		}
	}
	return VIRTQUEUE_PUT_DONE;
}

static enum virtqueue_put put_retagged(struct virtqueue *vq, const struct frame *f,
				       const struct vlan_edit *edit)
{
	struct slice s = slice_of_plain(f);
	uint8_t tagged[SLICE_HDR_MAX];

	vlan_tag_apply(*edit, &s, tagged);
	return virtqueue_put(vq, &s);
}

/* `edit` is NULL for a frame that goes with the tag it came with. */
static inline __attribute__((always_inline)) enum virtqueue_put put_frame(
	struct virtqueue *vq, const struct frame *f, const struct vlan_edit *edit,
	const struct offloads *takes, struct port_stats *st)
{
	enum virtqueue_put res;
	enum drop_reason reason;
	struct gso_plan plan;

	if (likely(gso_is_plain(f, takes))) {
		struct slice s = slice_of_plain(f);

		res = edit ? put_retagged(vq, f, edit) : virtqueue_put(vq, &s);
		st->tx_segments += res == VIRTQUEUE_PUT_DONE;
	} else {
		reason = gso_plan(&plan, f, *takes);
		if (reason) {
			st->drops[reason]++;
			return VIRTQUEUE_PUT_BROKEN;
		}
		res = put_planned(vq, &plan, edit);
		if (unlikely(res == VIRTQUEUE_PUT_NO_FIT) && gso_plan_cut(&plan, *takes))
			res = put_planned(vq, &plan, edit);
		st->tx_segments += res == VIRTQUEUE_PUT_DONE ? plan.n_slices : 0;
	}
	if (unlikely(res == VIRTQUEUE_PUT_NO_FIT))
		st->drops[DROP_NO_FIT]++;
	else if (unlikely(res == VIRTQUEUE_PUT_BROKEN))
		st->drops[DROP_PORT_DOWN]++;
	return res;
}

/* Made twice: frames whose tags stay ask nobody about them. */
static inline __attribute__((always_inline)) struct tx_result put_mask(struct virtqueue *vq,
								       const struct burst *b,
								       uint64_t mask, bool retag,
								       const struct offloads *takes,
								       struct port_stats *st)
{
	struct tx_result res = {0};

	for (; mask; mask &= mask - 1) {
		const struct vlan_edit *edit;
		enum virtqueue_put put;
		unsigned i;

		if (!retag) {
			uint64_t plain = virtqueue_put_plain(vq, b, mask, takes);

			st->tx_segments += (unsigned)__builtin_popcountll(plain);
			res.sent |= plain;
			mask &= ~plain;
			if (!mask)
				break;
		}
		i = (unsigned)__builtin_ctzll(mask);
		edit = retag && b->retag >> i & 1 ? &b->edits[i] : NULL;
		put = put_frame(vq, &b->frames[i], edit, takes, st);

		if (likely(put == VIRTQUEUE_PUT_DONE)) {
			res.sent |= 1ull << i;
		} else if (put == VIRTQUEUE_PUT_NO_ROOM) {
			/* Frames behind it would overtake it: they wait too. */
			res.no_room = mask;
			break;
		}
	}
	return res;
}

static struct tx_result vhost_tx(struct port_queue *q, const struct burst *b, uint64_t mask,
				 struct port_stats *st)
{
	struct vhost_port *vp = vhost_port_of(q->port);
	struct virtqueue *vq = &vp->pairs[q->index].rings[VHOST_TO_GUEST];
	struct offloads takes = vp->takes;
	struct tx_result res;

	takes.segs_max = vq->size;
	virtqueue_prefetch(vq, (unsigned)__builtin_popcountll(mask));
	sample_fill(&st->tx_fill, vq);
	res = unlikely(b->retag) ? put_mask(vq, b, mask, true, &takes, st)
				 : put_mask(vq, b, mask, false, &takes, st);
	virtqueue_flush(vq);
	return res;
}

static bool vhost_arm(struct port_queue *q, bool want_room)
{
	struct vhost_pair *pair = vhost_pair(q);
	bool work = virtqueue_arm(&pair->rings[VHOST_FROM_GUEST]) ||
		    atomic_load_explicit(&vhost_port_of(q->port)->announcing, memory_order_relaxed);

	if (want_room && atomic_load_explicit(&q->full_since_ns, memory_order_relaxed)) {
		rte_spinlock_lock(&q->tx_lock);
		work |= virtqueue_arm(&pair->rings[VHOST_TO_GUEST]);
		rte_spinlock_unlock(&q->tx_lock);
	}
	return work;
}

static void vhost_disarm(struct port_queue *q)
{
	struct vhost_pair *pair = vhost_pair(q);

	virtqueue_disarm(&pair->rings[VHOST_FROM_GUEST]);
	rte_spinlock_lock(&q->tx_lock);
	virtqueue_disarm(&pair->rings[VHOST_TO_GUEST]);
	rte_spinlock_unlock(&q->tx_lock);
}

static const struct port_ops vhost_port_ops = {
	.kind = "vhost-user",
	.rx_peek = vhost_rx_peek,
	.rx_release = vhost_rx_release,
	.notify = vhost_notify,
	.tx = vhost_tx,
	.arm = vhost_arm,
	.disarm = vhost_disarm,
};

/* --- control ---------------------------------------------------------------------------------- */

struct vhost *vhost_create(struct dataplane *dp)
{
	struct vhost *vh = calloc(1, sizeof(*vh));

	if (!vh)
		return NULL;
	vh->dp = dp;
	vh->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vh->event_fd < 0) {
		free(vh);
		return NULL;
	}
	vh->filter = filter_create(session_refused);
	if (!vh->filter) {
		close(vh->event_fd);
		free(vh);
		return NULL;
	}
	pthread_mutex_init(&vh->lock, NULL);
	TAILQ_INIT(&vh->ports);
	session_registry_set(vh);
	sigbus_init();
	return vh;
}

void vhost_destroy(struct vhost *vh)
{
	if (!vh)
		return;
	filter_destroy(vh->filter);
	session_registry_set(NULL);
	pthread_mutex_destroy(&vh->lock);
	close(vh->event_fd);
	free(vh);
}

static int resolve_owner(struct vhost_port *vp, const struct vhost_port_params *params,
			 struct err *e)
{
	struct passwd *pw = *params->owner ? getpwnam(params->owner) : NULL;
	struct group *gr = *params->group ? getgrnam(params->group) : NULL;

	if (*params->owner && !pw)
		return err_set(e, ENOENT, "port %s: there is no user '%s' to own its socket",
			       params->name, params->owner);
	if (*params->group && !gr)
		return err_set(e, ENOENT, "port %s: there is no group '%s' for its socket",
			       params->name, params->group);
	vp->uid = pw ? pw->pw_uid : (uid_t)-1;
	vp->gid = gr ? gr->gr_gid : (gid_t)-1;
	vp->socket_mode = params->socket_mode;
	return 0;
}

static struct vhost_port *port_alloc(struct vhost *vh, const struct vhost_port_params *params,
				     struct err *e)
{
	unsigned queues = params->queues ? params->queues : 1;
	size_t size = sizeof(struct vhost_port) + queues * sizeof(struct vhost_pair);
	struct vhost_port *vp = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (!vp) {
		err_set(e, ENOMEM, "port %s: out of memory", params->name);
		return NULL;
	}
	memset(vp, 0, size);
	port_init(&vp->port, &vhost_port_ops, params->name, queues);
	vp->vhost = vh;
	vp->mode = params->mode;
	vp->offered = vhost_features_offered(params->tso, params->uso, params->csum) |
		      vhost_features_control(queues > 1);
	vp->mtu_max = params->mtu ? params->mtu : UINT16_MAX;
	vp->vid = -1;
	for (unsigned k = 0; k < queues; k++)
		for (unsigned q = 0; q < VHOST_RINGS; q++)
			vp->pairs[k].rings[q].call_fd = -1;
	snprintf(vp->path, sizeof(vp->path), "%s", params->path);
	return vp;
}

struct vhost_port *vhost_port_create(struct vhost *vh, const struct vhost_port_params *params,
				     struct err *e)
{
	struct vhost_port *vp;
	int ret;

	if (strlen(params->path) >= VHOST_PATH_MAX) {
		errno = -err_set(e, ENAMETOOLONG, "port %s: socket path %s is longer than %d bytes",
				 params->name, params->path, VHOST_PATH_MAX - 1);
		return NULL;
	}
	vp = port_alloc(vh, params, e);
	if (!vp)
		return NULL;
	ret = resolve_owner(vp, params, e);
	if (ret < 0)
		goto err_free;
	ret = dataplane_port_add(vh->dp, &vp->port, e);
	if (ret < 0)
		goto err_free;

	pthread_mutex_lock(&vh->lock);
	TAILQ_INSERT_TAIL(&vh->ports, vp, link);
	pthread_mutex_unlock(&vh->lock);

	ret = vp->mode == VHOST_MODE_SERVER ? vhost_socket_listen(vp, e) : 0;
	if (ret < 0)
		goto err_unlist;
	return vp;

err_unlist:
	pthread_mutex_lock(&vh->lock);
	TAILQ_REMOVE(&vh->ports, vp, link);
	pthread_mutex_unlock(&vh->lock);
	dataplane_port_retire(vh->dp, &vp->port);
err_free:
	free(vp);
	errno = -ret;
	return NULL;
}

int vhost_port_set_owner(struct vhost_port *vp, const struct vhost_port_params *params,
			 struct err *e)
{
	int ret = resolve_owner(vp, params, e);

	if (ret < 0 || vp->mode != VHOST_MODE_SERVER || !vp->registered)
		return ret;
	return vhost_socket_set_owner(vp, e);
}

void vhost_port_destroy(struct vhost_port *vp)
{
	struct vhost *vh;

	if (!vp)
		return;
	vh = vp->vhost;
	/* Ends the session through our own callbacks, so the port must still be listed. */
	vhost_socket_close(vp);
	pthread_mutex_lock(&vh->lock);
	TAILQ_REMOVE(&vh->ports, vp, link);
	pthread_mutex_unlock(&vh->lock);
	dataplane_port_retire(vh->dp, &vp->port);
	free(vp);
}

static const char *const step_texts[] = {
	"a frontend to connect",
	"the guest's driver to accept features (SET_FEATURES)",
	"the guest's memory (SET_MEM_TABLE)",
	"the rings' addresses and kick eventfds (SET_VRING_ADDR, SET_VRING_KICK)",
	"a pair of rings to be enabled (SET_VRING_ENABLE)",
	"",
};
static_assert(ARRAY_SIZE(step_texts) == VHOST_STEP_N, "a text for each step");

static void describe_wait(const struct vhost_port *vp, struct vhost_port_info *info)
{
	if (info->step != VHOST_STEP_CONNECT)
		snprintf(info->waiting_for, sizeof(info->waiting_for), "%s",
			 step_texts[info->step]);
	else if (vp->mode == VHOST_MODE_SERVER)
		snprintf(info->waiting_for, sizeof(info->waiting_for),
			 "a frontend to connect to %s", vp->path);
	else
		snprintf(info->waiting_for, sizeof(info->waiting_for), "a frontend to listen on %s",
			 vp->path);
}

static void describe_ring(const struct vhost_port *vp, unsigned ring, struct vhost_port_info *info)
{
	const struct virtqueue *vq = &vp->pairs[ring / VHOST_RINGS].rings[ring % VHOST_RINGS];
	struct vhost_ring_info *out = &info->rings[ring];
	uint8_t broken = vq->broken;

	out->size = vq->size;
	out->posted = virtqueue_posted(vq);
	out->interrupts = vq->interrupts;
	out->packed = vq->packed;
	out->in_order = vq->in_order;
	out->event_idx = vq->event_idx;
	out->indirect = vq->indirect;
	out->mergeable = vq->mergeable;
	if (broken) {
		out->fault = virtqueue_fault_text(broken);
		snprintf(info->error, sizeof(info->error),
			 "ring %u stopped: %s; reset the guest's "
			 "driver to use it again",
			 ring, out->fault);
	}
}

static void describe_pair(const struct vhost_port *vp, unsigned k, struct vhost_port_info *info)
{
	const struct port_queue *q = &vp->port.queues[k];

	info->pairs[k] = (struct vhost_pair_info){
		.up = vp->pairs[k].attached,
		.worker = dataplane_queue_worker(vp->vhost->dp, q),
		.rx_packets = q->rx_packets,
		.rx_bytes = q->rx_bytes,
	};
	if (!vp->pairs[k].attached)
		return;
	describe_ring(vp, VHOST_RINGS * k + VHOST_TO_GUEST, info);
	describe_ring(vp, VHOST_RINGS * k + VHOST_FROM_GUEST, info);
}

bool vhost_is_settled(struct vhost *vh)
{
	struct vhost_port *vp;
	bool settled = true;

	pthread_mutex_lock(&vh->lock);
	TAILQ_FOREACH (vp, &vh->ports, link)
		settled &= vp->vid < 0 || pairs_attached(vp);
	pthread_mutex_unlock(&vh->lock);
	return settled;
}

void vhost_port_info(struct vhost_port *vp, struct vhost_port_info *info)
{
	memset(info, 0, sizeof(*info));
	pthread_mutex_lock(&vp->vhost->lock);
	info->step = session_step(vp);
	info->sessions = vp->sessions;
	info->attached = info->step == VHOST_STEP_UP;
	info->mtu = vp->mtu;
	info->n_pairs = vp->port.n_queues;
	snprintf(info->error, sizeof(info->error), "%s", vp->error);
	describe_wait(vp, info);
	if (info->attached) {
		info->features = vp->features;
		info->takes = vp->takes;
	}
	for (unsigned k = 0; k < info->n_pairs; k++)
		describe_pair(vp, k, info);
	if (info->attached && sigbus_hit(&vp->mem))
		snprintf(info->error, sizeof(info->error),
			 "the frontend took memory of the guest away; restart the guest");
	pthread_mutex_unlock(&vp->vhost->lock);
}
