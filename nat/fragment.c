/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/fragment.h"

#include <stdlib.h>

#include "nat/session.h"

#define WAYS	      4
#define BUCKETS	      64
#define OFFSET_MASK   0x1fff
#define OFFSET_HEADER 1 /* eight bytes: a fragment there rewrites the TCP flags (RFC 3128) */

/* Which datagram, RFC 791; addresses, identification and protocol as they came. */
struct datagram {
	uint64_t addrs;
	uint32_t id_proto;
};

struct known {
	struct datagram key;
	uint32_t session; /* 0: free */
	uint8_t direction;
	uint64_t until_ns;
};

enum held_state { HELD_FREE, HELD_WAITING, HELD_READY, HELD_LENT };

struct held {
	enum held_state state;
	struct datagram key;
	uint32_t cookie;
	uint64_t until_ns, order;
	struct frame frame;
	struct seg seg;
	uint8_t *rest; /* FRAGMENT_LEN_MAX bytes, behind frame.head */
};

struct fragments {
	struct known known[BUCKETS][WAYS];
	struct held held[FRAGMENT_HELD_MAX];
	uint8_t *bytes;
	uint64_t order;
	unsigned waiting, ready, lent;
};

struct fragments *fragments_create(void)
{
	struct fragments *f = aligned_alloc(64, sizeof(*f));

	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->bytes = arena_map((size_t)FRAGMENT_HELD_MAX * FRAGMENT_LEN_MAX);
	if (!f->bytes) {
		free(f);
		return NULL;
	}
	for (int i = 0; i < FRAGMENT_HELD_MAX; i++)
		f->held[i].rest = f->bytes + (size_t)i * FRAGMENT_LEN_MAX;
	return f;
}

void fragments_destroy(struct fragments *f)
{
	if (!f)
		return;
	arena_unmap(f->bytes, (size_t)FRAGMENT_HELD_MAX * FRAGMENT_LEN_MAX);
	free(f);
}

static const struct ipv4_hdr *ip_of(const struct packet *p)
{
	return (const void *)(p->frame->head + p->l3);
}

static struct datagram datagram_of(const struct packet *p)
{
	const struct ipv4_hdr *ip = ip_of(p);

	return (struct datagram){flow_addrs(ip->src, ip->dst), ip->id | (uint32_t)ip->proto << 16};
}

static bool same(const struct datagram *a, const struct datagram *b)
{
	return a->addrs == b->addrs && a->id_proto == b->id_proto;
}

static struct known *bucket_of(const struct nat *n, struct fragments *f, const struct datagram *d)
{
	return f->known[nat_hash(n, d->addrs, d->id_proto | 6ull << 32) % BUCKETS];
}

static struct known *find(const struct nat *n, struct fragments *f, const struct datagram *d,
			  uint64_t now_ns)
{
	struct known *k = bucket_of(n, f, d);

	for (int i = 0; i < WAYS; i++) {
		if (k[i].session && same(&k[i].key, d) && k[i].until_ns > now_ns)
			return &k[i];
	}
	return NULL;
}

/* The one of the same datagram, or the one whose time is over first. */
static struct known *replaced(const struct nat *n, struct fragments *f, const struct datagram *d)
{
	struct known *k = bucket_of(n, f, d), *oldest = k;

	for (int i = 0; i < WAYS; i++) {
		if (same(&k[i].key, d))
			return &k[i];
		if (k[i].until_ns < oldest->until_ns)
			oldest = &k[i];
	}
	return oldest;
}

void fragments_note_first(struct nat *n, unsigned worker, const struct packet *p,
			  struct nat_found found, uint64_t now_ns)
{
	struct fragments *f = n->workers[worker].fragments;
	struct datagram key;

	if (p->ipv6)
		return;
	key = datagram_of(p);
	*replaced(n, f, &key) = (struct known){.key = key,
					       .session = session_index(n, found.session),
					       .direction = (uint8_t)found.direction,
					       .until_ns = now_ns + FRAGMENT_LIFE_NS};
	for (int i = 0; f->waiting && i < FRAGMENT_HELD_MAX; i++) {
		if (f->held[i].state != HELD_WAITING || !same(&f->held[i].key, &key))
			continue;
		f->held[i].state = HELD_READY;
		f->waiting--;
		f->ready++;
	}
}

/* A free place, unless the sender has its share. */
static struct held *place_for(struct fragments *f, const struct datagram *d)
{
	struct held *place = NULL;
	unsigned same_sender = 0;

	for (int i = 0; i < FRAGMENT_HELD_MAX; i++) {
		struct held *h = &f->held[i];

		if (h->state == HELD_FREE)
			place = h;
		else
			same_sender += (uint32_t)h->key.addrs == (uint32_t)d->addrs;
	}
	return same_sender < FRAGMENT_SHARE_MAX ? place : NULL;
}

static void copy_frame(struct held *h, const struct frame *from)
{
	struct frame *to = &h->frame;
	uint32_t at = 0;

	memcpy(to->head, from->head, sizeof(to->head));
	to->len = from->len;
	to->head_len = from->head_len;
	to->vnet = from->vnet;
	to->bad = DROP_NONE;
	for (unsigned i = 0; i < from->n_segs; i++) {
		memcpy(h->rest + at, from->segs[i].p, from->segs[i].len);
		at += from->segs[i].len;
	}
	h->seg = (struct seg){h->rest, at};
	to->segs = &h->seg;
	to->n_segs = at > 0;
}

static enum drop_reason hold(struct nat *n, unsigned worker, const struct packet *p,
			     const struct datagram *d, uint32_t cookie, uint64_t now_ns)
{
	struct fragments *f = n->workers[worker].fragments;
	struct held *h = place_for(f, d);

	if (!h || p->frame->len - p->frame->head_len > FRAGMENT_LEN_MAX)
		return DROP_NAT_FRAGMENTS;
	copy_frame(h, p->frame);
	h->state = HELD_WAITING;
	h->key = *d;
	h->cookie = cookie;
	h->until_ns = now_ns + FRAGMENT_LIFE_NS;
	h->order = f->order++;
	f->waiting++;
	n->workers[worker].fragments_held++;
	return DROP_NONE;
}

/* A record may have become another session's since; the addresses tell. */
static struct nat_session *session_of(const struct nat *n, const struct known *k,
				      const struct packet *p)
{
	struct nat_session *s = session_at(n, k->session);
	struct flow_key key = session_key(s, k->direction);

	if (s->proto != p->proto || (s->flags & SESSION_DEAD) || key.addrs != k->key.addrs)
		return NULL;
	return s;
}

enum drop_reason nat_fragment(struct nat *n, unsigned worker, const struct packet *p,
			      uint32_t cookie, uint64_t now_ns, struct nat_found *found)
{
	struct fragments *f = n->workers[worker].fragments;
	struct datagram d;
	struct known *k;

	*found = (struct nat_found){0};
	if (p->ipv6)
		return DROP_NAT_PROTO;
	if (p->proto == WIRE_PROTO_TCP &&
	    (ntohs(ip_of(p)->frag_off) & OFFSET_MASK) == OFFSET_HEADER)
		return DROP_NAT_FRAGMENT_BAD;
	d = datagram_of(p);
	k = find(n, f, &d, now_ns);
	if (!k)
		return hold(n, worker, p, &d, cookie, now_ns);
	*found = (struct nat_found){session_of(n, k, p), k->direction};
	return found->session ? DROP_NONE : DROP_NAT_FRAGMENTS;
}

static void take_back(struct fragments *f)
{
	for (int i = 0; f->lent && i < FRAGMENT_HELD_MAX; i++) {
		if (f->held[i].state != HELD_LENT)
			continue;
		f->held[i].state = HELD_FREE;
		f->lent--;
	}
}

/* The one that came first of those that may go. */
static struct held *next_ready(struct fragments *f)
{
	struct held *first = NULL;

	for (int i = 0; i < FRAGMENT_HELD_MAX; i++) {
		struct held *h = &f->held[i];

		if (h->state == HELD_READY && (!first || h->order < first->order))
			first = h;
	}
	return first;
}

unsigned nat_fragments_release(struct nat *n, unsigned worker, struct frame *frames,
			       uint32_t *cookies, unsigned max)
{
	struct fragments *f = n->workers[worker].fragments;
	unsigned count = 0;

	if (!(f->ready | f->lent))
		return 0;
	take_back(f);
	for (; f->ready && count < max; count++) {
		struct held *h = next_ready(f);

		frames[count] = h->frame;
		cookies[count] = h->cookie;
		h->state = HELD_LENT;
		f->ready--;
		f->lent++;
	}
	return count;
}

void fragments_tick(struct nat *n, unsigned worker, uint64_t now_ns)
{
	struct fragments *f = n->workers[worker].fragments;

	for (int i = 0; f->waiting && i < FRAGMENT_HELD_MAX; i++) {
		if (f->held[i].state != HELD_WAITING || f->held[i].until_ns > now_ns)
			continue;
		f->held[i].state = HELD_FREE;
		f->waiting--;
		n->workers[worker].fragments_expired++;
	}
}

bool fragments_any(const struct fragments *f)
{
	return f->waiting | f->ready;
}
