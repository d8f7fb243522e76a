/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/outside.h"

#include <stdlib.h>

#include "nat/flush.h"
#include "nat/mapping.h"

#define HOLD_DEFAULT_S 120 /* RFC 6888 REQ-8 */
#define PORT_FIRST     1024

struct nat_pool *outside_pool(const struct outside_view *view, uint32_t addr)
{
	unsigned low = 0, high = view->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (view->pools[mid]->addr == addr)
			return view->pools[mid];
		if (ntohl(view->pools[mid]->addr) < ntohl(addr))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool nat_outside_has(const struct nat_outside *out, uint32_t addr)
{
	return outside_pool(outside_view(out), addr) != NULL;
}

uint16_t nat_outside_realm(const struct nat_outside *out)
{
	return (uint16_t)(NAT_ID_OUTSIDES + out->id);
}

/* Keeps the pools sorted; an address that is there already is not put in twice. */
static void insert_pool(struct outside_view *v, struct nat_pool *pool)
{
	unsigned at = v->n;

	for (; at > 0 && ntohl(v->pools[at - 1]->addr) > ntohl(pool->addr); at--)
		v->pools[at] = v->pools[at - 1];
	v->pools[at] = pool;
	v->n++;
}

/* Pools of addresses that `old` has are taken over. */
static struct outside_view *view_create(const struct nat_outside_params *p,
					const struct outside_view *old)
{
	struct outside_view *v = calloc(1, sizeof(*v) + p->n_addresses * sizeof(struct nat_pool *));

	if (!v)
		return NULL;
	v->low_ports = !p->port_first && !p->port_last;
	v->port_first = p->port_first ? p->port_first : PORT_FIRST;
	v->port_last = p->port_last ? p->port_last : UINT16_MAX;
	v->mtu = p->mtu;
	v->hold_s = p->no_hold_down ? 0 : p->hold_down_s ? p->hold_down_s : HOLD_DEFAULT_S;
	for (unsigned i = 0; i < p->n_addresses; i++) {
		uint32_t addr = htonl(p->addresses[i]);
		struct nat_pool *pool = old ? outside_pool(old, addr) : NULL;

		if (outside_pool(v, addr))
			continue;
		if (!pool)
			pool = pool_create(addr);
		if (!pool)
			break;
		insert_pool(v, pool);
	}
	return v;
}

/* Frees a view and its pools, those aside that `keep` has as well. */
static void view_free(struct outside_view *v, const struct outside_view *keep)
{
	for (unsigned i = 0; v && i < v->n; i++) {
		if (!keep || !outside_pool(keep, v->pools[i]->addr))
			pool_destroy(v->pools[i]);
	}
	free(v);
}

static int check_params(const struct nat_outside_params *p, struct err *e)
{
	if (p->n_addresses == 0 || p->n_addresses > NAT_ADDRESSES_MAX)
		return err_set(e, EINVAL, "%u external addresses: give 1 to %u", p->n_addresses,
			       NAT_ADDRESSES_MAX);
	if (p->port_first > (p->port_last ? p->port_last : UINT16_MAX))
		return err_set(e, EINVAL, "ports %u to %u: the first is behind the last",
			       p->port_first, p->port_last);
	return 0;
}

struct nat_outside *nat_outside_create(struct nat *n, const struct nat_outside_params *params,
				       struct err *e)
{
	struct nat_outside *out;
	unsigned id = 1;

	if (check_params(params, e) < 0)
		return NULL;
	while (id <= NAT_OUTSIDES_MAX && n->outsides[id])
		id++;
	if (id > NAT_OUTSIDES_MAX) {
		err_set(e, ENOSPC, "more than %u uplinks with NAT: remove one", NAT_OUTSIDES_MAX);
		return NULL;
	}
	out = calloc(1, sizeof(*out));
	if (!out)
		goto err_nomem;
	out->id = (uint8_t)id;
	out->view = view_create(params, NULL);
	if (!out->view || !out->view->n)
		goto err_free;
	atomic_store_explicit(&n->outsides[id], out, memory_order_release);
	return out;
err_free:
	view_free(out->view, NULL);
	free(out);
err_nomem:
	err_set(e, ENOMEM,
		"no memory for the ports of an uplink: free some, or give it fewer "
		"addresses");
	return NULL;
}

/* Once no worker opens sessions with an address any more, those that there are end. */
static void drain_pool(struct nat *n, struct nat_outside *out, struct nat_pool *pool)
{
	flush_address(n, out, pool->addr);
	nat_synchronize(n);
	flush_mappings_of(n, 0, pool);
}

static void uninstall(struct nat *n, struct nat_outside *out, const struct nat_forward *f,
		      struct nat_pool *pool)
{
	for (unsigned port = f->first; port <= f->last; port++) {
		mapping_unforward(n, pool, f->class, (uint16_t)port);
		out->forward_ports--;
	}
}

static bool listens_on(const struct nat_forward *f, const struct nat_pool *pool)
{
	return !f->address || htonl(f->address) == pool->addr;
}

static int install(struct nat *n, struct nat_outside *out, const struct nat_forward *f,
		   struct nat_pool *pool)
{
	struct mapping_request r = {.inside = inside_of(n, htonl(f->to)), .outside = out};

	if (!r.inside)
		return -ENOENT;
	for (unsigned port = f->first; port <= f->last; port++) {
		uint16_t to_port = (uint16_t)(f->to_port + port - f->first);
		int ret;

		r.endpoint = nat_endpoint(htonl(f->to), htons(to_port), f->class, out->id);
		ret = out->forward_ports < NAT_FORWARD_PORTS_MAX
			      ? mapping_forward(n, &r, pool, (uint16_t)port)
			      : -ENOSPC;
		if (ret) {
			struct nat_forward made = *f;

			made.last = (uint16_t)(port - 1);
			if (port > f->first)
				uninstall(n, out, &made, pool);
			return ret;
		}
		out->forward_ports++;
	}
	return 0;
}

/* Forwards that listen on every address listen on new ones too. */
static void install_all(struct nat *n, struct nat_outside *out, const struct outside_view *old)
{
	const struct outside_view *new = out->view;

	for (unsigned i = 0; i < new->n; i++) {
		if (outside_pool(old, new->pools[i]->addr))
			continue;
		for (struct outside_forward *f = out->forwards; f; f = f->next) {
			if (listens_on(&f->forward, new->pools[i]))
				install(n, out, &f->forward, new->pools[i]);
		}
	}
}

static void uninstall_gone(struct nat *n, struct nat_outside *out, struct nat_pool *pool)
{
	for (struct outside_forward *f = out->forwards; f; f = f->next) {
		if (listens_on(&f->forward, pool))
			uninstall(n, out, &f->forward, pool);
	}
}

int nat_outside_update(struct nat *n, struct nat_outside *out,
		       const struct nat_outside_params *params, struct err *e)
{
	struct outside_view *old = out->view, *new;

	if (check_params(params, e) < 0)
		return -EINVAL;
	new = view_create(params, old);
	if (!new || !new->n) {
		view_free(new, old);
		return err_set(e, ENOMEM, "no memory for the ports of an uplink: free some");
	}
	atomic_store_explicit(&out->view, new, memory_order_release);
	nat_synchronize(n);
	for (unsigned i = 0; i < old->n; i++) {
		if (outside_pool(new, old->pools[i]->addr))
			continue;
		uninstall_gone(n, out, old->pools[i]);
		drain_pool(n, out, old->pools[i]);
	}
	install_all(n, out, old);
	nat_synchronize(n);
	view_free(old, new);
	return 0;
}

void nat_outside_destroy(struct nat *n, struct nat_outside *out)
{
	struct outside_view *view;

	if (!out)
		return;
	while (out->forwards)
		nat_forward_del(n, out, &out->forwards->forward, NULL);
	nat_synchronize(n);
	view = out->view;
	for (unsigned i = 0; i < view->n; i++)
		drain_pool(n, out, view->pools[i]);
	nat_synchronize(n);
	atomic_store(&n->outsides[out->id], NULL);
	nat_synchronize(n);
	view_free(view, NULL);
	free(out);
}

static bool same_place(const struct nat_forward *a, const struct nat_forward *b)
{
	return a->class == b->class && a->address == b->address && a->first == b->first;
}

static int check_forward(const struct nat *n, const struct nat_outside *out,
			 const struct nat_forward *f, struct err *e)
{
	char text[IP4_TEXT_MAX];

	if (f->class != NAT_UDP && f->class != NAT_TCP)
		return err_set(e, EINVAL, "a forward is of udp or tcp: name one of them");
	if (f->first == 0 || f->last < f->first)
		return err_set(e, EINVAL,
			       "forward of ports %u to %u: give 1 to 65535, the lower "
			       "one first",
			       f->first, f->last);
	if (f->to_port == 0 || f->to_port + (f->last - f->first) > UINT16_MAX)
		return err_set(e, EINVAL, "forward to port %u: %u ports from there on pass 65535",
			       f->to_port, f->last - f->first + 1);
	if (!inside_of(n, htonl(f->to)))
		return err_set(e, ENOENT, "forward to %s: no bridge with NAT has that address",
			       ip4_format(f->to, text));
	if (f->address && !nat_outside_has(out, htonl(f->address)))
		return err_set(e, ENOENT, "forward from %s: that is no address of the uplink",
			       ip4_format(f->address, text));
	return 0;
}

/* All addresses or none. */
static int install_on_all(struct nat *n, struct nat_outside *out, const struct nat_forward *f,
			  struct err *e)
{
	const struct outside_view *view = out->view;
	int ret = 0;
	unsigned i;

	for (i = 0; i < view->n && !ret; i++) {
		if (listens_on(f, view->pools[i]))
			ret = install(n, out, f, view->pools[i]);
	}
	if (!ret)
		return 0;
	for (i -= 1; i-- > 0;) {
		if (listens_on(f, view->pools[i]))
			uninstall(n, out, f, view->pools[i]);
	}
	if (ret == -EEXIST)
		return err_set(e, EEXIST,
			       "%s ports %u to %u: another forward has one of them: "
			       "remove that first",
			       nat_class_name(f->class), f->first, f->last);
	return err_set(e, -ret, "no room for %u more forwarded ports: at most %u are possible",
		       f->last - f->first + 1, NAT_FORWARD_PORTS_MAX);
}

int nat_forward_add(struct nat *n, struct nat_outside *out, const struct nat_forward *f,
		    struct err *e)
{
	struct outside_forward *new;
	int ret;

	new = calloc(1, sizeof(*new));
	if (!new)
		return err_set(e, ENOMEM, "no memory for a forward: free some");
	new->forward = *f;
	if (!new->forward.last)
		new->forward.last = f->first;
	ret = check_forward(n, out, &new->forward, e);
	if (!ret)
		ret = install_on_all(n, out, &new->forward, e);
	if (ret) {
		free(new);
		return ret;
	}
	new->next = out->forwards;
	out->forwards = new;
	return 0;
}

/* What another forward has for the endpoints of a removed one is found by them from now on. */
static void relist(struct nat *n, const struct nat_outside *out)
{
	const struct outside_view *view = out->view;

	for (const struct outside_forward *f = out->forwards; f; f = f->next) {
		for (unsigned i = 0; i < view->n; i++) {
			struct port_space *s = &view->pools[i]->spaces[f->forward.class];

			if (!listens_on(&f->forward, view->pools[i]))
				continue;
			for (unsigned port = f->forward.first; port <= f->forward.last; port++)
				mapping_relist(n, s->owner[port]);
		}
	}
}

int nat_forward_del(struct nat *n, struct nat_outside *out, const struct nat_forward *f,
		    struct err *e)
{
	struct outside_forward **at = &out->forwards, *gone;
	const struct outside_view *view = out->view;

	while (*at && !same_place(&(*at)->forward, f))
		at = &(*at)->next;
	gone = *at;
	if (!gone)
		return err_set(e, ENOENT, "%s port %u is not forwarded: nat/show lists what is",
			       nat_class_name(f->class), f->first);
	*at = gone->next;
	for (unsigned i = 0; i < view->n; i++) {
		if (listens_on(&gone->forward, view->pools[i]))
			uninstall(n, out, &gone->forward, view->pools[i]);
	}
	nat_synchronize(n);
	flush_forward(n, &gone->forward, out);
	relist(n, out);
	free(gone);
	return 0;
}

void nat_visit_forwards(const struct nat_outside *out,
			bool (*visit)(const struct nat_forward *, void *), void *arg)
{
	for (const struct outside_forward *f = out->forwards; f; f = f->next) {
		if (!visit(&f->forward, arg))
			return;
	}
}
