/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/vswitch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "daemon/member.h"

#define IDLE_ALONE_NS  50000 /* a core for each worker: polling on costs nobody anything */
#define IDLE_SHARED_NS 20000 /* the guests need the worker's core: give it up sooner */

#define START_WAIT_MS  100 /* for frontends that set up their rings */

static void on_ageing(struct loop_timer *t, uint64_t now_ms)
{
	struct vswitch *vs = container_of(t, struct vswitch, ageing_timer);
	struct vswitch_bridge *b;

	TAILQ_FOREACH (b, &vs->bridges, link)
		bridge_tick(b->bridge, now_ms * NS_PER_MS);
}

static void govern(struct loop_timer *t, uint64_t now_ms)
{
	struct vswitch *vs = container_of(t, struct vswitch, governor_timer);
	const struct governor_seen before = vs->governor_seen;
	struct governor_seen now = {.now_ns = clock_now_ns()};

	for (unsigned i = 0; i < vs->dp->n_workers; i++)
		now.busy_iterations += vs->dp->workers[i]->perf.busy_iterations;
	if (governor_read_idle(vs->proc_stat, &now.idle_ns) < 0)
		return;
	vs->governor_seen = now;
	vs->dp->idle_ns =
		governor_tick(&vs->governor,
			      &(struct governor_sample){
				      .wall_ns = now.now_ns - before.now_ns,
				      .idle_ns = now.idle_ns - before.idle_ns,
				      .worked = now.busy_iterations != before.busy_iterations,
			      })
			? GOVERNOR_LONG_NS
			: vs->idle_base;
}

static void on_balance(struct loop_timer *t, uint64_t now_ms)
{
	struct vswitch *vs = container_of(t, struct vswitch, balance_timer);
	unsigned moved = dataplane_rebalance(vs->dp, false);

	if (moved)
		log_info(LOG_BRIDGE, "queues spread over the workers anew moved=%u", moved);
}

void vswitch_set_rebalance(struct vswitch *vs, const struct config *c)
{
	uint64_t every_ms = c->sw.rebalance_ns / NS_PER_MS;

	if (!every_ms || vs->dp->n_workers < 2)
		loop_timer_stop(vs->loop, &vs->balance_timer);
	else if (vs->balance_timer.every_ms != every_ms || !vs->balance_timer.armed)
		loop_timer_start(vs->loop, &vs->balance_timer, every_ms, every_ms);
}

static void connect_ports(struct vswitch *vs, uint64_t now_ms)
{
	int again_ms = vhost_tick(vs->vhost, now_ms);

	if (again_ms >= 0)
		loop_timer_start(vs->loop, &vs->vhost_timer, (uint64_t)again_ms, 0);
}

static void on_vhost_timer(struct loop_timer *t, uint64_t now_ms)
{
	connect_ports(container_of(t, struct vswitch, vhost_timer), now_ms);
}

static void start(struct vswitch *vs)
{
	loop_timer_stop(vs->loop, &vs->start_timer);
	dataplane_release(vs->dp);
}

static void on_start_timer(struct loop_timer *t, uint64_t now_ms)
{
	start(container_of(t, struct vswitch, start_timer));
}

void vswitch_start(struct vswitch *vs)
{
	if (vhost_is_settled(vs->vhost))
		start(vs);
	else
		loop_timer_start(vs->loop, &vs->start_timer, START_WAIT_MS, 0);
}

static void on_vhost_event(struct loop_watch *w, uint32_t events)
{
	struct vswitch *vs = container_of(w, struct vswitch, vhost_watch);
	eventfd_t n;

	eventfd_read(w->fd, &n);
	connect_ports(vs, clock_now_ms());
	if (vs->start_timer.armed && vhost_is_settled(vs->vhost))
		start(vs);
}

struct vswitch *vswitch_create(struct loop *loop, const struct dataplane_params *params,
			       struct err *e)
{
	struct vswitch *vs = calloc(1, sizeof(*vs));

	if (!vs) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	vs->loop = loop;
	TAILQ_INIT(&vs->bridges);
	TAILQ_INIT(&vs->ports);
	vs->dp = dataplane_create(params, e);
	if (!vs->dp)
		goto err_free;
	vs->vhost = vhost_create(vs->dp);
	if (!vs->vhost) {
		err_set(e, errno, "cannot create an eventfd: %s", strerror(errno));
		goto err_dataplane;
	}
	if (nics_init(&vs->nics, vs->dp, loop, e) < 0)
		goto err_vhost;

	vs->vhost_watch.ready = on_vhost_event;
	vs->vhost_timer.expired = on_vhost_timer;
	vs->ageing_timer.expired = on_ageing;
	vs->governor_timer.expired = govern;
	vs->balance_timer.expired = on_balance;
	vs->start_timer.expired = on_start_timer;
	vs->proc_stat = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	loop_watch_add(loop, &vs->vhost_watch, vs->vhost->event_fd, EPOLLIN);
	loop_timer_start(loop, &vs->ageing_timer, 1000, 1000);
	return vs;

err_vhost:
	vhost_destroy(vs->vhost);
err_dataplane:
	dataplane_destroy(vs->dp);
err_free:
	free(vs);
	return NULL;
}

void vswitch_destroy(struct vswitch *vs)
{
	if (!vs)
		return;
	while (!TAILQ_EMPTY(&vs->bridges))
		vswitch_del_bridge(vs, vswitch_bridge_name(TAILQ_FIRST(&vs->bridges)));
	loop_timer_stop(vs->loop, &vs->vhost_timer);
	loop_timer_stop(vs->loop, &vs->ageing_timer);
	loop_timer_stop(vs->loop, &vs->governor_timer);
	loop_timer_stop(vs->loop, &vs->balance_timer);
	loop_timer_stop(vs->loop, &vs->start_timer);
	if (vs->proc_stat >= 0)
		close(vs->proc_stat);
	loop_watch_del(&vs->vhost_watch);
	nics_fini(&vs->nics);
	vhost_destroy(vs->vhost);
	dataplane_destroy(vs->dp);
	free(vs);
}

uint64_t vswitch_idle_ns(const struct config *c, unsigned n_workers)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned vcpus = 0;

	if (!c->sw.idle_auto)
		return c->sw.idle_ns;
	for (unsigned i = 0; i < c->n_guests; i++)
		vcpus += c->guests[i].vcpus;
	return vcpus + n_workers > (unsigned long)cpus ? IDLE_SHARED_NS : IDLE_ALONE_NS;
}

static void set_idle(struct vswitch *vs, uint64_t idle_ns)
{
	if (vs->dp->idle_ns == idle_ns)
		return;
	vs->dp->idle_ns = idle_ns;
	for (unsigned i = 0; i < vs->dp->n_workers; i++)
		worker_wake(vs->dp->workers[i]);
}

void vswitch_set_idle(struct vswitch *vs, const struct config *c)
{
	vs->idle_base = vswitch_idle_ns(c, vs->dp->n_workers);
	vs->governor = (struct governor){0};
	set_idle(vs, vs->idle_base);
	if (c->sw.idle_auto && vs->proc_stat >= 0)
		loop_timer_start(vs->loop, &vs->governor_timer, GOVERNOR_TICK_MS, GOVERNOR_TICK_MS);
	else
		loop_timer_stop(vs->loop, &vs->governor_timer);
}

struct vswitch_bridge *vswitch_bridge_lookup(struct vswitch *vs, const char *name)
{
	struct vswitch_bridge *b;

	TAILQ_FOREACH (b, &vs->bridges, link)
		if (strcmp(vswitch_bridge_name(b), name) == 0)
			return b;
	return NULL;
}

struct vswitch_port *vswitch_port_lookup(struct vswitch *vs, const char *name)
{
	struct vswitch_port *p;

	TAILQ_FOREACH (p, &vs->ports, link)
		if (strcmp(vswitch_port_name(p), name) == 0)
			return p;
	return NULL;
}

struct vswitch_port *vswitch_port_by_id(struct vswitch *vs, uint16_t id)
{
	struct vswitch_port *p;

	TAILQ_FOREACH (p, &vs->ports, link)
		if (p->port->id == id)
			return p;
	return NULL;
}

/* Puts the static entries that name `only` (NULL: any port that exists) into the FDB. */
static void set_statics(struct vswitch *vs, struct vswitch_bridge *b, const char *only)
{
	uint32_t now_s = bridge_seconds(clock_now_ns());

	for (unsigned i = 0; i < b->n_statics; i++) {
		const struct config_static *s = &b->statics[i];
		struct vswitch_port *p;

		if (only && strcmp(only, s->port) != 0)
			continue;
		p = vswitch_port_lookup(vs, s->port);
		if (p && p->on == b)
			fdb_add_static(&b->bridge->fdb, &s->mac,
				       bridge_port_vlan(b->bridge, p->port), p->port->id, now_s);
	}
}

static void drop_statics(struct vswitch *vs, struct vswitch_bridge *b)
{
	for (unsigned i = 0; i < b->n_statics; i++) {
		struct vswitch_port *p = vswitch_port_lookup(vs, b->statics[i].port);

		/* Those of a port that left went with it. */
		if (p && p->on == b)
			fdb_del(&b->bridge->fdb, &b->statics[i].mac,
				bridge_port_vlan(b->bridge, p->port));
		free((char *)b->statics[i].port);
	}
	free(b->statics);
	b->statics = NULL;
	b->n_statics = 0;
}

/* Keeps copies: the configuration they come from may be replaced. */
static int replace_statics(struct vswitch *vs, struct vswitch_bridge *b,
			   const struct config_bridge *c)
{
	struct config_static *copy = calloc(c->n_statics + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	drop_statics(vs, b);
	b->statics = copy;
	for (unsigned i = 0; i < c->n_statics; i++) {
		copy[i] = c->statics[i];
		copy[i].port = strdup(c->statics[i].port);
		if (!copy[i].port)
			return -ENOMEM;
		b->n_statics++;
	}
	set_statics(vs, b, NULL);
	return 0;
}

/* The port's own policy, and what its bridge asks of it. */
static int apply_policy(struct vswitch *vs, const struct vswitch_port *p, struct err *e)
{
	static const struct policy_bridge nothing;

	return policy_apply(&p->policy, p->on ? &p->on->policy : &nothing, vs->dp, p->port, e);
}

/* What the bridge asks of its ports, also of those that are on it. */
static int set_bridge_policy(struct vswitch *vs, struct vswitch_bridge *b,
			     const struct config_bridge *c, struct err *e)
{
	struct policy_bridge policy = {config_guards_dhcp(c), c->ra_guard};
	struct vswitch_port *p;
	int ret = 0;

	if (policy.dhcp_guard == b->policy.dhcp_guard && policy.ra_guard == b->policy.ra_guard)
		return 0;
	b->policy = policy;
	TAILQ_FOREACH (p, &vs->ports, link)
		if (p->on == b && apply_policy(vs, p, e) < 0)
			ret = -ENOMEM;
	return ret;
}

static void port_put(struct vswitch *vs, const struct vswitch_bridge *b, struct port_set *set,
		     const char *name)
{
	struct vswitch_port *p = vswitch_port_lookup(vs, name);

	if (p && p->on == b)
		port_set_put(set, p->port->id, true);
}

static void fill_mirror(struct vswitch *vs, const struct vswitch_bridge *b,
			const struct config_mirror *c, struct bridge_mirror *m)
{
	char name[CONFIG_NAME_MAX + 4];
	const char *list = c->from;

	while (config_names_next(&list, name)) {
		if (c->direction != MIRROR_OUT)
			port_put(vs, b, &m->in, name);
		if (c->direction != MIRROR_IN)
			port_put(vs, b, &m->out, name);
	}
}

/* Tells the bridge of the mirrors whose output exists. */
static int set_mirrors(struct vswitch *vs, struct vswitch_bridge *b)
{
	size_t size = sizeof(struct bridge_mirrors) + b->n_mirrors * sizeof(struct bridge_mirror);
	struct bridge_mirrors *m = b->n_mirrors ? aligned_alloc(64, size) : NULL;

	if (b->n_mirrors && !m)
		return -ENOMEM;
	if (m)
		memset(m, 0, size);
	for (unsigned i = 0; i < b->n_mirrors; i++) {
		struct vswitch_port *to = vswitch_port_lookup(vs, b->mirrors[i].to);

		if (!to || to->on != b)
			continue;
		m->list[m->n].to = to->port->id;
		fill_mirror(vs, b, &b->mirrors[i], &m->list[m->n++]);
	}
	if (m || b->bridge->mirrors)
		bridge_set_mirrors(b->bridge, m);
	return 0;
}

static void drop_mirrors(struct vswitch_bridge *b)
{
	for (unsigned i = 0; i < b->n_mirrors; i++) {
		free((char *)b->mirrors[i].from);
		free((char *)b->mirrors[i].to);
	}
	free(b->mirrors);
	b->mirrors = NULL;
	b->n_mirrors = 0;
}

static int replace_mirrors(struct vswitch *vs, struct vswitch_bridge *b,
			   const struct config_bridge *c)
{
	drop_mirrors(b);
	b->mirrors = calloc(c->n_mirrors + 1, sizeof(*b->mirrors));
	if (!b->mirrors)
		return -ENOMEM;
	for (unsigned i = 0; i < c->n_mirrors; i++) {
		struct config_mirror *m = &b->mirrors[b->n_mirrors++];

		*m = c->mirrors[i];
		m->from = strdup(c->mirrors[i].from);
		m->to = strdup(c->mirrors[i].to);
		if (!m->from || !m->to)
			return -ENOMEM;
	}
	return set_mirrors(vs, b);
}

int vswitch_add_bridge(struct vswitch *vs, const struct config_bridge *c, struct err *e)
{
	struct bridge_params params = member_bridge_params(c);
	struct vswitch_bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(e, ENOMEM, "bridge %s: out of memory", c->name);
	b->bridge = bridge_create(vs->dp, &params, e);
	if (!b->bridge) {
		free(b);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&vs->bridges, b, link);
	if (set_bridge_policy(vs, b, c, e) < 0)
		return -ENOMEM;
	if (bridge_set_snooping(b->bridge, c->snooping, c->fast_leave) < 0 ||
	    replace_statics(vs, b, c) < 0 || replace_mirrors(vs, b, c) < 0)
		return err_set(e, ENOMEM, "bridge %s: out of memory", c->name);
	return 0;
}

int vswitch_update_bridge(struct vswitch *vs, const struct config_bridge *c, struct err *e)
{
	struct vswitch_bridge *b = vswitch_bridge_lookup(vs, c->name);
	struct bridge_params params = member_bridge_params(c);

	if (!b)
		return err_set(e, ENOENT, "there is no bridge %s", c->name);
	if (set_bridge_policy(vs, b, c, e) < 0)
		return -ENOMEM;
	if (bridge_update(b->bridge, &params) < 0 ||
	    bridge_set_snooping(b->bridge, c->snooping, c->fast_leave) < 0 ||
	    replace_statics(vs, b, c) < 0 || replace_mirrors(vs, b, c) < 0)
		return err_set(e, ENOMEM, "bridge %s: out of memory", c->name);
	return 0;
}

/* Makes the port a member of the bridge that `p->on` names. */
static int join(struct vswitch *vs, struct vswitch_port *p, const struct config_member *member)
{
	struct bridge_port_params as = member_params(member);
	int ret = bridge_add_port_as(p->on->bridge, p->port, &as);

	if (ret < 0)
		return ret;
	set_statics(vs, p->on, p->port->name);
	if (p->on->n_mirrors)
		set_mirrors(vs, p->on);
	return 0;
}

static int update_membership(struct vswitch *vs, struct vswitch_port *p,
			     const struct config_member *member)
{
	struct bridge_port_params as = member_params(member);
	int ret = bridge_update_port(p->on->bridge, p->port, &as);

	if (ret == 0)
		set_statics(vs, p->on, p->port->name);
	return ret;
}

static void leave(struct vswitch *vs, struct vswitch_port *p)
{
	if (p->on->n_mirrors)
		set_mirrors(vs, p->on);
	bridge_del_port(p->on->bridge, p->port);
}

static void del_port(struct vswitch *vs, struct vswitch_port *p)
{
	log_info(LOG_BRIDGE, "port removed bridge=%s port=%s", vswitch_port_bridge(p),
		 vswitch_port_name(p));
	TAILQ_REMOVE(&vs->ports, p, link);
	if (p->on)
		leave(vs, p);
	policy_remove(vs->dp, p->port);
	p->kind->destroy(p->port);
	free(p);
}

void vswitch_del_bridge(struct vswitch *vs, const char *name)
{
	struct vswitch_bridge *b = vswitch_bridge_lookup(vs, name);
	struct vswitch_port *p, *next;

	if (!b)
		return;
	for (p = TAILQ_FIRST(&vs->ports); p; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->on == b)
			del_port(vs, p);
	}
	TAILQ_REMOVE(&vs->bridges, b, link);
	drop_statics(vs, b);
	drop_mirrors(b);
	bridge_destroy(b->bridge);
	free(b);
}

int vswitch_add_port(struct vswitch *vs, const char *bridge, const struct port_kind *kind,
		     struct port *port, const struct config_member *member,
		     const struct policy *policy, struct err *e)
{
	struct vswitch_port *p = calloc(1, sizeof(*p));
	int ret;

	if (!p) {
		ret = err_set(e, ENOMEM, "port %s: out of memory", port->name);
		goto err_port;
	}
	*p = (struct vswitch_port){.kind = kind, .port = port, .policy = *policy};
	p->on = bridge ? vswitch_bridge_lookup(vs, bridge) : NULL;
	if (bridge && !p->on) {
		ret = err_set(e, ENOENT, "port %s: there is no bridge %s", port->name, bridge);
		goto err_port;
	}
	ret = apply_policy(vs, p, e);
	if (ret < 0)
		goto err_port;
	TAILQ_INSERT_TAIL(&vs->ports, p, link);
	ret = p->on ? join(vs, p, member) : 0;
	if (ret < 0) {
		err_set(e, -ret, "port %s: out of memory", port->name);
		goto err_policy;
	}
	connect_ports(vs, clock_now_ms());
	log_info(LOG_BRIDGE, "port added bridge=%s port=%s kind=%s", vswitch_port_bridge(p),
		 port->name, port->ops->kind);
	return 0;

err_policy:
	TAILQ_REMOVE(&vs->ports, p, link);
	policy_remove(vs->dp, port);
err_port:
	kind->destroy(port);
	free(p);
	return ret;
}

int vswitch_note_port(struct vswitch *vs, struct bridge *on, const struct port_kind *kind,
		      struct port *port)
{
	struct vswitch_port *p = calloc(1, sizeof(*p));
	struct vswitch_bridge *b;

	if (!p)
		return -ENOMEM;
	*p = (struct vswitch_port){.kind = kind, .port = port};
	TAILQ_FOREACH (b, &vs->bridges, link)
		if (b->bridge == on)
			p->on = b;
	TAILQ_INSERT_TAIL(&vs->ports, p, link);
	return 0;
}

void vswitch_forget_port(struct vswitch *vs, const struct port *port)
{
	struct vswitch_port *p = vswitch_port_by_id(vs, port->id);

	if (!p)
		return;
	TAILQ_REMOVE(&vs->ports, p, link);
	policy_remove(vs->dp, p->port);
	free(p);
}

void vswitch_del_port(struct vswitch *vs, const char *name)
{
	struct vswitch_port *p = vswitch_port_lookup(vs, name);

	if (p)
		del_port(vs, p);
}

int vswitch_update_port(struct vswitch *vs, const char *name, const struct config_member *member,
			const struct policy *policy, struct err *e)
{
	struct vswitch_port *p = vswitch_port_lookup(vs, name);

	if (!p)
		return 0;
	if (p->on && update_membership(vs, p, member) < 0)
		return err_set(e, ENOMEM, "port %s: out of memory", name);
	p->policy = *policy;
	return apply_policy(vs, p, e);
}
